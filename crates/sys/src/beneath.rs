//! Files beneath a root, so that no name that a stranger chooses leads out of it.
//!
//! The kernel does the deciding (`openat2` with `RESOLVE_BENEATH`, Linux 5.6): `..`, absolute paths
//! and symbolic links that would leave the root all fail, with no gap between check and use.
//! A kernel without `openat2` is an error, never a fall-back to something weaker.

use crate::{Kind, SysError};
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, open, openat2, sendfile};
use rustix::io::retry_on_intr;
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A directory that was opened once; what is opened through it lies beneath it.
#[derive(Debug)]
pub struct Root {
    directory: OwnedFd,
    path: PathBuf,
}

/// What a file's metadata says; equal facts mean that the content is taken to be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Regular file or directory.
    pub kind: Kind,
    /// Bytes.
    pub size: u64,
    /// Last modification, whole seconds since 1970.
    pub modified_secs: i64,
    /// Last modification, nanoseconds within the second.
    pub modified_nanos: u64,
    /// Inode number.
    pub inode: u64,
    /// Device number.
    pub device: u64,
}

/// An open file or directory beneath a [`Root`].
#[derive(Debug)]
pub struct Opened {
    file: File,
    /// As of the moment of opening.
    pub facts: Facts,
}

impl Root {
    /// Opens a directory as a root. The directory itself may be reached by symbolic links.
    pub fn open(path: &Path) -> Result<Self, SysError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = open(path, flags, Mode::empty()).map_err(|error| match error {
            rustix::io::Errno::NOTDIR => {
                SysError::WrongKind { path: path.into(), wanted: "directory" }
            }
            other => SysError::from_io("opening the directory", path, other.into()),
        })?;
        Ok(Self { directory, path: path.into() })
    }

    /// The path that was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a file or directory for reading. `relative` has no leading slash; empty is the root
    /// itself. Symbolic links are followed as long as they stay beneath the root.
    pub fn open_beneath(&self, relative: &[u8]) -> Result<Opened, SysError> {
        let name = if relative.is_empty() { b"." } else { relative };
        let name = Path::new(OsStr::from_bytes(name));
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let file = openat2(&self.directory, name, flags, Mode::empty(), resolve)
            .map_err(|error| self.explain(name, error))?;
        let facts = self.facts(&file, name)?;
        Ok(Opened { file: File::from(file), facts })
    }

    /// Whether a regular file is there, beneath the root. It need not be readable.
    pub fn has_file(&self, relative: &[u8]) -> bool {
        self.kind(relative) == Some(Kind::File)
    }

    /// What is there beneath the root, if it is a regular file or a directory. It need not be readable.
    pub fn kind(&self, relative: &[u8]) -> Option<Kind> {
        let name = Path::new(OsStr::from_bytes(relative));
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let file = openat2(&self.directory, name, flags, Mode::empty(), resolve);
        Some(self.facts(&file.ok()?, name).ok()?.kind)
    }

    fn facts(&self, file: &OwnedFd, name: &Path) -> Result<Facts, SysError> {
        let stat = fstat(file).map_err(|error| self.explain(name, error))?;
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink
            | FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => {
                return Err(SysError::WrongKind {
                    path: self.path.join(name),
                    wanted: "regular file",
                });
            }
        };
        Ok(Facts {
            kind,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified_secs: stat.st_mtime,
            modified_nanos: stat.st_mtime_nsec,
            inode: stat.st_ino,
            device: stat.st_dev,
        })
    }

    fn explain(&self, name: &Path, error: rustix::io::Errno) -> SysError {
        let path = self.path.join(name);
        match error {
            rustix::io::Errno::XDEV | rustix::io::Errno::LOOP => SysError::Escapes(path),
            rustix::io::Errno::NOSYS => SysError::Unsupported("`openat2` (Linux 5.6)"),
            rustix::io::Errno::NAMETOOLONG => SysError::Missing(path),
            other => SysError::from_io("opening", path, other.into()),
        }
    }
}

