//! A host as it would be: what remedies change is laid over what is there, and read back through the
//! same door, so that a check can be asked about the plan before anything is done.
//!
//! Invariants: writes nothing; a text is changed only where it is a regular file that can be read
//! whole, as UTF-8, below a folder of configuration; a symbolic link is followed only where root made
//! it and it stays in its own part of the tree.

mod links;
#[cfg(test)]
mod tests;

use crate::facts::Place;
use burgrave_model::{BadTarget, Change, MASK, Program, Target, UnitName};
use burgrave_sys::{
    Entry, Invocation, Kind, Metadata, Moment, Output, Step as Walk, SysError, System, UnixTime,
    Visitor, WalkLimits, Walked,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of a file that is changed as text.
const TEXT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Links that are followed from a name.
const LINKS_MAX: usize = 8;

/// Why a remedy is not had, in words that follow the check's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) String);

/// What would be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edits {
    texts: BTreeMap<PathBuf, (Vec<u8>, u32)>,
    folders: BTreeMap<PathBuf, u32>,
    modes: BTreeMap<PathBuf, u32>,
    owners: BTreeMap<PathBuf, (u32, u32)>,
    removed: BTreeSet<PathBuf>,
    masks: BTreeSet<PathBuf>,
    /// Links that are taken away, with where they lead.
    unlinked: BTreeMap<PathBuf, String>,
    stops: BTreeSet<UnitName>,
    /// Files of the kernel that a program will have changed.
    pretended: BTreeMap<PathBuf, Vec<u8>>,
    programs: BTreeSet<Program>,
    asked_by: BTreeMap<PathBuf, BTreeSet<&'static str>>,
}

/// The host with the edits laid over it.
pub(crate) struct Draft<'s> {
    base: &'s dyn System,
    edits: Mutex<Edits>,
    check: Mutex<&'static str>,
}

impl<'s> Draft<'s> {
    pub(crate) fn new(base: &'s dyn System) -> Self {
        Self { base, edits: Mutex::default(), check: Mutex::new("") }
    }

    fn edits(&self) -> MutexGuard<'_, Edits> {
        self.edits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on edits are made for this check.
    pub(crate) fn begin(&self, check: &'static str) {
        *self.check.lock().unwrap_or_else(PoisonError::into_inner) = check;
    }

    /// What was edited until now, to go back to.
    pub(crate) fn mark(&self) -> Edits {
        self.edits().clone()
    }

    /// Forgets what was edited since.
    pub(crate) fn go_back(&self, mark: Edits) {
        *self.edits() = mark;
    }

    fn touch(&self, path: &Path, edit: impl FnOnce(&mut Edits)) {
        let check = *self.check.lock().unwrap_or_else(PoisonError::into_inner);
        let mut edits = self.edits();
        edits.asked_by.entry(path.to_owned()).or_default().insert(check);
        edit(&mut edits);
    }

    /// A program that must take what was changed.
    pub(crate) fn uses(&self, program: Program) {
        self.edits().programs.insert(program);
    }

    /// What the kernel will say once a program has run.
    pub(crate) fn pretend(&self, path: PathBuf, content: impl Into<Vec<u8>>) {
        self.edits().pretended.insert(path, content.into());
    }

