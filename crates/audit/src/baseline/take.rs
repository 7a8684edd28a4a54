//! Looks at folders and notes what is there.

use super::{Baseline, Entry, EntryKind};
use crate::facts::{Blind, Facts, Seen};
use burgrave_digest::sha256;
use burgrave_sys::{Kind, Metadata, Step, WalkLimits};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

const LIMITS: WalkLimits = WalkLimits { entries_max: 500_000, depth_max: 64 };
/// Folders of one baseline.
const FOLDERS_MAX: usize = 200;
/// Bytes of a file whose content is read; of a larger one the size counts.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Paths that programs change by themselves all the time.
const LEFT_OUT: [&str; 11] = [
    "/etc/.pwd.lock",
    "/etc/adjtime",
    "/etc/burgrave/crs",
    "/etc/cups/subscriptions.conf",
    "/etc/ld.so.cache",
    "/etc/lvm/archive",
    "/etc/lvm/backup",
    "/etc/machine-id",
    "/etc/mtab",
    "/etc/resolv.conf",
    "/etc/udev/hwdb.bin",
];

pub(super) fn is_left_out(path: &Path) -> bool {
    LEFT_OUT.iter().any(|out| path.starts_with(out))
}

/// The folders that a baseline is of where none is named: `/etc` and all web roots.
pub fn folders(facts: &Facts<'_>) -> Seen<Vec<PathBuf>> {
    let mut all = vec![PathBuf::from("/etc")];
    for root in facts.web_roots().as_ref().map_err(Clone::clone)? {
        if let Some((real, metadata)) = facts.followed(&root.path)?
            && metadata.kind == Kind::Directory
            && !all.iter().any(|known| real.starts_with(known))
        {
            all.push(real);
        }
    }
    let outer = all.clone();
    all.retain(|own| !outer.iter().any(|other| own != other && own.starts_with(other)));
    all.sort();
    all.dedup();
    Ok(all)
}

/// What is there now in these folders. What cannot be looked at is told; a folder that is not there is empty.
pub fn take(facts: &Facts<'_>, folders: &[PathBuf]) -> Seen<(Baseline, Vec<Blind>)> {
    if folders.len() > FOLDERS_MAX {
        return Err(Blind::new("the baseline", format!("it has more than {FOLDERS_MAX} folders")));
    }
    let mut blind = Vec::new();
    let mut out = Baseline { time: facts.now(), folders: folders.to_vec(), ..Baseline::default() };
    for folder in folders {
        let Some(own) = facts.metadata(folder)? else { continue };
        let mut found: Vec<(PathBuf, Metadata)> = vec![(folder.clone(), own)];
        let walked = facts.system.walk(folder, LIMITS, &mut |path, metadata| {
            if is_left_out(path) {
                return Step::Over;
            }
            found.push((path.to_owned(), metadata.clone()));
            Step::Into
        });
        match walked {
            Ok(walked) if walked.cut => {
                let why = format!("it holds more than {} names", LIMITS.entries_max);
                return Err(Blind::new(crate::evidence::shown_path(folder), why));
            }
            Ok(walked) => blind.extend(walked.unreadable.iter().map(|path| {
                Blind::new(crate::evidence::shown_path(path), "the folder cannot be read")
            })),
            Err(error) => return Err(Blind::because(folder, &error)),
        }
        for (path, metadata) in found {
            let entry = entry(facts, &path, &metadata, &mut blind);
            out.entries.insert(path, entry);
        }
    }
    Ok((out, blind))
}

/// One path; `None`: it could not be looked at. `Some(None)`: nothing is there.
#[expect(clippy::option_option, reason = "not there and not seen are two answers")]
pub(super) fn one(facts: &Facts<'_>, path: &Path) -> Option<Option<Entry>> {
    let metadata = facts.metadata(path).ok()?;
    Some(metadata.map(|metadata| entry(facts, path, &metadata, &mut Vec::new())))
}

fn entry(facts: &Facts<'_>, path: &Path, metadata: &Metadata, blind: &mut Vec<Blind>) -> Entry {
    let (kind, content) = match metadata.kind {
        Kind::File if metadata.len > FILE_BYTES_MAX => {
            (EntryKind::File, Some(format!("size:{}", metadata.len)))
        }
        Kind::File => {
            let bytes = facts.system.read(path, FILE_BYTES_MAX);
            let digest = bytes.map(|bytes| sha256(&bytes));
            (EntryKind::File, digest.map_err(|error| blind.push(Blind::because(path, &error))).ok())
        }
        Kind::Link => {
            let target = facts.system.link(path);
            let digest = target.map(|target| sha256(target.as_os_str().as_bytes()));
            (EntryKind::Link, digest.map_err(|error| blind.push(Blind::because(path, &error))).ok())
        }
        Kind::Directory => (EntryKind::Folder, Some("-".to_owned())),
        Kind::Other => (EntryKind::Other, Some("-".to_owned())),
    };
    // The bits of a link say nothing.
    let mode = if kind == EntryKind::Link { 0 } else { metadata.mode };
    let content = content.unwrap_or_else(|| "unread".to_owned());
    Entry { kind, mode, uid: metadata.uid, gid: metadata.gid, content }
}
