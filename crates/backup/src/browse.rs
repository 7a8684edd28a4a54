//! Looking into snapshots: names in them, and what differs between two.

use crate::compress::Zstd;
use crate::error::BackupError;
use crate::exclude::Exclude;
use crate::id::Id;
use crate::repository::Repository;
use crate::snapshot::Snapshot;
use crate::tree::{Node, Tree};
use crate::walk::{Go, Step, tree, walk};
use burgrave_sys::{NodeKind, Stamp};

/// Lines of one answer.
const FOUND_MAX: usize = 100_000;
/// Directories within one another.
const DEPTH_MAX: usize = 4_096;

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// In which snapshot.
    pub snapshot: Id,
    /// Its path, quoted where it is no plain text.
    pub path: String,
    /// What it is.
    pub kind: NodeKind,
    /// Bytes of a file.
    pub size: u64,
    /// Last change.
    pub modified: Stamp,
}

/// Names that match a pattern, as `exclude` has them.
pub(crate) fn find(
    repository: &Repository,
    snapshots: &[Snapshot],
    pattern: &str,
) -> Result<Vec<Found>, BackupError> {
    let pattern = Exclude::new(std::iter::once(pattern));
    let mut found = Vec::new();
    for snapshot in snapshots {
        walk(repository, &snapshot.tree()?, &mut |step| {
            let (path, node) = match step {
                Step::Leaf(path, node) | Step::Enter(path, node) => (path, node),
                Step::Leave(..) => return Ok(Go::Into),
                Step::Broken(_, error) => return Err(error),
            };
            if found.len() < FOUND_MAX && pattern.matches(path) {
                found.push(Found {
                    snapshot: snapshot.id,
                    path: format!("/{}", crate::tree::quote(path)),
                    kind: node.kind,
                    size: node.size,
                    modified: node.mtime,
                });
            }
            Ok(Go::Into)
        })?;
    }
    Ok(found)
}

/// How something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Only the second has it.
    Added,
    /// Only the first has it.
    Removed,
    /// Its content or target differs.
    Content,
    /// Its mode, owner or another attribute differs.
    Attributes,
}

/// What differs between two snapshots, by path.
pub(crate) fn diff(
    repository: &Repository,
    old: &Snapshot,
    new: &Snapshot,
) -> Result<Vec<(Change, String)>, BackupError> {
    let mut zstd = Zstd::new()?;
    let mut changes = Vec::new();
    let mut to_do = vec![(Some(old.tree()?), Some(new.tree()?), String::new(), 0)];
    while let Some((old, new, path, depth)) = to_do.pop() {
        if old == new || depth > DEPTH_MAX {
            continue;
        }
        let mut read =
            |id: Option<Id>| id.map_or(Ok(Tree::default()), |id| tree(repository, &id, &mut zstd));
        let (old, new) = (read(old)?, read(new)?);
        for node in &new.nodes {
            let own = format!("{path}/{}", crate::tree::quote(&node.name.0));
            let before = old.find(&node.name.0).filter(|before| before.kind == node.kind);
            if let Some(change) = compare(before, node) {
                note(&mut changes, change, &own);
            }
            if node.kind == NodeKind::Directory {
                let before = before.and_then(|before| before.subtree);
                to_do.push((before, node.subtree, own, depth + 1));
            }
        }
        for node in &old.nodes {
            let own = format!("{path}/{}", crate::tree::quote(&node.name.0));
            if new.find(&node.name.0).is_none_or(|after| after.kind != node.kind) {
                note(&mut changes, Change::Removed, &own);
                if node.kind == NodeKind::Directory {
                    to_do.push((node.subtree, None, own, depth + 1));
                }
            }
        }
    }
    changes.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(changes)
}

fn note(changes: &mut Vec<(Change, String)>, change: Change, path: &str) {
    if changes.len() < FOUND_MAX {
        changes.push((change, path.to_owned()));
    }
}

fn compare(before: Option<&Node>, after: &Node) -> Option<Change> {
    let Some(before) = before else { return Some(Change::Added) };
    if before.content != after.content || before.target() != after.target() {
        return Some(Change::Content);
    }
    let attributes = |node: &Node| {
        (node.mode, node.uid, node.gid, node.device, node.extended_attributes.clone())
    };
    if attributes(before) != attributes(after) {
        return Some(Change::Attributes);
    }
    None
}
