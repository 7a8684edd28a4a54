//! Where the state is kept, below the configured directory.

use crate::error::AgentError;
use burgrave_sys::{Access, Lock, SysError, make_own_directory, read_own, replace_own};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long another process of ours may hold the lock.
const LOCK_TIME: Duration = Duration::from_secs(20);
/// Size of a file with rules.
const RULES_BYTES_MAX: u64 = 16 << 20;

/// The directory, and the names in it.
#[derive(Clone, Debug)]
pub struct Home {
    folder: PathBuf,
}

impl Home {
    /// Makes the directory where it is missing.
    pub fn open(state: &Path) -> Result<Self, AgentError> {
        let folder = state.join("firewall");
        make_own_directory(&folder)?;
        Ok(Self { folder })
    }

    /// The bans, a line each.
    pub fn bans(&self) -> PathBuf {
        self.folder.join("bans.ndjson")
    }

    /// How far each log was read.
    pub fn positions(&self) -> PathBuf {
        self.folder.join("positions.json")
    }

    /// Where administrators came from.
    pub fn origins(&self) -> PathBuf {
        self.folder.join("origins.json")
    }

    /// The rules in force, as a script that is loaded at start too.
    pub fn rules(&self) -> PathBuf {
        self.folder.join("rules.nft")
    }

    /// The rules as nft showed them right after they were loaded last.
    pub fn loaded(&self) -> PathBuf {
        self.folder.join("loaded.nft")
    }

    /// The rules before.
    pub fn previous(&self) -> PathBuf {
        self.folder.join("previous.nft")
    }

    /// The rules that become those in force when they are confirmed.
    pub fn trial(&self) -> PathBuf {
        self.folder.join("trial.nft")
    }

    /// Keeps other processes of ours out until it is dropped.
    pub fn lock(&self) -> Result<Lock, AgentError> {
        Ok(Lock::take(&self.folder.join("lock"), LOCK_TIME)?)
    }

    /// A script that is kept; empty where there is none.
    pub fn script(&self, path: &Path) -> Result<String, AgentError> {
        match read_own(path, RULES_BYTES_MAX) {
            Ok(bytes) => Ok(String::from_utf8(bytes).unwrap_or_default()),
            Err(SysError::Missing(_)) => Ok(String::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps a script; an empty one is as good as none.
    pub fn keep(&self, path: &Path, script: &str) -> Result<(), AgentError> {
        Ok(replace_own(path, script.as_bytes(), Access::Owner)?)
    }
}
