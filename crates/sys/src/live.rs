//! The machine that the process runs on.

use crate::disk::{self, Origin};
use crate::walk::{Visitor, WalkLimits, Walked};
use crate::{Entry, Invocation, Metadata, Moment, Output, SysError, System, UnixTime, run};
use std::path::{Path, PathBuf};

/// This machine, as it is now and as this process may see it. A relative path begins at the
/// process's working directory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Live;

impl System for Live {
    fn read(&self, path: &Path, bytes_max: u64) -> Result<Vec<u8>, SysError> {
        Origin::Machine.read(path, bytes_max)
    }

    fn head(&self, path: &Path, bytes: usize) -> Result<Vec<u8>, SysError> {
        Origin::Machine.head(path, bytes)
    }

    fn metadata(&self, path: &Path) -> Result<Metadata, SysError> {
        Origin::Machine.metadata(path)
    }

    fn list(&self, path: &Path, entries_max: usize) -> Result<Vec<Entry>, SysError> {
        Origin::Machine.list(path, entries_max)
    }

    fn link(&self, path: &Path) -> Result<PathBuf, SysError> {
        Origin::Machine.link(path)
    }

    fn capabilities(&self, path: &Path) -> Result<Option<Vec<u8>>, SysError> {
        Origin::Machine.capabilities(path)
    }

    fn walk(
        &self,
        top: &Path,
        limits: WalkLimits,
        visit: &mut Visitor<'_>,
    ) -> Result<Walked, SysError> {
        Origin::Machine.walk(top, limits, visit)
    }

    fn run(&self, invocation: &Invocation) -> Result<Output, SysError> {
        run::run(invocation)
    }

    fn now(&self) -> UnixTime {
        disk::clocks().0
    }

    fn moment(&self) -> Moment {
        disk::clocks().1
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), SysError> {
        disk::random(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_tick() {
        let (wall, steady) = (Live.now(), Live.moment());
        assert!(wall.seconds() > 1_700_000_000, "the wall clock is set");
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(Live.now() > wall);
        assert!(Live.moment() - steady >= std::time::Duration::from_millis(2));
    }

    #[test]
    fn random_bytes_fill_the_whole_buffer() {
        for len in [0, 1, 32, 100_000] {
            let (mut a, mut b) = (vec![0; len], vec![0; len]);
            Live.random(&mut a).unwrap();
            Live.random(&mut b).unwrap();
            assert!(len < 32 || (a != b && a.iter().rev().take(32).any(|&byte| byte != 0)));
        }
    }

    #[test]
    fn files_without_a_size_are_read_within_the_limit() {
        let status = Live.read(Path::new("/proc/self/status"), 100_000).unwrap();
        assert!(status.starts_with(b"Name:"));
        assert!(matches!(
            Live.read(Path::new("/proc/self/status"), 5),
            Err(SysError::TooLarge { limit: 5, .. })
        ));
    }

    #[test]
    fn devices_are_not_opened() {
        for path in ["/dev/zero", "/dev/tty", "/proc"] {
            let error = Live.read(Path::new(path), 10).unwrap_err();
            assert!(matches!(error, SysError::WrongKind { .. }), "{path}: {error}");
        }
    }
}
