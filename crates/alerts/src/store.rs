//! The state on the disk: one file, replaced whole, in a directory that one process at a time works in.

use crate::state::State;
use burgrave_sys::{Access, Lock, SysError, make_own_directory, read_own, replace_own, seed};
use std::path::{Path, PathBuf};
use std::time::Duration;

const STATE: &str = "state.json";
const LOCK: &str = "lock";
const STATE_BYTES_MAX: u64 = 256 << 20;
/// How long one that is ending may take.
const LOCK_TIME: Duration = Duration::from_secs(20);

/// Why alerts could not be taken or told.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// The machine did not do it.
    #[error("the machine refused")]
    Machine(#[from] SysError),
    /// The state's file is not what was written.
    #[error("`{}` cannot be used: {why}; move it away to begin without it", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A secret's file cannot be used.
    #[error("the file `{}` {why}", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A channel cannot be used.
    #[error("channel `{channel}`: {why}")]
    Channel {
        /// Its name.
        channel: String,
        /// What is wrong.
        why: String,
    },
    /// A thread could not be started.
    #[error("no thread could be started")]
    Thread(#[source] std::io::Error),
}

/// See the module.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    #[expect(dead_code, reason = "held for its lifetime")]
    lock: Lock,
}

impl Store {
    /// Where alerts are kept below a state directory.
    pub fn folder(state: &Path) -> PathBuf {
        state.join("alerts")
    }

    /// Takes the directory, and what is in it.
    pub fn open(state: &Path) -> Result<(Self, State), AlertError> {
        let folder = Self::folder(state);
        make_own_directory(&folder)?;
        let lock = Lock::take(&folder.join(LOCK), LOCK_TIME)?;
        let state = match Self::read(state)? {
            Some(state) => state,
            None => State::new(seed()?.iter().take(6).map(|byte| format!("{byte:02x}")).collect()),
        };
        Ok((Self { folder, lock }, state))
    }

    /// What is there, to be looked at. `None`: nothing yet.
    pub fn read(state: &Path) -> Result<Option<State>, AlertError> {
        let path = Self::folder(state).join(STATE);
        match read_own(&path, STATE_BYTES_MAX) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|error| AlertError::State { path, why: error.to_string() }),
            Err(SysError::Missing(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes it, and waits for the disk.
    pub fn write(&self, state: &State) -> Result<(), AlertError> {
        // What is made of numbers and strings can always be written.
        let text = serde_json::to_vec(state).unwrap_or_default();
        Ok(replace_own(&self.folder.join(STATE), &text, Access::Owner)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use burgrave_model::Topic;

    #[test]
    fn the_state_is_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Store::read(folder.path()).unwrap(), None);
        let (store, mut state) = Store::open(folder.path()).unwrap();
        assert_eq!(state.name.len(), 12);
        state.take(&Event::new(5, Topic::BanAdded, "a", "t", ""), 5);
        store.write(&state).unwrap();
        drop(store);
        let (_store, again) = Store::open(folder.path()).unwrap();
        assert_eq!(again, state);
        std::fs::write(Store::folder(folder.path()).join(STATE), "{}x").unwrap();
        let error = Store::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("move it away"), "{error}");
    }
}
