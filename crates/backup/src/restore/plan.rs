//! The first pass: makes the directories, sees what is there already, and finds the place of every piece.

use super::{Fate, Restored, Wanted, split};
use crate::archive::told;
use crate::error::BackupError;
use crate::id::Id;
use crate::pack::BlobKind;
use crate::repository::Repository;
use crate::tree::Node;
use crate::walk::{Go, Relation, Selection, Step, walk};
use burgrave_sys::{Attributes, Folder, NodeKind};
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};
use std::os::unix::fs::FileExt as _;

/// Bytes of a file that are compared at once.
const COMPARED: usize = 1 << 20;
/// How names begin that get their own name at the end.
pub(super) const TEMPORARY: &str = ".burgrave-restore-";

/// A file that is written.
pub(super) struct FileJob {
    pub(super) folder: u32,
    /// The name that it is written under.
    pub(super) name: Box<[u8]>,
    pub(super) size: u64,
    pub(super) pieces: u32,
}

/// A piece of a file.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    pub(super) pack: u32,
    pub(super) offset: u32,
    pub(super) length: u32,
    pub(super) unpacked: u32,
    pub(super) file: u32,
    pub(super) at: u64,
    pub(super) id: Id,
}

/// What is to be done.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) folders: Vec<Vec<u8>>,
    pub(super) files: Vec<FileJob>,
    pub(super) pieces: Vec<Piece>,
    /// Of each regular file, in the order of the walk.
    pub(super) fates: Vec<Fate>,
    /// Directories that this restore has made.
    pub(super) made: HashSet<Vec<u8>>,
    pub(super) bytes: u64,
    temporary: bool,
}

impl Plan {
    /// Whether something is written beside what it replaces.
    pub(super) fn has_temporary(&self) -> bool {
        self.temporary
    }
}

struct Planner<'a> {
    repository: &'a Repository,
    root: Option<&'a Folder>,
    wanted: &'a Wanted,
    restored: &'a mut Restored,
    plan: Plan,
    /// The directory that is being read: its path, it, and whether it is new.
    at: Option<(Vec<u8>, Option<Folder>, bool)>,
    numbers: HashMap<Vec<u8>, u32>,
    linked: HashSet<(u64, u64)>,
}

/// Finds out what is to be done; makes directories and empty files, unless it is dry.
pub(super) fn plan(
    repository: &Repository,
    tree: &Id,
    selection: &Selection,
    root: Option<&Folder>,
    wanted: &Wanted,
    restored: &mut Restored,
) -> Result<Plan, BackupError> {
    let mut planner = Planner {
        repository,
        root,
        wanted,
        restored,
        plan: Plan::default(),
        at: None,
        numbers: HashMap::new(),
        linked: HashSet::new(),
    };
    let mut met: HashSet<Vec<u8>> = HashSet::new();
    walk(repository, tree, &mut |step| {
        match step {
            Step::Broken(path, error) => planner.restored.trouble(path, &error.told()),
            Step::Leave(..) => {}
            Step::Enter(path, _) => match selection.relation(path) {
                Relation::Outside => return Ok(Go::Over),
                relation @ (Relation::Inside | Relation::Above) => {
                    if relation == Relation::Inside {
                        met.insert(path.to_vec());
                    }
                    return Ok(planner.folder(path));
                }
            },
            Step::Leaf(path, node) => {
                if selection.relation(path) == Relation::Inside {
                    met.insert(path.to_vec());
                    planner.leaf(path, node)?;
                }
            }
        }
        Ok(Go::Into)
    })?;
    if let Some(path) = selection.unmet(|path| met.contains(path)).next() {
        return Err(BackupError::Refused(format!(
            "the snapshot has no `/{}`: `burgrave backup find` looks for names",
            crate::tree::quote(path)
        )));
    }
    let mut plan = planner.plan;
    plan.pieces.sort_unstable_by_key(|piece| (piece.pack, piece.offset, piece.file));
    plan.bytes = plan.files.iter().map(|file| file.size).sum();
    Ok(plan)
}

