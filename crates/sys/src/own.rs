//! Burgrave's own state and log files: made with tight modes, replaced whole or not at all.
//!
//! These are the only writes outside `apply`: they touch what Burgrave itself keeps, never what
//! belongs to the host.

use crate::SysError;
use rustix::fs::{Mode, OFlags, fstat, open, stat};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Who may read a file of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Mode 0600: keys.
    Owner,
    /// Mode 0640: logs.
    Group,
    /// Mode 0644: certificates.
    All,
}

impl Access {
    fn mode(self) -> Mode {
        match self {
            Self::Owner => Mode::from_raw_mode(0o600),
            Self::Group => Mode::from_raw_mode(0o640),
            Self::All => Mode::from_raw_mode(0o644),
        }
    }
}

/// Makes a directory of our own with mode 0700, with its parents; one that exists is left as it is.
pub fn make_own_directory(path: &Path) -> Result<(), SysError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| SysError::from_io("making the directory", path, error))
}

/// Removes a directory of our own with everything below it; no link is followed. One that is not there is no error.
pub fn remove_own_directory(path: &Path) -> Result<(), SysError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(SysError::from_io("removing the directory", path, error))
        }
        _ => Ok(()),
    }
}

/// Reads a whole file of at most `bytes_max` bytes.
pub fn read_own(path: &Path, bytes_max: u64) -> Result<Vec<u8>, SysError> {
    let wrong = |error| SysError::from_io("reading", path, error);
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = open(path, flags, Mode::empty()).map_err(|error| wrong(error.into()))?;
    let mut content = Vec::new();
    let mut limited = File::from(file).take(bytes_max.saturating_add(1));
    limited.read_to_end(&mut content).map_err(wrong)?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > bytes_max {
        return Err(SysError::TooLarge { path: path.into(), limit: bytes_max });
    }
    Ok(content)
}

/// Writes a file whole: to a new file beside it, flushed to the disk, then renamed over it. After a
/// crash either the old or the new content is there.
pub fn replace_own(path: &Path, content: &[u8], access: Access) -> Result<(), SysError> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let fresh = PathBuf::from(name);
    let wrong = |error| SysError::from_io("writing", path, error);
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let mut file =
        File::from(open(&fresh, flags, access.mode()).map_err(|error| wrong(error.into()))?);
    file.write_all(content).and_then(|()| file.sync_all()).map_err(wrong)?;
    rustix::fs::rename(&fresh, path).map_err(|error| wrong(error.into()))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = open(
        parent.unwrap_or(Path::new(".")),
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    );
    directory
        .and_then(rustix::fs::fsync)
        .map_err(|error| SysError::from_io("flushing the directory of", path, error.into()))
}

/// A log file that is only ever appended to.
#[derive(Debug)]
pub struct Appender {
    file: File,
    path: PathBuf,
    identity: (u64, u64),
}

impl Appender {
    /// Opens or makes the file. Its directory must exist.
    pub fn open(path: &Path, access: Access) -> Result<Self, SysError> {
        let wrong = |error: rustix::io::Errno| SysError::from_io("opening", path, error.into());
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC;
        let file: OwnedFd = open(path, flags, access.mode()).map_err(wrong)?;
        let facts = fstat(&file).map_err(wrong)?;
        let identity = (facts.st_dev, facts.st_ino);
        Ok(Self { file: File::from(file), path: path.into(), identity })
    }

    /// A file that was opened elsewhere for this path, to be written to at its end.
    pub fn of(path: &Path, file: OwnedFd) -> Result<Self, SysError> {
        let wrong = |error: rustix::io::Errno| SysError::from_io("taking", path, error.into());
        let facts = fstat(&file).map_err(wrong)?;
        let identity = (facts.st_dev, facts.st_ino);
        Ok(Self { file: File::from(file), path: path.into(), identity })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its descriptor, to be handed to another process.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Writes some of the bytes at the end; says how many.
    pub fn append(&mut self, bytes: &[u8]) -> Result<usize, SysError> {
        self.file.write(bytes).map_err(|error| SysError::from_io("writing", &self.path, error))
    }

    /// Waits until what was written is on the disk.
    pub fn sync(&self) -> Result<(), SysError> {
        self.file.sync_data().map_err(|error| SysError::from_io("flushing", &self.path, error))
    }

    /// Whether the path still names the file that is open; not after it was moved or deleted.
    pub fn in_place(&self) -> bool {
        stat(&self.path).is_ok_and(|facts| (facts.st_dev, facts.st_ino) == self.identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn files_are_replaced_whole_with_tight_modes() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("state/tls");
        make_own_directory(&home).unwrap();
        make_own_directory(&home).unwrap();
        let path = home.join("a.key");
        replace_own(&path, b"one", Access::Owner).unwrap();
        replace_own(&path, b"two", Access::Owner).unwrap();
        assert_eq!(read_own(&path, 3).unwrap(), b"two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&home).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(matches!(read_own(&path, 2), Err(SysError::TooLarge { limit: 2, .. })));
        assert!(matches!(read_own(&home.join("b"), 2), Err(SysError::Missing(_))));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test plays the rotation")]
    fn an_appender_notices_that_its_file_was_moved() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = Appender::open(&path, Access::Group).unwrap();
        assert_eq!(log.append(b"a\n").unwrap(), 2);
        assert!(log.in_place());
        std::fs::rename(&path, dir.path().join("log.1")).unwrap();
        assert!(!log.in_place());
        let mut next = Appender::open(&path, Access::Group).unwrap();
        next.append(b"b\n").unwrap();
        assert_eq!(read_own(&path, 10).unwrap(), b"b\n");
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        replace_own(&path, b"old", Access::All).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        let inside = path.join("b");
        assert!(matches!(replace_own(&inside, b"x", Access::All), Err(SysError::Missing(_))));
        assert!(replace_own(dir.path(), b"x", Access::All).is_err(), "a directory is not replaced");
        assert_eq!(read_own(&path, 3).unwrap(), b"old");
    }

    #[test]
    fn directories_are_made_only_where_they_can_be() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        replace_own(&file, b"", Access::Owner).unwrap();
        assert!(make_own_directory(&file.join("below")).is_err());
        assert!(read_own(dir.path(), 10).is_err(), "a directory is no file");
    }

    #[test]
    fn lines_are_appended_whatever_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        for text in ["one\n", "two\n"] {
            let mut log = Appender::open(&path, Access::Group).unwrap();
            assert_eq!(log.append(text.as_bytes()).unwrap(), text.len());
        }
        assert_eq!(read_own(&path, 100).unwrap(), b"one\ntwo\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        let missing = Appender::open(&dir.path().join("none/log"), Access::Group);
        assert!(matches!(missing, Err(SysError::Missing(_))));
        assert!(Appender::open(dir.path(), Access::Group).is_err());
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let mut full = Appender::open(Path::new("/dev/full"), Access::Group).unwrap();
        assert!(matches!(full.append(b"x"), Err(SysError::Io { .. })));
    }
}
