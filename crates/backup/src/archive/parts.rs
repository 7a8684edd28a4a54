//! Backups of what is no path of the file system: streams, directories under another name, and what the snapshot before
//! has already, side by side.

use super::pieces::{Failed, StreamReader};
use super::{Archiver, Content, Entry, Paths};
use crate::error::BackupError;
use crate::exclude::Exclude;
use crate::id::Id;
use crate::tree::{Name, Node, Tree, go_mode};
use burgrave_sys::{Folder, NodeKind, Stamp};
use std::io::Read;
use std::path::{Path, PathBuf};

/// A part of a backup that is no path of the file system.
pub(crate) enum Part<'a> {
    /// A stream, under a name.
    Stream {
        name: String,
        input: &'a mut dyn Read,
        /// Asked at the end of the stream: whether its writer ended well.
        finish: &'a mut dyn FnMut() -> Result<(), BackupError>,
    },
    /// What the snapshot before has under this name.
    Kept(String),
    /// A directory, under a name.
    Folder { name: String, path: PathBuf, exclude: Exclude },
}

impl Archiver<'_> {
    /// Stores parts that are no paths, side by side; the top of the tree.
    pub(crate) fn parts(
        &mut self,
        parts: Vec<Part<'_>>,
        parent: Option<Id>,
        now: Stamp,
    ) -> Result<Id, BackupError> {
        let parent = parent.and_then(|id| self.tree(&id));
        let mut entries = Vec::new();
        for part in parts {
            let entry = match part {
                Part::Stream { name, input, finish } => {
                    let entry = self.stream(&name, input, now)?;
                    finish()?;
                    Some(entry)
                }
                Part::Kept(name) => self.kept(&name, parent.as_ref())?,
                Part::Folder { name, path, exclude } => {
                    let what = Paths { exclude, ..Paths::default() };
                    Some(self.part(&name, &path, parent.as_ref(), &what)?)
                }
            };
            entries.extend(entry);
        }
        entries.sort_by(|a, b| a.node.name.cmp(&b.node.name));
        let slot = self.finish(entries);
        self.settle(0)?;
        self.pipeline.wait_for(&slot)
    }

    /// What the snapshot before has under this name, as it is.
    fn kept(&mut self, name: &str, parent: Option<&Tree>) -> Result<Option<Entry>, BackupError> {
        let node = parent.and_then(|parent| parent.find(name.as_bytes())).cloned();
        let node = node.ok_or_else(|| {
            BackupError::damaged("the snapshot before", format!("it has no `{name}`"))
        })?;
        self.seen.files = self.seen.files.saturating_add(1);
        self.seen.files_unchanged = self.seen.files_unchanged.saturating_add(1);
        self.seen.bytes = self.seen.bytes.saturating_add(node.size);
        Ok(Some(Entry { node, content: Content::Known, subtree: None }))
    }

    fn part(
        &mut self,
        name: &str,
        path: &Path,
        parent: Option<&Tree>,
        what: &Paths,
    ) -> Result<Entry, BackupError> {
        let folder = Folder::open(path)?;
        let facts = folder.own_attributes()?;
        let old = self.subtree(parent, name.as_bytes());
        let slot = self.folder(folder, name.as_bytes().to_vec(), old, what)?;
        let mut node = self.plain_node(name, facts.modified);
        node.kind = NodeKind::Directory;
        node.mode = go_mode(NodeKind::Directory, facts.mode);
        (node.uid, node.gid) = (facts.uid, facts.gid);
        Ok(Entry { node, content: Content::None, subtree: Some(slot) })
    }

    fn stream(
        &mut self,
        name: &str,
        input: &mut dyn Read,
        now: Stamp,
    ) -> Result<Entry, BackupError> {
        let mut bytes = 0;
        let slots = self.pieces(&mut StreamReader { input, bytes: &mut bytes });
        let slots = slots.map_err(|failed| match failed {
            Failed::Storing(error) => error,
            Failed::Reading(error) => {
                BackupError::Source { name: name.to_owned(), cause: error.to_string() }
            }
        })?;
        self.seen.files = self.seen.files.saturating_add(1);
        self.seen.files_new = self.seen.files_new.saturating_add(1);
        self.seen.bytes = self.seen.bytes.saturating_add(bytes);
        let mut node = self.plain_node(name, now);
        (node.size, node.links) = (bytes, 1);
        Ok(Entry { node, content: Content::Coming(slots), subtree: None })
    }

    /// A file of our own making.
    fn plain_node(&self, name: &str, now: Stamp) -> Node {
        let (uid, gid) = burgrave_sys::own_ids();
        Node {
            name: Name(name.as_bytes().to_vec()),
            kind: NodeKind::File,
            mode: 0o600,
            mtime: now,
            atime: now,
            ctime: now,
            uid,
            gid,
            user: self.accounts.user(uid),
            group: self.accounts.group(gid),
            inode: 0,
            device_id: 0,
            size: 0,
            links: 0,
            linktarget: String::new(),
            linktarget_raw: None,
            extended_attributes: Vec::new(),
            device: 0,
            content: None,
            subtree: None,
        }
    }
}
