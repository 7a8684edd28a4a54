//! Whether everything that snapshots name is there and is what was written, and what is affected where it is not.

use crate::compress::Zstd;
use crate::error::BackupError;
use crate::id::Id;
use crate::index::Place;
use crate::lock::{RepositoryLock, Sharing};
use crate::pack::{Blob, BlobKind};
use crate::repository::Repository;
use crate::run::{Look, look_over};
use crate::snapshot::{self, Snapshot};
use crate::target::FileKind;
use crate::tree::Tree;
use burgrave_sys::monotonic;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Files of a snapshot that are named.
const FILES_MAX: usize = 50;
/// Faults that are told one by one.
const FAULTS_MAX: usize = 1_000;

/// A part of all data: the `number`-th of `of`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which, from 1.
    pub number: u32,
    /// Of how many.
    pub of: u32,
}

impl Share {
    /// Everything.
    pub const ALL: Self = Self { number: 1, of: 1 };

    /// `2/7`. `None`: it is no share.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, of) = text.split_once('/')?;
        let (number, of) = (number.parse().ok()?, of.parse().ok()?);
        (1..=1_000_u32).contains(&of).then_some(())?;
        (1..=of).contains(&number).then_some(Self { number, of })
    }

    fn has(self, id: &Id) -> bool {
        let [a, b, c, d, ..] = *id.bytes();
        u32::from_be_bytes([a, b, c, d]) % self.of == self.number - 1
    }
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// Snapshots that were looked through.
    pub snapshots: usize,
    /// Packs that there are.
    pub packs: usize,
    /// Packs that were read and compared with their digests.
    pub packs_read: usize,
    /// Bytes of these.
    pub bytes_read: u64,
    /// What is wrong.
    pub faults: Vec<String>,
    /// How many faults there are.
    pub fault_count: u64,
    /// Snapshots that are affected, with files that are.
    pub affected: Vec<(Id, String, Vec<String>)>,
    /// Packs that were read back damaged.
    pub bad_packs: Vec<Id>,
    /// Packs that were read back as they were written.
    pub good_packs: Vec<Id>,
    /// What an interrupted run had left.
    pub notices: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl Verified {
    fn fault(&mut self, fault: String) {
        self.fault_count = self.fault_count.saturating_add(1);
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }
}

/// Checks the structure in full and the data by a share.
pub(crate) fn verify(
    repository: &Arc<Repository>,
    share: Share,
    may_mend: bool,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Verified, BackupError> {
    let begun = monotonic();
    let mut verified = Verified::default();
    // Where nothing can be written, as with a reader's rights, it goes without a lock.
    let held = RepositoryLock::take(repository, Sharing::Shared, Duration::from_secs(30));
    if let Err(error @ BackupError::Locked { .. }) = held {
        return Err(error);
    }
    let look = if may_mend { Look::Mend } else { Look::Only };
    let looked = look_over(repository, &[], look)?;
    looked.damage.into_iter().for_each(|fault| verified.fault(fault));
    verified.notices.extend(looked.resumed);
    let mut bad = read_packs(repository, share, &mut verified, progress)?;
    // What another pack has whole is not lost.
    let mut zstd = Zstd::new()?;
    bad.retain(|(kind, id)| repository.read_blob(*kind, id, &mut zstd).is_err());
    let (snapshots, damaged) = snapshot::all(repository)?;
    for error in &damaged {
        verified.fault(error.told());
    }
    let mut sound = HashSet::new();
    for snapshot in &snapshots {
        verified.snapshots += 1;
        let files = affected(repository, snapshot, &bad, &mut sound)?;
        if !files.is_empty() {
            let when = snapshot.file.time.clone();
            verified.fault(format!(
                "snapshot `{}` of {when} cannot be restored in full",
                snapshot.id.short()
            ));
            verified.affected.push((snapshot.id, when, files));
        }
    }
    verified.took = monotonic() - begun;
    Ok(verified)
}

type Bad = HashSet<(BlobKind, Id)>;

/// What was read.
#[derive(Default)]
struct Read {
    faults: Vec<String>,
    bad: Bad,
    bad_packs: Vec<Id>,
    good: Vec<Id>,
    bytes: u64,
}

/// Reads packs and compares everything with its digest; which blobs are not what they should be.
fn read_packs(
    repository: &Repository,
    share: Share,
    verified: &mut Verified,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Bad, BackupError> {
    let mut by_pack: HashMap<Id, Vec<Blob>> = HashMap::new();
    {
        let index = repository.index();
        for (number, blobs) in index.by_pack() {
            if let Some(id) = index.pack(number) {
                by_pack.insert(id, blobs);
            }
        }
    }
    let listed = repository.target().list(FileKind::Pack)?;
    verified.packs = listed.len();
    let chosen: Vec<(Id, u64)> = listed
        .iter()
        .filter_map(|pack| Some((Id::parse(&pack.name)?, pack.bytes)))
        .filter(|(id, _)| share.has(id) && by_pack.contains_key(id))
        .collect();
    let next = AtomicUsize::new(0);
    let found: Mutex<Read> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..crate::pipeline::threads() {
            scope.spawn(|| {
                let Ok(mut zstd) = Zstd::new() else { return };
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some((id, bytes)) = chosen.get(at) else { return };
                    let blobs = by_pack.get(id).map(Vec::as_slice).unwrap_or_default();
                    let (faults, bad) = read_pack(repository, id, *bytes, blobs, &mut zstd);
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    if faults.is_empty() { &mut found.good } else { &mut found.bad_packs }
                        .push(*id);
                    found.faults.extend(faults);
                    found.bad.extend(bad);
                    found.bytes = found.bytes.saturating_add(*bytes);
                    drop(found);
                    progress(at.saturating_add(1), chosen.len());
                }
            });
        }
    });
    let mut read = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    read.faults.sort();
    read.faults.into_iter().for_each(|fault| verified.fault(fault));
    (verified.bad_packs, verified.good_packs) = (read.bad_packs, read.good);
    (verified.packs_read, verified.bytes_read) = (chosen.len(), read.bytes);
    Ok(read.bad)
}

