//! The third pass: what was written gets its name, links and devices are made, then owners, modes, attributes and
//! times, those of a directory after what is in it. What is in the way is moved to where it is kept.

use super::plan::Plan;
use super::write::Failures;
use super::{Fate, Restored, Wanted, split};
use crate::archive::told;
use crate::error::BackupError;
use crate::id::Id;
use crate::repository::Repository;
use crate::tree::{Node, unix_mode};
use crate::walk::{Go, Relation, Selection, Step, walk};
use burgrave_sys::{Folder, NodeKind, SysError, make_own_directory, own_ids};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;

struct Finisher<'a> {
    root: &'a Folder,
    wanted: &'a Wanted,
    plan: &'a Plan,
    failed: &'a Failures,
    restored: &'a mut Restored,
    is_root: bool,
    at: Option<(Vec<u8>, Folder)>,
    fates: std::slice::Iter<'a, Fate>,
    /// Where the first name of a file with several is.
    links: HashMap<(u64, u64), Vec<u8>>,
    owners_left: u64,
}

/// Gives everything its name and its attributes.
#[expect(clippy::too_many_arguments, reason = "the parts of one restore, each used once")]
pub(super) fn finish(
    repository: &Repository,
    tree: &Id,
    selection: &Selection,
    root: &Folder,
    wanted: &Wanted,
    plan: &Plan,
    failed: &Failures,
    restored: &mut Restored,
) -> Result<(), BackupError> {
    let mut finisher = Finisher {
        root,
        wanted,
        plan,
        failed,
        restored,
        is_root: own_ids().0 == 0,
        at: None,
        fates: plan.fates.iter(),
        links: HashMap::new(),
        owners_left: 0,
    };
    walk(repository, tree, &mut |step| {
        match step {
            // Told in the first pass.
            Step::Broken(..) => {}
            Step::Enter(path, _) => {
                let is_outside = selection.relation(path) == Relation::Outside;
                let is_there = is_outside || finisher.root.beneath(path).is_ok();
                return Ok(if is_outside || !is_there { Go::Over } else { Go::Into });
            }
            Step::Leave(path, node) => {
                let is_own = selection.relation(path) == Relation::Inside;
                if is_own || finisher.plan.made.contains(path) {
                    let done = finisher.attributes(path, node);
                    finisher.tell(path, done);
                }
            }
            Step::Leaf(path, node) => {
                if selection.relation(path) == Relation::Inside {
                    let done = finisher.leaf(path, node);
                    finisher.tell(path, done);
                }
            }
        }
        Ok(Go::Into)
    })?;
    let left = finisher.owners_left;
    if left > 0 {
        restored.trouble_count = restored.trouble_count.saturating_add(1);
        restored.trouble.push(format!(
            "the owners of {left} name(s) are not restored: only root may give files away"
        ));
    }
    Ok(())
}

