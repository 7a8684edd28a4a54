//! Programs that sources need: found by name, run to their end or read while they run.

use crate::error::BackupError;
use burgrave_sys::{Ended, Invocation, Live, Program, System as _, own_ids};
use std::path::{Path, PathBuf};
use std::process::ChildStdout;
use std::time::Duration;

/// How long a program may take to end after its output has.
const END_TIME: Duration = Duration::from_mins(5);
/// How long a hook may take.
const HOOK_TIME: Duration = Duration::from_hours(1);
/// What a program may write that is read as a whole.
const OUTPUT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Where programs are looked for.
const FOLDERS: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const SEARCH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Where Debian and Red Hat keep the programs of `PostgreSQL`.
const POSTGRESQL: [&str; 2] = ["/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin"];

/// The first of these programs that is installed.
pub(crate) fn find(names: &[&str]) -> Result<PathBuf, BackupError> {
    let is_there = |path: &PathBuf| Live.metadata(path).is_ok();
    let all = names.iter().flat_map(|name| FOLDERS.map(|folder| Path::new(folder).join(name)));
    all.into_iter().find(is_there).ok_or_else(|| {
        BackupError::Refused(format!("none of these programs is installed: {}", names.join(", ")))
    })
}

/// A program of `PostgreSQL`: of the newest release that has it, or on the search path.
pub(crate) fn find_postgresql(name: &str) -> Result<PathBuf, BackupError> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for pattern in POSTGRESQL {
        for folder in Live.glob(Path::new(pattern), 100).unwrap_or_default() {
            let digits: String =
                folder.components().flat_map(|part| part.as_os_str().digits()).collect();
            let path = folder.join(name);
            if Live.metadata(&path).is_ok() {
                found.push((digits.parse().unwrap_or(0), path));
            }
        }
    }
    found.sort();
    found.pop().map_or_else(|| find(&[name]), |(_, path)| Ok(path))
}

trait Digits {
    fn digits(&self) -> Vec<char>;
}

impl Digits for std::ffi::OsStr {
    fn digits(&self) -> Vec<char> {
        self.as_encoded_bytes()
            .iter()
            .filter(|byte| byte.is_ascii_digit())
            .map(|byte| char::from(*byte))
            .collect()
    }
}

/// The words in front of a command that make another account run it, where this process may and has to.
pub(crate) fn as_account(account: &str) -> Result<Vec<String>, BackupError> {
    let passwd = burgrave_sys::read_own(Path::new("/etc/passwd"), 4 * 1024 * 1024)?;
    let entry = format!("{account}:");
    let is_known =
        passwd.split(|byte| *byte == b'\n').any(|line| line.starts_with(entry.as_bytes()));
    if own_ids().0 != 0 || !is_known {
        return Ok(Vec::new());
    }
    let runuser = find(&["runuser"])?.display().to_string();
    Ok([&runuser, "-u", account, "--"].map(str::to_owned).to_vec())
}

fn invocation(
    command: &[String],
    variables: &[(&str, &str)],
    time: Duration,
) -> Result<Invocation, BackupError> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| BackupError::Refused("a command names no program".to_owned()))?;
    let mut invocation =
        Invocation::new(program, time, OUTPUT_BYTES_MAX)?.args(arguments).variable("PATH", SEARCH);
    for (name, value) in variables {
        invocation = invocation.variable(*name, *value);
    }
    Ok(invocation)
}

/// Runs a program to its end; what it wrote.
pub(crate) fn output(command: &[String], time: Duration) -> Result<Vec<u8>, BackupError> {
    output_with(command, &[], &[], time)
}

/// The same, with an environment and an input.
pub(crate) fn output_with(
    command: &[String],
    variables: &[(&str, &str)],
    input: &[u8],
    time: Duration,
) -> Result<Vec<u8>, BackupError> {
    let output = Live.run(&invocation(command, variables, time)?.stdin(input))?;
    if output.ended == Ended::Exit(0) {
        return Ok(output.stdout);
    }
    let cause = failure(output.ended, &output.stderr);
    Err(BackupError::Source { name: command.first().cloned().unwrap_or_default(), cause })
}