    /// The text of a file; `None`: there is none.
    pub(crate) fn text(&self, path: &Path) -> Result<Option<String>, Refusal> {
        let path = self.editable(path)?;
        match self.read(&path, TEXT_BYTES_MAX) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Some(text)),
                Err(_) => Err(refused(&path, "is no UTF-8")),
            },
            Err(SysError::Missing(_)) => Ok(None),
            Err(error) => Err(Refusal(error.to_string())),
        }
    }

    /// Gives a file a new text. One that is new is root's, with this mode.
    pub(crate) fn write(&self, path: &Path, text: String, new_mode: u32) -> Result<(), Refusal> {
        let path = self.editable(path)?;
        if !["/etc", "/root", "/home"].iter().any(|top| path.starts_with(top)) {
            return Err(refused(&path, "is no file of configuration"));
        }
        self.make_parents(&path)?;
        self.touch(&path, |edits| {
            edits.texts.insert(path.clone(), (text.into_bytes(), new_mode));
        });
        Ok(())
    }

    fn make_parents(&self, path: &Path) -> Result<(), Refusal> {
        for folder in path.ancestors().skip(1).filter(|folder| folder.parent().is_some()) {
            match self.metadata(folder) {
                Ok(metadata) if metadata.kind == Kind::Directory => return Ok(()),
                Ok(_) => return Err(refused(folder, "is no directory")),
                Err(SysError::Missing(_)) => self.touch(folder, |edits| {
                    edits.folders.insert(folder.to_owned(), 0o755);
                }),
                Err(error) => return Err(Refusal(error.to_string())),
            }
        }
        Ok(())
    }

    /// Changes one line of a file; the function gives the new text of it, or `None` to leave it.
    pub(crate) fn edit_line(
        &self,
        place: &Place,
        edit: impl FnOnce(&str) -> Option<String>,
    ) -> Result<bool, Refusal> {
        let Some(text) = self.text(&place.path)? else { return Ok(false) };
        let at = usize::try_from(place.line).unwrap_or(usize::MAX).saturating_sub(1);
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        let Some(line) = lines.get_mut(at) else { return Ok(false) };
        let bare = line.trim_end_matches(['\n', '\r']);
        let end = line.strip_prefix(bare).unwrap_or_default();
        let Some(new) = edit(bare).filter(|new| new != bare) else { return Ok(false) };
        let new = format!("{new}{end}");
        *line = &new;
        let text = lines.concat();
        self.write(&place.path, text, 0o644)?;
        Ok(true)
    }

    /// Changes permission bits.
    pub(crate) fn set_mode(&self, path: &Path, mode: u32) -> Result<(), Refusal> {
        let path = plain(path)?;
        self.touch(&path, |edits| {
            edits.modes.insert(path.clone(), mode);
        });
        Ok(())
    }

    /// Changes owner and group.
    pub(crate) fn set_owner(&self, path: &Path, uid: u32, gid: u32) -> Result<(), Refusal> {
        let path = plain(path)?;
        self.touch(&path, |edits| {
            edits.owners.insert(path.clone(), (uid, gid));
        });
        Ok(())
    }

    /// Moves a path into the quarantine.
    pub(crate) fn remove(&self, path: &Path) -> Result<(), Refusal> {
        let path = plain(path)?;
        self.touch(&path, |edits| {
            edits.removed.insert(path.clone());
        });
        Ok(())
    }

    /// The file behind a name: itself, or what root's own links lead to within `/etc/NAME`.
    fn editable(&self, path: &Path) -> Result<PathBuf, Refusal> {
        let mut path = plain(path)?;
        for _ in 0..LINKS_MAX {
            let metadata = match self.metadata(&path) {
                Ok(metadata) => metadata,
                Err(SysError::Missing(_)) => return Ok(path),
                Err(error) => return Err(Refusal(error.to_string())),
            };
            match metadata.kind {
                Kind::File => return Ok(path),
                Kind::Directory | Kind::Other => {
                    return Err(refused(&path, "is no regular file"));
                }
                Kind::Link => {}
            }
            let target = self.link(&path).map_err(|error| Refusal(error.to_string()))?;
            let whole = joined(path.parent().unwrap_or(Path::new("/")), &target);
            let part = |path: &Path| path.components().take(3).collect::<PathBuf>();
            if metadata.uid != 0 || part(&whole) != part(&path) {
                return Err(refused(&path, "is a symbolic link that leads elsewhere"));
            }
            path = plain(&whole)?;
        }
        Err(refused(&path, "is a symbolic link without end"))
    }

    /// Where a read of a name ends, as far as links of the last component decide it.
    fn behind(&self, path: &Path) -> PathBuf {
        let mut path = path.to_owned();
        for _ in 0..LINKS_MAX {
            let Ok(target) = self.link(&path) else { break };
            path = joined(path.parent().unwrap_or(Path::new("/")), &target);
        }
        path
    }

    /// The steps, and the programs that must take them.
    pub(crate) fn steps(&self) -> Result<(Vec<burgrave_model::Step>, Vec<Program>), Refusal> {
        let edits = self.edits();
        let mut steps = Vec::new();
        let mut push = |path: &Path, change: Change| -> Result<(), Refusal> {
            let target = target(path)?;
            let checks = edits.asked_by.get(path).into_iter().flatten().copied().collect();
            steps.push(burgrave_model::Step { target, change, checks });
            Ok(())
        };
        for (path, mode) in &edits.folders {
            push(path, Change::Folder { mode: *mode })?;
        }
        for (path, (content, new_mode)) in &edits.texts {
            let old = match self.base.read(path, TEXT_BYTES_MAX) {
                Ok(old) => Some(old),
                Err(SysError::Missing(_)) => None,
                Err(error) => return Err(Refusal(error.to_string())),
            };
            if old.as_ref() != Some(content) {
                push(path, Change::Write { old, content: content.clone(), new_mode: *new_mode })?;
            }
        }
        let now =
            |path: &Path| self.base.metadata(path).map_err(|error| Refusal(error.to_string()));
        for (path, (uid, gid)) in &edits.owners {
            let metadata = now(path)?;
            let old = (metadata.uid, metadata.gid);
            if old != (*uid, *gid) {
                push(path, Change::Owner { old, uid: *uid, gid: *gid })?;
            }
        }
        for (path, mode) in &edits.modes {
            let old = now(path)?.mode;
            if old != *mode {
                push(path, Change::Mode { old, mode: *mode })?;
            }
        }
        for path in &edits.removed {
            let within = path.ancestors().skip(1).any(|above| edits.removed.contains(above));
            if !within {
                push(path, Change::Remove)?;
            }
        }
        for (path, to) in &edits.unlinked {
            push(path, Change::Unlink { to: to.clone() })?;
        }
        for path in &edits.masks {
            push(path, Change::Mask)?;
        }
        Ok((steps, edits.programs.iter().copied().collect()))
    }
}

