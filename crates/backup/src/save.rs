//! Blobs on their way into packs: each once, compressed and sealed, and indexed when their pack is on the disk.
//!
//! Invariant: an index names only packs that outlive a crash, so that a snapshot that can be seen is whole. What was
//! packed before an interruption is found again: by the indexes that are written on the way, or by the packs' tables.

use crate::compress::Zstd;
use crate::crypto::OVERHEAD;
use crate::error::BackupError;
use crate::id::Id;
use crate::index::IndexFile;
use crate::pack::{BlobKind, Packer};
use crate::repository::{Repository, to_json};
use crate::target::FileKind;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Blobs of one index file.
const INDEX_BLOBS: usize = 50_000;
/// Buffers that are kept to be used again: for blobs, and for packs.
const BUFFERS_MAX: usize = 2;
const PACKS_MAX: usize = 1;
/// An index is written so often at least, while packs come.
const INDEX_EVERY: Duration = Duration::from_secs(30);

/// What was stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// New pieces of files.
    pub data_blobs: u64,
    /// New lists of directories.
    pub tree_blobs: u64,
    /// Their bytes as they were.
    pub plain_bytes: u64,
    /// Their bytes in the repository.
    pub packed_bytes: u64,
}

struct State {
    /// Blobs on their way, and in packs that are not closed.
    pending: HashSet<(BlobKind, Id)>,
    unwritten: IndexFile,
    written: Instant,
    stored: Stored,
    buffers: Vec<Vec<u8>>,
    packs: Vec<Vec<u8>>,
}

/// Stores blobs from many threads.
pub(crate) struct Saver {
    repository: Arc<Repository>,
    state: Mutex<State>,
    data: Mutex<Packer>,
    trees: Mutex<Packer>,
}

