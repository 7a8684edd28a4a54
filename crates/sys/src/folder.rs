//! A directory by its descriptor, with everything that a backup reads from it and a restore makes in it.
//!
//! Invariants: a name is one component and is never followed when it is a symbolic link, so that whoever may
//! write in a directory cannot lead a process of root out of it; a path is followed component by component in
//! the same way. What is made is made anew (`O_EXCL`), never through something that is already there.

use crate::SysError;
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, RawDir, ResolveFlags, Stat, Timespec, Timestamps, Uid,
    XattrFlags, chmodat, chownat, lgetxattr, linkat, llistxattr, lsetxattr, mkdirat, mknodat,
    openat, openat2, readlinkat, renameat, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The longest value of an extended attribute (xattr(7)), in bytes.
const XATTR_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a directory's list that are read at once.
const LIST_BYTES: usize = 32 * 1024;

/// Extended attributes: names and values.
pub type Extended = Vec<(Vec<u8>, Vec<u8>)>;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A block device.
    Block,
    /// A character device.
    Character,
    /// A named pipe.
    Pipe,
    /// A socket.
    Socket,
}

/// Seconds since 1970 and nanoseconds within the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Seconds since 1970.
    pub secs: i64,
    /// 0 to 999,999,999.
    pub nanos: u32,
}

/// What the file system knows about a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// What it is.
    pub kind: NodeKind,
    /// Permission bits with set-id and sticky bits, `0o7777`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    /// Last change of the content.
    pub modified: Stamp,
    /// Last access.
    pub accessed: Stamp,
    /// Last change of anything.
    pub changed: Stamp,
    /// Inode number.
    pub inode: u64,
    /// The file system that it is on.
    pub device: u64,
    /// Names that the file has.
    pub links: u64,
    /// For a device, which.
    pub rdev: u64,
    /// Space that it takes on the disk, in bytes.
    pub allocated: u64,
}

impl Attributes {
    fn of(stat: &Stat) -> Option<Self> {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => NodeKind::File,
            FileType::Directory => NodeKind::Directory,
            FileType::Symlink => NodeKind::Link,
            FileType::BlockDevice => NodeKind::Block,
            FileType::CharacterDevice => NodeKind::Character,
            FileType::Fifo => NodeKind::Pipe,
            FileType::Socket => NodeKind::Socket,
            FileType::Unknown => return None,
        };
        let stamp =
            |secs: i64, nanos: u64| Stamp { secs, nanos: u32::try_from(nanos).unwrap_or(0) };
        Some(Self {
            kind,
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: stamp(stat.st_mtime, stat.st_mtime_nsec),
            accessed: stamp(stat.st_atime, stat.st_atime_nsec),
            changed: stamp(stat.st_ctime, stat.st_ctime_nsec),
            inode: stat.st_ino,
            device: stat.st_dev,
            links: stat.st_nlink,
            rdev: stat.st_rdev,
            allocated: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
        })
    }
}

/// An open directory.
#[derive(Debug)]
pub struct Folder {
    directory: OwnedFd,
    path: PathBuf,
}

/// A component as the kernel takes it.
fn component(name: &[u8]) -> Result<&OsStr, Errno> {
    if name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') || name.contains(&0)
    {
        return Err(Errno::INVAL);
    }
    Ok(OsStr::from_bytes(name))
}

const READ: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

