//! Forgets snapshots and removes what no snapshot names any more. Alone in the repository, and in an order in which a
//! crash at any moment leaves everything that a snapshot names: new packs, new indexes, then old indexes, then old packs.

use crate::compress::Zstd;
use crate::error::BackupError;
use crate::id::Id;
use crate::index::{IndexFile, Place};
use crate::lock::{RepositoryLock, Sharing};
use crate::pack::{Blob, BlobKind};
use crate::repository::{Repository, to_json};
use crate::retention::{Decision, decide};
use crate::run::{Look, look_over};
use crate::save::Saver;
use crate::snapshot::{self, Snapshot};
use crate::target::FileKind;
use burgrave_config::Keep;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Of a pack of which more than this part is waste, the rest is moved to a new one: one in so many.
const WASTE_PART: u64 = 4;
/// Blobs of one index file.
const INDEX_BLOBS: usize = 50_000;

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Pruned {
    /// What was kept and forgotten.
    pub decision: Decision,
    /// Packs that were removed.
    pub packs_removed: u64,
    /// Packs of which a part was moved.
    pub packs_moved: u64,
    /// Bytes that this gave back.
    pub bytes_freed: u64,
    /// What else is to be known.
    pub notices: Vec<String>,
}

/// Forgets what is not kept, and removes what nothing names then.
pub(crate) fn prune(
    repository: &Arc<Repository>,
    job: &str,
    keep: Option<&Keep>,
    given_up: &[Id],
    bad: &[Id],
    is_dry: bool,
) -> Result<Pruned, BackupError> {
    let sharing = if is_dry { Sharing::Shared } else { Sharing::Alone };
    let _lock = RepositoryLock::take(repository, sharing, Duration::from_mins(1))?;
    let mut pruned = Pruned::default();
    let look = if is_dry { Look::Only } else { Look::Mend };
    let looked = look_over(repository, bad, look)?;
    pruned.notices.extend(looked.resumed.clone());
    let (snapshots, damaged) = snapshot::all(repository)?;
    if let Some(error) = damaged.first() {
        return Err(refused(&error.told()));
    }
    if let Some(keep) = keep {
        pruned.decision = decide(&snapshots, job, keep);
    }
    for id in given_up {
        pruned.decision.keep.retain(|(kept, _)| kept != id);
        if !pruned.decision.forget.contains(id) {
            pruned.decision.forget.push(*id);
        }
    }
    let forget: HashSet<Id> = pruned.decision.forget.iter().copied().collect();
    let kept: Vec<&Snapshot> =
        snapshots.iter().filter(|snapshot| !forget.contains(&snapshot.id)).collect();
    let used = used(repository, &kept)?;
    if let Some(missing) =
        used.iter().find(|(kind, id)| repository.index().find(*kind, id).is_none())
    {
        let (kind, id) = missing;
        return Err(refused(&format!("the {} blob `{id}` is missing", kind.word())));
    }
    if is_dry {
        return Ok(pruned);
    }
    for id in &pruned.decision.forget {
        repository.target().remove(FileKind::Snapshot, &id.hex())?;
    }
    sweep(repository, &used, &mut pruned)?;
    // No writer is at work, so nobody will ever name them.
    for (id, bytes) in &looked.refuse {
        repository.target().remove(FileKind::Pack, &id.hex())?;
        pruned.packs_removed += 1;
        pruned.bytes_freed = pruned.bytes_freed.saturating_add(*bytes);
    }
    repository.target().tidy()?;
    Ok(pruned)
}

fn refused(why: &str) -> BackupError {
    BackupError::Refused(format!(
        "nothing is removed from a repository that is damaged: {why}; `burgrave backup verify` says what is affected, a \
         backup of what still exists mends it, and `burgrave backup prune --forget` gives up a snapshot that is lost"
    ))
}

type Used = HashSet<(BlobKind, Id)>;

/// Everything that these snapshots name. A list that cannot be read ends it: what it names would be removed.
fn used(repository: &Repository, snapshots: &[&Snapshot]) -> Result<Used, BackupError> {
    let mut zstd = Zstd::new()?;
    let mut used = Used::new();
    let mut to_do: Vec<Id> = Vec::new();
    for snapshot in snapshots {
        to_do.push(snapshot.tree()?);
        while let Some(id) = to_do.pop() {
            if !used.insert((BlobKind::Tree, id)) {
                continue;
            }
            let tree = crate::walk::tree(repository, &id, &mut zstd);
            let tree = tree.map_err(|error| refused(&error.told()))?;
            for node in tree.nodes {
                used.extend(node.pieces().iter().map(|id| (BlobKind::Data, *id)));
                to_do.extend(node.subtree);
            }
        }
    }
    Ok(used)
}

