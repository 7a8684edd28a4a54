//! A directory of this machine, or of one that is mounted here.
//!
//! A file is written under a temporary name, flushed to the disk and renamed. Flushing is done by a thread beside
//! the work, in order, and waited for at the barrier: a name that can be seen is always a whole file.

use super::{FileKind, Listed, Target, fault, is_name};
use crate::error::BackupError;
use burgrave_sys::{Folder, NodeKind, SysError, make_own_directory};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};

/// Files that may wait to be flushed: their content is the kernel's by then, so that each is a descriptor here.
const UNFLUSHED_MAX: usize = 64;
/// How names begin that are not whole yet.
const TEMPORARY: &str = ".burgrave-";

/// A file that is written and not flushed.
struct Unflushed {
    file: File,
    folder: Folder,
    temporary: String,
    kind: FileKind,
    name: String,
}

enum Step {
    Flush(Box<Unflushed>),
    Barrier(Sender<Result<(), (FileKind, String, String)>>),
}

/// A repository in a directory.
pub(crate) struct Local {
    path: PathBuf,
    steps: Mutex<Option<SyncSender<Step>>>,
    flusher: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Local {
    /// Nothing is looked at yet.
    pub(crate) fn new(path: &Path) -> Self {
        let (steps, to_do) = sync_channel(UNFLUSHED_MAX);
        let flusher = std::thread::spawn(move || flush_all(&to_do));
        Self {
            path: path.to_path_buf(),
            steps: Mutex::new(Some(steps)),
            flusher: Mutex::new(Some(flusher)),
        }
    }

    /// The directory that holds a file, and the name in it.
    fn place(&self, kind: FileKind, name: &str) -> Result<Folder, BackupError> {
        if !is_name(kind, name) {
            return Err(fault(
                self,
                "naming",
                kind,
                name,
                "this is no name of a file of a repository",
            ));
        }
        let folder = match kind {
            FileKind::Config => self.path.clone(),
            FileKind::Pack => {
                let two: String = name.chars().take(2).collect();
                self.path.join("data").join(two)
            }
            FileKind::Key | FileKind::Lock | FileKind::Snapshot | FileKind::Index => {
                self.path.join(kind.folder())
            }
        };
        Folder::open(&folder).map_err(|error| {
            if !matches!(error, SysError::Missing(_)) {
                return fault(self, "reaching", kind, name, told(&error));
            }
            if !self.path.exists() {
                return BackupError::NoRepository(self.name());
            }
            BackupError::Missing {
                target: self.name(),
                object: format!("{} `{name}`", kind.word()),
            }
        })
    }

    fn step(&self, step: Step) -> Result<(), BackupError> {
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = steps.as_ref().is_some_and(|steps| steps.send(step).is_ok());
        if sent {
            return Ok(());
        }
        Err(BackupError::Target {
            target: self.name(),
            doing: "flushing".to_owned(),
            cause: "the thread that flushes has ended".to_owned(),
        })
    }

    fn list_folder(folder: &Folder, all: &mut Vec<Listed>) -> Result<(), BackupError> {
        for name in folder.names()? {
            let Ok(name) = String::from_utf8(name) else { continue };
            if crate::id::Id::parse(&name).is_none() {
                continue;
            }
            if let Some(facts) = folder.attributes(name.as_bytes())?
                && facts.kind == NodeKind::File
            {
                all.push(Listed { name, bytes: facts.size });
            }
        }
        Ok(())
    }

    fn open(&self, kind: FileKind, name: &str) -> Result<(File, u64), BackupError> {
        let folder = self.place(kind, name)?;
        match folder.read(name.as_bytes()) {
            Ok((file, facts)) => Ok((file, facts.size)),
            Err(SysError::Missing(_)) => Err(BackupError::Missing {
                target: self.name(),
                object: format!("{} `{name}`", kind.word()),
            }),
            Err(other) => Err(fault(self, "opening", kind, name, told(&other))),
        }
    }
}

/// An error with its source in one line.
fn told(error: &SysError) -> String {
    std::error::Error::source(error)
        .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

/// The flusher's thread: in order, and the first failure is told at the next barrier. Directories are flushed at the
/// barrier, each once.
fn flush_all(steps: &Receiver<Step>) {
    let mut failed = None;
    let mut folders: BTreeMap<PathBuf, (Folder, FileKind)> = BTreeMap::new();
    for step in steps {
        match step {
            Step::Flush(unflushed) => {
                let done = unflushed.finish();
                let Unflushed { folder, temporary, kind, name, .. } = *unflushed;
                if let Err(error) = done {
                    // What stays is found and removed by the next prune.
                    drop(folder.remove(temporary.as_bytes()));
                    failed.get_or_insert((kind, name, error));
                }
                folders.insert(folder.path().to_path_buf(), (folder, kind));
            }
            Step::Barrier(answer) => {
                for (path, (folder, kind)) in std::mem::take(&mut folders) {
                    if let Err(error) = folder.sync() {
                        failed.get_or_insert((kind, path.display().to_string(), told(&error)));
                    }
                }
                let result = failed.take().map_or(Ok(()), Err);
                // Who asked may have given up.
                drop(answer.send(result));
            }
        }
    }
}

impl Unflushed {
    fn finish(&self) -> Result<(), String> {
        self.file.sync_data().map_err(|error| error.to_string())?;
        let (from, to) = (self.temporary.as_bytes(), self.name.as_bytes());
        self.folder.rename(from, &self.folder, to).map_err(|error| told(&error))
    }
}

impl Target for Local {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn prepare(&self) -> Result<(), BackupError> {
        for kind in FileKind::FOLDERS {
            make_own_directory(&self.path.join(kind.folder()))?;
        }
        for first in 0..=255_u8 {
            make_own_directory(&self.path.join("data").join(format!("{first:02x}")))?;
        }
        Ok(())
    }

    fn list(&self, kind: FileKind) -> Result<Vec<Listed>, BackupError> {
        let mut all = Vec::new();
        let top = match Folder::open(&self.path.join(kind.folder())) {
            Ok(top) => top,
            Err(SysError::Missing(_)) if !self.path.exists() => {
                return Err(BackupError::NoRepository(self.name()));
            }
            Err(SysError::Missing(_)) => return Ok(all),
            Err(other) => return Err(fault(self, "listing", kind, "", told(&other))),
        };
        match kind {
            FileKind::Pack => {
                for name in top.names()? {
                    let folder = top.folder(&name);
                    if name.len() == 2
                        && let Ok(folder) = folder
                    {
                        Self::list_folder(&folder, &mut all)?;
                    }
                }
            }
            FileKind::Config
            | FileKind::Key
            | FileKind::Lock
            | FileKind::Snapshot
            | FileKind::Index => Self::list_folder(&top, &mut all)?,
        }
        Ok(all)
    }

    fn read(&self, kind: FileKind, name: &str, bytes_max: u64) -> Result<Vec<u8>, BackupError> {
        let (file, bytes) = self.open(kind, name)?;
        if bytes > bytes_max {
            return Err(BackupError::damaged(
                format!("{} `{name}`", kind.word()),
                format!("it has {bytes} bytes, where {bytes_max} is the most"),
            ));
        }
        let mut content = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut content, 0)
            .map_err(|error| fault(self, "reading", kind, name, error))?;
        Ok(content)
    }

    fn read_part(
        &self,
        kind: FileKind,
        name: &str,
        offset: u64,
        bytes: usize,
    ) -> Result<Vec<u8>, BackupError> {
        let (file, there) = self.open(kind, name)?;
        let end = offset.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if end > there {
            return Err(BackupError::damaged(
                format!("{} `{name}`", kind.word()),
                format!("it is cut short: {there} bytes of {end} or more"),
            ));
        }
        let mut content = vec![0; bytes];
        file.read_exact_at(&mut content, offset)
            .map_err(|error| fault(self, "reading", kind, name, error))?;
        Ok(content)
    }

    fn write(&self, kind: FileKind, name: &str, content: &[u8]) -> Result<(), BackupError> {
        let folder = match self.place(kind, name) {
            Err(BackupError::Missing { .. }) => {
                self.prepare()?;
                self.place(kind, name)?
            }
            other => other?,
        };
        if folder.attributes(name.as_bytes())?.is_some() {
            return Ok(());
        }
        let temporary = format!("{TEMPORARY}{}-{}", std::process::id(), name);
        folder.remove(temporary.as_bytes())?;
        let mut file = folder.create(temporary.as_bytes())?;
        if let Err(error) = file.write_all(content) {
            drop(file);
            // Nothing more can be done about it on a disk that is full.
            drop(folder.remove(temporary.as_bytes()));
            return Err(fault(self, "writing", kind, name, error));
        }
        let name = name.to_owned();
        self.step(Step::Flush(Box::new(Unflushed { file, folder, temporary, kind, name })))
    }

    fn barrier(&self) -> Result<(), BackupError> {
        let (answer, result) = channel();
        self.step(Step::Barrier(answer))?;
        match result.recv() {
            Ok(Ok(())) => Ok(()),
            Ok(Err((kind, name, cause))) => Err(fault(self, "flushing", kind, &name, cause)),
            Err(gone) => Err(BackupError::Target {
                target: self.name(),
                doing: "flushing".to_owned(),
                cause: gone.to_string(),
            }),
        }
    }

    fn remove(&self, kind: FileKind, name: &str) -> Result<bool, BackupError> {
        match self.place(kind, name) {
            Ok(folder) => folder
                .remove(name.as_bytes())
                .map_err(|error| fault(self, "removing", kind, name, told(&error))),
            Err(BackupError::Missing { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }

    fn overwrite(&self, kind: FileKind, name: &str, content: &[u8]) -> Result<(), BackupError> {
        let folder = self.place(kind, name)?;
        let temporary = format!("{TEMPORARY}{}-{name}", std::process::id());
        folder.remove(temporary.as_bytes())?;
        let mut file = folder.create(temporary.as_bytes())?;
        file.write_all(content).map_err(|error| fault(self, "overwriting", kind, name, error))?;
        Ok(folder.rename(temporary.as_bytes(), &folder, name.as_bytes())?)
    }

    fn tidy(&self) -> Result<(), BackupError> {
        for kind in FileKind::FOLDERS {
            let folder = Folder::open(&self.path.join(kind.folder()))?;
            Self::tidy_folder(&folder)?;
            if kind == FileKind::Pack {
                for name in folder.names()? {
                    if let Ok(inner) = folder.folder(&name) {
                        Self::tidy_folder(&inner)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Local {
    fn tidy_folder(folder: &Folder) -> Result<(), BackupError> {
        for name in folder.names()? {
            if name.starts_with(TEMPORARY.as_bytes()) {
                folder.remove(&name)?;
            }
        }
        Ok(())
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        *self.steps.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let flusher = self.flusher.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(flusher) = flusher {
            // A thread that panicked has told it at the barrier.
            drop(flusher.join());
        }
    }
}