impl Folder {
    /// Opens a directory. Links on the way to it are followed: the caller names it.
    pub fn open(path: &Path) -> Result<Self, SysError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory =
            rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
                Errno::NOTDIR => SysError::WrongKind { path: path.into(), wanted: "directory" },
                other => SysError::from_io("opening the directory", path, other.into()),
            })?;
        Ok(Self { directory, path: path.into() })
    }

    /// Where it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn wrong(&self, doing: &'static str, name: &[u8], error: Errno) -> SysError {
        SysError::from_io(doing, self.path.join(OsStr::from_bytes(name)), error.into())
    }

    /// A directory in it.
    pub fn folder(&self, name: &[u8]) -> Result<Self, SysError> {
        let wrong = |error| self.wrong("opening the directory", name, error);
        let part = component(name).map_err(wrong)?;
        let flags = READ | OFlags::DIRECTORY;
        let directory = openat(&self.directory, part, flags, Mode::empty()).map_err(wrong)?;
        Ok(Self { directory, path: self.path.join(part) })
    }

    /// A directory below it, by a path without a leading slash; no link is followed. Empty: itself.
    pub fn beneath(&self, relative: &[u8]) -> Result<Self, SysError> {
        let wrong = |error| self.wrong("opening the directory", relative, error);
        let name = Path::new(OsStr::from_bytes(if relative.is_empty() { b"." } else { relative }));
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory =
            openat2(&self.directory, name, flags, Mode::empty(), resolve).map_err(wrong)?;
        Ok(Self { directory, path: self.path.join(OsStr::from_bytes(relative)) })
    }

    /// The names in it, sorted by their bytes.
    pub fn names(&self) -> Result<Vec<Vec<u8>>, SysError> {
        let wrong = |error| self.wrong("listing", b"", error);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fresh = openat(&self.directory, c".", flags, Mode::empty()).map_err(wrong)?;
        let mut buffer = vec![MaybeUninit::uninit(); LIST_BYTES];
        let mut entries = RawDir::new(fresh, &mut buffer);
        let mut names = Vec::new();
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(wrong)?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// What a name stands for. `None`: nothing is there.
    pub fn attributes(&self, name: &[u8]) -> Result<Option<Attributes>, SysError> {
        let wrong = |error| self.wrong("looking at", name, error);
        let part = component(name).map_err(wrong)?;
        match statat(&self.directory, part, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Attributes::of(&stat).map(Some).ok_or_else(|| wrong(Errno::INVAL)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(wrong(error)),
        }
    }

    /// What this directory itself is.
    pub fn own_attributes(&self) -> Result<Attributes, SysError> {
        let wrong = |error| self.wrong("looking at", b"", error);
        let stat = rustix::fs::fstat(&self.directory).map_err(wrong)?;
        Attributes::of(&stat).ok_or_else(|| wrong(Errno::INVAL))
    }

    /// Where a symbolic link points, as it is written.
    pub fn link_target(&self, name: &[u8]) -> Result<Vec<u8>, SysError> {
        let wrong = |error| self.wrong("reading the link", name, error);
        let part = component(name).map_err(wrong)?;
        let target = readlinkat(&self.directory, part, Vec::new()).map_err(wrong)?;
        Ok(target.into_bytes())
    }

    /// Opens a regular file for reading; its time of access is left alone where we may.
    pub fn read(&self, name: &[u8]) -> Result<(File, Attributes), SysError> {
        let wrong = |error| self.wrong("opening", name, error);
        let part = component(name).map_err(wrong)?;
        let quiet = openat(&self.directory, part, READ | OFlags::NOATIME, Mode::empty());
        let file = match quiet {
            Err(Errno::PERM) => openat(&self.directory, part, READ, Mode::empty()),
            other => other,
        };
        let file = file.map_err(wrong)?;
        let stat = rustix::fs::fstat(&file).map_err(wrong)?;
        let attributes = Attributes::of(&stat).filter(|facts| facts.kind == NodeKind::File);
        let attributes = attributes.ok_or_else(|| SysError::WrongKind {
            path: self.path.join(part),
            wanted: "regular file",
        })?;
        Ok((File::from(file), attributes))
    }

    /// Makes a file that must not be there, with mode 0600, and opens it for reading and writing.
    pub fn create(&self, name: &[u8]) -> Result<File, SysError> {
        let wrong = |error| self.wrong("making", name, error);
        let part = component(name).map_err(wrong)?;
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mode = Mode::from_raw_mode(0o600);
        openat(&self.directory, part, flags, mode).map(File::from).map_err(wrong)
    }

    /// Opens a file of ours that is there, for writing.
    pub fn reopen(&self, name: &[u8]) -> Result<File, SysError> {
        let wrong = |error| self.wrong("opening", name, error);
        let part = component(name).map_err(wrong)?;
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        openat(&self.directory, part, flags, Mode::empty()).map(File::from).map_err(wrong)
    }

    /// Makes a directory with mode 0700. `false`: one was there already.
    pub fn make_folder(&self, name: &[u8]) -> Result<bool, SysError> {
        let wrong = |error| self.wrong("making the directory", name, error);
        let part = component(name).map_err(wrong)?;
        match mkdirat(&self.directory, part, Mode::from_raw_mode(0o700)) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => {
                let there = self.attributes(name)?;
                if there.is_some_and(|facts| facts.kind == NodeKind::Directory) {
                    return Ok(false);
                }
                Err(SysError::WrongKind { path: self.path.join(part), wanted: "directory" })
            }
            Err(error) => Err(wrong(error)),
        }
    }

    /// Makes a symbolic link.
    pub fn make_link(&self, name: &[u8], target: &[u8]) -> Result<(), SysError> {
        let wrong = |error| self.wrong("making the link", name, error);
        let part = component(name).map_err(wrong)?;
        symlinkat(OsStr::from_bytes(target), &self.directory, part).map_err(wrong)
    }

    /// Gives a file of another directory one more name, here.
    pub fn make_hard_link(&self, name: &[u8], from: &Self, old: &[u8]) -> Result<(), SysError> {
        let wrong = |error| self.wrong("linking", name, error);
        let (part, old) = (component(name).map_err(wrong)?, component(old).map_err(wrong)?);
        linkat(&from.directory, old, &self.directory, part, AtFlags::empty()).map_err(wrong)
    }

    /// Makes a device, a pipe or a socket with mode 0600.
    pub fn make_special(&self, name: &[u8], kind: NodeKind, rdev: u64) -> Result<(), SysError> {
        let wrong = |error| self.wrong("making", name, error);
        let part = component(name).map_err(wrong)?;
        let kind = match kind {
            NodeKind::Block => FileType::BlockDevice,
            NodeKind::Character => FileType::CharacterDevice,
            NodeKind::Pipe => FileType::Fifo,
            NodeKind::Socket => FileType::Socket,
            NodeKind::File | NodeKind::Directory | NodeKind::Link => {
                return Err(wrong(Errno::INVAL));
            }
        };
        mknodat(&self.directory, part, kind, Mode::from_raw_mode(0o600), rdev).map_err(wrong)
    }

    /// Moves a name to another directory of the same file system, over what is there.
    pub fn rename(&self, name: &[u8], to: &Self, new: &[u8]) -> Result<(), SysError> {
        let wrong = |error| self.wrong("renaming", name, error);
        let (old, new) = (component(name).map_err(wrong)?, component(new).map_err(wrong)?);
        renameat(&self.directory, old, &to.directory, new).map_err(wrong)
    }

    /// Removes a name that is no directory. `false`: it was not there.
    pub fn remove(&self, name: &[u8]) -> Result<bool, SysError> {
        self.unlink(name, AtFlags::empty())
    }

    /// Removes an empty directory. `false`: it was not there.
    pub fn remove_folder(&self, name: &[u8]) -> Result<bool, SysError> {
        self.unlink(name, AtFlags::REMOVEDIR)
    }

    fn unlink(&self, name: &[u8], flags: AtFlags) -> Result<bool, SysError> {
        let wrong = |error| self.wrong("removing", name, error);
        let part = component(name).map_err(wrong)?;
        match unlinkat(&self.directory, part, flags) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(wrong(error)),
        }
    }

    /// A path by which calls that know no directories reach a name here, the last link not followed.
    fn by_descriptor(&self, name: &[u8]) -> Result<PathBuf, Errno> {
        let own = format!("/proc/self/fd/{}", self.directory.as_raw_fd());
        Ok(Path::new(&own).join(component(name)?))
    }

    /// The extended attributes of a name, access lists among them, sorted. A file system that has none
    /// gives none.
    pub fn extended(&self, name: &[u8]) -> Result<Extended, SysError> {
        let wrong = |error| self.wrong("reading the extended attributes of", name, error);
        let path = self.by_descriptor(name).map_err(wrong)?;
        let mut list = vec![0_u8; 1024];
        let length = loop {
            match llistxattr(&path, &mut list[..]) {
                Ok(length) => break length,
                Err(Errno::NOTSUP) => return Ok(Vec::new()),
                Err(Errno::RANGE) if list.len() < XATTR_BYTES_MAX => {
                    list.resize(XATTR_BYTES_MAX, 0);
                }
                Err(error) => return Err(wrong(error)),
            }
        };
        list.truncate(length);
        let mut all = Vec::new();
        for attribute in list.split(|byte| *byte == 0).filter(|attribute| !attribute.is_empty()) {
            let mut value = vec![0_u8; XATTR_BYTES_MAX];
            match lgetxattr(&path, OsStr::from_bytes(attribute), &mut value[..]) {
                Ok(length) => value.truncate(length),
                Err(Errno::NODATA) => continue,
                Err(error) => return Err(wrong(error)),
            }
            value.shrink_to_fit();
            all.push((attribute.to_vec(), value));
        }
        all.sort_unstable();
        Ok(all)
    }

    /// Sets an extended attribute.
    pub fn set_extended(
        &self,
        name: &[u8],
        attribute: &[u8],
        value: &[u8],
    ) -> Result<(), SysError> {
        let wrong = |error| self.wrong("setting an extended attribute of", name, error);
        let path = self.by_descriptor(name).map_err(wrong)?;
        lsetxattr(&path, OsStr::from_bytes(attribute), value, XattrFlags::empty()).map_err(wrong)
    }

    /// Sets the owner; a link itself, not what it points to.
    pub fn set_owner(&self, name: &[u8], uid: u32, gid: u32) -> Result<(), SysError> {
        let wrong = |error| self.wrong("setting the owner of", name, error);
        let part = component(name).map_err(wrong)?;
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        chownat(&self.directory, part, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(wrong)
    }

    /// Sets the permission bits of what is no link. The name must not be a stranger's to change: it is
    /// looked at first, and set by a path that follows links only in the file system's own view.
    pub fn set_mode(&self, name: &[u8], mode: u32) -> Result<(), SysError> {
        let wrong = |error| self.wrong("setting the mode of", name, error);
        let part = component(name).map_err(wrong)?;
        // A descriptor of the name itself, so that it cannot be exchanged for a link meanwhile.
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let held = openat(&self.directory, part, flags, Mode::empty()).map_err(wrong)?;
        let stat = rustix::fs::fstat(&held).map_err(wrong)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            return Err(wrong(Errno::LOOP));
        }
        let path = format!("/proc/self/fd/{}", held.as_raw_fd());
        chmodat(rustix::fs::CWD, path, Mode::from_raw_mode(mode & 0o7777), AtFlags::empty())
            .map_err(wrong)
    }

    /// Sets the times of access and change; of a link itself.
    pub fn set_times(&self, name: &[u8], accessed: Stamp, modified: Stamp) -> Result<(), SysError> {
        let wrong = |error| self.wrong("setting the times of", name, error);
        let part = component(name).map_err(wrong)?;
        let spec = |stamp: Stamp| Timespec { tv_sec: stamp.secs, tv_nsec: i64::from(stamp.nanos) };
        let times = Timestamps { last_access: spec(accessed), last_modification: spec(modified) };
        utimensat(&self.directory, part, &times, AtFlags::SYMLINK_NOFOLLOW).map_err(wrong)
    }

    /// Waits until the names in it are on the disk.
    pub fn sync(&self) -> Result<(), SysError> {
        rustix::fs::fsync(&self.directory).map_err(|error| self.wrong("flushing", b"", error))
    }

    /// Waits until everything that was written to its file system is on the disk.
    pub fn sync_all(&self) -> Result<(), SysError> {
        rustix::fs::syncfs(&self.directory).map_err(|error| self.wrong("flushing", b"", error))
    }

    /// Bytes that are free on its file system for this process.
    pub fn free_bytes(&self) -> Result<u64, SysError> {
        let facts = rustix::fs::fstatvfs(&self.directory);
        let facts = facts.map_err(|error| self.wrong("measuring", b"", error))?;
        Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
    }
}

