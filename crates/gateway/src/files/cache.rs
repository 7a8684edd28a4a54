//! Open files and small contents, kept for a second so that a busy page costs no system calls.
//!
//! Each event loop has its own, bounded in entries and bytes. An entry older than a second is opened
//! again through the root, so that a file that was changed, deleted or linked elsewhere is noticed
//! within that second.

use super::{path, types};
use crate::coder::Coding;
use crate::guard::clock::about_now;
use crate::guard::from_file::{self, FromFile};
use crate::log::json::hex_text;
use crate::plan::Plan;
use crate::refusal::Reason;
use burgrave_sys::{Facts, Kind, Opened, Root, SysError};
use bytes::Bytes;
use http::HeaderValue;
use sha2::{Digest as _, Sha256};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};
use tokio::time::Instant;

/// How long an entry is believed.
const FRESH_TIME: Duration = Duration::from_millis(900);
/// Largest content that is kept in memory.
const MEMORY_BYTES_MAX: u64 = 256 * 1024;
/// Bytes of a digest that make a tag.
const ETAG_BYTES: usize = 12;
/// Most entries, and most bytes of content in all.
const ENTRIES_MAX: usize = 512;
const CONTENT_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// A file's content.
#[derive(Debug)]
pub(crate) enum Content {
    /// All of it; and the file, where it is large enough to be sent from there.
    Memory(Bytes, Option<Rc<Opened>>),
    /// To be read; also a directory.
    Disk(Opened),
}

/// A file or directory beneath a root.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) facts: Facts,
    pub(crate) content: Content,
    pub(crate) etag: HeaderValue,
    pub(crate) modified: HeaderValue,
    pub(crate) kind: &'static str,
    /// Which precompressed siblings there are, one bit each in the order of [`Coding::ALL`].
    pub(crate) siblings: u8,
    /// The content in each coding, once it was asked for; `None` inside: it is not worth it.
    coded: [OnceCell<Option<Bytes>>; 3],
    seen: Instant,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    entries: RefCell<HashMap<Box<[u8]>, Rc<Entry>>>,
    bytes: Cell<u64>,
    /// The plan that the entries were opened for.
    generation: Cell<u64>,
}

impl Cache {
    /// Opens a name beneath a site's root.
    pub(crate) fn open(&self, plan: &Plan, site: usize, name: &[u8]) -> Result<Rc<Entry>, Reason> {
        if self.generation.replace(plan.generation) != plan.generation {
            self.clear();
        }
        let mut key = Vec::with_capacity(name.len() + 4);
        key.extend_from_slice(&u32::try_from(site).unwrap_or(u32::MAX).to_le_bytes());
        key.extend_from_slice(name);
        let known = self.entries.borrow().get(key.as_slice()).map(Rc::clone);
        if let Some(entry) = known
            && about_now().saturating_duration_since(entry.seen) < FRESH_TIME
        {
            return Ok(entry);
        }
        self.forget(&key);
        let root = plan.sites.get(site).and_then(|plan| plan.root.as_ref());
        let entry = Rc::new(load(root.ok_or(Reason::NotFound)?, name)?);
        self.keep(key, &entry);
        Ok(entry)
    }

    fn clear(&self) {
        self.entries.borrow_mut().clear();
        self.bytes.set(0);
    }

    fn forget(&self, key: &[u8]) {
        if let Some(entry) = self.entries.borrow_mut().remove(key) {
            self.bytes.set(self.bytes.get().saturating_sub(entry.weight()));
        }
    }

    fn keep(&self, key: Vec<u8>, entry: &Rc<Entry>) {
        let full = self.entries.borrow().len() >= ENTRIES_MAX;
        if full || self.bytes.get().saturating_add(entry.weight()) > CONTENT_BYTES_MAX {
            self.clear();
        }
        self.bytes.set(self.bytes.get().saturating_add(entry.weight()));
        self.entries.borrow_mut().insert(key.into_boxed_slice(), Rc::clone(entry));
    }
}

/// Contents smaller than this stay as they are.
const CODED_BYTES_MIN: usize = 512;

impl Entry {
    /// The content in a coding, made at the first request for it. Only of texts that are in memory.
    pub(crate) fn coded(&self, coding: Coding) -> Option<Bytes> {
        let Content::Memory(plain, _) = &self.content else { return None };
        if !types::is_text(self.kind) || plain.len() < CODED_BYTES_MIN {
            return None;
        }
        let place = Coding::ALL.iter().position(|own| *own == coding)?;
        self.coded.get(place)?.get_or_init(|| compressed(plain, coding)).clone()
    }

    /// The file that the content in memory can be sent from.
    pub(crate) fn source(&self) -> Option<FromFile> {
        let Content::Memory(content, Some(file)) = &self.content else { return None };
        Some(FromFile { content: content.clone(), file: Rc::clone(file) })
    }

