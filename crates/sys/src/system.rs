//! The trait that every look at a machine goes through.

use crate::walk::{self, Visitor, WalkLimits, Walked};
use crate::{Invocation, Moment, Output, SysError, UnixTime};
use std::path::{Path, PathBuf};

/// What a path is, symbolic links not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A pipe, socket or device.
    Other,
}

/// Facts about a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: Kind,
    /// Size in bytes.
    pub len: u64,
    /// Permission bits with set-id and sticky bits, `0o7777`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last change of the content.
    pub modified: UnixTime,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its full path.
    pub path: PathBuf,
    /// What it is, links not followed.
    pub kind: Kind,
}

/// A machine that can be looked at.
pub trait System: Send + Sync {
    /// The content of a regular file, links followed within the system's root.
    fn read(&self, path: &Path, bytes_max: u64) -> Result<Vec<u8>, SysError>;

    /// The first bytes of a regular file, at most so many; links followed within the system's root.
    fn head(&self, path: &Path, bytes: usize) -> Result<Vec<u8>, SysError>;

    /// Facts about a path, the last link not followed.
    fn metadata(&self, path: &Path) -> Result<Metadata, SysError>;

    /// The entries of a directory, sorted by name.
    fn list(&self, path: &Path, entries_max: usize) -> Result<Vec<Entry>, SysError>;

    /// Where a symbolic link points, as it is written.
    fn link(&self, path: &Path) -> Result<PathBuf, SysError>;

    /// The file capabilities of a path as the kernel keeps them (`security.capability`, see
    /// capabilities(7)); `None` where there are none. A link is not followed.
    fn capabilities(&self, path: &Path) -> Result<Option<Vec<u8>>, SysError>;

    /// Runs a program to its end.
    fn run(&self, invocation: &Invocation) -> Result<Output, SysError>;

    /// The wall clock.
    fn now(&self) -> UnixTime;

    /// The monotonic clock.
    fn moment(&self) -> Moment;

    /// Fills the buffer from the operating system's generator.
    fn random(&self, buffer: &mut [u8]) -> Result<(), SysError>;

    /// Reports everything below a directory, links as links. Only where the walk begins must be
    /// readable; what else cannot be read is counted in the answer.
    fn walk(
        &self,
        top: &Path,
        limits: WalkLimits,
        visit: &mut Visitor<'_>,
    ) -> Result<Walked, SysError> {
        walk::walk(top, limits, visit, &mut |directory, entries_max| {
            walk::level(self, directory, entries_max)
        })
    }

    /// The files that a pattern names, sorted. `*`, `?` and `[…]` stand for characters of one path
    /// component; a pattern without them names itself, whether it exists or not.
    fn glob(&self, pattern: &Path, matches_max: usize) -> Result<Vec<PathBuf>, SysError> {
        crate::glob::glob(self, pattern, matches_max)
    }
}
