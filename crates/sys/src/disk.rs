//! Reading files and directories of a real disk, below a root or not.
//!
//! Nothing is opened before it is known to be a regular file or a directory, and everything is
//! opened without blocking: a pipe, a device or a terminal in the place of a file cannot hang or
//! trigger anything. A limit counts the bytes read, not the size that the file claims.

use crate::walk::{Level, Visitor, WalkLimits, Walked, walk};
use crate::{Entry, Kind, Metadata, SysError, UnixTime};
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, getxattr, openat,
    openat2, readlinkat, statat,
};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Bytes asked of a file at once.
const PIECE: usize = 64 * 1024;
/// How often a look-up below a root is begun again when something is renamed on its way.
const LOOKUPS_MAX: usize = 16;

/// Bytes of the largest form of file capabilities, with room.
const CAPABILITY_BYTES_MAX: usize = 64;

/// Where paths begin.
#[derive(Debug)]
pub(crate) enum Origin {
    /// The machine as the process sees it.
    Machine,
    /// A directory that is `/` to every path and every link.
    Root(OwnedFd),
}

impl Origin {
    /// The root directory at `path`.
    pub(crate) fn root(path: &Path) -> Result<Self, SysError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, path, flags, Mode::empty());
        root.map(Self::Root).map_err(|errno| fault("opening", path, errno))
    }

    fn open(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::CLOEXEC;
        let Self::Root(root) = self else {
            return again_if_interrupted(|| openat(CWD, path, flags, Mode::empty()));
        };
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        for _ in 0..LOOKUPS_MAX {
            match openat2(root, path, flags, Mode::empty(), resolve) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                answer => return answer,
            }
        }
        Err(Errno::AGAIN)
    }

    /// Opens a regular file or a directory, links followed.
    fn open_as(&self, path: &Path, wanted: Kind) -> Result<OwnedFd, SysError> {
        let opening = |errno| fault("opening", path, errno);
        let place = self.open(path, OFlags::PATH).map_err(opening)?;
        check_kind(&fstat(&place).map_err(opening)?, wanted, path)?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = self.open(path, flags).map_err(opening)?;
        check_kind(&fstat(&file).map_err(opening)?, wanted, path)?;
        Ok(file)
    }

    pub(crate) fn read(&self, path: &Path, bytes_max: u64) -> Result<Vec<u8>, SysError> {
        let file = self.open_as(path, Kind::File)?;
        let limit = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        let mut piece = vec![0; PIECE.min(limit.saturating_add(1))];
        loop {
            let count = again_if_interrupted(|| rustix::io::read(&file, piece.as_mut_slice()))
                .map_err(|errno| fault("reading", path, errno))?;
            if count == 0 {
                return Ok(bytes);
            }
            if bytes.len().saturating_add(count) > limit {
                return Err(SysError::TooLarge { path: path.to_owned(), limit: bytes_max });
            }
            bytes.extend(piece.iter().take(count));
        }
    }

    pub(crate) fn head(&self, path: &Path, wanted: usize) -> Result<Vec<u8>, SysError> {
        let file = self.open_as(path, Kind::File)?;
        let mut bytes = Vec::new();
        let mut piece = vec![0; PIECE.min(wanted)];
        while bytes.len() < wanted {
            let count = again_if_interrupted(|| rustix::io::read(&file, piece.as_mut_slice()))
                .map_err(|errno| fault("reading", path, errno))?;
            if count == 0 {
                break;
            }
            let left = wanted.saturating_sub(bytes.len());
            bytes.extend(piece.iter().take(count.min(left)));
        }
        Ok(bytes)
    }

    pub(crate) fn metadata(&self, path: &Path) -> Result<Metadata, SysError> {
        let place = self.open(path, OFlags::PATH | OFlags::NOFOLLOW);
        let stat = place.and_then(fstat).map_err(|errno| fault("looking at", path, errno))?;
        Ok(facts(&stat))
    }

    pub(crate) fn link(&self, path: &Path) -> Result<PathBuf, SysError> {
        let reading = |errno| fault("reading the link", path, errno);
        let place = self.open(path, OFlags::PATH | OFlags::NOFOLLOW).map_err(reading)?;
        match readlinkat(&place, "", Vec::new()) {
            Ok(target) => Ok(PathBuf::from(OsStr::from_bytes(target.as_bytes()))),
            Err(Errno::INVAL | Errno::NOENT) => Err(wrong_kind(path, Kind::Link)),
            Err(errno) => Err(reading(errno)),
        }
    }

    /// The attribute is asked for by the descriptor's own name in `/proc`, since one that was opened
    /// as a path alone has no attributes of its own; so nothing is opened for reading.
    pub(crate) fn capabilities(&self, path: &Path) -> Result<Option<Vec<u8>>, SysError> {
        let reading = |errno| fault("reading the capabilities of", path, errno);
        let place = self.open(path, OFlags::PATH | OFlags::NOFOLLOW).map_err(reading)?;
        if kind(FileType::from_raw_mode(fstat(&place).map_err(reading)?.st_mode)) != Kind::File {
            return Ok(None);
        }
        let name = format!("/proc/self/fd/{}", place.as_raw_fd());
        let mut bytes = [0_u8; CAPABILITY_BYTES_MAX];
        match getxattr(name, "security.capability", &mut bytes[..]) {
            Ok(count) => Ok(Some(bytes.iter().take(count).copied().collect())),
            Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
            Err(errno) => Err(reading(errno)),
        }
    }

    pub(crate) fn walk(
        &self,
        top: &Path,
        limits: WalkLimits,
        visit: &mut Visitor<'_>,
    ) -> Result<Walked, SysError> {
        walk(top, limits, visit, &mut |directory, entries_max| self.level(directory, entries_max))
    }

    /// A directory's entries with their facts, by one descriptor.
    fn level(&self, path: &Path, entries_max: usize) -> Level {
        let listing = |errno| fault("listing", path, errno);
        let directory = self.open_as(path, Kind::Directory)?;
        let mut entries = Vec::new();
        for entry in Dir::read_from(&directory).map_err(listing)? {
            let entry = entry.map_err(listing)?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            if entries.len() >= entries_max {
                let limit = u64::try_from(entries_max).unwrap_or(u64::MAX);
                return Err(SysError::TooLarge { path: path.to_owned(), limit });
            }
            match statat(&directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => entries.push((path.join(OsStr::from_bytes(name)), facts(&stat))),
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(listing(errno)),
            }
        }
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(entries)
    }

    pub(crate) fn list(&self, path: &Path, entries_max: usize) -> Result<Vec<Entry>, SysError> {
        let listing = |errno| fault("listing", path, errno);
        let directory = self.open_as(path, Kind::Directory)?;
        let mut entries = Vec::new();
        for entry in Dir::read_from(&directory).map_err(listing)? {
            let entry = entry.map_err(listing)?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            if entries.len() >= entries_max {
                let limit = u64::try_from(entries_max).unwrap_or(u64::MAX);
                return Err(SysError::TooLarge { path: path.to_owned(), limit });
            }
            let mut found = entry.file_type();
            if found == FileType::Unknown {
                match statat(&directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => found = FileType::from_raw_mode(stat.st_mode),
                    Err(Errno::NOENT) => continue,
                    Err(errno) => return Err(listing(errno)),
                }
            }
            entries.push(Entry { path: path.join(OsStr::from_bytes(name)), kind: kind(found) });
        }
        entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }
}

