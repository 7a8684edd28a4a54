//! From a file system into a snapshot's trees: one thread walks and reads, others store.
//!
//! What has not changed since the last snapshot (size, both times, inode) is not read again, as long as all of its
//! pieces are in packs that are there. Invariants: memory is bounded but for the largest directory; a name that cannot
//! be read is told and counted, and never ends the backup of the others.

mod leaf;
mod parts;
mod pieces;

use crate::accounts::Accounts;
use crate::chunker::{CHUNK_BYTES_MAX, Chunker};
use crate::compress::Zstd;
use crate::error::BackupError;
use crate::exclude::Exclude;
use crate::id::Id;
use crate::pack::BlobKind;
use crate::pipeline::{Pipeline, Slot};
use crate::repository::Repository;
use crate::tree::{Node, Tree};
use burgrave_sys::{Folder, NodeKind, SysError};
pub(crate) use parts::Part;
use pieces::{Failed, Pieces};
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Nodes of directories that wait for their pieces.
const WAITING_MAX: usize = 20_000;
/// Directories within one another; the kernel's longest path has no more.
const DEPTH_MAX: usize = 2_048;
/// Bytes that are read ahead: enough that little is moved.
const BUFFER_BYTES: usize = 2 * CHUNK_BYTES_MAX;
/// Names that could not be read that are told one by one.
const TROUBLE_MAX: usize = 1_000;

/// What is backed up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paths {
    pub(crate) tops: Vec<PathBuf>,
    pub(crate) exclude: Exclude,
    pub(crate) one_file_system: bool,
    /// Directories that are never read: the repository's own.
    pub(crate) never: Vec<PathBuf>,
}

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Files, links and whatever is no directory.
    pub files: u64,
    /// Directories.
    pub folders: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes that were read, and not taken from the snapshot before.
    pub bytes_read: u64,
    /// Files that the snapshot before had not.
    pub files_new: u64,
    /// Files that had changed.
    pub files_changed: u64,
    /// Files that had not.
    pub files_unchanged: u64,
    /// What could not be read, and why.
    pub trouble: Vec<String>,
    /// How many there were of these.
    pub trouble_count: u64,
    /// Files that changed while they were read.
    pub moving: Vec<String>,
}

/// A file's pieces, known or on their way.
enum Content {
    None,
    Known,
    Coming(Vec<Slot>),
}

struct Entry {
    node: Node,
    content: Content,
    subtree: Option<Slot>,
}

/// A directory that was read, in the order in which they can be stored.
struct Done {
    entries: Vec<Entry>,
    slot: Slot,
}

/// A directory that is being read.
struct Open {
    folder: Folder,
    names: std::vec::IntoIter<Vec<u8>>,
    path: Vec<u8>,
    parent: Option<Tree>,
    entries: Vec<Entry>,
    device: u64,
    slot: Slot,
}

/// Reads a file system.
pub(crate) struct Archiver<'a> {
    repository: &'a Repository,
    pipeline: &'a Pipeline,
    chunker: &'a Chunker,
    accounts: Accounts,
    zstd: Zstd,
    waiting: VecDeque<Done>,
    waiting_nodes: usize,
    pub(crate) seen: Seen,
    buffer: Vec<u8>,
    progress: &'a mut dyn FnMut(&Seen),
}

/// The paths as a tree of names, down to those that are backed up.
#[derive(Default)]
struct Way {
    is_whole: bool,
    below: BTreeMap<Vec<u8>, Way>,
}

impl Way {
    fn of(paths: &[PathBuf]) -> Self {
        let mut top = Self::default();
        for path in paths {
            let mut at = &mut top;
            for part in path.as_os_str().as_bytes().split(|byte| *byte == b'/') {
                if !part.is_empty() && part != b"." {
                    at = at.below.entry(part.to_vec()).or_default();
                }
            }
            at.is_whole = true;
        }
        top
    }
}

impl<'a> Archiver<'a> {
    pub(crate) fn new(
        repository: &'a Repository,
        pipeline: &'a Pipeline,
        chunker: &'a Chunker,
        progress: &'a mut dyn FnMut(&Seen),
    ) -> Result<Self, BackupError> {
        Ok(Self {
            repository,
            pipeline,
            chunker,
            accounts: Accounts::read(),
            zstd: Zstd::new()?,
            waiting: VecDeque::new(),
            waiting_nodes: 0,
            seen: Seen::default(),
            buffer: Vec::new(),
            progress,
        })
    }

    /// Stores everything that the paths name; the top of the tree.
    pub(crate) fn paths(&mut self, what: &Paths, parent: Option<Id>) -> Result<Id, BackupError> {
        let way = Way::of(&what.tops);
        let parent = parent.and_then(|id| self.tree(&id));
        let top = Folder::open(Path::new("/"))?;
        let slot = if way.is_whole {
            self.folder(top, Vec::new(), parent, what)?
        } else {
            self.way(&way, &top, &[], parent.as_ref(), what)?
        };
        self.settle(0)?;
        self.pipeline.wait_for(&slot)
    }

