//! Burgrave's own state and log files: made with tight modes, replaced whole or not at all.
//!
//! These are the only writes outside `apply`: they touch what Burgrave itself keeps, never what
//! belongs to the host.

use crate::{SysError, UnixTime};
use rustix::fs::{CWD, Mode, OFlags, fstat, open, stat};
use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
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

/// Makes a directory of our own that another account of ours may search, with mode 0755 whatever the
/// process's mask. Its parents must exist.
pub fn make_shared_directory(path: &Path) -> Result<(), SysError> {
    let wrong = |error| SysError::from_io("making the directory", path, error);
    match std::fs::DirBuilder::new().create(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(wrong(error)),
        _ => {
            rustix::fs::chmod(path, Mode::from_raw_mode(0o755)).map_err(|error| wrong(error.into()))
        }
    }
}

/// From now on files are made with the modes that are asked for, whatever mask was inherited. For a process
/// that names the mode of everything that it makes.
pub fn forget_mask() {
    rustix::process::umask(Mode::from_raw_mode(0o022));
}

/// Removes a file of ours. One that is not there is no error.
pub fn remove_own(path: &Path) -> Result<(), SysError> {
    match rustix::fs::unlink(path) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(SysError::from_io("removing", path, error.into())),
    }
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

/// Writes a file whole where no file is: as [`replace_own`], but whatever has the name stays as it is.
///
/// # Errors
/// When something of that name is there, also a link that leads nowhere; nothing was done then.
pub fn create_own(path: &Path, content: &[u8], access: Access) -> Result<(), SysError> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let fresh = PathBuf::from(name);
    let wrong = |error| SysError::from_io("making", path, error);
    if rustix::fs::lstat(path).is_ok() {
        return Err(wrong(ErrorKind::AlreadyExists.into()));
    }
    replace_own(&fresh, content, access)?;
    let flags = rustix::fs::RenameFlags::NOREPLACE;
    rustix::fs::renameat_with(CWD, &fresh, CWD, path, flags).map_err(|error| {
        // What was there first stays; ours goes.
        drop(remove_own(&fresh));
        wrong(error.into())
    })
}

/// Most names that are looked at beside a log.
const BESIDE_MAX: usize = 100_000;

/// Gives a log's file another name, with the moment behind its own: `log.20261126T060000Z`. Whoever has it
/// open goes on writing into it. Of those that were named so before, the newest `keep` stay; nothing else is
/// ever deleted.
///
/// # Errors
/// When the file cannot be renamed, also because one of that name is there; then nothing was done.
#[expect(clippy::disallowed_methods, reason = "the names beside a log of our own")]
pub fn rotate_own(path: &Path, now: UnixTime, keep: Option<usize>) -> Result<(), SysError> {
    let wrong = |error: std::io::Error| SysError::from_io("rotating", path, error);
    let (folder, name) = (path.parent(), path.file_name());
    let (folder, name) = folder.zip(name).ok_or_else(|| wrong(ErrorKind::InvalidInput.into()))?;
    let (year, month, day, hour, minute, second) = now.civil();
    let mut new = name.to_os_string();
    new.push(format!(".{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z"));
    let flags = rustix::fs::RenameFlags::NOREPLACE;
    rustix::fs::renameat_with(CWD, path, CWD, folder.join(new), flags)
        .map_err(|error| wrong(error.into()))?;
    let Some(keep) = keep else { return Ok(()) };
    let entries = std::fs::read_dir(folder).map_err(wrong)?.take(BESIDE_MAX);
    let mut old: Vec<OsString> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name()))
        .filter(|other| is_rotated(name.as_encoded_bytes(), other.as_encoded_bytes()))
        .collect();
    old.sort_unstable();
    let surplus = old.len().saturating_sub(keep);
    for other in old.iter().take(surplus) {
        let gone = folder.join(other);
        rustix::fs::unlink(&gone)
            .map_err(|error| SysError::from_io("deleting the old log", &gone, error.into()))?;
    }
    Ok(())
}