/// One pack: its digest, its table and every blob of it.
fn read_pack(
    repository: &Repository,
    id: &Id,
    bytes: u64,
    blobs: &[Blob],
    zstd: &mut Zstd,
) -> (Vec<String>, Vec<(BlobKind, Id)>) {
    let all = || blobs.iter().map(|blob| (blob.kind, blob.id)).collect();
    let most = crate::pack::PACK_BYTES_MAX;
    let mut content = match repository.target().read(FileKind::Pack, &id.hex(), most) {
        Ok(content) => content,
        Err(error) => return (vec![error.told()], all()),
    };
    let mut faults = Vec::new();
    if Id::of(&content) != *id {
        faults.push(format!("pack `{id}`: its content does not have its digest"));
    }
    match repository.read_pack_header(&id.hex(), bytes) {
        Ok(header) if header == blobs => {}
        Ok(_) => faults.push(format!("pack `{id}`: its table is not what the index says")),
        Err(error) => faults.push(error.told()),
    }
    let mut bad = Vec::new();
    for blob in blobs {
        let from = usize::try_from(blob.offset).unwrap_or(usize::MAX);
        let to = from.saturating_add(usize::try_from(blob.length).unwrap_or(usize::MAX));
        let Some(sealed) = content.get_mut(from..to) else {
            bad.push((blob.kind, blob.id));
            continue;
        };
        let place =
            Place { pack: 0, offset: blob.offset, length: blob.length, unpacked: blob.unpacked };
        if let Err(error) = repository.decode(blob.kind, &blob.id, &place, id, sealed, zstd) {
            faults.push(error.told());
            bad.push((blob.kind, blob.id));
        }
    }
    (faults, bad)
}

/// The files of a snapshot of which a piece is missing or bad. Trees that are sound are looked through once.
fn affected(
    repository: &Repository,
    snapshot: &Snapshot,
    bad: &Bad,
    sound: &mut HashSet<Id>,
) -> Result<Vec<String>, BackupError> {
    let mut zstd = Zstd::new()?;
    let mut files = Vec::new();
    let mut stack =
        vec![Level { id: snapshot.tree()?, path: String::new(), left: None, is_sound: true }];
    while let Some(level) = stack.last_mut() {
        if level.left.is_none() {
            let tree = crate::walk::tree(repository, &level.id, &mut zstd);
            let tree = tree.and_then(|tree| {
                if bad.contains(&(BlobKind::Tree, level.id)) {
                    Err(BackupError::damaged(format!("the tree `{}`", level.id), "its pack is"))
                } else {
                    Ok(tree)
                }
            });
            let tree = tree.unwrap_or_else(|error| {
                level.is_sound = false;
                note(
                    &mut files,
                    format!("{}/ and everything below it: {}", level.path, error.told()),
                );
                Tree::default()
            });
            level.left = Some(tree.nodes.into_iter());
        }
        let Some(node) = level.left.as_mut().and_then(Iterator::next) else {
            let Some(done) = stack.pop() else { break };
            if done.is_sound {
                sound.insert(done.id);
            } else if let Some(above) = stack.last_mut() {
                above.is_sound = false;
            }
            continue;
        };
        let path = format!("{}/{}", level.path, crate::tree::quote(&node.name.0));
        let index = repository.index();
        let is_bad = |id: &&Id| {
            bad.contains(&(BlobKind::Data, **id)) || index.find(BlobKind::Data, id).is_none()
        };
        let lost = node.pieces().iter().filter(is_bad).count();
        drop(index);
        if lost > 0 {
            level.is_sound = false;
            note(&mut files, format!("{path}: {lost} of {} piece(s)", node.pieces().len()));
        }
        if let Some(id) = node.subtree
            && !sound.contains(&id)
            && stack.len() < 4_096
        {
            stack.push(Level { id, path, left: None, is_sound: true });
        }
    }
    Ok(files)
}

struct Level {
    id: Id,
    path: String,
    left: Option<std::vec::IntoIter<crate::tree::Node>>,
    is_sound: bool,
}

fn note(files: &mut Vec<String>, line: String) {
    if files.len() < FILES_MAX {
        files.push(line);
    } else if files.len() == FILES_MAX {
        files.push("… and more".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_parts_that_make_the_whole() {
        for text in ["1/7", "7/7", "1/1"] {
            assert!(Share::parse(text).is_some(), "{text}");
        }
        for text in ["0/7", "8/7", "1/0", "1", "/", "a/b", "1/1001", "-1/3"] {
            assert_eq!(Share::parse(text), None, "{text}");
        }
        for number in 0..200_u32 {
            let id = Id::of(&number.to_le_bytes());
            let having = (1..=7).filter(|number| Share { number: *number, of: 7 }.has(&id));
            assert_eq!(having.count(), 1, "each pack is in one share");
            assert!(Share::ALL.has(&id));
        }
    }
}
