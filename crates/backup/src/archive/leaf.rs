//! What is in a directory, one name at a time: looked at, compared with the snapshot before, read.

use super::pieces::{Failed, FileReader};
use super::{Archiver, Content, Entry, TROUBLE_MAX, told};
use crate::crypto::Base64;
use crate::error::BackupError;
use crate::pack::BlobKind;
use crate::tree::{Extended, Name, Node, Tree, go_mode};
use burgrave_sys::{Attributes, Folder, NodeKind, Stamp, SysError};
use std::fs::File;

impl Archiver<'_> {
    /// What is no directory. `None`: it cannot be read, which was told, or is gone.
    pub(super) fn leaf(
        &mut self,
        folder: &Folder,
        name: &[u8],
        path: &[u8],
        facts: &Attributes,
        parent: Option<&Tree>,
    ) -> Option<Result<Entry, BackupError>> {
        self.seen.files = self.seen.files.saturating_add(1);
        if self.seen.files.is_multiple_of(64) {
            (self.progress)(&self.seen);
        }
        if facts.kind != NodeKind::File {
            let mut node = self.node(folder, name, path, facts);
            if facts.kind == NodeKind::Link {
                match folder.link_target(name) {
                    Ok(target) => set_target(&mut node, &target),
                    Err(error) => {
                        self.trouble(path, &told(&error));
                        return None;
                    }
                }
            }
            return Some(Ok(Entry { node, content: Content::None, subtree: None }));
        }
        let old = parent.and_then(|parent| parent.find(name));
        if let Some(old) = old
            && self.is_unchanged(old, facts)
        {
            self.seen.files_unchanged = self.seen.files_unchanged.saturating_add(1);
            self.seen.bytes = self.seen.bytes.saturating_add(facts.size);
            return Some(Ok(Entry { node: old.clone(), content: Content::Known, subtree: None }));
        }
        match old {
            Some(_) => self.seen.files_changed = self.seen.files_changed.saturating_add(1),
            None => self.seen.files_new = self.seen.files_new.saturating_add(1),
        }
        let opened = folder.read(name);
        let (file, facts) = match opened {
            Ok(opened) => opened,
            Err(SysError::Missing(_)) => return None,
            Err(error) => {
                self.trouble(path, &told(&error));
                return None;
            }
        };
        self.file(folder, name, path, &file, &facts).transpose()
    }

    /// Reads a file. `None`: it could not be read to its end, which was told.
    fn file(
        &mut self,
        folder: &Folder,
        name: &[u8],
        path: &[u8],
        file: &File,
        facts: &Attributes,
    ) -> Result<Option<Entry>, BackupError> {
        let mut reader = FileReader::new(file, facts);
        let slots = match self.pieces(&mut reader) {
            Ok(slots) => slots,
            Err(Failed::Storing(error)) => return Err(error),
            Err(Failed::Reading(error)) => {
                self.trouble(path, &format!("it cannot be read: {error}"));
                return Ok(None);
            }
        };
        let read = reader.offset;
        let mut node = self.node(folder, name, path, facts);
        node.size = read;
        self.seen.bytes = self.seen.bytes.saturating_add(read);
        let after = folder.attributes(name).ok().flatten();
        let is_same = |after: Attributes| {
            (after.size, after.modified, after.inode) == (facts.size, facts.modified, facts.inode)
        };
        if read != facts.size || !after.is_some_and(is_same) {
            // Read again the next time, whatever its times say then.
            node.ctime = Stamp::default();
            if self.seen.moving.len() < TROUBLE_MAX {
                self.seen.moving.push(format!("/{}", crate::tree::quote(path)));
            }
        }
        Ok(Some(Entry { node, content: Content::Coming(slots), subtree: None }))
    }

    fn is_unchanged(&self, old: &Node, facts: &Attributes) -> bool {
        let index = self.repository.index();
        old.kind == NodeKind::File
            && old.size == facts.size
            && old.mtime == facts.modified
            && old.ctime == facts.changed
            && old.inode == facts.inode
            && old.content.is_some()
            && old.pieces().iter().all(|id| index.find(BlobKind::Data, id).is_some())
    }

    pub(super) fn node(
        &mut self,
        folder: &Folder,
        name: &[u8],
        path: &[u8],
        facts: &Attributes,
    ) -> Node {
        let extended = folder.extended(name).unwrap_or_else(|error| {
            self.trouble(path, &told(&error));
            Vec::new()
        });
        let attribute = |(name, value): (Vec<u8>, Vec<u8>)| {
            Some(Extended { name: String::from_utf8(name).ok()?, value: Base64(value) })
        };
        let is_device = matches!(facts.kind, NodeKind::Block | NodeKind::Character);
        Node {
            name: Name(name.to_vec()),
            kind: facts.kind,
            mode: go_mode(facts.kind, facts.mode),
            mtime: facts.modified,
            // The time of access changes by itself: it would make every list of a directory a new one.
            atime: facts.modified,
            ctime: facts.changed,
            uid: facts.uid,
            gid: facts.gid,
            user: self.accounts.user(facts.uid),
            group: self.accounts.group(facts.gid),
            inode: facts.inode,
            device_id: facts.device,
            size: 0,
            links: if facts.kind == NodeKind::Directory { 0 } else { facts.links },
            linktarget: String::new(),
            linktarget_raw: None,
            extended_attributes: extended.into_iter().filter_map(attribute).collect(),
            device: if is_device { facts.rdev } else { 0 },
            content: None,
            subtree: None,
        }
    }
}

fn set_target(node: &mut Node, target: &[u8]) {
    if let Ok(text) = std::str::from_utf8(target) {
        text.clone_into(&mut node.linktarget);
    } else {
        // For readers that know no other field; the bytes themselves are beside it.
        node.linktarget = target.utf8_chunks().map(|chunk| chunk.valid()).collect();
        node.linktarget_raw = Some(Base64(target.to_vec()));
    }
}
