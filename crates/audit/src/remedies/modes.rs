//! Changing owners and modes, and moving leftovers away: by the paths that findings name.
//!
//! Invariants: bits are only ever taken away, but for the sticky bit, and for the group's right to
//! read where a file's owner changes; what a path is, is looked at again and not taken from the finding.

use super::draft::{Draft, Refusal, refused};
use super::way::Owner;
use crate::check::Finding;
use crate::facts::Facts;
use burgrave_sys::{Kind, Metadata, SysError, System as _};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The paths that findings name: those without a line, or all where every one has a line.
fn paths(faults: &[Finding]) -> BTreeSet<PathBuf> {
    let mut out = BTreeSet::new();
    for fault in faults {
        let whole = |only: bool| {
            let named = fault.evidence.iter().filter(move |e| !only || e.line.is_none());
            named.filter_map(|evidence| evidence.path.as_ref().map(PathBuf::from))
        };
        if whole(true).next().is_some() {
            out.extend(whole(true));
        } else {
            out.extend(whole(false));
        }
    }
    out
}

/// What stands there; `None`: nothing that has a mode of its own.
fn found(draft: &Draft<'_>, path: &Path) -> Result<Option<Metadata>, Refusal> {
    match draft.metadata(path) {
        Ok(metadata) => Ok(Some(metadata)
            .filter(|metadata| metadata.kind == Kind::File || metadata.kind == Kind::Directory)),
        Err(SysError::Missing(_)) => Ok(None),
        Err(error) => Err(Refusal(error.to_string())),
    }
}

/// Takes bits away and gives an owner. A private key that has none of these bits is closed to its group too.
pub(super) fn tighten(
    draft: &Draft<'_>,
    facts: &Facts<'_>,
    faults: &[Finding],
    clear: u32,
    owner: Owner,
) -> Result<(), Refusal> {
    for path in paths(faults) {
        if ["/proc", "/sys", "/dev"].iter().any(|top| path.starts_with(top)) {
            continue;
        }
        let Some(metadata) = found(draft, &path)? else { continue };
        let (uid, gid) = owner_of(facts, &path, &metadata, owner);
        let mut mode = metadata.mode & !clear;
        if mode == metadata.mode && uid == metadata.uid {
            mode &= !0o077;
        }
        let reads = mode & 0o044 != 0;
        if owner == Owner::RootReadable && uid != metadata.uid && !reads {
            mode |= (mode & 0o500) >> 3;
        }
        if (uid, gid) != (metadata.uid, metadata.gid) {
            draft.set_owner(&path, uid, gid)?;
        }
        if mode != metadata.mode {
            draft.set_mode(&path, mode)?;
        }
    }
    Ok(())
}

fn owner_of(facts: &Facts<'_>, path: &Path, now: &Metadata, owner: Owner) -> (u32, u32) {
    let spool = path.starts_with("/var/spool/cron");
    match owner {
        Owner::Kept => (now.uid, now.gid),
        Owner::Root | Owner::RootReadable if spool => (now.uid, now.gid),
        Owner::Root | Owner::RootReadable => (0, now.gid),
        Owner::Home => {
            let homes = facts.homes().unwrap_or_default();
            let user = homes.iter().find(|(_, home)| path.starts_with(home)).map(|(user, _)| *user);
            user.map_or((now.uid, now.gid), |user| {
                if now.uid == user.uid || now.uid == 0 && path != user.home {
                    (now.uid, now.gid)
                } else {
                    (user.uid, user.gid)
                }
            })
        }
    }
}

/// Directories that everybody may write to: the system's are closed, the others get the sticky bit.
pub(super) fn sticky(draft: &Draft<'_>, faults: &[Finding]) -> Result<(), Refusal> {
    for path in paths(faults) {
        let Some(metadata) = found(draft, &path)? else { continue };
        let own =
            ["/etc", "/usr", "/boot", "/opt", "/root"].iter().any(|top| path.starts_with(top));
        let mode = if own || path == Path::new("/") {
            metadata.mode & !0o002
        } else {
            metadata.mode | 0o1000
        };
        draft.set_mode(&path, mode)?;
    }
    Ok(())
}

/// Moves what findings name away, as long as it lies within a web root.
pub(super) fn quarantine(
    draft: &Draft<'_>,
    facts: &Facts<'_>,
    faults: &[Finding],
) -> Result<(), Refusal> {
    let roots = facts.web_roots().as_ref().map_err(|blind| Refusal(blind.why.clone()))?;
    let tops: Vec<PathBuf> = roots
        .iter()
        .filter_map(|root| facts.followed(&root.path).ok().flatten().map(|(real, _)| real))
        .collect();
    let mut why = None;
    for path in paths(faults) {
        let inside = tops.iter().any(|top| path.starts_with(top) && path != *top);
        let holds_a_root = tops.iter().any(|top| top.starts_with(&path));
        if !inside || holds_a_root {
            why = Some(refused(&path, "is left: it is, or holds, the root of a site"));
            continue;
        }
        match found(draft, &path)? {
            Some(_) => draft.remove(&path)?,
            None => why = Some(refused(&path, "is left: it is neither file nor directory")),
        }
    }
    why.map_or(Ok(()), Err)
}
