//! Symbolic links that a plan makes and takes away: masks of units, and the links that start them.
//!
//! Invariants: a link is read and moved, never followed; what is no link is never taken for one.

use super::{Host, Place};
use crate::error::{ApplyError, fault};
use crate::facts::{Facts, Kind, Stamp};
use burgrave_model::Target;
use rustix::fs::{
    AtFlags, FileType, Gid, RenameFlags, Stat, Timespec, Timestamps, Uid, chownat, readlinkat,
    renameat_with, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;

/// What stands where a link is looked for.
#[derive(Debug)]
pub(crate) enum Stands {
    /// Nothing, or no directory that it could stand in.
    Nothing,
    /// A symbolic link.
    Link(Link),
    /// Anything else.
    Other,
}

/// A symbolic link, with what is to be put back later.
#[derive(Debug)]
pub(crate) struct Link {
    /// Where it leads, as it is written.
    pub(crate) to: String,
    pub(crate) facts: Facts,
}

impl Stands {
    /// Whether it is a link that leads there.
    pub(crate) fn leads(&self, to: &str) -> bool {
        match self {
            Self::Link(link) => link.to == to,
            Self::Nothing | Self::Other => false,
        }
    }

    pub(crate) const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

impl Host {
    /// What stands at a path, a link as a link.
    pub(crate) fn stands(&self, target: &Target) -> Result<Stands, ApplyError> {
        let place = match self.place(target) {
            Ok(place) => place,
            Err(ApplyError::System { source: Errno::NOENT | Errno::NOTDIR, .. }) => {
                return Ok(Stands::Nothing);
            }
            Err(error) => return Err(error),
        };
        let wrong = |errno| fault("looking at", target.text(), errno);
        let stat = match statat(&place.folder, place.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Stands::Nothing),
            Err(errno) => return Err(wrong(errno)),
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            return Ok(Stands::Other);
        }
        let to = readlinkat(&place.folder, place.name, Vec::new()).map_err(wrong)?;
        let to = to.into_string().ok().ok_or_else(|| wrong(Errno::ILSEQ))?;
        Ok(Stands::Link(Link { to, facts: facts(&stat) }))
    }

    /// Makes a link where nothing is, root's unless it is one of before.
    pub(crate) fn make_link(
        &self,
        target: &Target,
        to: &str,
        before: Option<&Facts>,
        temporary: &str,
    ) -> Result<(), ApplyError> {
        let place = self.place(target)?;
        let wrong = |errno| fault("making the link", target.text(), errno);
        self.forget_temporary(&place, temporary)?;
        self.tick()?;
        symlinkat(to, &place.folder, temporary).map_err(wrong)?;
        if let Some(facts) = before {
            self.tick()?;
            set(&place, temporary, facts).map_err(wrong)?;
        }
        self.tick()?;
        let flags = RenameFlags::NOREPLACE;
        renameat_with(&place.folder, temporary, &place.folder, place.name, flags).map_err(wrong)?;
        self.flush(&place.folder, target)
    }

    /// Takes a link away that leads there; what leads elsewhere by now is left.
    pub(crate) fn remove_link(&self, target: &Target, to: &str) -> Result<(), ApplyError> {
        if !self.stands(target)?.leads(to) {
            return Err(ApplyError::Changed(target.text().to_owned()));
        }
        let place = self.place(target)?;
        self.tick()?;
        unlinkat(&place.folder, place.name, AtFlags::empty())
            .map_err(|errno| fault("removing the link", target.text(), errno))?;
        self.flush(&place.folder, target)
    }
}

fn facts(stat: &Stat) -> Facts {
    let (accessed, modified) = super::stamps(stat);
    Facts {
        kind: Kind::Link,
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        accessed,
        modified,
        attributes: Vec::new(),
        sha256: None,
    }
}

fn set(place: &Place<'_>, name: &str, facts: &Facts) -> Result<(), Errno> {
    let (uid, gid) = (Uid::from_raw(facts.uid), Gid::from_raw(facts.gid));
    let stat = statat(&place.folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if (stat.st_uid, stat.st_gid) != (facts.uid, facts.gid) {
        chownat(&place.folder, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    }
    let times = times(facts.accessed, facts.modified)?;
    utimensat(&place.folder, name, &times, AtFlags::SYMLINK_NOFOLLOW)
}

/// Times in the kernel's form.
pub(super) fn times(accessed: Stamp, modified: Stamp) -> Result<Timestamps, Errno> {
    let spec = |stamp: Stamp| {
        let nanos = i64::try_from(stamp.nanos).ok().ok_or(Errno::INVAL)?;
        Ok(Timespec { tv_sec: stamp.secs, tv_nsec: nanos })
    };
    Ok(Timestamps { last_access: spec(accessed)?, last_modification: spec(modified)? })
}
