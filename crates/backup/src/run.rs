//! One backup: from a source to a snapshot, on a repository that is locked and looked over first.

use crate::archive::{Archiver, Part, Paths, Seen};
use crate::assault::DECOY_BYTES;
use crate::chunker::Chunker;
use crate::error::BackupError;
use crate::id::Id;
use crate::index::IndexFile;
use crate::lock::{RepositoryLock, Sharing};
use crate::pipeline::{Pipeline, threads};
use crate::repository::{Repository, to_json};
use crate::save::{Saver, Stored};
use crate::snapshot::{self, INCOMPLETE, Snapshot, SnapshotFile, Summary, tag};
use crate::target::{FileKind, Listed};
use crate::time::show_time;
use burgrave_sys::{Live, Stamp, System as _, UnixTime, monotonic, own_ids};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// How long others are waited for.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// What came of a backup.
#[derive(Clone, Debug)]
pub struct Report {
    /// The new snapshot.
    pub snapshot: Id,
    /// The one before that unchanged files were taken from.
    pub parent: Option<Id>,
    /// What was read.
    pub seen: Seen,
    /// What was stored.
    pub stored: Stored,
    /// How long it took.
    pub took: Duration,
    /// What is to be known of the repository: damage that was found, what an interrupted run had left.
    pub notices: Vec<String>,
    /// Of these, how many are damage.
    pub damage: usize,
}

/// What is backed up.
pub(crate) enum What<'a> {
    /// Parts of the file system.
    Paths(&'a Paths),
    /// Parts that are none.
    Parts(Vec<Part<'a>>),
}

/// A job's own words for its snapshots.
pub(crate) struct Labels {
    pub(crate) job: String,
    pub(crate) paths: Vec<String>,
    pub(crate) excludes: Vec<String>,
    /// More words.
    pub(crate) tags: Vec<String>,
    /// Packs that were read back damaged.
    pub(crate) bad: Vec<Id>,
}

/// Makes a snapshot.
pub(crate) fn run(
    repository: &Arc<Repository>,
    labels: &Labels,
    what: What<'_>,
    progress: &mut dyn FnMut(&Seen),
) -> Result<Report, BackupError> {
    let begun = (Live.now(), monotonic());
    let mut notices = Vec::new();
    let lock = RepositoryLock::take(repository, Sharing::Shared, LOCK_WAIT)?;
    if lock.stale > 0 {
        notices.push(format!("{} lock(s) of runs that died were removed", lock.stale));
    }
    let looked = look_over(repository, &labels.bad, Look::Mend)?;
    let damage = looked.damage.len();
    notices.extend(looked.damage);
    notices.extend(looked.resumed);
    let (snapshots, broken) = snapshot::all(repository)?;
    let damage = damage.saturating_add(broken.len());
    notices.extend(broken.iter().map(BackupError::told));
    let parent = parent(&snapshots, &labels.job);
    let saver = Arc::new(Saver::new(repository));
    let (tree, seen) = archive(repository, &saver, what, parent, progress)?;
    let stored = saver.finish()?;
    let (uid, gid) = own_ids();
    let mut tags = vec![tag(&labels.job)];
    tags.extend_from_slice(&labels.tags);
    if seen.trouble_count > 0 {
        tags.push(INCOMPLETE.to_owned());
    }
    let file = SnapshotFile {
        time: show_time(begun.0),
        parent: parent.map(|snapshot| snapshot.id),
        tree: Some(tree),
        paths: labels.paths.clone(),
        hostname: crate::host(),
        username: crate::accounts::Accounts::read().user(uid),
        uid,
        gid,
        excludes: labels.excludes.clone(),
        tags,
        program_version: format!("burgrave {}", env!("CARGO_PKG_VERSION")),
        summary: Some(summary(&seen, stored, begun.0)),
    };
    lock.confirm()?;
    let snapshot = repository.save(FileKind::Snapshot, &to_json(&file)?)?;
    repository.target().barrier()?;
    drop(lock);
    let took = monotonic() - begun.1;
    let parent = parent.map(|snapshot| snapshot.id);
    Ok(Report { snapshot, parent, seen, stored, took, notices, damage })
}

/// The latest snapshot of the same job and machine.
pub(crate) fn parent<'s>(snapshots: &'s [Snapshot], job: &str) -> Option<&'s Snapshot> {
    let host = crate::host();
    snapshots
        .iter()
        .rev()
        .find(|snapshot| snapshot.job() == Some(job) && snapshot.file.hostname == host)
}

fn archive(
    repository: &Arc<Repository>,
    saver: &Arc<Saver>,
    what: What<'_>,
    parent: Option<&Snapshot>,
    progress: &mut dyn FnMut(&Seen),
) -> Result<(Id, Seen), BackupError> {
    let chunker = Chunker::new(repository.polynomial()?)?;
    let pipeline = Pipeline::new(saver);
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| pipeline.work());
        }
        // However it ends, the threads are told that no more comes.
        let _closed = Closing(&pipeline);
        let mut archiver = Archiver::new(repository, &pipeline, &chunker, progress)?;
        let tree = match what {
            What::Paths(paths) => {
                archiver.paths(paths, parent.and_then(|parent| parent.file.tree))?
            }
            What::Parts(parts) => {
                let now = Live.now();
                let nanos = u32::try_from(now.micros()).unwrap_or(0).saturating_mul(1_000);
                let now = Stamp { secs: now.seconds(), nanos };
                archiver.parts(parts, parent.and_then(|parent| parent.file.tree), now)?
            }
        };
        Ok::<_, BackupError>((tree, archiver.seen))
    })
    .and_then(|done| pipeline.result().map(|()| done))
    .map_err(|error| pipeline.result().err().unwrap_or(error))
}