/// Where the next data of a sparse file begin and end, from an offset. `None`: only a hole follows.
pub fn next_data(file: &File, offset: u64) -> Option<(u64, u64)> {
    let start = match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(offset)) {
        Ok(start) => start,
        Err(Errno::NXIO) => return None,
        // A file system that knows no holes has data everywhere.
        Err(_) => return Some((offset, u64::MAX)),
    };
    let end = rustix::fs::seek(file, rustix::fs::SeekFrom::Hole(start)).unwrap_or(u64::MAX);
    Some((start, end))
}

/// Tells the kernel that a file is read once, from the front.
pub fn advise_once<F: AsFd>(file: &F) {
    // Advice that is not taken costs nothing.
    rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::Sequential).unwrap_or_default();
}

/// Major and minor number of a device.
pub fn device_numbers(rdev: u64) -> (u32, u32) {
    (rustix::fs::major(rdev), rustix::fs::minor(rdev))
}

/// The name of this machine, as its kernel knows it.
pub fn host_name() -> Vec<u8> {
    rustix::system::uname().nodename().to_bytes().to_vec()
}

/// Whether a process with this number runs on this machine; of another account's it is taken to.
pub fn is_running(pid: u32) -> bool {
    let number = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    number.is_some_and(|pid| !matches!(rustix::process::test_kill_process(pid), Err(Errno::SRCH)))
}