/// Removes packs without anything used, and moves the rest out of packs that are mostly waste.
fn sweep(
    repository: &Arc<Repository>,
    used: &Used,
    pruned: &mut Pruned,
) -> Result<(), BackupError> {
    let old_indexes = repository.target().list(FileKind::Index)?;
    let packs: BTreeMap<u32, Vec<Blob>> = repository.index().by_pack();
    let there: HashSet<String> =
        repository.target().list(FileKind::Pack)?.into_iter().map(|pack| pack.name).collect();
    let (holders, rotten) = holders(repository, &packs, used)?;
    let (mut stay, mut go, mut moved) = (Vec::new(), Vec::new(), Vec::new());
    for (number, blobs) in &packs {
        let Some(id) = repository.index().pack(*number) else { continue };
        if !there.contains(&id.hex()) || repository.index().is_lost(*number) {
            // Everything that is used was found in another pack.
            go.push((*number, id));
            continue;
        }
        let sum = |blobs: &mut dyn Iterator<Item = &Blob>| {
            blobs.fold(0_u64, |sum, blob| sum.saturating_add(u64::from(blob.length)))
        };
        // What is twice there is needed once.
        let needed = |blob: &&Blob| {
            let key = (blob.kind, blob.id);
            used.contains(&key) && holders.get(&key).is_none_or(|holder| holder == number)
        };
        let wanted: Vec<&Blob> = blobs.iter().filter(needed).collect();
        let (all, own) = (sum(&mut blobs.iter()), sum(&mut wanted.iter().copied()));
        let waste = all.saturating_sub(own);
        if wanted.is_empty() {
            go.push((*number, id));
            pruned.packs_removed += 1;
            pruned.bytes_freed = pruned.bytes_freed.saturating_add(all);
            continue;
        }
        // One that has lost a blob which another pack has whole goes, with all else of it read and compared.
        let is_moved = waste.saturating_mul(WASTE_PART) > all || rotten.contains(number);
        if is_moved {
            moved.push((*number, id, wanted.into_iter().copied().collect::<Vec<_>>()));
            pruned.packs_moved += 1;
            pruned.bytes_freed = pruned.bytes_freed.saturating_add(waste);
        } else {
            stay.push((id, blobs.clone()));
        }
    }
    if go.is_empty() && moved.is_empty() && old_indexes.len() <= 1 {
        return Ok(());
    }
    move_blobs(repository, &moved, &go)?;
    write_indexes(repository, &stay)?;
    for old in &old_indexes {
        repository.target().remove(FileKind::Index, &old.name)?;
    }
    for (_, id) in go.iter().copied().chain(moved.iter().map(|(number, id, _)| (*number, *id))) {
        repository.target().remove(FileKind::Pack, &id.hex())?;
    }
    Ok(())
}

/// Which pack is to give a blob that several have, and which packs have one that is damaged.
type Holders = (HashMap<(BlobKind, Id), u32>, HashSet<u32>);

/// Of each blob that is in several packs, one that has it whole: what is in the others may go.
fn holders(
    repository: &Repository,
    packs: &BTreeMap<u32, Vec<Blob>>,
    used: &Used,
) -> Result<Holders, BackupError> {
    let mut zstd = Zstd::new()?;
    let mut seen = HashSet::new();
    let (mut holders, mut rotten) = (HashMap::new(), HashSet::new());
    for blob in packs.values().flatten() {
        let key = (blob.kind, blob.id);
        if seen.insert(key) || !used.contains(&key) || holders.contains_key(&key) {
            continue;
        }
        let places = repository.index().places(blob.kind, &blob.id);
        let mut holder = None;
        for place in &places {
            if repository.read_place(blob.kind, &blob.id, place, &mut zstd).is_err() {
                rotten.insert(place.pack);
            } else if holder.is_none() {
                holder = Some(*place);
            }
        }
        let holder = holder.ok_or_else(|| {
            refused(&format!("no pack has the {} blob `{}` whole", blob.kind.word(), blob.id))
        })?;
        holders.insert(key, holder.pack);
    }
    Ok((holders, rotten))
}

/// Stores what is used of some packs once more, in new ones, and indexes them.
fn move_blobs(
    repository: &Arc<Repository>,
    moved: &[(u32, Id, Vec<Blob>)],
    go: &[(u32, Id)],
) -> Result<(), BackupError> {
    let mut zstd = Zstd::new()?;
    let saver = Saver::new(repository);
    // Their content is read by its place; for the saver they are gone already.
    for number in
        moved.iter().map(|(number, ..)| *number).chain(go.iter().map(|(number, _)| *number))
    {
        repository.index_mut().lose(number);
    }
    for (_, pack, blobs) in moved {
        for blob in blobs {
            let length = usize::try_from(blob.length).unwrap_or(usize::MAX);
            let mut sealed = repository.target().read_part(
                FileKind::Pack,
                &pack.hex(),
                u64::from(blob.offset),
                length,
            )?;
            let place = Place {
                pack: 0,
                offset: blob.offset,
                length: blob.length,
                unpacked: blob.unpacked,
            };
            let content =
                repository.decode(blob.kind, &blob.id, &place, pack, &mut sealed, &mut zstd);
            // Forgotten already are snapshots, never what others name: a damaged blob ends it here.
            let content = content.map_err(|error| refused(&error.told()))?;
            // Whatever other pack has it: this one was chosen to give it.
            saver.save_again(blob.kind, blob.id, &content, &mut zstd)?;
        }
    }
    saver.finish()?;
    Ok(())
}

/// Indexes of the packs that stay.
fn write_indexes(repository: &Repository, stay: &[(Id, Vec<Blob>)]) -> Result<(), BackupError> {
    let mut file = IndexFile::default();
    for (id, blobs) in stay {
        file.push(*id, blobs);
        if file.len() >= INDEX_BLOBS {
            repository.save(FileKind::Index, &to_json(&std::mem::take(&mut file))?)?;
        }
    }
    if file.len() > 0 {
        repository.save(FileKind::Index, &to_json(&file)?)?;
    }
    repository.target().barrier()
}