impl Finisher<'_> {
    fn tell(&mut self, path: &[u8], done: Result<(), SysError>) {
        if let Err(error) = done {
            self.restored.trouble(path, &told(&error));
        }
    }

    fn open(&mut self, path: &[u8]) -> Result<&Folder, SysError> {
        if self.at.as_ref().is_none_or(|(at, _)| at != path) {
            self.at = Some((path.to_vec(), self.root.beneath(path)?));
        }
        self.at
            .as_ref()
            .map(|(_, folder)| folder)
            .ok_or(SysError::Unsupported("a directory that is open"))
    }

    fn leaf(&mut self, path: &[u8], node: &Node) -> Result<(), SysError> {
        let (above, name) = split(path);
        if node.kind != NodeKind::File {
            // A drill makes no devices, and no links that lead out of its place.
            return if self.wanted.sample.is_drill { Ok(()) } else { self.other(path, node) };
        }
        // The walk is the same as the first, so that this is its fate.
        let Some(fate) = self.fates.next() else { return Ok(()) };
        match fate {
            Fate::Left => return Ok(()),
            Fate::Linked => return self.hard_link(path, node),
            Fate::Same => {}
            Fate::Written(number) => {
                let number = *number;
                let job = usize::try_from(number).ok().and_then(|at| self.plan.files.get(at));
                let Some(job) = job else { return Ok(()) };
                let own = job.name.clone();
                if let Some(why) = self.failed.get(&number).cloned() {
                    self.restored.files = self.restored.files.saturating_sub(1);
                    self.restored.bytes = self.restored.bytes.saturating_sub(job.size);
                    self.restored.trouble(path, &format!("{why}: not restored"));
                    self.open(above)?.remove(&own)?;
                    return Ok(());
                }
                if &*own != name {
                    self.make_room(path)?;
                    let folder = self.open(above)?;
                    folder.rename(&own, folder, name)?;
                }
            }
        }
        if node.links > 1 {
            self.links.insert((node.device_id, node.inode), path.to_vec());
        }
        self.attributes(path, node)
    }

    fn hard_link(&mut self, path: &[u8], node: &Node) -> Result<(), SysError> {
        let (above, name) = split(path);
        let Some(first) = self.links.get(&(node.device_id, node.inode)).cloned() else {
            self.restored.trouble(path, "the file that it is one more name of was not restored");
            return Ok(());
        };
        let (first_above, first_name) = split(&first);
        let from = self.root.beneath(first_above)?;
        let own = from.attributes(first_name)?;
        let there = self.open(above)?.attributes(name)?;
        let is_it = |there: burgrave_sys::Attributes| {
            own.is_some_and(|own| (own.inode, own.device) == (there.inode, there.device))
        };
        if there.is_some_and(is_it) {
            self.restored.same = self.restored.same.saturating_add(1);
            return Ok(());
        }
        self.make_room(path)?;
        self.open(above)?.make_hard_link(name, &from, first_name)?;
        self.restored.files = self.restored.files.saturating_add(1);
        Ok(())
    }

    fn other(&mut self, path: &[u8], node: &Node) -> Result<(), SysError> {
        let (above, name) = split(path);
        let folder = self.open(above)?;
        let there = folder.attributes(name)?;
        let is_same = there.is_some_and(|there| super::is_same_other(folder, name, node, &there));
        if !is_same {
            self.make_room(path)?;
            let folder = self.open(above)?;
            match node.kind {
                NodeKind::Link => folder.make_link(name, &node.target())?,
                kind @ (NodeKind::File
                | NodeKind::Directory
                | NodeKind::Block
                | NodeKind::Character
                | NodeKind::Pipe
                | NodeKind::Socket) => folder.make_special(name, kind, node.device)?,
            }
        }
        self.attributes(path, node)
    }

    /// Owner, mode, extended attributes and times, in the order in which one does not undo another.
    fn attributes(&mut self, path: &[u8], node: &Node) -> Result<(), SysError> {
        let (above, name) = split(path);
        let is_root = self.is_root;
        let (uid, gid) = own_ids();
        let folder = self.open(above)?;
        let mut left = 0;
        if is_root || (uid, gid) != (node.uid, node.gid) {
            match folder.set_owner(name, node.uid, node.gid) {
                Err(_) if !is_root => left = 1,
                other => other?,
            }
        }
        if node.kind != NodeKind::Link {
            folder.set_mode(name, unix_mode(node.mode))?;
        }
        let mut wrong = Ok(());
        for attribute in &node.extended_attributes {
            let set = folder.set_extended(name, attribute.name.as_bytes(), &attribute.value.0);
            wrong = wrong.and(set);
        }
        folder.set_times(name, node.atime, node.mtime)?;
        self.owners_left = self.owners_left.saturating_add(left);
        wrong
    }

    /// Moves away what is in the way.
    fn make_room(&mut self, path: &[u8]) -> Result<(), SysError> {
        let (above, name) = split(path);
        let Some(there) = self.open(above)?.attributes(name)? else { return Ok(()) };
        let kept = self.wanted.kept.join(OsStr::from_bytes(above));
        make_own_directory(&kept)?;
        let to = Folder::open(&kept)?;
        let moved = self.open(above)?.rename(name, &to, name);
        match moved {
            Ok(()) => {}
            Err(SysError::Io { source, .. })
                if source.kind() == std::io::ErrorKind::CrossesDevices
                    && there.kind == NodeKind::File =>
            {
                let from = self.open(above)?;
                copy(from, &to, name)?;
                from.remove(name)?;
            }
            Err(SysError::Io { source, .. })
                if source.kind() == std::io::ErrorKind::CrossesDevices
                    && there.kind == NodeKind::Link =>
            {
                let from = self.open(above)?;
                let target = from.link_target(name)?;
                to.make_link(name, &target)?;
                from.remove(name)?;
            }
            Err(other) => return Err(other),
        }
        self.restored.overwrites(path);
        self.restored.kept = Some(self.wanted.kept.clone());
        Ok(())
    }
}

/// A file's content, owner, mode and times.
fn copy(from: &Folder, to: &Folder, name: &[u8]) -> Result<(), SysError> {
    let (mut file, facts) = from.read(name)?;
    let mut copy = to.create(name)?;
    let wrong = |error| SysError::from_io("keeping", to.path(), error);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).map_err(wrong)?;
        if read == 0 {
            break;
        }
        copy.write_all(buffer.get(..read).unwrap_or_default()).map_err(wrong)?;
    }
    copy.sync_all().map_err(wrong)?;
    to.set_owner(name, facts.uid, facts.gid)?;
    to.set_mode(name, facts.mode)?;
    to.set_times(name, facts.accessed, facts.modified)
}
