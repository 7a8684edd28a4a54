//! A machine that is only a directory: an image, a backup, a mounted disk.

use crate::disk::{self, Origin};
use crate::walk::{Visitor, WalkLimits, Walked};
use crate::{Entry, Invocation, Metadata, Moment, Output, SysError, System, UnixTime};
use std::path::{Path, PathBuf};

/// A root directory looked at as if it were a machine. Every path begins at the root and every
/// symbolic link is followed within it, as after a `chroot`; neither `..` nor an absolute link can
/// leave it (openat2(2), `RESOLVE_IN_ROOT`). Nothing runs there.
#[derive(Debug)]
pub struct Tree {
    origin: Origin,
    fixed: Option<(UnixTime, Moment)>,
}

impl Tree {
    /// The tree below `root`, with the live clocks. `root` itself is found on this machine.
    pub fn new(root: &Path) -> Result<Self, SysError> {
        Ok(Self { origin: Origin::root(root)?, fixed: None })
    }

    /// The same tree with clocks that stand still, for answers that can be repeated.
    #[must_use]
    pub fn with_clocks(mut self, now: UnixTime, moment: Moment) -> Self {
        self.fixed = Some((now, moment));
        self
    }

    fn clocks(&self) -> (UnixTime, Moment) {
        self.fixed.unwrap_or_else(disk::clocks)
    }
}

impl System for Tree {
    fn read(&self, path: &Path, bytes_max: u64) -> Result<Vec<u8>, SysError> {
        self.origin.read(path, bytes_max)
    }

    fn head(&self, path: &Path, bytes: usize) -> Result<Vec<u8>, SysError> {
        self.origin.head(path, bytes)
    }

    fn metadata(&self, path: &Path) -> Result<Metadata, SysError> {
        self.origin.metadata(path)
    }

    fn list(&self, path: &Path, entries_max: usize) -> Result<Vec<Entry>, SysError> {
        self.origin.list(path, entries_max)
    }

    fn link(&self, path: &Path) -> Result<PathBuf, SysError> {
        self.origin.link(path)
    }

    fn capabilities(&self, path: &Path) -> Result<Option<Vec<u8>>, SysError> {
        self.origin.capabilities(path)
    }

    fn walk(
        &self,
        top: &Path,
        limits: WalkLimits,
        visit: &mut Visitor<'_>,
    ) -> Result<Walked, SysError> {
        self.origin.walk(top, limits, visit)
    }

    fn run(&self, _invocation: &Invocation) -> Result<Output, SysError> {
        Err(SysError::Unsupported("running a command"))
    }

    fn now(&self) -> UnixTime {
        self.clocks().0
    }

    fn moment(&self) -> Moment {
        self.clocks().1
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), SysError> {
        disk::random(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn links_and_dots_stay_inside() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "secret").unwrap();
        let root = outside.path().join("root");
        std::fs::create_dir_all(root.join("etc")).unwrap();
        std::fs::write(root.join("etc/inside"), "inside").unwrap();
        for (target, link) in [
            ("/etc/inside", "absolute"),
            ("../../../../etc/inside", "climbing"),
            ("../secret", "neighbour"),
        ] {
            std::os::unix::fs::symlink(target, root.join(link)).unwrap();
        }
        std::os::unix::fs::symlink(outside.path().join("secret"), root.join("host")).unwrap();
        let tree = Tree::new(&root).unwrap();
        for path in ["/etc/inside", "etc/inside", "/absolute", "/climbing", "/../../etc/inside"] {
            assert_eq!(tree.read(Path::new(path), 100).unwrap(), b"inside", "{path}");
        }
        for path in ["/neighbour", "/host", "/../secret"] {
            let error = tree.read(Path::new(path), 100).unwrap_err();
            assert!(matches!(error, SysError::Missing(_)), "{path}: {error}");
        }
    }

    #[test]
    fn nothing_runs_and_clocks_can_stand() {
        let root = tempfile::tempdir().unwrap();
        let tree = Tree::new(root.path()).unwrap();
        let run = Invocation::new("/bin/true", Duration::from_secs(1), 10).unwrap();
        assert!(matches!(tree.run(&run), Err(SysError::Unsupported(_))));
        assert!(tree.now().seconds() > 1_700_000_000);
        let fixed = tree.with_clocks(UnixTime(7), Moment(Duration::from_secs(9)));
        assert_eq!((fixed.now(), fixed.moment()), (UnixTime(7), Moment(Duration::from_secs(9))));
    }

    #[test]
    fn a_root_is_a_directory() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("file"), "").unwrap();
        assert!(matches!(Tree::new(&root.path().join("none")), Err(SysError::Missing(_))));
        assert!(Tree::new(&root.path().join("file")).is_err());
    }
}
