//! What can be wrong with a ledger, in words that say where.

use crate::chain::{CHECKPOINT_EVERY, Link};
use std::fmt;

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The segment's number, from 1.
    pub segment: u32,
    /// The line in it, from 1.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}.ndjson:{}", self.segment, self.line)
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A line is no row.
    Odd(Place, &'static str),
    /// A row's bytes have not the hash that it says.
    Changed(u64, Place),
    /// Rows are not there: from, to, and what stands where they should.
    Missing(u64, u64, Place),
    /// A row stands where another one should: inserted, twice, or moved. Its number, and the one that was due.
    Misplaced(u64, u64, Place),
    /// A row does not name the hash of the row before it: one of them is not the one that was written.
    Unlinked(u64, Place),
    /// A row that has to be a checkpoint is none, or one is where none has to be.
    NoCheckpoint(u64, Place),
    /// A checkpoint's signature is not the key's.
    Forged(u64, Place),
    /// The first row does not begin a ledger, or not the head's.
    NoBeginning(Place),
    /// The writer itself found that something was amiss, and said so in this row.
    Told(u64, String),
    /// The head cannot be used.
    Head(&'static str),
    /// The head names a row behind the last one: the tail was cut.
    Cut(u64, u64),
    /// The row that the head names is another one.
    OtherHead(Link),
    /// Rows stand behind the one that the head names: written and not signed.
    Unsigned(u64, u64),
    /// The row that an auditor noted is not there, or another one.
    Rewritten(Link),
    /// A file could not be read.
    Unread(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Odd(place, why) => write!(f, "{place}: this line is no row: {why}"),
            Self::Changed(seq, place) => write!(f, "{place}: row {seq} was changed"),
            Self::Missing(from, to, place) if from == to => {
                write!(f, "{place}: row {from} is missing before this line")
            }
            Self::Missing(from, to, place) => {
                write!(f, "{place}: rows {from} to {to} are missing before this line")
            }
            Self::Misplaced(seq, due, place) => {
                write!(f, "{place}: row {seq} stands where row {due} should: inserted or moved")
            }
            Self::Unlinked(seq, place) => {
                write!(
                    f,
                    "{place}: row {seq} does not follow the row before it: one of them was replaced"
                )
            }
            Self::NoCheckpoint(seq, place) => {
                write!(
                    f,
                    "{place}: every {CHECKPOINT_EVERY}th row is a checkpoint and no other is, but not row {seq}"
                )
            }
            Self::Forged(seq, place) => {
                write!(f, "{place}: the signature of checkpoint {seq} is not the key's")
            }
            Self::NoBeginning(place) => {
                write!(f, "{place}: this is not the first row of the ledger that the head is of")
            }
            Self::Told(seq, why) => {
                write!(f, "row {seq} tells that what had been signed was not there: {why}")
            }
            Self::Head(why) => write!(f, "HEAD: {why}"),
            Self::Cut(from, to) if from == to => {
                write!(f, "row {from} was cut off: the head names it, and it is not there")
            }
            Self::Cut(from, to) => {
                write!(
                    f,
                    "rows {from} to {to} were cut off: the head names the last, and it is not there"
                )
            }
            Self::OtherHead(link) => {
                write!(f, "row {} is not the one that the head names", link.seq)
            }
            Self::Unsigned(from, to) => write!(
                f,
                "rows {from} to {to} stand behind the row that the head names: an interrupted writer leaves such \
                 rows, and so does who adds some; the next row of a writer marks them"
            ),
            Self::Rewritten(link) => {
                write!(f, "row {} is not the one that was noted: history was rewritten", link.seq)
            }
            Self::Unread(why) => write!(f, "cannot be read: {why}"),
        }
    }
}
