//! A lock between processes of ours: a file that one of them holds at a time.

use crate::SysError;
use rustix::fd::OwnedFd;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use std::path::Path;
use std::time::{Duration, Instant};

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(2);

/// Held until it is dropped, or the process ends.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held for its lifetime")] OwnedFd);

impl Lock {
    /// Takes the lock; makes its file. Fails when another process holds it for longer than `time_max`.
    pub fn take(path: &Path, time_max: Duration) -> Result<Self, SysError> {
        let wrong = |error: rustix::io::Errno| SysError::from_io("locking", path, error.into());
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = open(path, flags, Mode::from_raw_mode(0o600)).map_err(wrong)?;
        let deadline = Instant::now() + time_max;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self(file)),
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR)
                    if Instant::now() < deadline =>
                {
                    std::thread::sleep(PAUSE);
                }
                Err(error) => return Err(wrong(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::take(&path, Duration::ZERO).unwrap();
        assert!(Lock::take(&path, Duration::from_millis(20)).is_err());
        drop(first);
        assert!(Lock::take(&path, Duration::ZERO).is_ok());
        assert!(Lock::take(&folder.path().join("none/lock"), Duration::ZERO).is_err());
    }
}
