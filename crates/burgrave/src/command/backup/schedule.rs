//! `burgrave backup schedule`: does what is due, one thing at a time, each in a process of its own that stands back for
//! others; tells what came of it. As the supervisor's child it ends when that does.

use super::super::{Exit, raise};
use super::alerts;
use crate::error::Error;
use crate::{load, output};
use burgrave_backup::{Errand, Job, due, overdue};
use burgrave_config::{Backup, Settings};
use burgrave_sys::{Ask, Channel, Live, System, ask_to_end, wall_clock};
use serde_json::Value;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Between two looks at the clock, and at what runs.
const PAUSE: Duration = Duration::from_millis(500);
/// What a command may tell.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// An old backup is told again after so long.
const REMIND_SECS: i64 = 6 * 3_600;

struct Running {
    child: Child,
    answer: std::thread::JoinHandle<Vec<u8>>,
    job: String,
    errand: Errand,
}

/// Goes on until it is ended.
pub(super) fn run(config: &Path, is_child: bool) -> Result<Exit, Error> {
    let settings = load::settings(&Live, config)?;
    let supervisor =
        if is_child { Some(Channel::of_child().ok_or(Error::NoSupervisor)?) } else { None };
    if settings.backups.is_empty() {
        return Err(Error::Backup("the configuration has no [[backup]]".to_owned()));
    }
    let program = std::env::current_exe().map_err(|error| Error::Runtime("the backup", error))?;
    if supervisor.is_none() {
        // With a supervisor there is a process for it.
        super::super::run::beside(&settings)?;
    }
    if let Some(supervisor) = &supervisor {
        supervisor.send(super::super::run::READY, None).map_err(Error::Sockets)?;
    }
    let mut reminded = HashMap::new();
    let mut running: Option<Running> = None;
    loop {
        if supervisor.as_ref().is_some_and(Channel::is_closed) {
            if let Some(running) = running {
                end(running);
            }
            return Ok(Exit::Clean);
        }
        running = match running {
            Some(mut running) => match running.child.try_wait() {
                Ok(None) => Some(running),
                Ok(Some(status)) => {
                    done(&settings, running, status.code());
                    None
                }
                Err(error) => return Err(Error::Runtime("the backup", error)),
            },
            None => begin(&settings, config, &program)?,
        };
        remind(&settings, &mut reminded);
        std::thread::sleep(PAUSE);
    }
}

/// Tells it to end, and waits: what it has stored is taken up by the next one.
fn end(mut running: Running) {
    drop(ask_to_end(&running.child, Ask::Now));
    drop(running.child.wait());
    drop(running.answer.join());
}

/// Starts what has been due the longest.
fn begin(settings: &Settings, config: &Path, program: &Path) -> Result<Option<Running>, Error> {
    let now = wall_clock().seconds();
    let mut first: Option<(i64, &Backup, Errand)> = None;
    for backup in &settings.backups {
        let job = Job::new(settings, &backup.name)?;
        let state = match job.state() {
            Ok(state) => state,
            Err(error) => {
                output::notice(&format!("warning: backup `{}`: {}", backup.name, error.told()));
                continue;
            }
        };
        for due in due(backup, &state) {
            if due.at <= now && first.is_none_or(|(at, ..)| due.at < at) {
                first = Some((due.at, backup, due.errand));
            }
        }
    }
    let Some((_, backup, errand)) = first else { return Ok(None) };
    let job = Job::new(settings, &backup.name)?;
    job.begun(errand, now)?;
    start(program, config, backup, errand).map(Some)
}

#[expect(clippy::disallowed_methods, reason = "this program again, standing back for others")]
fn start(program: &Path, config: &Path, job: &Backup, errand: Errand) -> Result<Running, Error> {
    let niceness = job.nice.to_string();
    // The processor and the disk are for others first.
    let before: [&[&str]; 2] =
        [&["/usr/bin/nice", "-n", &niceness], &["/usr/bin/ionice", "-c", "2", "-n", "7"]];
    let is_there = |words: &&[&str]| {
        words.first().is_some_and(|first| System::metadata(&Live, Path::new(first)).is_ok())
    };
    let before = before.into_iter().filter(is_there).flatten().map(OsStr::new);
    let mut words = before.chain([program.as_os_str()]);
    let mut child = Command::new(words.next().unwrap_or(program.as_os_str()))
        .args(words)
        .arg("backup")
        .args(errand.arguments())
        .args([&job.name, "--format", "json", "--config"])
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| Error::Runtime("the backup", error))?;
    let pipe = child.stdout.take();
    let answer = std::thread::spawn(move || {
        let mut answer = Vec::new();
        if let Some(pipe) = pipe {
            // An answer that is cut is no JSON, and is told by its exit code alone.
            drop(pipe.take(ANSWER_BYTES_MAX).read_to_end(&mut answer));
        }
        answer
    });
    Ok(Running { child, answer, job: job.name.clone(), errand })
}

