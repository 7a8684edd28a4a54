//! What a machine remembers of a job: which repository it is, when it was last done, and how large it was.

use crate::error::BackupError;
use crate::id::Id;
use burgrave_sys::{Access, Lock, SysError, make_own_directory, read_own, replace_own};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Runs that are remembered, for what is usual.
const SIZES_MAX: usize = 30;
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// One task of a job on a schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// When it last began, in seconds since 1970. 0: never.
    #[serde(default)]
    pub begun: i64,
    /// When it last went well.
    #[serde(default)]
    pub succeeded: i64,
    /// How often it failed since.
    #[serde(default)]
    pub failures: u32,
    /// Why it last failed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub trouble: String,
    /// Whether it began and its end was never seen.
    #[serde(default)]
    pub is_running: bool,
}

/// How large a backup was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Bytes of all files.
    pub bytes: u64,
    /// All files.
    pub files: u64,
    /// New bytes, as they were.
    pub added: u64,
    /// New bytes, as they are stored.
    pub packed: u64,
}

/// All that is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The repository's own name, once it was seen.
    #[serde(default)]
    pub repository: Option<Id>,
    /// Backups, or for a keeper forgetting.
    #[serde(default)]
    pub run: Task,
    /// Data read back.
    #[serde(default)]
    pub verify: Task,
    /// Which share was read last, from 1.
    #[serde(default)]
    pub share: u32,
    /// Packs that were read back damaged: what they hold is stored again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bad_packs: Vec<Id>,
    /// Drills.
    #[serde(default)]
    pub drill: Task,
    /// The last sizes, oldest first.
    #[serde(default)]
    pub sizes: Vec<Size>,
}

/// The place of a job's state.
#[derive(Clone, Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
}

impl StateDir {
    pub(crate) fn new(state: &Path, job: &str) -> Self {
        Self { path: state.join("backup").join(job) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is remembered; nothing where nothing is.
    pub(crate) fn load(&self) -> Result<State, BackupError> {
        let path = self.path.join("state.json");
        match read_own(&path, FILE_BYTES_MAX) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| {
                BackupError::damaged(format!("the file `{}`", path.display()), error.to_string())
            }),
            Err(SysError::Missing(_)) => Ok(State::default()),
            Err(other) => Err(other.into()),
        }
    }

    pub(crate) fn save(&self, state: &State) -> Result<(), BackupError> {
        make_own_directory(&self.path)?;
        let text = crate::repository::to_json(state)?;
        replace_own(&self.path.join("state.json"), &text, Access::Owner)?;
        Ok(())
    }

    /// Changes what is remembered.
    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) -> Result<State, BackupError> {
        make_own_directory(&self.path)?;
        let _lock = Lock::take(&self.path.join("state.lock"), Duration::from_secs(10))?;
        let mut state = self.load()?;
        change(&mut state);
        self.save(&state)?;
        Ok(state)
    }

    /// Held while the job runs here; two of the same at once would do everything twice.
    pub(crate) fn lock(&self) -> Result<Lock, BackupError> {
        make_own_directory(&self.path)?;
        Lock::take(&self.path.join("run.lock"), Duration::ZERO).map_err(|_held| {
            BackupError::Refused("this job is running already, in another process".to_owned())
        })
    }
}

/// What is odd about a backup, beside those before it.
pub(crate) fn oddities(before: &[Size], now: Size) -> Vec<String> {
    let mut odd = Vec::new();
    let Some(last) = before.last() else { return odd };
    if now.files.saturating_mul(2) < last.files && last.files >= 10 {
        odd.push(format!(
            "shrinking: {} files, where the last backup had {}",
            now.files, last.files
        ));
    } else if now.bytes.saturating_mul(2) < last.bytes && last.bytes >= 1 << 20 {
        odd.push(format!(
            "shrinking: {} bytes, where the last backup had {}",
            now.bytes, last.bytes
        ));
    }
    let mut usual: Vec<u64> = before.iter().skip(1).map(|size| size.added).collect();
    usual.sort_unstable();
    if let Some(middle) = usual.get(usual.len() / 2).filter(|_| usual.len() >= 3)
        && now.added > middle.saturating_mul(10).max(64 << 20)
    {
        odd.push(format!("growing oddly: {} new bytes, where {middle} are usual", now.added));
    }
    let is_large = now.added >= 16 << 20 && now.added.saturating_mul(4) >= last.bytes;
    let does_not_shrink = now.packed.saturating_mul(100) >= now.added.saturating_mul(98);
    let first = before.first().copied().unwrap_or(last.to_owned());
    let did_shrink = first.packed.saturating_mul(100) < first.added.saturating_mul(90);
    if is_large && does_not_shrink && did_shrink {
        odd.push(format!(
            "suddenly incompressible: {} new bytes that do not compress, as encrypted files do not; look whether this \
             machine's files were encrypted by somebody else",
            now.added
        ));
    }
    odd
}

impl State {
    /// Remembers one more size.
    pub fn remember(&mut self, size: Size) {
        self.sizes.push(size);
        if self.sizes.len() > SIZES_MAX {
            // The first is kept: it says how well everything compresses.
            self.sizes.remove(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn size(bytes: u64, files: u64, added: u64, packed: u64) -> Size {
        Size { bytes: bytes * MIB, files, added: added * MIB, packed: packed * MIB }
    }

    #[test]
    fn what_is_odd_is_told() {
        let first = size(1000, 1000, 1000, 400);
        let usual = size(1000, 1000, 5, 2);
        let history = [first, usual, usual, usual];
        for (now, words) in [
            (usual, None),
            (size(1000, 400, 1, 1), Some("shrinking")),
            (size(300, 1000, 1, 1), Some("shrinking")),
            (size(1300, 1000, 200, 80), Some("growing oddly")),
            (size(1000, 1000, 900, 900), Some("incompressible")),
            (size(1000, 1000, 10, 10), None),
        ] {
            let said = oddities(&history, now).join("; ");
            match words {
                Some(words) => assert!(said.contains(words), "{now:?}: {said}"),
                None => assert_eq!(said, "", "{now:?}"),
            }
        }
        assert!(oddities(&[], size(1, 1, 1, 1)).is_empty(), "the first is not odd");
        let videos = [size(1000, 10, 1000, 999), size(1000, 10, 1, 1)];
        let said = oddities(&videos, size(1500, 12, 500, 500)).join("");
        assert!(!said.contains("incompressible"), "it never was compressible: {said}");
    }

    #[test]
    fn it_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let place = StateDir::new(dir.path(), "job");
        assert_eq!(place.load().unwrap(), State::default());
        place.change(|state| state.share = 3).unwrap();
        assert_eq!(place.load().unwrap().share, 3);
        let held = place.lock().unwrap();
        assert!(place.lock().is_err());
        drop(held);
        assert!(place.lock().is_ok());
        std::fs::write(place.path().join("state.json"), "{").unwrap();
        assert!(place.load().unwrap_err().to_string().contains("state.json"));
    }

    #[test]
    fn the_first_and_the_last_sizes_are_remembered() {
        let mut state = State::default();
        for files in 0..100 {
            state.remember(size(0, files, 0, 0));
        }
        assert_eq!(state.sizes.len(), SIZES_MAX);
        assert_eq!((state.sizes[0].files, state.sizes[1].files), (0, 71));
        assert_eq!(state.sizes.last().unwrap().files, 99);
    }
}
