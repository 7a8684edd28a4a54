//! Folders that are observed: what happens to the names in them, told by the kernel (inotify(7)).
//!
//! Invariants: what happened is told by path, never by content; links are not followed; the number of folders and of
//! events at once is bounded, and more than can be told is told as [`Happening::Lost`].

use crate::SysError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Events of one turn; the rest waits for the next.
const EVENTS_MAX: usize = 4_096;
const BUFFER_BYTES: usize = 64 * 1024;

/// What happened to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Happening {
    /// It came.
    Made,
    /// A folder came.
    MadeFolder,
    /// Its content was written.
    Written,
    /// Its owner, mode or times were set.
    Attributes,
    /// It went.
    Gone,
    /// More happened than was told: everything has to be looked at.
    Lost,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where; of [`Happening::Lost`] empty.
    pub path: PathBuf,
    /// What.
    pub what: Happening,
}

/// Observes folders.
#[derive(Debug)]
pub struct Observer {
    inotify: OwnedFd,
    folders: HashMap<i32, PathBuf>,
    folders_max: usize,
    buffer: Vec<MaybeUninit<u8>>,
}

impl Observer {
    /// Observes nothing yet, and at most so many folders.
    pub fn new(folders_max: usize) -> Result<Self, SysError> {
        let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .map_err(|error| SysError::from_io("observing", "folders", error.into()))?;
        let buffer = vec![MaybeUninit::uninit(); BUFFER_BYTES];
        Ok(Self { inotify, folders: HashMap::new(), folders_max, buffer })
    }

    /// Observes a folder, not what lies below it.
    pub fn add(&mut self, folder: &Path) -> Result<(), SysError> {
        if self.folders.len() >= self.folders_max {
            let limit = u64::try_from(self.folders_max).unwrap_or(u64::MAX);
            return Err(SysError::TooLarge { path: folder.to_owned(), limit });
        }
        let flags = WatchFlags::CREATE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::ATTRIB
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::ONLYDIR
            | WatchFlags::DONT_FOLLOW;
        let watch = add_watch(&self.inotify, folder, flags)
            .map_err(|error| SysError::from_io("observing", folder, error.into()))?;
        self.folders.insert(watch, folder.to_owned());
        Ok(())
    }

    /// How many folders are observed.
    pub fn folders(&self) -> usize {
        self.folders.len()
    }

    /// Waits until something happens or the time is over, and tells it.
    pub fn wait(&mut self, time_max: Duration) -> Result<Vec<Event>, SysError> {
        let wrong = |error: Errno| SysError::from_io("observing", "folders", error.into());
        let mut ready = [PollFd::new(&self.inotify, PollFlags::IN)];
        match poll(&mut ready, Timespec::try_from(time_max).ok().as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(wrong(error)),
        }
        let mut out = Vec::new();
        let mut ended = Vec::new();
        let mut reader = Reader::new(self.inotify.as_fd(), &mut self.buffer);
        while out.len() < EVENTS_MAX {
            match reader.next() {
                Ok(event) => {
                    let flags = event.events();
                    if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                        out.push(Event { path: PathBuf::new(), what: Happening::Lost });
                    } else if flags.contains(ReadFlags::IGNORED) {
                        ended.push(event.wd());
                    } else if let (Some(folder), Some(what)) =
                        (self.folders.get(&event.wd()), happening(flags))
                    {
                        let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                        let path = name.map_or_else(|| folder.clone(), |name| folder.join(name));
                        out.push(Event { path, what });
                    }
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(wrong(error)),
            }
        }
        for watch in ended {
            self.folders.remove(&watch);
        }
        Ok(out)
    }
}

fn happening(flags: ReadFlags) -> Option<Happening> {
    let is_folder = flags.contains(ReadFlags::ISDIR);
    if flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
        Some(if is_folder { Happening::MadeFolder } else { Happening::Made })
    } else if flags.intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM) {
        Some(Happening::Gone)
    } else if flags.contains(ReadFlags::CLOSE_WRITE) {
        Some(Happening::Written)
    } else if flags.contains(ReadFlags::ATTRIB) {
        Some(Happening::Attributes)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Instant;

    /// All that is told until this happens, or too long has passed.
    fn until(observer: &mut Observer, path: &Path, what: Happening) -> Vec<Event> {
        let start = Instant::now();
        let mut all = Vec::new();
        while start.elapsed() < Duration::from_secs(20) {
            all.extend(observer.wait(Duration::from_millis(200)).unwrap());
            if all.iter().any(|event| event.path == path && event.what == what) {
                return all;
            }
        }
        panic!("{what:?} of {} was not told: {all:?}", path.display());
    }

    #[test]
    fn what_happens_in_a_folder_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (file, sub) = (folder.path().join("a\nb"), folder.path().join("sub"));
        let mut observer = Observer::new(10).unwrap();
        observer.add(folder.path()).unwrap();
        assert!(observer.wait(Duration::ZERO).unwrap().is_empty());
        std::fs::write(&file, "x").unwrap();
        until(&mut observer, &file, Happening::Written);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        until(&mut observer, &file, Happening::Attributes);
        std::fs::remove_file(&file).unwrap();
        until(&mut observer, &file, Happening::Gone);
        std::fs::create_dir(&sub).unwrap();
        until(&mut observer, &sub, Happening::MadeFolder);
        observer.add(&sub).unwrap();
        assert_eq!(observer.folders(), 2);
        std::fs::write(folder.path().join("new"), "").unwrap();
        std::fs::rename(folder.path().join("new"), sub.join("moved")).unwrap();
        until(&mut observer, &sub.join("moved"), Happening::Made);
        std::fs::remove_dir_all(&sub).unwrap();
        until(&mut observer, &sub, Happening::Gone);
        observer.wait(Duration::ZERO).unwrap();
        assert_eq!(observer.folders(), 1, "what is gone is observed no more");
    }

    #[test]
    fn only_folders_are_observed_and_no_more_than_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let mut observer = Observer::new(1).unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("link")).unwrap();
        assert!(observer.add(&folder.path().join("file")).is_err());
        assert!(observer.add(&folder.path().join("link")).is_err());
        assert!(observer.add(Path::new("/none")).is_err());
        observer.add(folder.path()).unwrap();
        assert!(matches!(observer.add(folder.path()), Err(SysError::TooLarge { limit: 1, .. })));
    }
}
