//! Files beneath a root, so that no name that a stranger chooses leads out of it.
//!
//! The kernel does the deciding (`openat2` with `RESOLVE_BENEATH`, Linux 5.6): `..`, absolute paths
//! and symbolic links that would leave the root all fail, with no gap between check and use.
//! A kernel without `openat2` is an error, never a fall-back to something weaker.

use crate::{Kind, SysError};
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, open, openat2, readlink, sendfile};
use rustix::io::retry_on_intr;
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
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
        self.open_by(relative, ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS)
    }

    fn open_by(&self, relative: &[u8], resolve: ResolveFlags) -> Result<Opened, SysError> {
        let name = if relative.is_empty() { b"." } else { relative };
        let name = Path::new(OsStr::from_bytes(name));
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = openat2(&self.directory, name, flags, Mode::empty(), resolve)
            .map_err(|error| self.explain(name, error))?;
        let facts = self.facts(&file, name)?;
        Ok(Opened { file: File::from(file), facts })
    }

    /// As [`Root::open_beneath`], and where a symbolic link was on the way, only what `admits` by its own name: the one
    /// beneath the root without any link. What has none that can be told is not admitted.
    pub fn open_admitted(
        &self,
        relative: &[u8],
        admits: impl FnOnce(&[u8]) -> bool,
    ) -> Result<Opened, SysError> {
        let straight = self.open_by(relative, ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS);
        if !matches!(straight, Err(SysError::Escapes(_))) {
            return straight;
        }
        let opened = self.open_beneath(relative)?;
        let own = self.own_name(&opened);
        if own.as_deref().is_some_and(admits) {
            return Ok(opened);
        }
        Err(SysError::Escapes(self.path.join(OsStr::from_bytes(relative))))
    }

    /// The name of what is open, beneath the root.
    fn own_name(&self, opened: &Opened) -> Option<Vec<u8>> {
        let of = |descriptor: BorrowedFd<'_>| {
            let place = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
            readlink(place, Vec::new()).map(CString::into_bytes).ok()
        };
        let (root, own) = (of(self.directory.as_fd())?, of(opened.file.as_fd())?);
        let rest = own.strip_prefix(root.strip_suffix(b"/").unwrap_or(&root))?;
        if rest.is_empty() {
            return Some(Vec::new());
        }
        rest.strip_prefix(b"/").map(<[u8]>::to_vec)
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
            // A socket, or a device that nobody serves.
            rustix::io::Errno::NXIO => SysError::WrongKind { path, wanted: "regular file" },
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
    fn what_a_link_leads_to_is_judged_by_its_own_name() {
        let dir = tree();
        // The root itself may be reached by a link.
        symlink("www", dir.path().join("current")).unwrap();
        symlink("sub", dir.path().join("www/linked")).unwrap();
        symlink(".", dir.path().join("www/self")).unwrap();
        let root = Root::open(&dir.path().join("current")).unwrap();
        for (name, own) in [
            (&b"sub/inside"[..], &b"a.txt"[..]),
            (b"linked", b"sub"),
            (b"linked/inside", b"a.txt"),
            (b"self/a.txt", b"a.txt"),
            (b"self", b""),
        ] {
            let shown = |seen: &[u8]| assert_eq!(seen, own, "{}", name.escape_ascii());
            assert!(
                root.open_admitted(name, |seen| {
                    shown(seen);
                    true
                })
                .is_ok()
            );
            let error = root.open_admitted(name, |_| false);
            assert!(matches!(error, Err(SysError::Escapes(_))), "{error:?}");
        }
        let asked = |_: &[u8]| -> bool { panic!("no link is on the way") };
        assert!(root.open_admitted(b"a.txt", asked).is_ok());
        assert!(matches!(root.open_admitted(b"none", asked), Err(SysError::Missing(_))));
        for name in [&b"out"[..], b"absolute", b"../secret", b"loop"] {
            let error = root.open_admitted(name, |_| true);
            assert!(matches!(error, Err(SysError::Escapes(_))), "{error:?}");
        }
    }

    #[test]
    fn only_files_and_directories_are_opened() {
        let dir = tree();
        let www = dir.path().join("www");
        let socket = std::os::unix::net::UnixListener::bind(www.join("socket")).unwrap();
        let root = Root::open(&www).unwrap();
        let error = root.open_beneath(b"socket");
        assert!(matches!(error, Err(SysError::WrongKind { .. })), "{error:?}");
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