/// Runs a program before or after a backup.
pub(crate) fn hook(when: &str, command: &[String]) -> Result<(), BackupError> {
    output(command, HOOK_TIME).map(drop).map_err(|error| {
        let BackupError::Source { name, cause } = error else { return error };
        BackupError::Source { name: format!("{when}: {name}"), cause }
    })
}

/// How a program failed, with the last of what it said.
pub(crate) fn failure(ended: Ended, said: &[u8]) -> String {
    let said = said
        .trim_ascii()
        .escape_ascii()
        .to_string()
        .replace("\\n", "\n")
        .replace("\\'", "'")
        .replace("\\\"", "\"");
    let last: Vec<&str> = said.lines().rev().take(5).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    let how = match ended {
        Ended::Exit(code) => format!("it ended with {code}"),
        Ended::Signal(signal) => format!("it was ended by signal {signal}"),
    };
    if last.is_empty() { how } else { format!("{how}: {}", last.join(" | ")) }
}

/// A program that is read while it runs.
pub(crate) struct Running {
    program: Option<Program>,
    name: String,
}

impl Running {
    pub(crate) fn start(
        command: &[String],
        variables: &[(&str, &str)],
    ) -> Result<Self, BackupError> {
        let mut program = Program::start(invocation(command, variables, END_TIME)?)?;
        drop(program.take_input());
        Ok(Self { program: Some(program), name: command.first().cloned().unwrap_or_default() })
    }

    /// Whether it runs still.
    pub(crate) fn is_running(&mut self) -> bool {
        self.program.as_mut().is_some_and(Program::is_running)
    }

    /// Nobody wants what it writes: it must not stand still for that.
    pub(crate) fn ignore_output(&mut self) {
        if let Some(mut output) = self.program.as_mut().and_then(Program::take_output) {
            std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        }
    }

    /// What it writes; can be taken once.
    pub(crate) fn output(&mut self) -> Result<ChildStdout, BackupError> {
        let output = self.program.as_mut().and_then(Program::take_output);
        output.ok_or_else(|| BackupError::Source {
            name: self.name.clone(),
            cause: "it has no output".to_owned(),
        })
    }

    /// Waits for its end, which has to be a good one.
    pub(crate) fn finish(&mut self) -> Result<(), BackupError> {
        let Some(program) = self.program.take() else { return Ok(()) };
        let (ended, said) = program.finish(END_TIME)?;
        if ended == Ended::Exit(0) {
            return Ok(());
        }
        Err(BackupError::Source { name: self.name.clone(), cause: failure(ended, &said) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn a_failure_is_told_in_one_line() {
        assert_eq!(failure(Ended::Exit(3), b""), "it ended with 3");
        assert_eq!(failure(Ended::Signal(9), b"one\ntwo\n"), "it was ended by signal 9: one | two");
        assert!(
            !failure(Ended::Exit(1), b"\x1b[31mred").contains('\x1b'),
            "nothing reaches a terminal"
        );
    }

    #[test]
    fn programs_end_well_or_are_said_not_to() {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let time = Duration::from_secs(5);
        assert_eq!(output(&words(&["/bin/echo", "a"]), time).unwrap(), b"a\n");
        assert!(output(&words(&["/bin/ls", "/does/not/exist"]), time).is_err());
        assert!(hook("before", &words(&["/bin/true"])).is_ok());
        let error = hook("before", &words(&["/bin/false"])).unwrap_err().told();
        assert!(error.contains("before: /bin/false"), "{error}");
        let mut running =
            Running::start(&words(&["/bin/sh", "-c", "echo text; exit 4"]), &[]).unwrap();
        let mut text = String::new();
        running.output().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "text\n");
        assert!(running.finish().unwrap_err().told().contains("ended with 4"));
        assert!(find(&["no-program-has-this-name"]).is_err());
    }
}
