//! The chain as it grows: events in, lines out. No I/O.

use crate::hash::Hash;
use crate::key::{Key, message};
use crate::kind::Kind;
use crate::row::{Event, seal};
use burgrave_sys::UnixTime;
use serde_json::json;
use std::fmt;

/// Rows whose number is a multiple of this are checkpoints, and no others: so a missing one is noticed.
pub const CHECKPOINT_EVERY: u64 = 256;
/// What a checkpoint's signature is made for.
pub(crate) const CHECKPOINT_SORT: &str = "checkpoint";

/// A row by its number and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number; 0: there is no row yet.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

impl Link {
    /// Before the first row.
    pub const START: Self = Self { seq: 0, hash: Hash::NONE };
}

/// As an auditor notes it.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

/// Lines that follow a row.
pub(crate) struct Chain<'k> {
    key: &'k Key,
    ledger: &'k str,
    /// The last row.
    pub(crate) link: Link,
    /// The lines, each with its end.
    pub(crate) text: Vec<u8>,
}

impl<'k> Chain<'k> {
    /// After this row of the ledger of this name.
    pub(crate) const fn after(link: Link, ledger: &'k str, key: &'k Key) -> Self {
        Self { key, ledger, link, text: Vec::new() }
    }

    /// One more row, with a checkpoint before it where one is due.
    pub(crate) fn add(&mut self, event: &Event) {
        if self.next().is_multiple_of(CHECKPOINT_EVERY) {
            self.checkpoint(event.time);
        }
        self.put(event);
    }

    /// A row in this place whose number is another one than the next: what was lost keeps its numbers.
    pub(crate) fn skip_to(&mut self, seq: u64) {
        self.link.seq = self.link.seq.max(seq.saturating_sub(1));
    }

    fn next(&self) -> u64 {
        self.link.seq.saturating_add(1)
    }

    fn checkpoint(&mut self, time: UnixTime) {
        let message = message(CHECKPOINT_SORT, self.ledger, self.link.seq, self.link.hash);
        let detail = json!({ "ledger": self.ledger, "signature": self.key.sign(&message) });
        self.put(&Event::new(time, Kind::LedgerCheckpoint, "", detail));
    }

    fn put(&mut self, event: &Event) {
        let seq = self.next();
        let (line, hash) = seal(seq, self.link.hash, event);
        self.text.extend_from_slice(&line);
        self.text.push(b'\n');
        self.link = Link { seq, hash };
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// So many rows of a ledger, as lines without their ends, and the last of them.
    pub(crate) fn rows(key: &Key, count: u64) -> (Vec<Vec<u8>>, Link) {
        let mut chain = Chain::after(Link::START, "name", key);
        let fingerprint = key.public().fingerprint().to_string();
        let detail = json!({ "ledger": "name", "key": fingerprint });
        chain.add(&Event::new(UnixTime(0), Kind::LedgerBegun, "", detail));
        while chain.link.seq < count {
            let subject = format!("192.0.2.{}", chain.link.seq);
            let time = UnixTime(i64::try_from(chain.link.seq).unwrap());
            chain.add(&Event::new(time, Kind::BanAdded, subject, json!({"secs": 60})));
        }
        let lines = chain.text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec);
        let mut lines: Vec<_> = lines.collect();
        lines.pop();
        (lines, chain.link)
    }

    #[test]
    fn checkpoints_stand_where_they_are_due_and_nowhere_else() {
        let (key, _) = Key::generate().unwrap();
        let (lines, link) = rows(&key, 600);
        assert_eq!(link.seq, 600);
        for (index, line) in lines.iter().enumerate() {
            let (row, is_intact) = crate::Row::parse(line).unwrap();
            let seq = u64::try_from(index).unwrap() + 1;
            assert!(is_intact && row.seq == seq);
            assert_eq!(row.kind == "ledger.checkpoint", seq % CHECKPOINT_EVERY == 0, "{seq}");
        }
    }
}