/// User and group that this process acts as.
pub fn own_ids() -> (u32, u32) {
    (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};

    #[test]
    fn what_is_made_is_what_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let top = Folder::open(dir.path()).unwrap();
        assert!(top.make_folder(b"a\n\xff").unwrap() && !top.make_folder(b"a\n\xff").unwrap());
        let inner = top.folder(b"a\n\xff").unwrap();
        inner.create(b"file").unwrap().write_all(b"text").unwrap();
        assert!(inner.create(b"file").is_err(), "what is there is not overwritten");
        inner.make_link(b"link", b"file").unwrap();
        inner.make_hard_link(b"other", &inner, b"file").unwrap();
        inner.make_special(b"pipe", NodeKind::Pipe, 0).unwrap();
        inner.set_mode(b"file", 0o4640).unwrap();
        let (accessed, modified) = (Stamp { secs: 5, nanos: 6 }, Stamp { secs: -7, nanos: 8 });
        inner.set_times(b"file", accessed, modified).unwrap();
        assert_eq!(inner.names().unwrap(), [&b"file"[..], b"link", b"other", b"pipe"]);
        let facts = inner.attributes(b"other").unwrap().unwrap();
        assert_eq!((facts.kind, facts.mode, facts.links), (NodeKind::File, 0o4640, 2));
        assert_eq!((facts.accessed, facts.modified, facts.size), (accessed, modified, 4));
        assert_eq!(inner.link_target(b"link").unwrap(), b"file");
        let kind = |name: &[u8]| inner.attributes(name).unwrap().map(|facts| facts.kind);
        assert_eq!(kind(b"pipe"), Some(NodeKind::Pipe));
        assert_eq!(kind(b"none"), None);
        let mut text = String::new();
        inner.read(b"file").unwrap().0.read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");
        assert!(inner.remove(b"pipe").unwrap() && !inner.remove(b"pipe").unwrap());
        assert!(top.remove_folder(b"a\n\xff").is_err(), "it is not empty");
    }

    #[test]
    fn no_link_leads_out() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let top = Folder::open(dir.path()).unwrap();
        top.make_link(b"out", outside.path().as_os_str().as_bytes()).unwrap();
        assert!(top.folder(b"out").is_err() && top.beneath(b"out").is_err());
        assert!(top.make_folder(b"out").is_err() && top.create(b"out").is_err());
        assert!(top.read(b"out").is_err() && top.set_mode(b"out", 0o777).is_err());
        for name in [&b""[..], b".", b"..", b"a/b", b"a\0b"] {
            assert!(top.attributes(name).is_err() && top.create(name).is_err(), "{name:?}");
        }
        assert!(top.beneath(b"..").is_err() && top.beneath(b"/").is_err());
        assert!(top.beneath(b"").is_ok());
    }

    #[test]
    fn extended_attributes_are_kept_where_there_are_any() {
        let dir = tempfile::tempdir().unwrap();
        let top = Folder::open(dir.path()).unwrap();
        drop(top.create(b"file").unwrap());
        assert_eq!(top.extended(b"file").unwrap(), []);
        if let Err(error) = top.set_extended(b"file", b"user.b", b"\0\xff") {
            println!("skipped: no extended attributes here: {error}");
            return;
        }
        top.set_extended(b"file", b"user.a", b"").unwrap();
        let expected = [(b"user.a".to_vec(), Vec::new()), (b"user.b".to_vec(), b"\0\xff".to_vec())];
        assert_eq!(top.extended(b"file").unwrap(), expected);
    }

    #[test]
    fn holes_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let top = Folder::open(dir.path()).unwrap();
        let file = top.create(b"file").unwrap();
        file.set_len(10 << 20).unwrap();
        assert!(matches!(next_data(&file, 0), None | Some((0, _))));
        std::os::unix::fs::FileExt::write_all_at(&file, b"x", 5 << 20).unwrap();
        let (start, end) = next_data(&file, 0).unwrap();
        assert!(start <= 5 << 20 && end > 5 << 20, "{start} {end}");
    }

    #[test]
    fn processes_and_the_machine_are_known() {
        assert!(is_running(std::process::id()));
        assert!(!is_running(0) && !is_running(u32::MAX));
        assert!(!host_name().is_empty());
        assert_eq!(device_numbers(0), (0, 0));
    }
}
