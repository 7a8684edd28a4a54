//! The one door through which the host is changed.
//!
//! Invariants: every path is found beneath the root without following any symbolic link (openat2(2),
//! `RESOLVE_BENEATH` and `RESOLVE_NO_SYMLINKS`), so that no name leads elsewhere; only regular files
//! with one name, directories and, by their own functions, links are changed; a file's content is replaced
//! whole or not at all; every call that changes something counts, and a test can stop behind any of them.

mod link;

pub(crate) use link::Stands;

use crate::error::{ApplyError, fault};
use crate::facts::{Attribute, Facts, Kind, Stamp, digest, hex, unhex};
use burgrave_model::Target;
use rustix::fs::{
    AtFlags, FileType, FlockOperation, Gid, Mode, OFlags, RenameFlags, ResolveFlags, Stat, Uid,
    XattrFlags, fchmod, fchown, fgetxattr, flistxattr, flock, fremovexattr, fsetxattr, fstat,
    fsync, futimens, mkdirat, open, openat, openat2, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use std::cell::Cell;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Bytes of a file that is changed as text.
const BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Bytes read at once.
const PIECE_BYTES: usize = 64 * 1024;
/// Bytes of all names, and of one value, of extended attributes (the kernel's own limits).
const ATTRIBUTE_BYTES_MAX: usize = 64 * 1024;

/// A machine or a tree that may be changed.
#[derive(Debug)]
pub struct Host {
    root: OwnedFd,
    left: Cell<Option<u64>>,
    done: Cell<u64>,
}

/// A directory and a name in it.
pub(crate) struct Place<'t> {
    folder: OwnedFd,
    name: &'t str,
    target: &'t Target,
}

/// A file or directory that was opened, with what the kernel says of it.
pub(crate) struct Opened {
    file: OwnedFd,
    stat: Stat,
}