    fn weight(&self) -> u64 {
        match &self.content {
            Content::Memory(bytes, _) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Content::Disk(_) => 0,
        }
    }
}

/// In a coding, if that is a tenth smaller at least.
fn compressed(plain: &Bytes, coding: Coding) -> Option<Bytes> {
    let packed = coding.whole(plain)?;
    (packed.len() < plain.len() - plain.len() / 10).then(|| packed.into())
}

fn load(root: &Root, name: &[u8]) -> Result<Entry, Reason> {
    let opened = open(root, name)?;
    let facts = opened.facts;
    let siblings = if facts.kind == Kind::File { siblings(root, name) } else { 0 };
    let small = facts.kind == Kind::File && facts.size <= MEMORY_BYTES_MAX;
    let content = if small { read(&opened, facts.size)? } else { None };
    let modified =
        UNIX_EPOCH + Duration::from_secs(u64::try_from(facts.modified_secs).unwrap_or(0));
    let content = match content {
        Some(bytes) => {
            let file = (bytes.len() >= from_file::BYTES_MIN).then(|| Rc::new(opened));
            Content::Memory(bytes, file)
        }
        None => Content::Disk(opened),
    };
    let header = |text: String| HeaderValue::try_from(text).ok().ok_or(Reason::FileFault);
    Ok(Entry {
        facts,
        content,
        etag: header(etag(&facts))?,
        modified: header(httpdate::fmt_http_date(modified))?,
        kind: types::of(name),
        siblings,
        coded: Default::default(),
        seen: about_now(),
    })
}

/// A tag of the file as it is now (RFC 9110 §8.8.3). What the machine knows it by, and nobody else should (CVE-2003-1418),
/// is in it as a digest only.
fn etag(facts: &Facts) -> String {
    let mut digest = Sha256::new();
    for number in [facts.size, facts.inode, facts.device] {
        digest.update(number.to_le_bytes());
    }
    digest.update(facts.modified_secs.to_le_bytes());
    digest.update(facts.modified_nanos.to_le_bytes());
    let digest = digest.finalize();
    format!("\"{}\"", hex_text(digest.get(..ETAG_BYTES).unwrap_or(&digest)))
}

fn open(root: &Root, name: &[u8]) -> Result<Opened, Reason> {
    // Such an end has only a sibling: a client that names one is refused before.
    let mut ends = Coding::ALL.into_iter().map(Coding::suffix);
    let end = ends.find(|end| name.ends_with(end)).unwrap_or_default();
    root.open_admitted(name, |own| path::is_served(own, end)).map_err(|error| match error {
        SysError::Missing(_) | SysError::WrongKind { .. } => Reason::NotFound,
        SysError::Escapes(_) => Reason::Escapes,
        // No more is said of it than of one that is not there.
        SysError::Denied(_) => Reason::PathForbidden("file that may not be read"),
        SysError::TooLarge { .. }
        | SysError::Timeout { .. }
        | SysError::Flooded { .. }
        | SysError::Unsupported(_)
        | SysError::Io { .. } => Reason::FileFault,
    })
}

/// The whole content, or `None` when the file changed its size on the way.
fn read(opened: &Opened, size: u64) -> Result<Option<Bytes>, Reason> {
    let size = usize::try_from(size).ok().ok_or(Reason::FileFault)?;
    let mut buffer = vec![0; size + 1];
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        let at = u64::try_from(filled).unwrap_or(u64::MAX);
        match opened.read_at(room, at) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(_) => return Err(Reason::FileFault),
        }
    }
    buffer.truncate(filled);
    Ok((filled == size).then(|| Bytes::from(buffer)))
}

fn siblings(root: &Root, name: &[u8]) -> u8 {
    Coding::ALL.into_iter().fold(0, |found, coding| {
        let there = open(root, &[name, coding.suffix()].concat())
            .is_ok_and(|sibling| sibling.facts.kind == Kind::File);
        if there { found | coding.bit() } else { found }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_changes_with_each_fact_and_tells_none() {
        let facts = Facts {
            kind: Kind::File,
            size: 0xabcd,
            modified_secs: 1_795_228_938,
            modified_nanos: 5,
            inode: 0x0012_3456,
            device: 0xfd01,
        };
        let others = [
            Facts { size: 0xabce, ..facts },
            Facts { modified_secs: 1_795_228_939, ..facts },
            Facts { modified_nanos: 6, ..facts },
            Facts { inode: 0x0012_3457, ..facts },
            Facts { device: 0xfd02, ..facts },
        ];
        let tag = etag(&facts);
        assert_eq!((tag.len(), &tag), (2 + 2 * ETAG_BYTES, &etag(&facts)));
        assert!(others.iter().all(|other| etag(other) != tag));
        assert!(!tag.contains("123456") && !tag.contains("1193046") && !tag.contains("abcd"));
    }
}
