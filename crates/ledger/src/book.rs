//! The ledger on the disk: `STATE/ledger/` with its segments, its head and its keys.
//!
//! Invariants: one writer at a time, by a lock; rows are on the disk, and then the head, before an append returns;
//! an append that failed has left nothing behind, or what it has left is told by the next one.

use crate::chain::{Chain, Link};
use crate::error::LedgerError;
use crate::head::Head;
use crate::key::Key;
use crate::kind::Kind;
use crate::read::{Segment, folder, segments};
use crate::row::{Event, LINE_BYTES_MAX};
use crate::tail::{Tail, resume};
use burgrave_sys::{
    Access, Appender, Followed, Lock, SysError, make_own_directory, read_own, replace_own, seed,
    wall_clock,
};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long another writer may hold the lock.
const LOCK_TIME: Duration = Duration::from_secs(20);
/// A segment that has grown past this is followed by the next.
const SEGMENT_BYTES: u64 = 16 << 20;
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// Read from the end of a segment, to find its last row.
const TAIL_BYTES: u64 = 8 * 64 * 1024;
const _: () = assert!(TAIL_BYTES > 2 * 64 * 1024 && LINE_BYTES_MAX <= 32 * 1024);

pub(crate) const HEAD: &str = "HEAD";
pub(crate) const KEY: &str = "key";
pub(crate) const PUBLIC: &str = "key.pub";
pub(crate) const LOCK: &str = "lock";

/// A ledger that rows are added to.
#[derive(Debug)]
pub struct Ledger {
    folder: PathBuf,
    key: Key,
    segment_bytes: u64,
}

impl Ledger {
    /// The ledger of a state directory; makes what is missing of it.
    pub fn open(state: &Path) -> Result<Self, LedgerError> {
        Self::with_segments(state, SEGMENT_BYTES)
    }

    pub(crate) fn with_segments(state: &Path, segment_bytes: u64) -> Result<Self, LedgerError> {
        let folder = folder(state);
        make_own_directory(&folder)?;
        let _lock = Lock::take(&folder.join(LOCK), LOCK_TIME)?;
        let key = key(&folder)?;
        Ok(Self { folder, key, segment_bytes })
    }

    /// Adds a row for each event, in their order, and waits for the disk. The last row.
    pub fn append(&self, events: &[Event]) -> Result<Link, LedgerError> {
        let _lock = Lock::take(&self.folder.join(LOCK), LOCK_TIME)?;
        let now = wall_clock();
        let (head, trouble) = self.head();
        let (mut segment, length, tail) = self.tail()?;
        let is_new = tail == Tail::default();
        // Where there is no row yet there is no head either.
        let trouble = trouble.filter(|why| !is_new || *why != NO_HEAD);
        let resume = resume(&tail, head.as_ref(), trouble, now);
        let name = head.map_or_else(name, |head| Ok(head.ledger))?;
        let mut chain = Chain::after(resume.link, &name, &self.key);
        if tail.is_open {
            chain.text.push(b'\n');
        }
        chain.skip_to(resume.seq);
        if resume.seq == 1 {
            let key = self.key.public().fingerprint().to_string();
            let detail = json!({ "ledger": name, "key": key });
            chain.add(&Event::new(now, Kind::LedgerBegun, "", detail));
        }
        resume.first.iter().chain(events).for_each(|event| chain.add(event));
        if length > self.segment_bytes && !tail.is_open {
            segment = Segment::of(&self.folder, segment.number.saturating_add(1));
        }
        write(&segment, &chain.text)?;
        let head = Head::sign(&self.key, &name, chain.link, now.rfc3339());
        replace_own(&self.folder.join(HEAD), &head.text(), Access::All)?;
        Ok(chain.link)
    }

    /// The head, or why it cannot be used.
    fn head(&self) -> (Option<Head>, Option<&'static str>) {
        let head = match read_own(&self.folder.join(HEAD), FILE_BYTES_MAX) {
            Ok(text) => Head::parse(&text).map_err(|_odd| "HEAD is no head"),
            Err(SysError::Missing(_)) => Err(NO_HEAD),
            Err(_) => Err("HEAD cannot be read"),
        };
        match head {
            Ok(head) if head.is_signed_by(&self.key.public()) => (Some(head), None),
            // What it says is still the best that is known of how far the rows went.
            Ok(head) => (Some(head), Some("HEAD is not signed by the key")),
            Err(why) => (None, Some(why)),
        }
    }

    /// The last segment with its length, and the end of the rows.
    fn tail(&self) -> Result<(Segment, u64, Tail), LedgerError> {
        let all = segments(&self.folder)?;
        let mut found = None;
        // A segment may have been begun and not got a row.
        for segment in all.iter().rev() {
            let file = Followed::open(&segment.path)?;
            let length = file.length()?;
            let from = length.saturating_sub(TAIL_BYTES);
            let bytes = read_from(&file, from)?;
            let tail = Tail::of(&bytes, from == 0);
            let (_, _, last) = found.get_or_insert_with(|| (segment.clone(), length, tail));
            if last.last.is_some() || last.odd.is_some() {
                break;
            }
            last.last = Tail::of(&bytes, from == 0).last;
        }
        Ok(found.unwrap_or_else(|| (Segment::of(&self.folder, 1), 0, Tail::default())))
    }
}

const NO_HEAD: &str = "HEAD is missing";

fn read_from(file: &Followed, from: u64) -> Result<Vec<u8>, LedgerError> {
    let mut bytes = vec![0; usize::try_from(TAIL_BYTES).unwrap_or(0)];
    let mut have = 0;
    while let Some(room) = bytes.get_mut(have..).filter(|room| !room.is_empty()) {
        match file.read_at(room, from.saturating_add(u64::try_from(have).unwrap_or(0)))? {
            0 => break,
            count => have += count,
        }
    }
    bytes.truncate(have);
    Ok(bytes)
}

/// Writes all of it, or as if nothing.
fn write(segment: &Segment, text: &[u8]) -> Result<(), LedgerError> {
    let mut file = Appender::open(&segment.path, Access::Owner)?;
    let (before, _) = file.age()?;
    let mut rest = text;
    let mut wrote = Ok(());
    while !rest.is_empty() && wrote.is_ok() {
        match file.append(rest) {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(error) => wrote = Err(error),
        }
    }
    let wrote = wrote.and_then(|()| file.sync());
    if let Err(error) = wrote {
        // Where even that fails, the next append tells what was left.
        drop(file.cut(before));
        return Err(error.into());
    }
    Ok(())
}

/// A name for a new ledger.
fn name() -> Result<String, LedgerError> {
    Ok(seed()?.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

/// The key, made where there is none.
fn key(folder: &Path) -> Result<Key, LedgerError> {
    let (private, public) = (folder.join(KEY), folder.join(PUBLIC));
    let key = match read_own(&private, FILE_BYTES_MAX) {
        Ok(text) => Key::parse(&text, &private)?,
        Err(SysError::Missing(_)) => {
            let (key, text) = Key::generate()?;
            replace_own(&private, text.as_bytes(), Access::Owner)?;
            key
        }
        Err(error) => return Err(error.into()),
    };
    let text = key.public().armoured();
    match read_own(&public, FILE_BYTES_MAX) {
        Ok(there) if there == text.as_bytes() => {}
        Ok(_) | Err(SysError::Missing(_)) => replace_own(&public, text.as_bytes(), Access::All)?,
        Err(error) => return Err(error.into()),
    }
    Ok(key)
}