impl Host {
    /// The tree below `root`; `/` is this machine.
    pub fn open(root: &Path) -> Result<Self, ApplyError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = open(root, flags, Mode::empty())
            .map_err(|source| ApplyError::Root { path: root.into(), source })?;
        Ok(Self { root, left: Cell::new(None), done: Cell::new(0) })
    }

    /// After so many more changes every further one fails, as if the power had gone. For tests of
    /// what an interrupted run leaves behind.
    pub fn stop_after(&self, changes: u64) {
        self.left.set(Some(changes));
    }

    /// How many calls have changed something.
    pub fn changes(&self) -> u64 {
        self.done.get()
    }

    fn tick(&self) -> Result<(), ApplyError> {
        if let Some(left) = self.left.get() {
            self.left.set(Some(left.checked_sub(1).ok_or(ApplyError::Stopped)?));
        }
        self.done.set(self.done.get().saturating_add(1));
        Ok(())
    }

    /// The directory that a path lies in.
    pub(crate) fn place<'t>(&self, target: &'t Target) -> Result<Place<'t>, ApplyError> {
        let relative = target.text().trim_start_matches('/');
        let (folder, name) = relative.rsplit_once('/').unwrap_or((".", relative));
        let folder = self.beneath(folder, target, OFlags::DIRECTORY)?;
        Ok(Place { folder, name, target })
    }

    fn beneath(&self, path: &str, target: &Target, kind: OFlags) -> Result<OwnedFd, ApplyError> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | kind;
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        openat2(&self.root, path, flags, Mode::empty(), resolve)
            .map_err(|errno| fault("opening the directory of", target.text(), errno))
    }

    /// What stands at a path; `None`: nothing, or no directory that it could stand in.
    pub(crate) fn look(&self, target: &Target) -> Result<Option<Opened>, ApplyError> {
        match self.place(target) {
            Ok(place) => place.look(),
            Err(ApplyError::System { source: Errno::NOENT | Errno::NOTDIR, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The content of a regular file; `None` where none is.
    pub(crate) fn read(&self, target: &Target) -> Result<Option<Vec<u8>>, ApplyError> {
        self.look(target)?.map(|opened| opened.content(target)).transpose()
    }

    /// Names in a directory, sorted; none where it is not.
    pub(crate) fn names(&self, target: &Target, most: usize) -> Result<Vec<String>, ApplyError> {
        let Some(opened) = self.look(target)? else { return Ok(Vec::new()) };
        let wrong = |errno| fault("listing", target.text(), errno);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&opened.file).map_err(wrong)?.take(most) {
            let entry = entry.map_err(wrong)?;
            names.extend(entry.file_name().to_str().ok().map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Makes a directory; one that is there is left as it is.
    pub(crate) fn make_folder(&self, target: &Target, mode: u32) -> Result<(), ApplyError> {
        let place = self.place(target)?;
        if let Some(opened) = place.look()? {
            return opened.is(Kind::Folder, target);
        }
        self.tick()?;
        let wrong = |errno| fault("making the directory", target.text(), errno);
        mkdirat(&place.folder, place.name, Mode::from_raw_mode(mode)).map_err(wrong)?;
        let folder = place.look()?.ok_or_else(|| wrong(Errno::NOENT))?;
        self.tick()?;
        fchmod(&folder.file, Mode::from_raw_mode(mode)).map_err(wrong)?;
        self.flush(&place.folder, target)
    }

    /// Replaces or makes a file: written beside it, flushed, renamed over it.
    pub(crate) fn put(
        &self,
        target: &Target,
        content: &[u8],
        facts: &Facts,
        temporary: &str,
    ) -> Result<(), ApplyError> {
        let place = self.place(target)?;
        let wrong = |errno| fault("writing", target.text(), errno);
        self.forget_temporary(&place, temporary)?;
        self.tick()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file =
            openat(&place.folder, temporary, flags | OFlags::NOFOLLOW, Mode::from_raw_mode(0o600))
                .map_err(wrong)?;
        self.tick()?;
        let mut file = File::from(file);
        file.write_all(content).map_err(|error| {
            wrong(error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error))
        })?;
        let file = OwnedFd::from(file);
        self.set(&file, facts, target)?;
        self.flush(&file, target)?;
        self.tick()?;
        renameat_with(&place.folder, temporary, &place.folder, place.name, RenameFlags::empty())
            .map_err(wrong)?;
        self.flush(&place.folder, target)
    }

    /// Whether the directory that a path lies in is there.
    pub(crate) fn has_folder_of(&self, target: &Target) -> Result<bool, ApplyError> {
        match self.place(target) {
            Ok(_) => Ok(true),
            Err(ApplyError::System { source: Errno::NOENT, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes away what an interrupted write has left beside a file.
    pub(crate) fn tidy(&self, target: &Target, temporary: &str) -> Result<(), ApplyError> {
        match self.place(target) {
            Ok(place) => self.forget_temporary(&place, temporary),
            Err(ApplyError::System { source: Errno::NOENT, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn forget_temporary(&self, place: &Place<'_>, name: &str) -> Result<(), ApplyError> {
        if statat(&place.folder, name, AtFlags::SYMLINK_NOFOLLOW).is_err() {
            return Ok(());
        }
        self.tick()?;
        unlinkat(&place.folder, name, AtFlags::empty())
            .map_err(|errno| fault("removing what lies beside", place.target.text(), errno))
    }

    /// Gives a path the owner, mode, attributes and times of before. The order matters: a change of
    /// owner takes set-id bits and capabilities away, a change of attributes may change the mode.
    pub(crate) fn restore(&self, target: &Target, facts: &Facts) -> Result<(), ApplyError> {
        let opened = self.existing(target)?;
        self.set(&opened.file, facts, target)?;
        self.flush(&opened.file, target)
    }

    fn set(&self, file: &OwnedFd, facts: &Facts, target: &Target) -> Result<(), ApplyError> {
        let wrong = |errno| fault("setting owner, mode and times of", target.text(), errno);
        let stat = fstat(file).map_err(wrong)?;
        if (stat.st_uid, stat.st_gid) != (facts.uid, facts.gid) {
            self.tick()?;
            fchown(file, Some(Uid::from_raw(facts.uid)), Some(Gid::from_raw(facts.gid)))
                .map_err(wrong)?;
        }
        self.set_attributes(file, facts, target)?;
        self.tick()?;
        fchmod(file, Mode::from_raw_mode(facts.mode)).map_err(wrong)?;
        self.tick()?;
        set_times(file, facts.accessed, facts.modified).map_err(wrong)
    }

    fn set_attributes(
        &self,
        file: &OwnedFd,
        facts: &Facts,
        target: &Target,
    ) -> Result<(), ApplyError> {
        let wrong = |errno| fault("setting the attributes of", target.text(), errno);
        let now = attributes(file).map_err(wrong)?;
        for gone in now.iter().filter(|now| facts.attributes.iter().all(|a| a.name != now.name)) {
            self.tick()?;
            fremovexattr(file, gone.name.as_str()).map_err(wrong)?;
        }
        for wanted in facts.attributes.iter().filter(|wanted| !now.contains(wanted)) {
            let damaged = || {
                ApplyError::Damaged(target.text().to_owned(), "no hexadecimal digits".to_owned())
            };
            let value = unhex(&wanted.value).ok_or_else(damaged)?;
            self.tick()?;
            fsetxattr(file, wanted.name.as_str(), &value, XattrFlags::empty()).map_err(wrong)?;
        }
        Ok(())
    }

    /// Sets permission bits.
    pub(crate) fn set_mode(&self, target: &Target, mode: u32) -> Result<(), ApplyError> {
        let opened = self.existing(target)?;
        self.tick()?;
        fchmod(&opened.file, Mode::from_raw_mode(mode))
            .map_err(|errno| fault("setting the mode of", target.text(), errno))?;
        self.flush(&opened.file, target)
    }

    /// Sets owner and group, and the mode again, of which the kernel takes set-id bits away.
    pub(crate) fn set_owner(&self, target: &Target, uid: u32, gid: u32) -> Result<(), ApplyError> {
        let opened = self.existing(target)?;
        let wrong = |errno| fault("setting the owner of", target.text(), errno);
        self.tick()?;
        fchown(&opened.file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).map_err(wrong)?;
        self.tick()?;
        fchmod(&opened.file, Mode::from_raw_mode(opened.stat.st_mode & 0o7777)).map_err(wrong)?;
        self.flush(&opened.file, target)
    }

    fn existing(&self, target: &Target) -> Result<Opened, ApplyError> {
        self.look(target)?.ok_or_else(|| fault("opening", target.text(), Errno::NOENT))
    }

    /// Moves a path to another that is free. `false`: they lie on different file systems.
    pub(crate) fn shift(&self, from: &Target, to: &Target) -> Result<bool, ApplyError> {
        let (source, goal) = (self.place(from)?, self.place(to)?);
        self.tick()?;
        let flags = RenameFlags::NOREPLACE;
        match renameat_with(&source.folder, source.name, &goal.folder, goal.name, flags) {
            Ok(()) => {}
            Err(Errno::XDEV) => return Ok(false),
            Err(errno) => return Err(fault("moving", from.text(), errno)),
        }
        self.flush(&goal.folder, to)?;
        self.flush(&source.folder, from)?;
        Ok(true)
    }

    /// Removes a file or an empty directory. Nothing there is no error.
    pub(crate) fn remove(&self, target: &Target) -> Result<(), ApplyError> {
        let place = self.place(target)?;
        let Some(opened) = place.look()? else { return Ok(()) };
        let flags =
            if opened.kind() == Kind::Folder { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        self.tick()?;
        unlinkat(&place.folder, place.name, flags)
            .map_err(|errno| fault("removing", target.text(), errno))?;
        self.flush(&place.folder, target)
    }

    /// Sets the times of the directory that a path lies in.
    pub(crate) fn set_folder_times(
        &self,
        target: &Target,
        times: (Stamp, Stamp),
    ) -> Result<(), ApplyError> {
        let place = self.place(target)?;
        self.tick()?;
        set_times(&place.folder, times.0, times.1)
            .map_err(|errno| fault("setting the times beside", target.text(), errno))
    }

    /// The times of the directory that a path lies in.
    pub(crate) fn folder_times(&self, target: &Target) -> Result<(Stamp, Stamp), ApplyError> {
        let place = self.place(target)?;
        let stat = fstat(&place.folder)
            .map_err(|errno| fault("looking at the directory of", target.text(), errno))?;
        Ok(stamps(&stat))
    }

    /// Takes a lock, or says that another holds it.
    pub(crate) fn lock(&self, target: &Target) -> Result<OwnedFd, ApplyError> {
        let place = self.place(target)?;
        let wrong = |errno| fault("locking", target.text(), errno);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file =
            openat(&place.folder, place.name, flags | OFlags::NONBLOCK, Mode::from_raw_mode(0o600))
                .map_err(wrong)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(file),
            Err(Errno::WOULDBLOCK) => Err(ApplyError::Busy),
            Err(errno) => Err(wrong(errno)),
        }
    }

    fn flush(&self, file: &OwnedFd, target: &Target) -> Result<(), ApplyError> {
        self.tick()?;
        fsync(file).map_err(|errno| fault("flushing", target.text(), errno))
    }
}

impl Place<'_> {
    /// Looked at before it is opened, so that no pipe or device is.
    fn look(&self) -> Result<Option<Opened>, ApplyError> {
        let wrong = |errno| fault("looking at", self.target.text(), errno);
        let stat = match statat(&self.folder, self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(wrong(errno)),
        };
        self.checked(&stat)?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = openat(&self.folder, self.name, flags | OFlags::NOFOLLOW, Mode::empty())
            .map_err(wrong)?;
        let stat = fstat(&file).map_err(wrong)?;
        self.checked(&stat)?;
        Ok(Some(Opened { file, stat }))
    }

    fn checked(&self, stat: &Stat) -> Result<(), ApplyError> {
        let path = self.target.text().to_owned();
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile if stat.st_nlink > 1 => return Err(ApplyError::Linked(path)),
            FileType::RegularFile | FileType::Directory => return Ok(()),
            FileType::Symlink => "symbolic link",
            FileType::Fifo => "pipe",
            FileType::Socket => "socket",
            FileType::CharacterDevice | FileType::BlockDevice => "device",
            FileType::Unknown => "thing of unknown kind",
        };
        Err(ApplyError::WrongKind { path, kind })
    }
}

impl Opened {
    pub(crate) fn kind(&self) -> Kind {
        match FileType::from_raw_mode(self.stat.st_mode) {
            FileType::Directory => Kind::Folder,
            FileType::RegularFile
            | FileType::Symlink
            | FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => Kind::File,
        }
    }

    pub(crate) fn is(&self, wanted: Kind, target: &Target) -> Result<(), ApplyError> {
        let kind = match self.kind() {
            found if found == wanted => return Ok(()),
            Kind::File => "file",
            Kind::Folder => "directory",
            Kind::Link => "symbolic link",
        };
        Err(ApplyError::WrongKind { path: target.text().to_owned(), kind })
    }

    pub(crate) fn mode(&self) -> u32 {
        self.stat.st_mode & 0o7777
    }

    pub(crate) fn owner(&self) -> (u32, u32) {
        (self.stat.st_uid, self.stat.st_gid)
    }

    /// Its whole content.
    pub(crate) fn content(&self, target: &Target) -> Result<Vec<u8>, ApplyError> {
        self.is(Kind::File, target)?;
        let wrong = |error: std::io::Error| {
            fault(
                "reading",
                target.text(),
                error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error),
            )
        };
        let file = File::from(self.file.try_clone().map_err(wrong)?);
        let mut content = Vec::new();
        file.take(BYTES_MAX + 1).read_to_end(&mut content).map_err(wrong)?;
        if u64::try_from(content.len()).unwrap_or(u64::MAX) > BYTES_MAX {
            return Err(ApplyError::TooLarge(target.text().to_owned()));
        }
        Ok(content)
    }

    /// The digest of its content, however long it is.
    pub(crate) fn sha256(&self, target: &Target) -> Result<String, ApplyError> {
        self.is(Kind::File, target)?;
        let wrong = |errno| fault("reading", target.text(), errno);
        let mut digest = Sha256::new();
        let mut piece = vec![0_u8; PIECE_BYTES];
        let mut at = 0_u64;
        loop {
            let count = rustix::io::pread(&self.file, &mut piece[..], at).map_err(wrong)?;
            if count == 0 {
                return Ok(hex(&digest.finalize()));
            }
            digest.update(piece.get(..count).unwrap_or_default());
            at = at.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        }
    }

    /// What is to be put back later.
    pub(crate) fn facts(
        &self,
        target: &Target,
        content: Option<&[u8]>,
    ) -> Result<Facts, ApplyError> {
        let attributes = attributes(&self.file)
            .map_err(|errno| fault("reading the attributes of", target.text(), errno))?;
        let (accessed, modified) = stamps(&self.stat);
        Ok(Facts {
            kind: self.kind(),
            mode: self.mode(),
            uid: self.stat.st_uid,
            gid: self.stat.st_gid,
            accessed,
            modified,
            attributes,
            sha256: content.map(digest),
        })
    }
}

fn stamps(stat: &Stat) -> (Stamp, Stamp) {
    (
        Stamp { secs: stat.st_atime, nanos: stat.st_atime_nsec },
        Stamp { secs: stat.st_mtime, nanos: stat.st_mtime_nsec },
    )
}

fn set_times(file: &OwnedFd, accessed: Stamp, modified: Stamp) -> Result<(), Errno> {
    futimens(file, &link::times(accessed, modified)?)
}

fn attributes(file: &OwnedFd) -> Result<Vec<Attribute>, Errno> {
    let mut buffer = vec![0_u8; ATTRIBUTE_BYTES_MAX];
    let count = match flistxattr(file, &mut buffer[..]) {
        Ok(count) => count,
        Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
        Err(errno) => return Err(errno),
    };
    let names: Vec<u8> = buffer.iter().take(count).copied().collect();
    let mut found = Vec::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let name = std::str::from_utf8(name).ok().ok_or(Errno::ILSEQ)?;
        match fgetxattr(file, name, &mut buffer[..]) {
            Ok(count) => {
                let value: Vec<u8> = buffer.iter().take(count).copied().collect();
                found.push(Attribute { name: name.to_owned(), value: hex(&value) });
            }
            Err(Errno::NODATA) => {}
            Err(errno) => return Err(errno),
        }
    }
    found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