/// Remembers and tells what came of it.
fn done(settings: &Settings, running: Running, code: Option<i32>) {
    let Running { answer, job: name, errand, .. } = running;
    let answer = answer.join().unwrap_or_default();
    let answer: Value = serde_json::from_slice(&answer).unwrap_or(Value::Null);
    // With 1 there is a snapshot, or an answer; what is wrong with it is told, and not mended by doing it again at once.
    let went_well = matches!(code, Some(0 | 1));
    let remembered = Job::new(settings, &name)
        .and_then(|job| job.ended(errand, wall_clock().seconds(), went_well));
    if let Err(error) = remembered {
        output::notice(&format!("warning: backup `{name}`: {}", error.told()));
    }
    if code.is_none() {
        raise::raise(settings, &[alerts::killed(errand, &name)]);
    }
    for line in lines(&name, errand, code, &answer) {
        output::notice(&line);
    }
}

/// What is told, in the form of the other events.
fn lines(name: &str, errand: Errand, code: Option<i32>, answer: &Value) -> Vec<String> {
    let what = errand.arguments().first().copied().unwrap_or_default();
    let number = |key: &str| answer.get(key).and_then(Value::as_u64).unwrap_or(0);
    let mut all = Vec::new();
    match code {
        Some(0) => all.push(format!(
            "backup `{name}`: {what} went well{}",
            match errand {
                Errand::Run =>
                    format!(", {} files, {} bytes stored", number("files"), number("bytes_stored")),
                Errand::Verify => format!(", {} bytes read back", number("bytes_read")),
                Errand::Drill => format!(
                    ", ready after {} s",
                    answer.get("seconds_to_recovery").and_then(Value::as_f64).unwrap_or(0.0)
                ),
                Errand::Prune => String::new(),
            }
        )),
        Some(1) => all.push(format!("alert: backup `{name}`: {what} found something")),
        Some(code) => all.push(format!("alert: backup `{name}`: {what} failed with {code}")),
        None => all.push(format!("alert: backup `{name}`: {what} was killed")),
    }
    for key in ["odd", "unreadable", "faults", "failures"] {
        let list = answer.get(key).and_then(Value::as_array);
        for line in list.into_iter().flatten().filter_map(Value::as_str).take(20) {
            all.push(format!("alert: backup `{name}`: {line}"));
        }
    }
    for check in answer.get("checks").and_then(Value::as_array).into_iter().flatten() {
        if check.get("held") == Some(&Value::Bool(false)) {
            all.push(format!("alert: backup `{name}`: a check of the drill fell: {check}"));
        }
    }
    for line in answer.get("notices").and_then(Value::as_array).into_iter().flatten() {
        all.push(format!("backup `{name}`: {}", line.as_str().unwrap_or_default()));
    }
    all
}

/// Tells which jobs are overdue, now and then.
fn remind(settings: &Settings, reminded: &mut HashMap<String, i64>) {
    let now = wall_clock().seconds();
    for backup in &settings.backups {
        let state = Job::new(settings, &backup.name).and_then(|job| job.state());
        let Some(line) = state.ok().and_then(|state| overdue(backup, &state, now)) else {
            reminded.remove(&backup.name);
            continue;
        };
        if reminded.get(&backup.name).is_none_or(|last| now - last >= REMIND_SECS) {
            output::notice(&format!("alert: backup `{}`: {line}", backup.name));
            raise::raise(settings, &[alerts::overdue(&backup.name, &line)]);
            reminded.insert(backup.name.clone(), now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_wrong_is_an_alert() {
        for (errand, code, answer, words) in [
            (
                Errand::Run,
                Some(0),
                json!({"files": 3, "bytes_stored": 7}),
                "went well, 3 files, 7 bytes",
            ),
            (Errand::Run, Some(2), Value::Null, "alert: backup `j`: run failed with 2"),
            (Errand::Run, None, Value::Null, "alert: backup `j`: run was killed"),
            (
                Errand::Run,
                Some(1),
                json!({"odd": ["shrinking: x"]}),
                "alert: backup `j`: shrinking: x",
            ),
            (
                Errand::Verify,
                Some(1),
                json!({"faults": ["pack `a`"]}),
                "alert: backup `j`: pack `a`",
            ),
            (
                Errand::Drill,
                Some(1),
                json!({"checks": [{"held": false, "query": "q"}]}),
                "a check of the drill fell",
            ),
            (Errand::Prune, Some(0), json!({"notices": ["n"]}), "backup `j`: n"),
        ] {
            let said = lines("j", errand, code, &answer).join("\n");
            assert!(said.contains(words), "{said}");
            assert_eq!(said.contains("alert"), code != Some(0), "{said}");
        }
    }
}