/// Whether a name is a log's own with a moment behind it.
fn is_rotated(log: &[u8], name: &[u8]) -> bool {
    let Some(moment) = name.strip_prefix(log).and_then(|rest| rest.strip_prefix(b".")) else {
        return false;
    };
    moment.len() == 16
        && moment.iter().enumerate().all(|(at, byte)| match at {
            8 => *byte == b'T',
            15 => *byte == b'Z',
            _ => byte.is_ascii_digit(),
        })
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

    /// Cuts off what was written behind a length, such as a line that the disk did not take all of.
    pub fn cut(&self, bytes: u64) -> Result<(), SysError> {
        self.file.set_len(bytes).map_err(|error| SysError::from_io("cutting", &self.path, error))
    }

    /// How many bytes it has, and when it was made, where the file system keeps that.
    pub fn age(&self) -> Result<(u64, Option<UnixTime>), SysError> {
        let facts = self.file.metadata();
        let facts = facts.map_err(|error| SysError::from_io("asking about", &self.path, error))?;
        let made = facts.created().ok().and_then(|made| {
            let since = made.duration_since(std::time::SystemTime::UNIX_EPOCH).ok()?;
            i64::try_from(since.as_micros()).ok().map(UnixTime)
        });
        Ok((facts.len(), made))
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
    fn logs_are_rotated_and_only_their_own_are_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let others =
            ["log.1", "log.20200101T000000", "log.20200101T000000Z.gz", "logs.20200101T000000Z"];
        for name in others {
            std::fs::write(dir.path().join(name), "theirs").unwrap();
        }
        let mut open = Appender::open(&path, Access::Owner).unwrap();
        let hour = 3_600_000_000;
        for turn in 0..4 {
            open.append(format!("{turn}").as_bytes()).unwrap();
            rotate_own(&path, UnixTime(turn * hour), Some(2)).unwrap();
            // Until it is opened anew, lines go where they went.
            open.append(b"!").unwrap();
            assert!(!open.in_place());
            open = Appender::open(&path, Access::Owner).unwrap();
            assert_eq!(open.age().unwrap().0, 0);
        }
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).ok();
        assert_eq!(read("log.19700101T030000Z").as_deref(), Some("3!"));
        assert_eq!(read("log.19700101T020000Z").as_deref(), Some("2!"));
        assert_eq!(read("log.19700101T010000Z"), None);
        for name in others {
            assert_eq!(read(name).as_deref(), Some("theirs"), "{name}");
        }
        // A name that is taken is left alone, and so is the log.
        assert!(rotate_own(&path, UnixTime(3 * hour), Some(1)).is_err());
        assert!(open.in_place() && read("log.19700101T020000Z").is_some());
    }

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
    fn a_file_that_is_there_is_never_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        create_own(&path, b"one", Access::Owner).unwrap();
        assert!(matches!(create_own(&path, b"two", Access::Owner), Err(SysError::Io { .. })));
        assert_eq!(read_own(&path, 10).unwrap(), b"one");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert!(create_own(&link, b"two", Access::Owner).is_err());
        assert!(create_own(dir.path(), b"two", Access::Owner).is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left behind");
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
        next.append(b"b\nhalf").unwrap();
        next.cut(2).unwrap();
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
    fn a_shared_directory_can_be_searched_and_what_is_removed_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let shared = dir.path().join("shared");
        for _ in 0..2 {
            make_shared_directory(&shared).unwrap();
            assert_eq!(std::fs::metadata(&shared).unwrap().permissions().mode() & 0o777, 0o755);
        }
        let file = shared.join("a");
        replace_own(&file, b"x", Access::All).unwrap();
        remove_own(&file).unwrap();
        remove_own(&file).unwrap();
        assert!(matches!(read_own(&file, 1), Err(SysError::Missing(_))));
        assert!(remove_own(&shared).is_err(), "a directory is no file");
        assert!(make_shared_directory(&file.join("b")).is_err());
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