impl Edits {
    fn is_removed(&self, path: &Path) -> bool {
        !self.removed.is_empty() && path.ancestors().any(|above| self.removed.contains(above))
    }

    /// Whether no file can be read there any more: it was removed, or was a link that leads nowhere now.
    fn is_gone(&self, path: &Path) -> bool {
        self.is_removed(path) || self.unlinked.contains_key(path) || self.masks.contains(path)
    }

    /// What is known of a path, with what was edited.
    fn patched(&self, path: &Path, base: Option<Metadata>, now: UnixTime) -> Option<Metadata> {
        if self.is_removed(path) {
            return None;
        }
        let new = |kind, mode| Metadata { kind, len: 0, mode, uid: 0, gid: 0, modified: now };
        if self.masks.contains(path) {
            return Some(new(Kind::Link, 0o777));
        }
        if self.unlinked.contains_key(path) {
            return None;
        }
        let folder = || self.folders.get(path).map(|mode| new(Kind::Directory, *mode));
        let file = || self.texts.get(path).map(|(_, mode)| new(Kind::File, *mode));
        let mut metadata = base.or_else(folder).or_else(file)?;
        if let Some((text, _)) = self.texts.get(path) {
            metadata.len = u64::try_from(text.len()).unwrap_or(u64::MAX);
            metadata.modified = now;
        }
        if let Some(mode) = self.modes.get(path) {
            metadata.mode = *mode;
        }
        if let Some((uid, gid)) = self.owners.get(path) {
            (metadata.uid, metadata.gid) = (*uid, *gid);
        }
        Some(metadata)
    }

    /// Paths that are new, each with what it is.
    fn made(&self) -> impl Iterator<Item = (&PathBuf, Kind)> {
        let folders = self.folders.keys().map(|path| (path, Kind::Directory));
        let masks = self.masks.iter().map(|path| (path, Kind::Link));
        folders.chain(self.texts.keys().map(|path| (path, Kind::File))).chain(masks)
    }
}