impl Opened {
    /// Reads at a place without moving it; 0 is the end of the file.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, SysError> {
        self.file
            .read_at(buffer, offset)
            .map_err(|error| SysError::from_io("reading", Path::new("an open file"), error))
    }

    /// Whether it has the size and was last modified when it was opened.
    pub fn is_unchanged(&self) -> bool {
        fstat(&self.file).is_ok_and(|stat| {
            u64::try_from(stat.st_size) == Ok(self.facts.size)
                && (stat.st_mtime, stat.st_mtime_nsec)
                    == (self.facts.modified_secs, self.facts.modified_nanos)
        })
    }

    /// Sends bytes from a place on to a socket without a copy of them (`sendfile(2)`); how many it took. 0 is the end of
    /// the file.
    pub fn send(&self, socket: impl AsFd, offset: u64, count: usize) -> std::io::Result<usize> {
        let mut at = offset;
        let sent = retry_on_intr(|| sendfile(&socket, &self.file, Some(&mut at), count));
        Ok(sent?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[expect(clippy::disallowed_methods, reason = "the test makes its own tree")]
    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("www/sub")).unwrap();
        std::fs::write(dir.path().join("secret"), "s").unwrap();
        std::fs::write(dir.path().join("www/a.txt"), "hello").unwrap();
        symlink("../secret", dir.path().join("www/out")).unwrap();
        symlink("/etc/passwd", dir.path().join("www/absolute")).unwrap();
        symlink("../a.txt", dir.path().join("www/sub/inside")).unwrap();
        symlink("loop", dir.path().join("www/loop")).unwrap();
        dir
    }

    #[test]
    fn what_lies_beneath_is_read() {
        let dir = tree();
        let root = Root::open(&dir.path().join("www")).unwrap();
        for name in [&b"a.txt"[..], b"sub/inside", b"sub/../a.txt"] {
            let opened = root.open_beneath(name).unwrap();
            let mut buffer = [0; 8];
            assert_eq!(opened.read_at(&mut buffer, 1).unwrap(), 4);
            assert_eq!(&buffer[..4], b"ello");
            assert_eq!((opened.facts.kind, opened.facts.size), (Kind::File, 5));
        }
        assert_eq!(root.open_beneath(b"sub").unwrap().facts.kind, Kind::Directory);
        assert_eq!(root.open_beneath(b"").unwrap().facts.kind, Kind::Directory);
    }

    #[test]
    fn what_leaves_the_root_fails() {
        let dir = tree();
        let root = Root::open(&dir.path().join("www")).unwrap();
        for name in [&b"out"[..], b"absolute", b"../secret", b"/etc/passwd", b"loop"] {
            assert!(matches!(root.open_beneath(name), Err(SysError::Escapes(_))));
        }
        assert!(matches!(root.open_beneath(b"none"), Err(SysError::Missing(_))));
        assert!(matches!(root.open_beneath(b"a.txt/x"), Err(SysError::Missing(_))));
        assert!(matches!(root.open_beneath(&[b'a'; 300]), Err(SysError::Missing(_))));
        assert!(matches!(root.open_beneath(b"a\0b"), Err(SysError::Io { .. })));
    }

    #[test]
    fn only_files_and_directories_are_opened() {
        let dir = tree();
        let www = dir.path().join("www");
        let socket = std::os::unix::net::UnixListener::bind(www.join("socket")).unwrap();
        let root = Root::open(&www).unwrap();
        assert!(root.open_beneath(b"socket").is_err());
        drop(socket);
        rustix::fs::mknodat(
            rustix::fs::CWD,
            www.join("pipe"),
            FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        // Opening a pipe that nobody writes to must not wait.
        let pipe = root.open_beneath(b"pipe");
        assert!(matches!(pipe, Err(SysError::WrongKind { wanted: "regular file", .. })));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test changes its own tree")]
    fn facts_change_with_the_file() {
        let dir = tree();
        let root = Root::open(&dir.path().join("www")).unwrap();
        let before = root.open_beneath(b"a.txt").unwrap();
        assert_eq!(root.open_beneath(b"a.txt").unwrap().facts, before.facts);
        std::fs::write(dir.path().join("www/b.txt"), "HELLO").unwrap();
        std::fs::rename(dir.path().join("www/b.txt"), dir.path().join("www/a.txt")).unwrap();
        let after = root.open_beneath(b"a.txt").unwrap();
        assert_ne!(after.facts, before.facts);
        let mut buffer = [0; 5];
        assert_eq!(before.read_at(&mut buffer, 0).unwrap(), 5);
        assert_eq!(&buffer, b"hello", "an open file stays what it was");
        assert_eq!(before.read_at(&mut buffer, 5).unwrap(), 0);
        assert_eq!(root.path(), dir.path().join("www"));
    }

    #[test]
    fn a_root_is_a_directory() {
        let dir = tree();
        let file = Root::open(&dir.path().join("secret"));
        assert!(matches!(file, Err(SysError::WrongKind { .. })));
        assert!(matches!(Root::open(&dir.path().join("none")), Err(SysError::Missing(_))));
    }
}