    /// A tree of the snapshot before; one that cannot be read is as if it were not there.
    fn tree(&mut self, id: &Id) -> Option<Tree> {
        let blob = self.repository.read_blob(BlobKind::Tree, id, &mut self.zstd).ok()?;
        Tree::from_blob(id, &blob).ok()
    }

    fn subtree(&mut self, parent: Option<&Tree>, name: &[u8]) -> Option<Tree> {
        let id = parent?.find(name)?.subtree?;
        self.tree(&id)
    }

    fn trouble(&mut self, path: &[u8], why: &str) {
        self.seen.trouble_count = self.seen.trouble_count.saturating_add(1);
        if self.seen.trouble.len() < TROUBLE_MAX {
            self.seen.trouble.push(format!("`/{}`: {why}", crate::tree::quote(path)));
        }
    }

    /// The directories above those that are backed up, with only the way in them.
    fn way(
        &mut self,
        way: &Way,
        folder: &Folder,
        path: &[u8],
        parent: Option<&Tree>,
        what: &Paths,
    ) -> Result<Slot, BackupError> {
        let mut entries = Vec::new();
        for (name, below) in &way.below {
            let path = join(path, name);
            let facts = match folder.attributes(name) {
                Ok(Some(facts)) => facts,
                Ok(None) => {
                    self.trouble(&path, "it does not exist");
                    continue;
                }
                Err(error) => {
                    self.trouble(&path, &told(&error));
                    continue;
                }
            };
            // Who names a path means what its links lead to, but for its last part.
            let followed = if facts.kind == NodeKind::Link && !below.is_whole {
                Folder::open(&folder.path().join(OsStr::from_bytes(name))).ok()
            } else {
                None
            };
            if facts.kind != NodeKind::Directory && followed.is_none() {
                if !below.is_whole {
                    self.trouble(&path, "it is no directory");
                } else if let Some(entry) = self.leaf(folder, name, &path, &facts, parent) {
                    entries.push(entry?);
                }
                continue;
            }
            let (inner, facts) = match followed {
                Some(followed) => {
                    let own = followed.own_attributes();
                    (Ok(followed), own.unwrap_or(facts))
                }
                None => (folder.folder(name), facts),
            };
            let inner = match inner {
                Ok(inner) => inner,
                Err(error) => {
                    self.trouble(&path, &told(&error));
                    continue;
                }
            };
            let old = self.subtree(parent, name);
            let slot = if below.is_whole {
                self.folder(inner, path.clone(), old, what)?
            } else {
                self.way(below, &inner, &path, old.as_ref(), what)?
            };
            let node = self.node(folder, name, &path, &facts);
            entries.push(Entry { node, content: Content::None, subtree: Some(slot) });
        }
        Ok(self.finish(entries))
    }

    /// A directory with everything below it, without recursion.
    fn folder(
        &mut self,
        folder: Folder,
        path: Vec<u8>,
        parent: Option<Tree>,
        what: &Paths,
    ) -> Result<Slot, BackupError> {
        let top = Slot::default();
        let mut stack = Vec::new();
        self.enter(&mut stack, folder, path, parent, Arc::clone(&top));
        while let Some(open) = stack.last_mut() {
            let Some(name) = open.names.next() else {
                let Some(done) = stack.pop() else { break };
                self.seen.folders = self.seen.folders.saturating_add(1);
                self.done(done.entries, done.slot)?;
                continue;
            };
            let path = join(&open.path, &name);
            if what.exclude.matches(&path) || is_never(what, &path) {
                continue;
            }
            let facts = match open.folder.attributes(&name) {
                Ok(Some(facts)) => facts,
                // Gone since the directory was listed.
                Ok(None) => continue,
                Err(error) => {
                    self.trouble(&path, &told(&error));
                    continue;
                }
            };
            if facts.kind != NodeKind::Directory {
                let entry = self.leaf(&open.folder, &name, &path, &facts, open.parent.as_ref());
                if let Some(entry) = entry {
                    open.entries.push(entry?);
                }
                continue;
            }
            let node = self.node(&open.folder, &name, &path, &facts);
            let slot = Slot::default();
            open.entries.push(Entry {
                node,
                content: Content::None,
                subtree: Some(Arc::clone(&slot)),
            });
            let crosses = what.one_file_system && facts.device != open.device;
            let inner = if crosses { None } else { Some(open.folder.folder(&name)) };
            let old = match &open.parent {
                Some(parent) => self.subtree(Some(parent), &name),
                None => None,
            };
            match inner {
                Some(Ok(inner)) if stack.len() < DEPTH_MAX => {
                    self.enter(&mut stack, inner, path, old, slot);
                }
                Some(Ok(_)) => {
                    self.trouble(&path, "it is too deep");
                    self.done(Vec::new(), slot)?;
                }
                Some(Err(error)) => {
                    self.trouble(&path, &told(&error));
                    self.done(Vec::new(), slot)?;
                }
                None => self.done(Vec::new(), slot)?,
            }
        }
        Ok(top)
    }