struct Closing<'p>(&'p Pipeline);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn summary(seen: &Seen, stored: Stored, start: UnixTime) -> Summary {
    Summary {
        backup_start: show_time(start),
        backup_end: show_time(Live.now()),
        files_new: seen.files_new,
        files_changed: seen.files_changed,
        files_unmodified: seen.files_unchanged,
        data_blobs: stored.data_blobs,
        tree_blobs: stored.tree_blobs,
        data_added: stored.plain_bytes,
        data_added_packed: stored.packed_bytes,
        total_files_processed: seen.files,
        total_bytes_processed: seen.bytes,
    }
}

/// Whether a look over the repository may mend its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Mend,
    Only,
}

/// What a look over the repository found.
#[derive(Default)]
pub(crate) struct Looked {
    /// What is missing or damaged, each with what it affects.
    pub(crate) damage: Vec<String>,
    /// What an interrupted run had stored and was taken up.
    pub(crate) resumed: Option<String>,
    /// Packs that no index names and that are none: cut short while they were written, or decoys. With their sizes.
    pub(crate) refuse: Vec<(Id, u64)>,
}

/// Loads the index and compares it with the packs that are there. What is in packs that are missing or cut counts as
/// not stored, and is stored again; what an interrupted run stored and did not index is taken up.
///
/// `bad`: packs that were read back and are not what was written. `Look::Only` writes nothing.
pub(crate) fn look_over(
    repository: &Repository,
    bad: &[Id],
    look: Look,
) -> Result<Looked, BackupError> {
    let mut looked = Looked::default();
    looked.damage.extend(repository.load_index()?.iter().map(BackupError::told));
    let packs = repository.target().list(FileKind::Pack)?;
    let there: HashMap<&str, u64> =
        packs.iter().map(|pack| (pack.name.as_str(), pack.bytes)).collect();
    let lengths = repository.index().pack_lengths();
    let mut lost = Vec::new();
    for (number, bytes) in &lengths {
        let Some(id) = repository.index().pack(*number) else { continue };
        match there.get(id.hex().as_str()) {
            Some(found) if found == bytes => {
                if bad.contains(&id) {
                    lost.push((*number, format!("pack `{id}` was read back damaged")));
                }
            }
            Some(found) => {
                lost.push((*number, format!("pack `{id}` has {found} bytes of {bytes}")));
            }
            None => lost.push((*number, format!("pack `{id}` is missing"))),
        }
    }
    lost.sort();
    for (number, why) in lost {
        repository.index_mut().lose(number);
        looked.damage.push(format!(
            "{why}: what it held is stored again where the source still has it; `burgrave backup verify` names the \
             snapshots that are affected"
        ));
    }
    strangers(repository, &packs, look, &mut looked)?;
    Ok(looked)
}

/// Looks at the packs that no index names: what an interrupted run had stored is taken up, what is no pack is refuse.
fn strangers(
    repository: &Repository,
    packs: &[Listed],
    look: Look,
    looked: &mut Looked,
) -> Result<(), BackupError> {
    let known: std::collections::HashSet<String> =
        repository.index().packs().iter().map(Id::hex).collect();
    let strangers: Vec<_> = packs.iter().filter(|pack| !known.contains(&pack.name)).collect();
    let mut taken = IndexFile::default();
    let mut count = 0_usize;
    for pack in strangers {
        let Some(id) = Id::parse(&pack.name) else { continue };
        match repository.read_pack_header(&pack.name, pack.bytes) {
            Ok(blobs) => {
                repository.index_mut().add(id, &blobs)?;
                taken.push(id, &blobs);
                count += 1;
            }
            // Cut short while it was written, so nothing was ever said to be in it.
            Err(BackupError::Damaged { .. }) => looked.refuse.push((id, pack.bytes)),
            // It went between the two looks.
            Err(BackupError::Missing { .. }) => {}
            Err(other) => return Err(other),
        }
    }
    if count > 0 && look == Look::Mend {
        repository.save(FileKind::Index, &to_json(&taken)?)?;
        repository.target().barrier()?;
        looked.resumed = Some(format!(
            "an earlier run was interrupted: the {count} pack(s) with {} blob(s) that it had stored are taken up",
            taken.len()
        ));
    }
    let unreadable = looked.refuse.iter().filter(|(_, bytes)| *bytes != DECOY_BYTES).count();
    if unreadable > 0 {
        let left = format!(
            "{unreadable} file(s) that an interrupted run left unfinished are ignored until the next prune"
        );
        looked.resumed =
            Some(looked.resumed.take().map_or(left.clone(), |said| format!("{said}; {left}")));
    }
    Ok(())
}