impl Saver {
    pub(crate) fn new(repository: &Arc<Repository>) -> Self {
        let state = State {
            pending: HashSet::new(),
            unwritten: IndexFile::default(),
            written: Instant::now(),
            stored: Stored::default(),
            buffers: Vec::new(),
            packs: Vec::new(),
        };
        Self {
            repository: Arc::clone(repository),
            state: Mutex::new(state),
            data: Mutex::default(),
            trees: Mutex::default(),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a blob unless it is stored; says whether it was new.
    pub(crate) fn save(
        &self,
        kind: BlobKind,
        id: Id,
        content: &[u8],
        zstd: &mut Zstd,
    ) -> Result<bool, BackupError> {
        if self.repository.index().find(kind, &id).is_some() {
            return Ok(false);
        }
        self.save_again(kind, id, content, zstd)
    }

    /// Stores a blob whether it is in another pack or not; once for this value.
    pub(crate) fn save_again(
        &self,
        kind: BlobKind,
        id: Id,
        content: &[u8],
        zstd: &mut Zstd,
    ) -> Result<bool, BackupError> {
        if !self.state().pending.insert((kind, id)) {
            return Ok(false);
        }
        let small = if self.repository.compresses() { zstd.compress(content) } else { None };
        let unpacked = match small {
            Some(_) => u32::try_from(content.len())
                .map_err(|_long| BackupError::Refused(format!("the blob `{id}` is too long")))?,
            None => 0,
        };
        let plain = small.unwrap_or(content);
        let mut sealed = self.buffer();
        self.repository.key().seal_into(plain, &mut sealed)?;
        {
            let mut state = self.state();
            match kind {
                BlobKind::Data => state.stored.data_blobs += 1,
                BlobKind::Tree => state.stored.tree_blobs += 1,
            }
            let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
            state.stored.plain_bytes += count(content.len());
            state.stored.packed_bytes += count(plain.len().saturating_add(OVERHEAD));
        }
        let full = {
            let mut packer = self.packer(kind).lock().unwrap_or_else(PoisonError::into_inner);
            packer.add(kind, id, &sealed, unpacked)?;
            packer.is_full().then(|| std::mem::replace(&mut *packer, self.packer_with_room()))
        };
        self.give_back(sealed);
        if let Some(full) = full {
            self.close(full)?;
        }
        Ok(true)
    }

    /// A buffer that was used before, empty.
    fn buffer(&self) -> Vec<u8> {
        self.state().buffers.pop().unwrap_or_default()
    }

    fn give_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut state = self.state();
        if state.buffers.len() < BUFFERS_MAX {
            state.buffers.push(buffer);
        }
    }

    /// A pack's bytes are much memory: those of one that was written are used for the next.
    fn packer_with_room(&self) -> Packer {
        Packer { bytes: self.state().packs.pop().unwrap_or_default(), blobs: Vec::new() }
    }

    fn packer(&self, kind: BlobKind) -> &Mutex<Packer> {
        match kind {
            BlobKind::Data => &self.data,
            BlobKind::Tree => &self.trees,
        }
    }

    /// Writes a pack, and an index when it is time.
    fn close(&self, packer: Packer) -> Result<(), BackupError> {
        if packer.blobs.is_empty() {
            return Ok(());
        }
        let (bytes, blobs) = packer.close(self.repository.key())?;
        let pack = Id::of(&bytes);
        self.repository.target().write(FileKind::Pack, &pack.hex(), &bytes)?;
        {
            let (mut bytes, mut state) = (bytes, self.state());
            bytes.clear();
            if state.packs.len() < PACKS_MAX {
                state.packs.push(bytes);
            }
        }
        self.repository.index_mut().add(pack, &blobs)?;
        let due = {
            let mut state = self.state();
            state.unwritten.push(pack, &blobs);
            for blob in &blobs {
                state.pending.remove(&(blob.kind, blob.id));
            }
            state.unwritten.len() >= INDEX_BLOBS || state.written.elapsed() >= INDEX_EVERY
        };
        if due { self.write_index() } else { Ok(()) }
    }

    /// Writes what no index names yet, once its packs are on the disk.
    fn write_index(&self) -> Result<(), BackupError> {
        let unwritten = {
            let mut state = self.state();
            state.written = Instant::now();
            std::mem::take(&mut state.unwritten)
        };
        if unwritten.len() == 0 {
            return Ok(());
        }
        self.repository.target().barrier()?;
        self.repository.save(FileKind::Index, &to_json(&unwritten)?)?;
        Ok(())
    }

    /// Writes all that is left, and waits until it is on the disk.
    pub(crate) fn finish(&self) -> Result<Stored, BackupError> {
        for packer in [&self.data, &self.trees] {
            let left = std::mem::take(&mut *packer.lock().unwrap_or_else(PoisonError::into_inner));
            self.close(left)?;
        }
        self.write_index()?;
        self.repository.target().barrier()?;
        Ok(self.state().stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::tests::fresh;

    #[test]
    fn each_blob_is_stored_once_and_read_back() {
        let (_dir, repository) = fresh();
        let saver = Saver::new(&repository);
        let mut zstd = Zstd::new().unwrap();
        let blobs: Vec<Vec<u8>> = (0..50_u8).map(|byte| vec![byte; 1000]).collect();
        for round in 0..2 {
            for blob in &blobs {
                let new = saver.save(BlobKind::Data, Id::of(blob), blob, &mut zstd).unwrap();
                assert_eq!(new, round == 0);
            }
        }
        assert!(saver.save(BlobKind::Tree, Id::of(&blobs[0]), &blobs[0], &mut zstd).unwrap());
        let stored = saver.finish().unwrap();
        assert_eq!((stored.data_blobs, stored.tree_blobs, stored.plain_bytes), (50, 1, 51_000));
        assert!(stored.packed_bytes < 10_000, "zeros are compressed");
        assert!(repository.load_index().unwrap().is_empty());
        for blob in &blobs {
            let read = repository.read_blob(BlobKind::Data, &Id::of(blob), &mut zstd).unwrap();
            assert_eq!(&read, blob);
        }
        assert!(repository.read_blob(BlobKind::Tree, &Id::of(&blobs[1]), &mut zstd).is_err());
    }

    #[test]
    fn packs_say_the_same_as_the_index() {
        let (_dir, repository) = fresh();
        let saver = Saver::new(&repository);
        let mut zstd = Zstd::new().unwrap();
        for byte in 0..10_u8 {
            saver.save(BlobKind::Data, Id::of(&[byte]), &[byte], &mut zstd).unwrap();
        }
        saver.finish().unwrap();
        let packs = repository.target().list(FileKind::Pack).unwrap();
        assert_eq!(packs.len(), 1);
        let header = repository.read_pack_header(&packs[0].name, packs[0].bytes).unwrap();
        assert_eq!(repository.index().by_pack()[&0], header);
        assert_eq!(repository.index().pack_lengths()[&0], packs[0].bytes);
    }
}