    fn enter(
        &mut self,
        stack: &mut Vec<Open>,
        folder: Folder,
        path: Vec<u8>,
        parent: Option<Tree>,
        slot: Slot,
    ) {
        let names = folder.names().unwrap_or_else(|error| {
            self.trouble(&path, &told(&error));
            Vec::new()
        });
        let device = folder.own_attributes().map_or(0, |facts| facts.device);
        let names = names.into_iter();
        stack.push(Open { folder, names, path, parent, entries: Vec::new(), device, slot });
    }

    /// Cuts what is read into pieces and sends them on.
    fn pieces(&mut self, reader: &mut dyn Pieces) -> Result<Vec<Slot>, Failed> {
        let mut slots = Vec::new();
        let (mut start, mut end) = (0, 0);
        let mut is_end = false;
        loop {
            while !is_end && end - start < CHUNK_BYTES_MAX {
                if end >= BUFFER_BYTES {
                    self.buffer.copy_within(start..end, 0);
                    (start, end) = (0, end - start);
                }
                // Small files need small buffers.
                let room = end.saturating_add(reader.hint()).clamp(end + 1, BUFFER_BYTES);
                if self.buffer.len() < room {
                    self.buffer.resize(room, 0);
                }
                let into = self.buffer.get_mut(end..room).unwrap_or_default();
                let read = reader.read(into).map_err(Failed::Reading)?;
                is_end = read == 0;
                end += read;
            }
            if end == start {
                return Ok(slots);
            }
            let whole = self.buffer.get(start..end).unwrap_or_default();
            let cut = self.chunker.cut(whole).max(1);
            let piece = whole.get(..cut).unwrap_or_default();
            start += cut;
            self.seen.bytes_read =
                self.seen.bytes_read.saturating_add(u64::try_from(cut).unwrap_or(0));
            slots.push(self.pipeline.data(piece).map_err(Failed::Storing)?);
            (self.progress)(&self.seen);
        }
    }

    fn finish(&mut self, entries: Vec<Entry>) -> Slot {
        let slot = Slot::default();
        self.waiting_nodes = self.waiting_nodes.saturating_add(entries.len()).saturating_add(1);
        self.waiting.push_back(Done { entries, slot: Arc::clone(&slot) });
        slot
    }

    fn done(&mut self, entries: Vec<Entry>, slot: Slot) -> Result<(), BackupError> {
        self.waiting_nodes = self.waiting_nodes.saturating_add(entries.len()).saturating_add(1);
        self.waiting.push_back(Done { entries, slot });
        self.settle(WAITING_MAX)
    }

    /// Stores lists of directories, those first that were read first, until few wait for their pieces.
    fn settle(&mut self, waiting_max: usize) -> Result<(), BackupError> {
        while let Some(first) = self.waiting.front() {
            let is_ready = |slot: &Slot| slot.get().is_some();
            let ready = first.entries.iter().all(|entry| match &entry.content {
                Content::None | Content::Known => true,
                Content::Coming(slots) => slots.iter().all(is_ready),
            });
            if !ready && self.waiting_nodes <= waiting_max {
                return Ok(());
            }
            let Some(first) = self.waiting.pop_front() else { return Ok(()) };
            self.waiting_nodes =
                self.waiting_nodes.saturating_sub(first.entries.len()).saturating_sub(1);
            self.store(first)?;
        }
        Ok(())
    }

    fn store(&mut self, done: Done) -> Result<(), BackupError> {
        let mut tree = Tree { nodes: Vec::with_capacity(done.entries.len()) };
        for entry in done.entries {
            let mut node = entry.node;
            match entry.content {
                Content::None | Content::Known => {}
                Content::Coming(slots) => {
                    let ids = slots.iter().map(|slot| self.pipeline.wait_for(slot));
                    node.content = Some(ids.collect::<Result<_, _>>()?);
                }
            }
            if let Some(slot) = entry.subtree {
                node.subtree = Some(self.pipeline.wait_for(&slot)?);
            }
            tree.nodes.push(node);
        }
        let id = self.pipeline.tree(tree.to_blob()?)?;
        // Set once, here alone.
        done.slot.set(id).unwrap_or(());
        Ok(())
    }
}

fn is_never(what: &Paths, path: &[u8]) -> bool {
    what.never.iter().any(|never| {
        never.as_os_str().as_bytes().strip_prefix(b"/").is_some_and(|never| never == path)
    })
}

fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() }
}

/// An error of the machine, in one line.
pub(crate) fn told(error: &SysError) -> String {
    std::error::Error::source(error)
        .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
