//! A program that talks while it runs: its output is read, or its input written, piece by piece.
//!
//! As with [`crate::Invocation`] it is given by its absolute path and an environment of its own; no shell.
//! What it says on standard error is kept to a bound. It does not outlive its value.

use crate::{Ended, Invocation, SysError};
use std::io::Read;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How much of standard error is kept.
const STDERR_BYTES_MAX: u64 = 64 * 1024;
/// Between two looks at a child that is to end.
const PAUSE: Duration = Duration::from_millis(5);

/// A program that runs.
#[derive(Debug)]
pub struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    invocation: Invocation,
}

impl Program {
    /// Starts it, in a process group of its own. Its time and output are bounded by whoever reads.
    #[expect(clippy::disallowed_methods, reason = "one of the places that start programs")]
    pub fn start(invocation: Invocation) -> Result<Self, SysError> {
        let wrong = |error| SysError::from_io("starting", invocation.program(), error);
        let mut child = Command::new(invocation.program())
            .args(invocation.arguments())
            .env_clear()
            .envs(invocation.variables().iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(wrong)?;
        let stderr = child.stderr.take().map(|pipe| std::thread::spawn(move || kept(pipe)));
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        Ok(Self { child, stdin, stdout, stderr, invocation })
    }

    /// What it writes; can be taken once.
    pub fn take_output(&mut self) -> Option<ChildStdout> {
        self.stdout.take()
    }

    /// What it reads; can be taken once, and is closed when dropped.
    pub fn take_input(&mut self) -> Option<ChildStdin> {
        self.stdin.take()
    }

    /// Its process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it runs still.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end, at most for so long; then it is killed. How it ended and what it complained of.
    pub fn finish(mut self, time_max: Duration) -> Result<(Ended, Vec<u8>), SysError> {
        self.stdin = None;
        let deadline = Instant::now() + time_max;
        loop {
            let status = self.child.try_wait();
            let status = status.map_err(|error| {
                SysError::from_io("waiting for", self.invocation.program(), error)
            })?;
            if let Some(status) = status {
                let said = self.stderr.take().and_then(|thread| thread.join().ok());
                let ended = match (status.code(), status.signal()) {
                    (Some(code), _) => Ended::Exit(code),
                    (None, signal) => Ended::Signal(signal.unwrap_or_default()),
                };
                return Ok((ended, said.unwrap_or_default()));
            }
            if Instant::now() >= deadline {
                let program = self.invocation.program().to_path_buf();
                return Err(SysError::Timeout { program, limit: time_max });
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.is_running() {
            let group = rustix::process::Pid::from_child(&self.child);
            // One that has just ended needs no killing.
            rustix::process::kill_process_group(group, rustix::process::Signal::KILL)
                .unwrap_or_default();
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// The first bytes of a pipe; the rest is read and dropped, so that the writer does not stand still.
fn kept(mut pipe: impl Read) -> Vec<u8> {
    let mut first = Vec::new();
    let read = (&mut pipe).take(STDERR_BYTES_MAX).read_to_end(&mut first);
    if read.is_ok() {
        drop(std::io::copy(&mut pipe, &mut std::io::sink()));
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn start(program: &str, arguments: &[&str]) -> Program {
        let invocation = Invocation::new(program, Duration::from_secs(5), 0).unwrap();
        Program::start(invocation.args(arguments)).unwrap()
    }

    #[test]
    fn it_is_talked_with_while_it_runs() {
        let mut cat = start("/bin/cat", &[]);
        let (mut input, mut output) = (cat.take_input().unwrap(), cat.take_output().unwrap());
        for text in [b"one", b"two"] {
            input.write_all(text).unwrap();
            let mut back = [0; 3];
            output.read_exact(&mut back).unwrap();
            assert_eq!(&back, text);
        }
        drop(input);
        assert_eq!(cat.finish(Duration::from_secs(20)).unwrap(), (Ended::Exit(0), Vec::new()));
    }

    #[test]
    fn its_end_and_its_complaint_are_told() {
        let ended = start("/bin/ls", &["/does/not/exist"]).finish(Duration::from_secs(20)).unwrap();
        assert_eq!(ended.0, Ended::Exit(2));
        assert!(!ended.1.is_empty());
    }

    #[test]
    fn it_does_not_outlive_its_time_or_its_value() {
        let error = start("/bin/sleep", &["60"]).finish(Duration::from_millis(20)).unwrap_err();
        assert!(matches!(error, SysError::Timeout { .. }));
        let sleeping = start("/bin/sleep", &["60"]);
        let pid = sleeping.id();
        drop(sleeping);
        assert!(!crate::is_running(pid));
        let missing = Invocation::new("/does/not/exist", Duration::from_secs(1), 0).unwrap();
        assert!(matches!(Program::start(missing), Err(SysError::Missing(_))));
    }
}
