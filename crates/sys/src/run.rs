//! Runs a program to its end, and never longer than it was given.
//!
//! One loop waits for three pipes and the end of the process at once, so that neither a full pipe
//! nor a child that closes late can hang it. The process group is killed before the child is
//! reaped, while its number cannot yet belong to anyone else.

use crate::{Ended, Invocation, Output, SysError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a killed child is waited for. Only one stuck in the kernel takes any time at all.
const REAP_TIME: Duration = Duration::from_secs(2);
/// Bytes taken from a pipe at once.
const PIECE: usize = 16 * 1024;

/// Runs it on this machine.
pub(crate) fn run(invocation: &Invocation) -> Result<Output, SysError> {
    let mut child = spawn(invocation).map_err(|source| fault("starting", invocation, source))?;
    let mut running = match Running::new(&mut child, invocation) {
        Ok(running) => running,
        Err(error) => {
            child.kill().map_err(|source| fault("ending", invocation, source))?;
            child.wait().map_err(|source| fault("waiting for", invocation, source))?;
            return Err(error);
        }
    };
    let outcome = running.attend();
    running.kill_group();
    let drained = outcome.and_then(|()| running.drain());
    if !running.ended_within(REAP_TIME) {
        return Err(SysError::Timeout {
            program: invocation.program().to_owned(),
            limit: invocation.timeout(),
        });
    }
    let Running { stdout, stderr, .. } = running;
    let status = child.wait().map_err(|source| fault("waiting for", invocation, source))?;
    drained?;
    let ended = match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exit(code),
        (None, signal) => Ended::Signal(signal.unwrap_or_default()),
    };
    Ok(Output { ended, stdout: stdout.bytes, stderr: stderr.bytes })
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that starts programs")]
fn spawn(invocation: &Invocation) -> io::Result<Child> {
    let stdin = if invocation.stdin_bytes().is_empty() { Stdio::null() } else { Stdio::piped() };
    Command::new(invocation.program())
        .args(invocation.arguments())
        .env_clear()
        .envs(invocation.variables().iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .process_group(0)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

fn fault(doing: &'static str, invocation: &Invocation, source: impl Into<io::Error>) -> SysError {
    SysError::from_io(doing, invocation.program(), source.into())
}

/// The reading end of one of the child's outputs.
struct Sink {
    pipe: Option<OwnedFd>,
    bytes: Vec<u8>,
}

impl Sink {
    /// Takes what is there. `Ok(false)` when it would be more than `bytes_max`.
    fn take(&mut self, bytes_max: usize) -> io::Result<bool> {
        let mut piece = [0; PIECE];
        while let Some(pipe) = &self.pipe {
            match rustix::io::read(pipe, &mut piece) {
                Ok(0) => self.pipe = None,
                Ok(count) => self.bytes.extend(piece.iter().take(count)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(true),
                Err(errno) => return Err(errno.into()),
            }
            if self.bytes.len() > bytes_max {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A child with the ends of its pipes that are still open.
struct Running<'a> {
    invocation: &'a Invocation,
    group: Pid,
    process: OwnedFd,
    stdin: Option<OwnedFd>,
    unsent: &'a [u8],
    stdout: Sink,
    stderr: Sink,
    deadline: Instant,
}

impl<'a> Running<'a> {
    fn new(child: &mut Child, invocation: &'a Invocation) -> Result<Self, SysError> {
        let group = Pid::from_child(child);
        let watch = |source: Errno| fault("watching", invocation, source);
        let stdin = child.stdin.take().map(OwnedFd::from);
        let stdout = child.stdout.take().map(OwnedFd::from);
        let stderr = child.stderr.take().map(OwnedFd::from);
        for pipe in [&stdin, &stdout, &stderr].into_iter().flatten() {
            rustix::io::ioctl_fionbio(pipe, true).map_err(watch)?;
        }
        Ok(Self {
            invocation,
            group,
            process: pidfd_open(group, PidfdFlags::empty()).map_err(watch)?,
            stdin,
            unsent: invocation.stdin_bytes(),
            stdout: Sink { pipe: stdout, bytes: Vec::new() },
            stderr: Sink { pipe: stderr, bytes: Vec::new() },
            deadline: Instant::now() + invocation.timeout(),
        })
    }

    /// Feeds and drains until the child itself has ended, whoever still holds its pipes.
    fn attend(&mut self) -> Result<(), SysError> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(SysError::Timeout {
                    program: self.invocation.program().to_owned(),
                    limit: self.invocation.timeout(),
                });
            }
            if self.wait(left)? {
                return Ok(());
            }
            self.feed()?;
            self.drain()?;
        }
    }

    /// Waits until something can be done; whether the child has ended.
    fn wait(&self, time_max: Duration) -> Result<bool, SysError> {
        let mut events = vec![PollFd::new(&self.process, PollFlags::IN)];
        for pipe in [&self.stdout.pipe, &self.stderr.pipe].into_iter().flatten() {
            events.push(PollFd::new(pipe, PollFlags::IN));
        }
        if let Some(pipe) = &self.stdin {
            events.push(PollFd::new(pipe, PollFlags::OUT));
        }
        match poll(&mut events, Timespec::try_from(time_max).ok().as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(fault("waiting for", self.invocation, errno)),
        }
        Ok(events.first().is_some_and(|process| !process.revents().is_empty()))
    }

    /// Writes what the child takes of its input. A child that does not want it is no error.
    fn feed(&mut self) -> Result<(), SysError> {
        while let Some(pipe) = self.stdin.as_ref().filter(|_| !self.unsent.is_empty()) {
            match rustix::io::write(pipe, self.unsent) {
                Ok(count) => self.unsent = self.unsent.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::PIPE) => break,
                Err(errno) => return Err(fault("writing to", self.invocation, errno)),
            }
        }
        self.stdin = None;
        Ok(())
    }

    fn drain(&mut self) -> Result<(), SysError> {
        let limit = self.invocation.output_bytes_max();
        for sink in [&mut self.stdout, &mut self.stderr] {
            match sink.take(limit) {
                Ok(true) => {}
                Ok(false) => {
                    let program = self.invocation.program().to_owned();
                    return Err(SysError::Flooded { program, limit });
                }
                Err(source) => return Err(fault("reading from", self.invocation, source)),
            }
        }
        Ok(())
    }

    /// Ends everything that is still in the child's group. The child is not reaped yet, so the
    /// number is its own; a group that is gone already is what was wanted.
    fn kill_group(&self) {
        kill_process_group(self.group, Signal::KILL).ok();
    }

    fn ended_within(&self, time_max: Duration) -> bool {
        let deadline = Instant::now() + time_max;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut events = [PollFd::from_borrowed_fd(self.process.as_fd(), PollFlags::IN)];
            match poll(&mut events, Timespec::try_from(left).ok().as_ref()) {
                Err(Errno::INTR) => {}
                answer => return answer.is_ok_and(|ready| ready > 0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, millis: u64, bytes: usize) -> Invocation {
        Invocation::new("/bin/sh", Duration::from_millis(millis), bytes)
            .unwrap()
            .arg("-c")
            .arg(script)
    }

    #[test]
    fn output_and_exit_code_come_back() {
        let output = run(&shell("echo out; echo err >&2; exit 3", 20_000, 100)).unwrap();
        assert_eq!(output.ended, Ended::Exit(3));
        assert_eq!(
            (output.stdout.as_slice(), output.stderr.as_slice()),
            (&b"out\n"[..], &b"err\n"[..])
        );
    }

    #[test]
    fn a_signal_is_told_from_a_code() {
        assert_eq!(run(&shell("kill -9 $$", 20_000, 100)).unwrap().ended, Ended::Signal(9));
    }

    #[test]
    fn the_environment_is_what_was_named() {
        let env = |run: Invocation| super::run(&run).unwrap().stdout;
        let program = || Invocation::new("/usr/bin/env", Duration::from_secs(20), 1_000).unwrap();
        assert_eq!(env(program()), b"");
        assert_eq!(env(program().variable("LC_ALL", "C")), b"LC_ALL=C\n");
    }

    #[test]
    fn arguments_meet_no_shell() {
        let program = Invocation::new("/bin/echo", Duration::from_secs(20), 100).unwrap();
        assert_eq!(run(&program.arg("$(id); *")).unwrap().stdout, b"$(id); *\n");
    }

    #[test]
    fn large_input_and_output_pass_each_other() {
        let bytes = vec![b'x'; 1_000_000];
        let cat = Invocation::new("/bin/cat", Duration::from_secs(20), bytes.len()).unwrap();
        assert_eq!(run(&cat.stdin(bytes.clone())).unwrap().stdout, bytes);
    }

    #[test]
    fn input_that_nobody_reads_is_no_error() {
        let run = run(&shell("exit 0", 20_000, 10).stdin(vec![0; 1_000_000])).unwrap();
        assert_eq!(run.ended, Ended::Exit(0));
    }

    #[test]
    fn the_time_limit_ends_the_whole_group() {
        let start = Instant::now();
        let error = run(&shell("sleep 30 & sleep 30; echo late", 200, 100)).unwrap_err();
        assert!(matches!(error, SysError::Timeout { .. }), "{error}");
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_child_that_closed_its_pipes_is_still_bound() {
        let start = Instant::now();
        let error = run(&shell("exec >&- 2>&-; sleep 30", 200, 100)).unwrap_err();
        assert!(matches!(error, SysError::Timeout { .. }), "{error}");
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_pipe_held_by_a_grandchild_does_not_hang() {
        let start = Instant::now();
        let output = run(&shell("sleep 30 & echo done", 20_000, 100)).unwrap();
        assert_eq!(output.stdout, b"done\n");
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_flood_is_cut_at_the_limit() {
        for script in ["cat /dev/zero", "cat /dev/zero >&2"] {
            let run = shell(script, 20_000, 100_000).variable("PATH", "/usr/bin:/bin");
            let error = super::run(&run).unwrap_err();
            assert!(matches!(error, SysError::Flooded { limit: 100_000, .. }), "{error}");
        }
        assert_eq!(run(&shell("printf 12345", 20_000, 5)).unwrap().stdout, b"12345");
        assert!(matches!(run(&shell("printf 123456", 20_000, 5)), Err(SysError::Flooded { .. })));
    }

    #[test]
    fn a_program_that_is_not_there_is_missing() {
        let run = Invocation::new("/nonexistent/program", Duration::from_secs(1), 10).unwrap();
        assert!(matches!(super::run(&run), Err(SysError::Missing(_))));
        let run = Invocation::new("/etc/passwd", Duration::from_secs(1), 10).unwrap();
        assert!(matches!(super::run(&run), Err(SysError::Denied(_))));
    }
}
