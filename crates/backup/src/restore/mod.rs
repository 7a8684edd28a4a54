//! From a snapshot back to files, in three passes: what is to be written is found out, written pack by pack, and then
//! given its names, owners and times.
//!
//! Invariants: a piece is written only when its digest is right; a file of which a piece is missing is not left behind,
//! and is named; what was there and differs is kept, never lost; no symbolic link is followed below the target.

mod finish;
mod plan;
mod write;

use crate::error::BackupError;
use crate::id::Id;
use crate::repository::Repository;
use crate::tree::Node;
use crate::walk::Selection;
use burgrave_sys::{Attributes, Folder, NodeKind, make_own_directory, monotonic};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Lines of a report that are told one by one.
const LINES_MAX: usize = 10_000;

/// What is restored, and where.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The directory that becomes the snapshot's `/`; `/` itself is in place.
    pub to: PathBuf,
    /// Paths of the snapshot; none is all of them.
    pub paths: Vec<Vec<u8>>,
    /// Only says what would be done.
    pub is_dry: bool,
    /// Where what would be overwritten is moved to.
    pub kept: PathBuf,
    /// Which of the files.
    pub sample: Sample,
}

/// A part of the files, by chance.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Of a hundred.
    pub percent: u8,
    /// Another one is another part.
    pub seed: u64,
    /// Links, pipes and devices are left out, and set-id bits.
    pub is_drill: bool,
}

impl Sample {
    /// Everything.
    pub const ALL: Self = Self { percent: 100, seed: 0, is_drill: false };

    fn has(self, path: &[u8]) -> bool {
        if self.percent >= 100 {
            return true;
        }
        let seeded = [&self.seed.to_le_bytes()[..], path].concat();
        let [first, second, ..] = *Id::of(&seeded).bytes();
        u16::from_be_bytes([first, second]) % 100 < u16::from(self.percent)
    }
}

/// What was done, or would be.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// Files that were written.
    pub files: u64,
    /// Files that were there with this content.
    pub same: u64,
    /// Directories.
    pub folders: u64,
    /// Links, pipes and devices.
    pub others: u64,
    /// Bytes that were written.
    pub bytes: u64,
    /// What was there and was moved away, or would be.
    pub overwritten: Vec<String>,
    /// How many these are.
    pub overwritten_count: u64,
    /// Where to.
    pub kept: Option<PathBuf>,
    /// What could not be restored, and why.
    pub trouble: Vec<String>,
    /// How many these are.
    pub trouble_count: u64,
    /// How long it took.
    pub took: Duration,
}

impl Restored {
    fn trouble(&mut self, path: &[u8], why: &str) {
        self.trouble_count = self.trouble_count.saturating_add(1);
        if self.trouble.len() < LINES_MAX {
            self.trouble.push(format!("`/{}`: {why}", crate::tree::quote(path)));
        }
    }

    fn overwrites(&mut self, path: &[u8]) {
        self.overwritten_count = self.overwritten_count.saturating_add(1);
        if self.overwritten.len() < LINES_MAX {
            self.overwritten.push(format!("/{}", crate::tree::quote(path)));
        }
    }
}

/// What becomes of a regular file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is there already.
    Same,
    /// It is one more name of a file that came before.
    Linked,
    /// It is the n-th that is written.
    Written(u32),
    /// It is not restored, and why was told.
    Left,
}

/// Restores; `progress` is told how many bytes of how many are written.
pub(crate) fn restore(
    repository: &Arc<Repository>,
    tree: &Id,
    wanted: &Wanted,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Restored, BackupError> {
    let begun = monotonic();
    let mut restored = Restored::default();
    let selection = Selection::new(&wanted.paths);
    let root = match Folder::open(&wanted.to) {
        Ok(root) => Some(root),
        Err(burgrave_sys::SysError::Missing(_)) if wanted.is_dry => None,
        Err(burgrave_sys::SysError::Missing(_)) => {
            make_own_directory(&wanted.to)?;
            Some(Folder::open(&wanted.to)?)
        }
        Err(other) => return Err(other.into()),
    };
    let plan = plan::plan(repository, tree, &selection, root.as_ref(), wanted, &mut restored)?;
    if wanted.is_dry {
        restored.took = monotonic() - begun;
        return Ok(restored);
    }
    let root = root.ok_or_else(|| BackupError::Refused("the target went away".to_owned()))?;
    let failed = write::write(repository, &root, &plan, progress)?;
    if plan.has_temporary() {
        // What is replaced is replaced by what is on the disk.
        root.sync_all()?;
    }
    finish::finish(repository, tree, &selection, &root, wanted, &plan, &failed, &mut restored)?;
    restored.took = monotonic() - begun;
    Ok(restored)
}

/// The directory and the name of a path.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (path.get(..at).unwrap_or_default(), path.get(at + 1..).unwrap_or_default()),
        None => (b"", path),
    }
}

/// Whether what is there is the link, device or pipe of a node.
fn is_same_other(folder: &Folder, name: &[u8], node: &Node, there: &Attributes) -> bool {
    there.kind == node.kind
        && match node.kind {
            NodeKind::Link => folder.link_target(name).is_ok_and(|target| target == node.target()),
            NodeKind::Block | NodeKind::Character => there.rdev == node.device,
            NodeKind::File | NodeKind::Directory | NodeKind::Pipe | NodeKind::Socket => true,
        }
}

/// Whether a target is the machine's own root.
pub(crate) fn is_in_place(to: &Path) -> bool {
    to == Path::new("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split_at_their_last_part() {
        for (path, folder, name) in
            [(&b"a"[..], &b""[..], &b"a"[..]), (b"a/b", b"a", b"b"), (b"a/b/c", b"a/b", b"c")]
        {
            assert_eq!(split(path), (folder, name));
        }
    }
}
