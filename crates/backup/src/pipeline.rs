//! Pieces on their way from whoever reads to the repository: threads that digest, compress, seal and store, and a bound
//! on how many bytes are between.

use crate::compress::Zstd;
use crate::error::BackupError;
use crate::id::Id;
use crate::pack::BlobKind;
use crate::save::Saver;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Bytes that are read and not stored.
const BYTES_MAX: usize = 20 * 1024 * 1024;
/// Pieces that are read and not stored.
const JOBS_MAX: usize = 4096;
/// Buffers that are kept: how many, and of which size.
const SPARE_MAX: usize = 8;
const SPARE_BYTES_MIN: usize = 256 * 1024;
const SPARE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How long is waited before looking whether everything stands still.
const PAUSE: Duration = Duration::from_millis(200);

/// The digest of a piece, once it is stored.
pub(crate) type Slot = Arc<OnceLock<Id>>;

enum Job {
    Data { bytes: Vec<u8>, slot: Slot },
    Tree { bytes: Vec<u8>, id: Id },
}

impl Job {
    fn bytes(&self) -> usize {
        match self {
            Self::Data { bytes, .. } | Self::Tree { bytes, .. } => bytes.len(),
        }
    }
}

#[derive(Default)]
struct Queue {
    jobs: std::collections::VecDeque<Job>,
    /// Of jobs that wait and that are being done.
    bytes: usize,
    is_closed: bool,
    failed: Option<BackupError>,
    has_failed: bool,
    /// Buffers that are used again: fresh memory has to be cleared by the kernel.
    spare: Vec<Vec<u8>>,
}

/// The way of pieces.
pub(crate) struct Pipeline {
    saver: Arc<Saver>,
    queue: Mutex<Queue>,
    /// Something was added, or all is done.
    added: Condvar,
    /// Something was stored.
    stored: Condvar,
}

impl Pipeline {
    pub(crate) fn new(saver: &Arc<Saver>) -> Self {
        Self {
            saver: Arc::clone(saver),
            queue: Mutex::default(),
            added: Condvar::new(),
            stored: Condvar::new(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a piece of a file; its digest comes later.
    pub(crate) fn data(&self, piece: &[u8]) -> Result<Slot, BackupError> {
        let slot = Slot::default();
        let mut bytes = if piece.len() >= SPARE_BYTES_MIN {
            self.queue().spare.pop().unwrap_or_default()
        } else {
            Vec::new()
        };
        bytes.clear();
        bytes.extend_from_slice(piece);
        self.push(Job::Data { bytes, slot: Arc::clone(&slot) })?;
        Ok(slot)
    }

    /// Sends the list of a directory.
    pub(crate) fn tree(&self, bytes: Vec<u8>) -> Result<Id, BackupError> {
        let id = Id::of(&bytes);
        self.push(Job::Tree { bytes, id })?;
        Ok(id)
    }

    fn push(&self, job: Job) -> Result<(), BackupError> {
        let mut queue = self.queue();
        // One larger than the bound goes when nothing else is on its way.
        while !queue.has_failed
            && queue.bytes > 0
            && (queue.bytes + job.bytes() > BYTES_MAX || queue.jobs.len() >= JOBS_MAX)
        {
            queue = self.wait(queue);
        }
        if queue.has_failed {
            return Err(failure(&mut queue));
        }
        queue.bytes += job.bytes();
        queue.jobs.push_back(job);
        drop(queue);
        self.added.notify_one();
        Ok(())
    }

    fn wait<'q>(&self, queue: MutexGuard<'q, Queue>) -> MutexGuard<'q, Queue> {
        self.stored.wait_timeout(queue, PAUSE).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits for a digest.
    pub(crate) fn wait_for(&self, slot: &Slot) -> Result<Id, BackupError> {
        loop {
            if let Some(id) = slot.get() {
                return Ok(*id);
            }
            let mut queue = self.queue();
            if queue.has_failed {
                return Err(failure(&mut queue));
            }
            if slot.get().is_none() {
                drop(self.wait(queue));
            }
        }
    }

    /// No more comes: the threads end when everything is stored.
    pub(crate) fn close(&self) {
        self.queue().is_closed = true;
        self.added.notify_all();
    }

    /// What went wrong, if anything did.
    pub(crate) fn result(&self) -> Result<(), BackupError> {
        let mut queue = self.queue();
        if queue.has_failed { Err(failure(&mut queue)) } else { Ok(()) }
    }

    /// The work of one thread.
    pub(crate) fn work(&self) {
        let mut zstd = match Zstd::new() {
            Ok(zstd) => zstd,
            Err(error) => return self.fail(error),
        };
        loop {
            let job = {
                let mut queue = self.queue();
                loop {
                    if let Some(job) = queue.jobs.pop_front() {
                        break job;
                    }
                    if queue.is_closed || queue.has_failed {
                        return;
                    }
                    queue = self.added.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
            };
            let bytes = job.bytes();
            let done = self.store(&job, &mut zstd);
            let mut queue = self.queue();
            if let Job::Data { bytes, .. } = job
                && (SPARE_BYTES_MIN..=SPARE_BYTES_MAX).contains(&bytes.capacity())
                && queue.spare.len() < SPARE_MAX
            {
                queue.spare.push(bytes);
            }
            queue.bytes = queue.bytes.saturating_sub(bytes);
            drop(queue);
            if let Err(error) = done {
                return self.fail(error);
            }
            self.stored.notify_all();
        }
    }

    fn store(&self, job: &Job, zstd: &mut Zstd) -> Result<(), BackupError> {
        match job {
            Job::Data { bytes, slot } => {
                let id = Id::of(bytes);
                self.saver.save(BlobKind::Data, id, bytes, zstd)?;
                // Set once, here alone.
                slot.set(id).unwrap_or(());
            }
            Job::Tree { bytes, id } => {
                self.saver.save(BlobKind::Tree, *id, bytes, zstd)?;
            }
        }
        Ok(())
    }

    fn fail(&self, error: BackupError) {
        let mut queue = self.queue();
        if !queue.has_failed {
            queue.has_failed = true;
            queue.failed = Some(error);
        }
        queue.jobs.clear();
        drop(queue);
        self.added.notify_all();
        self.stored.notify_all();
    }
}

/// The first failure; whoever asks again is told that it stopped.
fn failure(queue: &mut Queue) -> BackupError {
    let stopped =
        || BackupError::Refused("the backup was stopped by an earlier failure".to_owned());
    queue.failed.take().unwrap_or_else(stopped)
}

/// How many threads store: one a core, within reason; one more would hold a pack more in memory.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 4)
}
