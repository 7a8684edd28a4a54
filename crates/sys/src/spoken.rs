//! A program that says something from time to time, and descriptors that are waited for together.

use crate::SysError;
use rustix::event::epoll;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// So many bytes.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// The program has ended.
    Ended,
}

/// A running program whose output is read as it comes; ended when this is dropped.
#[derive(Debug)]
pub struct Spoken {
    child: Child,
    output: ChildStdout,
    program: PathBuf,
}

impl Spoken {
    /// Starts a program by its absolute path with an empty environment; what it says of errors is not
    /// looked at.
    #[expect(
        clippy::disallowed_methods,
        reason = "a program of the machine that is read as it runs"
    )]
    pub fn start(program: &Path, arguments: &[&str]) -> Result<Self, SysError> {
        let wrong = |error: io::Error| SysError::from_io("starting", program, error);
        if !program.is_absolute() {
            let wanted = "program given by its absolute path";
            return Err(SysError::WrongKind { path: program.into(), wanted });
        }
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(wrong)?;
        let Some(output) = child.stdout.take() else {
            return Err(wrong(io::ErrorKind::BrokenPipe.into()));
        };
        let unblocked =
            fcntl_getfl(&output).and_then(|flags| fcntl_setfl(&output, flags | OFlags::NONBLOCK));
        let own = Self { child, output, program: program.into() };
        // Dropped with an error it ends the program.
        unblocked.map_err(|error| wrong(error.into()))?;
        Ok(own)
    }

    /// Reads what there is.
    pub fn read(&mut self, space: &mut [u8]) -> Result<Said, SysError> {
        loop {
            match rustix::io::read(&self.output, &mut *space) {
                Ok(0) => return Ok(Said::Ended),
                Ok(count) => return Ok(Said::Bytes(count)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(Said::Nothing),
                Err(error) => {
                    return Err(SysError::from_io("reading from", &self.program, error.into()));
                }
            }
        }
    }
}

impl AsFd for Spoken {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.output.as_fd()
    }
}

impl Drop for Spoken {
    fn drop(&mut self) {
        // One that has ended already needs no end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Can be read when any of its descriptors can. One that is closed is forgotten.
#[derive(Debug)]
pub struct Together(OwnedFd);

impl Together {
    /// None yet.
    pub fn new() -> Result<Self, SysError> {
        let made = epoll::create(epoll::CreateFlags::CLOEXEC);
        made.map(Self).map_err(|error| Self::wrong(error.into()))
    }

    /// One more; it must not be there twice.
    pub fn add(&self, one: impl AsFd) -> Result<(), SysError> {
        let (data, flags) = (epoll::EventData::new_u64(0), epoll::EventFlags::IN);
        match epoll::add(&self.0, one, data, flags) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(Self::wrong(error.into())),
        }
    }

    fn wrong(error: io::Error) -> SysError {
        SysError::from_io("waiting for", "several sources", error)
    }
}

impl AsFd for Together {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn all_of(spoken: &mut Spoken) -> String {
        let (mut out, mut space) = (Vec::new(), [0; 64]);
        let end = Instant::now() + Duration::from_mins(1);
        loop {
            match spoken.read(&mut space).unwrap() {
                Said::Bytes(count) => out.extend_from_slice(&space[..count]),
                Said::Nothing => std::thread::sleep(Duration::from_millis(5)),
                Said::Ended => return String::from_utf8(out).unwrap(),
            }
            assert!(Instant::now() < end, "{out:?}");
        }
    }

    #[test]
    fn a_program_is_read_as_it_speaks_and_ends_with_its_reader() {
        let sh = Path::new("/bin/sh");
        let mut spoken = Spoken::start(sh, &["-c", "echo a; sleep 0.1; echo b; env"]).unwrap();
        let said = all_of(&mut spoken);
        assert!(said.starts_with("a\nb\n") && !said.contains("PATH=/"), "{said}");
        let long = Spoken::start(sh, &["-c", "exec sleep 60"]).unwrap();
        let id = long.child.id();
        drop(long);
        assert!(!Path::new(&format!("/proc/{id}")).exists());
        assert!(Spoken::start(Path::new("sh"), &[]).is_err());
        assert!(Spoken::start(Path::new("/none/sh"), &[]).is_err());
    }

    #[test]
    fn several_are_waited_for_together() {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let (one, other) = (crate::datagram_pair().unwrap(), crate::datagram_pair().unwrap());
        let together = Together::new().unwrap();
        together.add(&one.1).unwrap();
        together.add(&other.1).unwrap();
        together.add(&other.1).unwrap();
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let ready = || poll(&mut [PollFd::new(&together, PollFlags::IN)], Some(&now)).unwrap();
        assert_eq!(ready(), 0);
        other.0.send(b"x").unwrap();
        assert_eq!(ready(), 1);
    }
}
