//! Files that others write to, followed to their end: rotation, truncation, and who says that there is more.
//!
//! Invariants: reads regular files only, never blocks on one, and never more at once than the caller has
//! room for. What was read is the caller's to remember.

use crate::SysError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
use rustix::fs::{FileType, Mode, OFlags, fstat, open, stat};
use rustix::io::Errno;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    /// The file system.
    pub device: u64,
    /// The file in it.
    pub inode: u64,
}

/// What has become of a followed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Still the file of that name; so long.
    Here(u64),
    /// Another file has its name now.
    Replaced,
    /// No file has its name now.
    Gone,
}

/// An open file that is followed.
#[derive(Debug)]
pub struct Followed {
    file: File,
    path: PathBuf,
    id: FileId,
}

impl Followed {
    /// Opens a regular file.
    pub fn open(path: &Path) -> Result<Self, SysError> {
        let wrong = |error: Errno| SysError::from_io("opening", path, error.into());
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = open(path, flags, Mode::empty()).map_err(wrong)?;
        let facts = fstat(&file).map_err(wrong)?;
        if FileType::from_raw_mode(facts.st_mode) != FileType::RegularFile {
            return Err(SysError::WrongKind { path: path.into(), wanted: "regular file" });
        }
        let id = FileId { device: facts.st_dev, inode: facts.st_ino };
        Ok(Self { file: File::from(file), path: path.into(), id })
    }

    /// Which file it is.
    pub fn id(&self) -> FileId {
        self.id
    }

    /// How long it is now, whatever its name.
    pub fn length(&self) -> Result<u64, SysError> {
        let facts = fstat(&self.file)
            .map_err(|error| SysError::from_io("looking at", &self.path, error.into()))?;
        Ok(u64::try_from(facts.st_size).unwrap_or(0))
    }

    /// What has become of it under a name, by which it was opened or not.
    pub fn fate(&self, path: &Path) -> Fate {
        match stat(path) {
            Ok(facts) if (facts.st_dev, facts.st_ino) == (self.id.device, self.id.inode) => {
                Fate::Here(u64::try_from(facts.st_size).unwrap_or(0))
            }
            Ok(_) => Fate::Replaced,
            Err(_) => Fate::Gone,
        }
    }

    /// Reads from a place on; says how much. 0: nothing is there yet.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, SysError> {
        loop {
            match self.file.read_at(buffer, offset) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                other => {
                    return other.map_err(|error| SysError::from_io("reading", &self.path, error));
                }
            }
        }
    }
}

/// Says when something was written to files, so that nobody has to look all the time.
#[derive(Debug)]
pub struct Changes {
    inotify: OwnedFd,
    buffer: Vec<u8>,
}

impl Changes {
    /// Knows no file yet.
    pub fn new() -> Result<Self, SysError> {
        let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .map_err(|error| SysError::from_io("watching", "files", error.into()))?;
        Ok(Self { inotify, buffer: vec![0; 16 * 1024] })
    }

    /// Says from now on when the file changes, is moved or deleted.
    pub fn add(&self, path: &Path) -> Result<(), SysError> {
        self.watch(path, WatchFlags::MODIFY | WatchFlags::MOVE_SELF | WatchFlags::ATTRIB)
    }

    /// Says from now on when a file comes into the directory; not what happens to those in it.
    pub fn add_directory(&self, path: &Path) -> Result<(), SysError> {
        self.watch(path, WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR)
    }

    fn watch(&self, path: &Path, flags: WatchFlags) -> Result<(), SysError> {
        add_watch(&self.inotify, path, flags)
            .map(drop)
            .map_err(|error| SysError::from_io("watching", path, error.into()))
    }

    /// Waits until something has changed, or another descriptor can be read, or the time is over.
    pub fn wait(
        &mut self,
        other: Option<&impl rustix::fd::AsFd>,
        time_max: Duration,
    ) -> Result<(), SysError> {
        let wrong =
            |error: Errno| SysError::from_io("waiting for changes of", "files", error.into());
        let mut events = vec![PollFd::new(&self.inotify, PollFlags::IN)];
        if let Some(other) = other {
            events.push(PollFd::new(other, PollFlags::IN));
        }
        match poll(&mut events, Timespec::try_from(time_max).ok().as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(wrong(error)),
        }
        // What changed is found by looking: the news only say that it is time to.
        for _ in 0..16 {
            match rustix::io::read(&self.inotify, &mut self.buffer[..]) {
                Ok(0) | Err(Errno::AGAIN) => break,
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(wrong(error)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_file_is_followed_through_rotation_and_truncation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, "one\n").unwrap();
        let followed = Followed::open(&path).unwrap();
        assert_eq!((followed.fate(&path), followed.length().unwrap()), (Fate::Here(4), 4));
        let mut buffer = [0; 16];
        assert_eq!(followed.read_at(&mut buffer, 2).unwrap(), 2);
        assert_eq!(followed.read_at(&mut buffer, 4).unwrap(), 0);
        std::fs::write(&path, "").unwrap();
        assert_eq!(followed.fate(&path), Fate::Here(0));
        std::fs::rename(&path, folder.path().join("log.1")).unwrap();
        assert_eq!(followed.fate(&path), Fate::Gone);
        std::fs::write(&path, "two\n").unwrap();
        assert_eq!(followed.fate(&path), Fate::Replaced);
        assert_ne!(Followed::open(&path).unwrap().id(), followed.id());
        assert!(matches!(Followed::open(folder.path()), Err(SysError::WrongKind { .. })));
    }

    #[test]
    fn a_change_ends_the_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, "").unwrap();
        let mut changes = Changes::new().unwrap();
        changes.add(&path).unwrap();
        changes.add_directory(folder.path()).unwrap();
        assert!(changes.add_directory(&path).is_err(), "no directory");
        let none: Option<&OwnedFd> = None;
        let start = Instant::now();
        changes.wait(none, Duration::from_millis(30)).unwrap();
        assert!(start.elapsed() >= Duration::from_millis(29));
        std::fs::write(&path, "x").unwrap();
        let start = Instant::now();
        changes.wait(none, Duration::from_secs(20)).unwrap();
        assert!(start.elapsed() < Duration::from_secs(10));
        assert!(changes.add(Path::new("/none")).is_err());
    }
}