impl Planner<'_> {
    fn folder(&mut self, path: &[u8]) -> Go {
        let (above, name) = split(path);
        self.restored.folders = self.restored.folders.saturating_add(1);
        if self.wanted.is_dry {
            return Go::Into;
        }
        let made = match self.open(above) {
            Some((folder, _)) => folder.make_folder(name),
            None => return Go::Over,
        };
        match made {
            Ok(is_new) => {
                if is_new {
                    self.plan.made.insert(path.to_vec());
                }
                Go::Into
            }
            Err(error) => {
                self.restored.trouble(
                    path,
                    &format!(
                        "it cannot be made a directory, and nothing below it: {}",
                        told(&error)
                    ),
                );
                self.restored.folders = self.restored.folders.saturating_sub(1);
                Go::Over
            }
        }
    }

    /// A directory below the target, and whether it is new. It is kept open while it is worked in.
    fn open(&mut self, path: &[u8]) -> Option<(&Folder, bool)> {
        if self.at.as_ref().is_none_or(|(at, ..)| at != path) {
            let folder = self.root.and_then(|root| root.beneath(path).ok());
            let is_new = self.plan.made.contains(path);
            self.at = Some((path.to_vec(), folder, is_new));
        }
        self.at.as_ref().and_then(|(_, folder, is_new)| Some((folder.as_ref()?, *is_new)))
    }

    fn leaf(&mut self, path: &[u8], node: &Node) -> Result<(), BackupError> {
        let (above, name) = split(path);
        let there = match self.open(above) {
            Some((folder, false)) => folder.attributes(name).unwrap_or(None),
            _ => None,
        };
        if node.kind != NodeKind::File {
            if self.wanted.sample.is_drill {
                return Ok(());
            }
            self.restored.others = self.restored.others.saturating_add(1);
            if let Some(there) = there
                && self.wanted.is_dry
                && !self.is_same_other(path, node, &there)
            {
                self.restored.overwrites(path);
            }
            return Ok(());
        }
        if !self.wanted.sample.has(path) {
            self.plan.fates.push(Fate::Left);
            return Ok(());
        }
        if node.links > 1 && !self.linked.insert((node.device_id, node.inode)) {
            self.plan.fates.push(Fate::Linked);
            return Ok(());
        }
        if there.is_some_and(|there| there.kind == NodeKind::File && there.size == node.size)
            && self.is_same(path, node)
        {
            self.restored.same = self.restored.same.saturating_add(1);
            self.plan.fates.push(Fate::Same);
            return Ok(());
        }
        if there.is_some() && self.wanted.is_dry {
            self.restored.overwrites(path);
        }
        let fate = self.write(path, node)?;
        self.plan.fates.push(fate);
        Ok(())
    }

    fn is_same_other(&mut self, path: &[u8], node: &Node, there: &Attributes) -> bool {
        let (above, name) = split(path);
        self.open(above).is_some_and(|(folder, _)| super::is_same_other(folder, name, node, there))
    }

    /// Whether the file that is there has this content, by the digests of its pieces.
    fn is_same(&mut self, path: &[u8], node: &Node) -> bool {
        let (above, name) = split(path);
        let repository = self.repository;
        let Some((folder, _)) = self.open(above) else { return false };
        let Ok((file, _)) = folder.read(name) else { return false };
        let (mut at, mut buffer) = (0_u64, vec![0; COMPARED]);
        for id in node.pieces() {
            let Some(place) = repository.index().find(BlobKind::Data, id) else { return false };
            let mut left = place.plain_bytes();
            let mut digest = Sha256::new();
            while left > 0 {
                let length = usize::try_from(left).unwrap_or(COMPARED).min(COMPARED);
                let into = buffer.get_mut(..length).unwrap_or_default();
                if file.read_exact_at(into, at).is_err() {
                    return false;
                }
                digest.update(&*into);
                let length = u64::try_from(length).unwrap_or(u64::MAX);
                left = left.saturating_sub(length);
                at = at.saturating_add(length);
            }
            if digest.finalize().as_slice() != id.bytes() {
                return false;
            }
        }
        at == node.size
    }

    fn write(&mut self, path: &[u8], node: &Node) -> Result<Fate, BackupError> {
        let number = u32::try_from(self.plan.files.len())
            .map_err(|_many| BackupError::Refused("too many files for one restore".to_owned()))?;
        let mut at = 0_u64;
        let before = self.plan.pieces.len();
        for id in node.pieces() {
            let Some(place) = self.repository.index().find(BlobKind::Data, id) else {
                self.plan.pieces.truncate(before);
                let why = format!("its piece `{id}` is in no pack that is there: not restored");
                self.restored.trouble(path, &why);
                return Ok(Fate::Left);
            };
            let crate::index::Place { pack, offset, length, unpacked } = place;
            let id = *id;
            self.plan.pieces.push(Piece { pack, offset, length, unpacked, file: number, at, id });
            at = at.saturating_add(place.plain_bytes());
        }
        if at != node.size {
            self.plan.pieces.truncate(before);
            let why = format!("its pieces have {at} bytes and it has {}: not restored", node.size);
            self.restored.trouble(path, &why);
            return Ok(Fate::Left);
        }
        self.restored.files = self.restored.files.saturating_add(1);
        self.restored.bytes = self.restored.bytes.saturating_add(node.size);
        if self.wanted.is_dry {
            return Ok(Fate::Left);
        }
        self.place(path, node, number, before)
    }

    /// Where it is written: under its own name in a directory that is new, else beside it.
    fn place(
        &mut self,
        path: &[u8],
        node: &Node,
        number: u32,
        before: usize,
    ) -> Result<Fate, BackupError> {
        let (above, name) = split(path);
        let next = u32::try_from(self.plan.folders.len()).unwrap_or(u32::MAX);
        let folder = *self.numbers.entry(above.to_vec()).or_insert(next);
        if folder == next {
            self.plan.folders.push(above.to_vec());
        }
        let pieces = u32::try_from(node.pieces().len())
            .map_err(|_many| BackupError::Refused("a file has too many pieces".to_owned()))?;
        let Some((within, is_new)) = self.open(above) else {
            self.plan.pieces.truncate(before);
            self.restored.trouble(path, "its directory cannot be opened");
            return Ok(Fate::Left);
        };
        let own: Box<[u8]> =
            if is_new { name.into() } else { format!("{TEMPORARY}{number}").into_bytes().into() };
        // Of a restore that was interrupted.
        let made = if is_new { Ok(false) } else { within.remove(&own) };
        let made = made.and_then(|_| {
            // A file of one piece is made when that is written.
            if pieces == 1 {
                return Ok(());
            }
            let file = within.create(&own)?;
            file.set_len(node.size)
                .map_err(|error| burgrave_sys::SysError::from_io("sizing", within.path(), error))
        });
        if let Err(error) = made {
            self.plan.pieces.truncate(before);
            self.restored.trouble(path, &told(&error));
            return Ok(Fate::Left);
        }
        self.plan.temporary |= !is_new;
        self.plan.files.push(FileJob { folder, name: own, size: node.size, pieces });
        Ok(Fate::Written(number))
    }
}
