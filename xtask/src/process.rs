//! Programs that a task runs: to their end, or until the task is done with them.

use anyhow::{Context as _, Result, bail};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    own.parent().map(Path::to_path_buf).unwrap_or(own)
}

/// Runs a program in the workspace with its output shown; fails when it fails.
pub(crate) fn show(program: &str, arguments: &[&str]) -> Result<()> {
    println!("$ {program} {}", arguments.join(" "));
    let status = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .status()
        .with_context(|| format!("running `{program}`"))?;
    if !status.success() {
        bail!("`{program} {}` failed ({status})", arguments.join(" "));
    }
    Ok(())
}

/// What a program says on standard output, whatever its exit code.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let out = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .stderr(Stdio::null())
        .output()
        .with_context(|| format!("running `{program}`"))?;
    Ok(out.stdout.iter().map(|&byte| char::from(byte)).collect())
}

/// Runs a program without a word; fails with what it said when it fails.
pub(crate) fn quiet(program: &str, arguments: &[&str]) -> Result<()> {
    let out = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("running `{program}`"))?;
    if !out.status.success() {
        let said: String = out.stderr.iter().map(|&byte| char::from(byte)).collect();
        bail!("`{program} {}` failed ({}): {}", arguments.join(" "), out.status, said.trim());
    }
    Ok(())
}

/// Whether a program of this name is on the path.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .any(|folder| folder.join(program).is_file())
}

/// A program in the background, stopped when this is dropped.
pub(crate) struct Running {
    child: Child,
    name: String,
}

impl Running {
    /// Starts a program and waits until a line of its standard error contains `ready`.
    pub(crate) fn start(command: &mut Command, ready: &str, wait: Duration) -> Result<Self> {
        let name = command.get_program().display().to_string();
        let mut child = command
            .stderr(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("starting `{name}`"))?;
        let stderr = child.stderr.take().context("standard error")?;
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // Once nobody listens any more the pipe is still drained.
                drop(sender.send(line));
            }
        });
        let running = Self { child, name };
        let deadline = Instant::now() + wait;
        let mut said = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match lines.recv_timeout(left) {
                Ok(line) if line.contains(ready) => return Ok(running),
                Ok(line) => said.push(line),
                Err(_) => bail!("`{}` did not become ready:\n{}", running.name, said.join("\n")),
            }
        }
    }

    /// Starts a program and waits until its address takes connections.
    pub(crate) fn start_listening(
        command: &mut Command,
        address: &str,
        wait: Duration,
    ) -> Result<Self> {
        let name = command.get_program().display().to_string();
        let child =
            command.stdin(Stdio::null()).spawn().with_context(|| format!("starting `{name}`"))?;
        let running = Self { child, name };
        let deadline = Instant::now() + wait;
        while std::net::TcpStream::connect(address).is_err() {
            if Instant::now() > deadline {
                bail!("`{}` does not listen on {address}", running.name);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(running)
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// CPU seconds that it and the processes below it have used.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let ticks = |id: u32| {
            let fields = stat(id);
            let at = |at: usize| fields.get(at).and_then(|own| own.parse::<f64>().ok());
            at(11).unwrap_or(0.0) + at(12).unwrap_or(0.0)
        };
        self.family().into_iter().map(ticks).sum::<f64>() / 100.0
    }

    /// Resident memory in KiB and open descriptors, of it and the processes below it.
    pub(crate) fn footprint(&self) -> (u64, usize) {
        let resident = |id: u32| {
            let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            line.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
        };
        let open = |id: u32| {
            std::fs::read_dir(format!("/proc/{id}/fd")).map_or(0, std::iter::Iterator::count)
        };
        let family = self.family();
        (family.iter().copied().map(resident).sum(), family.iter().copied().map(open).sum())
    }

    /// Its process id and those of all below it.
    pub(crate) fn family(&self) -> Vec<u32> {
        let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = all.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
        let parents: Vec<(u32, u32)> =
            ids.filter_map(|id| Some((id, stat(id).get(1)?.parse().ok()?))).collect();
        let mut family = vec![self.id()];
        let mut at = 0;
        while let Some(own) = family.get(at).copied() {
            let children = parents.iter().filter(|(_, parent)| *parent == own);
            family.extend(children.map(|(id, _)| *id));
            at += 1;
        }
        family
    }
}

/// The fields of a process's `stat` from its state on.
fn stat(id: u32) -> Vec<String> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit(')').next().unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

impl Drop for Running {
    fn drop(&mut self) {
        let id = self.child.id().to_string();
        drop(Command::new("kill").args(["-TERM", &id]).status());
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::null());
        command
    }

    #[test]
    fn the_root_is_where_the_workspace_is() {
        assert!(root().join("Cargo.toml").is_file() && root().join("xtask").is_dir());
    }

    #[test]
    fn programs_run_to_their_end() {
        assert_eq!(output("sh", &["-c", "echo a; echo b >&2; exit 3"]).unwrap(), "a\n");
        assert!(show("sh", &["-c", "exit 0"]).is_ok());
        let why = show("sh", &["-c", "exit 3"]).unwrap_err().to_string();
        assert!(why.contains("failed") && why.contains('3'), "{why}");
        for result in [
            show("burgrave-no-such-program", &[]),
            output("burgrave-no-such-program", &[]).map(drop),
        ] {
            assert!(result.unwrap_err().to_string().contains("running `burgrave-no-such-program`"));
        }
        assert!(has("sh") && !has("burgrave-no-such-program"));
    }

    #[test]
    fn a_program_is_ready_when_it_says_so_and_stops_when_dropped() {
        let script = "echo starting >&2; echo 'now ready' >&2; exec sleep 60";
        let running = Running::start(&mut shell(script), "ready", SOON).unwrap();
        let stat = format!("/proc/{}/stat", running.id());
        assert!(Path::new(&stat).exists());
        assert!(running.cpu_seconds() < 60.0);
        drop(running);
        assert!(
            !Path::new(&stat).exists(),
            "it is gone, and nothing of it is left to be waited for"
        );
    }

    #[test]
    fn a_program_that_never_gets_ready_is_told_with_what_it_said() {
        let ended = Running::start(&mut shell("echo 'no rights' >&2; exit 1"), "ready", SOON);
        let why = ended.err().unwrap().to_string();
        assert!(why.contains("did not become ready") && why.contains("no rights"), "{why}");
        let wait = Duration::from_millis(200);
        let silent = Running::start(&mut shell("exec sleep 60"), "ready", wait);
        assert!(silent.err().unwrap().to_string().contains("did not become ready"));
        let absent = Running::start(&mut Command::new("burgrave-no-such-program"), "ready", wait);
        assert!(absent.err().unwrap().to_string().contains("starting"));
    }

    #[test]
    fn a_program_that_listens_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        assert!(Running::start_listening(&mut shell("exec sleep 60"), &address, SOON).is_ok());
    }

    #[test]
    fn a_program_that_never_listens_is_told() {
        // A port that was listened on a moment ago will not do: a program that another test is
        // just starting holds every descriptor of this process until it becomes itself.
        let nobody = "127.0.0.1:1";
        let wait = Duration::from_millis(100);
        let silent = Running::start_listening(&mut shell("exec sleep 60"), nobody, wait);
        let why = silent.err().unwrap().to_string();
        assert!(why.contains("does not listen on"), "{why}");
    }
}
