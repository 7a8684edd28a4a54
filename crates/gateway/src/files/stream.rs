//! A file that is too large for memory, read as it is sent.

use super::cache::{Content, Entry};
use crate::refusal::Reason;
use bytes::Bytes;
use std::rc::Rc;

/// Bytes read at once. Reads come from the page cache as a rule, so they are made in place; a
/// piece of this size keeps the event loop busy for some ten microseconds.
const PIECE_BYTES: u64 = 64 * 1024;
/// The same where a connection has many streams: each may hold a piece that its client does not take.
const STREAM_PIECE_BYTES: u64 = 16 * 1024;
/// The first of those, which are all that a client gets to hold that takes nothing, or next to nothing.
const FIRST_PIECE_BYTES: u64 = 4 * 1024;
const FIRST_PIECES: u8 = 2;

/// See the module.
#[derive(Debug)]
pub(crate) struct FileStream {
    entry: Rc<Entry>,
    at: u64,
    left: u64,
    piece: u64,
    /// So many small ones come first.
    small: u8,
}

impl FileStream {
    /// `many`: whether the connection has other streams beside this one.
    pub(crate) fn new(entry: Rc<Entry>, start: u64, length: u64, many: bool) -> Self {
        let (piece, small) =
            if many { (STREAM_PIECE_BYTES, FIRST_PIECES) } else { (PIECE_BYTES, 0) };
        Self { entry, at: start, left: length, piece, small }
    }

    /// Bytes to come.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// The next piece. A file that became shorter is a fault, not an end.
    pub(crate) fn read(&mut self) -> Option<Result<Bytes, Reason>> {
        if self.left == 0 {
            return None;
        }
        let Content::Disk(file) = &self.entry.content else {
            return Some(Err(Reason::FileFault));
        };
        let piece = if self.small > 0 { FIRST_PIECE_BYTES } else { self.piece };
        self.small = self.small.saturating_sub(1);
        let size = usize::try_from(self.left.min(piece)).unwrap_or(0);
        let mut buffer = vec![0; size];
        let Ok(count) = file.read_at(&mut buffer, self.at) else {
            return Some(Err(Reason::FileFault));
        };
        if count == 0 {
            return Some(Err(Reason::FileFault));
        }
        buffer.truncate(count);
        let count = u64::try_from(count).unwrap_or(0);
        self.at = self.at.saturating_add(count);
        self.left = self.left.saturating_sub(count);
        Some(Ok(Bytes::from(buffer)))
    }
}