impl System for Draft<'_> {
    fn read(&self, path: &Path, bytes_max: u64) -> Result<Vec<u8>, SysError> {
        if *self.edits() == Edits::default() {
            return self.base.read(path, bytes_max);
        }
        let real = self.behind(path);
        let edits = self.edits();
        if edits.is_gone(&real) || edits.is_gone(path) {
            return Err(SysError::Missing(path.to_owned()));
        }
        let edited = edits.pretended.get(&real);
        let Some(bytes) = edited.or_else(|| edits.texts.get(&real).map(|(text, _)| text)) else {
            drop(edits);
            return self.base.read(path, bytes_max);
        };
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bytes_max {
            return Err(SysError::TooLarge { path: path.to_owned(), limit: bytes_max });
        }
        Ok(bytes.clone())
    }

    fn head(&self, path: &Path, bytes: usize) -> Result<Vec<u8>, SysError> {
        let real = self.behind(path);
        let edits = self.edits();
        if edits.is_gone(&real) || edits.is_gone(path) {
            return Err(SysError::Missing(path.to_owned()));
        }
        let Some((text, _)) = edits.texts.get(&real) else {
            drop(edits);
            return self.base.head(path, bytes);
        };
        Ok(text.iter().take(bytes).copied().collect())
    }

    fn metadata(&self, path: &Path) -> Result<Metadata, SysError> {
        let base = match self.base.metadata(path) {
            Ok(metadata) => Some(metadata),
            Err(SysError::Missing(_)) => None,
            Err(error) => return Err(error),
        };
        let now = self.base.now();
        self.edits().patched(path, base, now).ok_or_else(|| SysError::Missing(path.to_owned()))
    }

    fn list(&self, path: &Path, entries_max: usize) -> Result<Vec<Entry>, SysError> {
        let mut entries = match self.base.list(path, entries_max) {
            Err(SysError::Missing(_)) if self.edits().folders.contains_key(path) => Vec::new(),
            answer => answer?,
        };
        let edits = self.edits();
        entries.retain(|entry| !edits.is_gone(&entry.path));
        for (made, kind) in edits.made() {
            if made.parent() == Some(path) && entries.iter().all(|entry| entry.path != *made) {
                entries.push(Entry { path: made.clone(), kind });
            }
        }
        entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    fn link(&self, path: &Path) -> Result<PathBuf, SysError> {
        let edits = self.edits();
        if edits.masks.contains(path) {
            return Ok(PathBuf::from(MASK));
        }
        if edits.is_gone(path) {
            return Err(SysError::Missing(path.to_owned()));
        }
        drop(edits);
        self.base.link(path)
    }

    fn capabilities(&self, path: &Path) -> Result<Option<Vec<u8>>, SysError> {
        self.base.capabilities(path)
    }

    fn walk(
        &self,
        top: &Path,
        limits: WalkLimits,
        visit: &mut Visitor<'_>,
    ) -> Result<Walked, SysError> {
        let edits = self.mark();
        let now = self.base.now();
        let walked = self.base.walk(top, limits, &mut |path, metadata| match edits.patched(
            path,
            Some(metadata.clone()),
            now,
        ) {
            Some(metadata) => visit(path, &metadata),
            None => Walk::Over,
        })?;
        for (path, _) in edits.made().filter(|(path, _)| path.starts_with(top)) {
            if self.base.metadata(path).is_err()
                && let Some(metadata) = edits.patched(path, None, now)
            {
                visit(path, &metadata);
            }
        }
        Ok(walked)
    }

    fn run(&self, invocation: &Invocation) -> Result<Output, SysError> {
        self.base.run(invocation)
    }

    fn now(&self) -> UnixTime {
        self.base.now()
    }

    fn moment(&self) -> Moment {
        self.base.moment()
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), SysError> {
        self.base.random(buffer)
    }
}

/// A refusal about a path.
pub(crate) fn refused(path: &Path, why: &str) -> Refusal {
    Refusal(format!("{} {why}", crate::evidence::shown_path(path)))
}

fn target(path: &Path) -> Result<Target, Refusal> {
    Target::try_from(path).map_err(|BadTarget(why)| refused(path, &format!("is left: {why}")))
}

fn plain(path: &Path) -> Result<PathBuf, Refusal> {
    target(path).map(|target| target.path().to_owned())
}

/// A link's target from where the link lies, `.` and `..` taken out, never above the root.
fn joined(folder: &Path, link: &Path) -> PathBuf {
    let mut out = PathBuf::from("/");
    for part in folder.join(link).components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::Normal(name) => out.push(name),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    out
}
