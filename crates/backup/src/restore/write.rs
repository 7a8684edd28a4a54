//! The second pass: packs are read one after the other by a few threads, each piece once, and written wherever it
//! belongs. Memory is a stretch of a pack and a piece for each thread.

use super::plan::{Piece, Plan};
use crate::compress::Zstd;
use crate::error::BackupError;
use crate::index::Place;
use crate::pack::{BlobKind, PACK_BYTES_MAX};
use crate::repository::Repository;
use crate::target::FileKind;
use burgrave_sys::{Folder, SysError};
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Bytes that are read at once.
const STRETCH: u64 = 8 * 1024 * 1024;
/// Bytes between two pieces that are read rather than left out.
const GAP: u64 = 256 * 1024;
/// What is left out of a file where it is all zeros.
const BLOCK: usize = 64 * 1024;

/// Why files could not be written, by their numbers.
pub(super) type Failures = HashMap<u32, String>;

struct Writer<'a> {
    repository: &'a Repository,
    root: &'a Folder,
    plan: &'a Plan,
    failed: Mutex<Failures>,
    /// The disk is full, or gone: there is no use in going on.
    stopped: AtomicBool,
    fatal: Mutex<Option<BackupError>>,
    written: AtomicU64,
}

/// Writes all pieces; which files failed, and why.
pub(super) fn write(
    repository: &Repository,
    root: &Folder,
    plan: &Plan,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Failures, BackupError> {
    let writer = Writer {
        repository,
        root,
        plan,
        failed: Mutex::default(),
        stopped: AtomicBool::new(false),
        fatal: Mutex::default(),
        written: AtomicU64::new(0),
    };
    let packs: Vec<&[Piece]> = plan.pieces.chunk_by(|a, b| a.pack == b.pack).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..crate::pipeline::threads() {
            scope.spawn(|| {
                let mut zstd = match Zstd::new() {
                    Ok(zstd) => zstd,
                    Err(error) => return writer.stop(error),
                };
                let mut hand = Hand::default();
                while let Some(pieces) = packs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if writer.stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    writer.pack(pieces, &mut zstd, &mut hand);
                    progress(writer.written.load(Ordering::Relaxed), plan.bytes);
                }
            });
        }
    });
    if let Some(error) = writer.fatal.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    Ok(writer.failed.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// What a thread has open.
#[derive(Default)]
struct Hand {
    folder: Option<(u32, Folder)>,
    file: Option<(u32, File)>,
}

impl Writer<'_> {
    fn stop(&self, error: BackupError) {
        self.stopped.store(true, Ordering::Relaxed);
        self.fatal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    fn fail(&self, pieces: &[Piece], why: &str) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in pieces {
            failed.entry(piece.file).or_insert_with(|| why.to_owned());
        }
    }

    /// The pieces of one pack, in the order in which they lie there.
    fn pack(&self, pieces: &[Piece], zstd: &mut Zstd, hand: &mut Hand) {
        let mut rest = pieces;
        while let Some(first) = rest.first() {
            let start = u64::from(first.offset);
            let mut end = start + u64::from(first.length);
            let mut count = 0;
            for piece in rest {
                let (from, to) =
                    (u64::from(piece.offset), u64::from(piece.offset) + u64::from(piece.length));
                if count > 0 && (from > end + GAP || to > start + STRETCH && to > end) {
                    break;
                }
                end = end.max(to);
                count += 1;
            }
            let (now, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
            rest = later;
            self.stretch(now, start, end, zstd, hand);
            if self.stopped.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    fn stretch(&self, pieces: &[Piece], start: u64, end: u64, zstd: &mut Zstd, hand: &mut Hand) {
        let pack = pieces.first().and_then(|piece| self.repository.index().pack(piece.pack));
        let Some(pack) = pack else { return self.fail(pieces, "its pack is not known") };
        let length = usize::try_from(end - start).ok().filter(|_| end <= PACK_BYTES_MAX * 16);
        let Some(length) = length else { return self.fail(pieces, "its pack is too long") };
        let target = self.repository.target();
        let read = target.read_part(FileKind::Pack, &pack.hex(), start, length);
        let mut bytes = match read {
            Ok(bytes) => bytes,
            Err(error) => {
                for same in pieces.chunk_by(|a, b| a.offset == b.offset) {
                    self.elsewhere(same, &error.told(), zstd, hand);
                }
                return;
            }
        };
        for same in pieces.chunk_by(|a, b| a.offset == b.offset) {
            let Some(first) = same.first() else { continue };
            let from = usize::try_from(u64::from(first.offset) - start).unwrap_or(usize::MAX);
            let to = from.saturating_add(usize::try_from(first.length).unwrap_or(usize::MAX));
            let Some(sealed) = bytes.get_mut(from..to) else {
                self.fail(same, "its piece lies outside of its pack");
                continue;
            };
            let Piece { pack: number, offset, length, unpacked, .. } = *first;
            let place = Place { pack: number, offset, length, unpacked };
            match self.repository.decode(BlobKind::Data, &first.id, &place, &pack, sealed, zstd) {
                Ok(content) => self.put_all(same, &content, hand),
                Err(error) => self.elsewhere(same, &error.told(), zstd, hand),
            }
        }
    }

    /// The same piece from another pack, if one has it.
    fn elsewhere(&self, same: &[Piece], why: &str, zstd: &mut Zstd, hand: &mut Hand) {
        let Some(first) = same.first() else { return };
        match self.repository.read_blob(BlobKind::Data, &first.id, zstd) {
            Ok(content) => self.put_all(same, &content, hand),
            Err(_) => self.fail(same, why),
        }
    }

    fn put_all(&self, same: &[Piece], content: &[u8], hand: &mut Hand) {
        for piece in same {
            if let Err(error) = self.put(piece, content, hand) {
                self.failed_write(piece, error);
            }
        }
    }

    fn failed_write(&self, piece: &Piece, error: SysError) {
        let is_full = matches!(
            &error,
            SysError::Io { source, .. } if matches!(
                source.kind(),
                std::io::ErrorKind::StorageFull
                    | std::io::ErrorKind::QuotaExceeded
                    | std::io::ErrorKind::ReadOnlyFilesystem
            )
        );
        if is_full {
            return self.stop(error.into());
        }
        self.fail(&[*piece], &crate::archive::told(&error));
    }

    fn put(&self, piece: &Piece, content: &[u8], hand: &mut Hand) -> Result<(), SysError> {
        let number = usize::try_from(piece.file).unwrap_or(usize::MAX);
        let Some(job) = self.plan.files.get(number) else { return Ok(()) };
        if hand.file.as_ref().is_none_or(|(file, _)| *file != piece.file) {
            hand.file = None;
            if hand.folder.as_ref().is_none_or(|(folder, _)| *folder != job.folder) {
                let path = usize::try_from(job.folder).ok();
                let path = path.and_then(|folder| self.plan.folders.get(folder));
                let path = path.map(Vec::as_slice).unwrap_or_default();
                hand.folder = Some((job.folder, self.root.beneath(path)?));
            }
            let Some((_, folder)) = &hand.folder else { return Ok(()) };
            let file = match job.pieces {
                1 => folder.create(&job.name)?,
                _ => folder.reopen(&job.name)?,
            };
            hand.file = Some((piece.file, file));
        }
        let Some((_, file)) = &hand.file else { return Ok(()) };
        let wrong = |error| SysError::from_io("writing", self.root.path().join("…"), error);
        put_sparse(file, content, piece.at).map_err(wrong)?;
        if job.pieces == 1 && content.last().is_none_or(|last| *last == 0) {
            file.set_len(job.size).map_err(wrong)?;
        }
        let bytes = u64::try_from(content.len()).unwrap_or(0);
        self.written.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }
}

/// Writes what is not all zeros; the file is new, so that it reads as zeros where nothing is written.
fn put_sparse(file: &File, content: &[u8], at: u64) -> std::io::Result<()> {
    let mut from = 0;
    while from < content.len() {
        let is_zero = |block: &[u8]| block.iter().all(|byte| *byte == 0);
        let rest = content.get(from..).unwrap_or_default();
        let zeros = rest.chunks_exact(BLOCK).take_while(|block| is_zero(block)).count() * BLOCK;
        from += zeros;
        let rest = content.get(from..).unwrap_or_default();
        let mut blocks = rest.chunks(BLOCK);
        let data: usize = blocks
            .by_ref()
            .take_while(|block| block.len() < BLOCK || !is_zero(block))
            .map(<[u8]>::len)
            .sum();
        let piece = rest.get(..data).unwrap_or_default();
        file.write_all_at(piece, at.saturating_add(u64::try_from(from).unwrap_or(0)))?;
        from += data;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn zeros_are_holes_and_everything_else_is_written() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK, 5 * BLOCK + 7] {
            for data in [vec![], vec![0], vec![BLOCK], vec![2 * BLOCK + 5, 4 * BLOCK - 1]] {
                let mut content = vec![0_u8; length];
                for at in data {
                    if let Some(byte) = content.get_mut(at) {
                        *byte = 7;
                    }
                }
                let mut file = tempfile::tempfile().unwrap();
                put_sparse(&file, &content, 0).unwrap();
                file.set_len(u64::try_from(length).unwrap()).unwrap();
                let mut read = Vec::new();
                file.read_to_end(&mut read).unwrap();
                assert_eq!(read, content, "{length}");
            }
        }
    }
}