fn facts(stat: &Stat) -> Metadata {
    Metadata {
        kind: kind(FileType::from_raw_mode(stat.st_mode)),
        len: u64::try_from(stat.st_size).unwrap_or_default(),
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        modified: modified(stat),
    }
}

fn fault(doing: &'static str, path: &Path, errno: Errno) -> SysError {
    SysError::from_io(doing, path, errno.into())
}

fn again_if_interrupted<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    for _ in 0..LOOKUPS_MAX {
        match call() {
            Err(Errno::INTR) => {}
            answer => return answer,
        }
    }
    Err(Errno::INTR)
}

fn check_kind(stat: &Stat, wanted: Kind, path: &Path) -> Result<(), SysError> {
    if kind(FileType::from_raw_mode(stat.st_mode)) == wanted {
        return Ok(());
    }
    Err(wrong_kind(path, wanted))
}

/// The error for a path that is not what was asked for.
pub(crate) fn wrong_kind(path: impl Into<PathBuf>, wanted: Kind) -> SysError {
    let wanted = match wanted {
        Kind::File => "regular file",
        Kind::Directory => "directory",
        Kind::Link => "symbolic link",
        Kind::Other => "pipe, socket or device",
    };
    SysError::WrongKind { path: path.into(), wanted }
}

const fn kind(kind: FileType) -> Kind {
    match kind {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Link,
        FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => Kind::Other,
    }
}

fn modified(stat: &Stat) -> UnixTime {
    let micros = i64::try_from(stat.st_mtime_nsec / 1_000).unwrap_or_default();
    UnixTime(stat.st_mtime.saturating_mul(1_000_000).saturating_add(micros))
}

/// The wall clock and the monotonic clock of the machine.
pub(crate) fn clocks() -> (UnixTime, crate::Moment) {
    use rustix::time::{ClockId, clock_gettime};
    let wall = clock_gettime(ClockId::Realtime);
    let steady = clock_gettime(ClockId::Monotonic);
    let wall = UnixTime(wall.tv_sec.saturating_mul(1_000_000).saturating_add(wall.tv_nsec / 1_000));
    (wall, crate::Moment(std::time::Duration::try_from(steady).unwrap_or_default()))
}

/// Fills the buffer from the kernel's generator.
pub(crate) fn random(buffer: &mut [u8]) -> Result<(), SysError> {
    use rustix::rand::{GetRandomFlags, getrandom};
    let mut rest = buffer;
    while !rest.is_empty() {
        let source = Path::new("/dev/random");
        let count = again_if_interrupted(|| getrandom(&mut *rest, GetRandomFlags::empty()))
            .map_err(|errno| fault("taking random bytes from", source, errno))?;
        rest = rest.get_mut(count..).unwrap_or_default();
    }
    Ok(())
}
