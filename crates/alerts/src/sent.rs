//! What channels have taken since the state was last written, a line each: written by whoever sends, the moment the
//! answer is there, so that a kill right after it finds it noted. A write without a flush: it outlives the process,
//! and after a power failure the state's own word counts.

use crate::state::State;
use crate::store::{AlertError, Store};
use burgrave_sys::{Access, Appender, SysError, read_own};
use std::path::{Path, PathBuf};

const SENT: &str = "sent";
const ALL: &str = "all";
/// Past this it is emptied, when nobody is sending.
const BYTES: u64 = 1 << 20;
const BYTES_MAX: u64 = 64 << 20;

/// See the module.
#[derive(Debug)]
pub(crate) struct Sent(Appender);

impl Sent {
    fn path(state: &Path) -> PathBuf {
        Store::folder(state).join(SENT)
    }

    /// Opens it; one for each that sends.
    pub(crate) fn open(state: &Path) -> Result<Self, AlertError> {
        Ok(Self(Appender::open(&Self::path(state), Access::Owner)?))
    }

    /// Notes that all of a message, or so many parts of it, were taken. Where that cannot be written, the state is
    /// written a moment later.
    pub(crate) fn note(&mut self, id: &str, parts: Option<usize>) {
        let parts = parts.map_or_else(|| ALL.to_owned(), |parts| parts.to_string());
        drop(self.0.append(format!("{id} {parts}\n").as_bytes()));
    }

    /// Empties it: what it says is in the state, which is on the disk. For when nobody is sending.
    pub(crate) fn clear(&self) -> Result<(), AlertError> {
        Ok(self.0.cut(0)?)
    }

    /// Whether it has grown.
    pub(crate) fn is_long(&self) -> bool {
        self.0.age().is_ok_and(|(bytes, _)| bytes > BYTES)
    }

    /// Brings a state up to what was noted. Whether it has changed.
    pub(crate) fn apply(state: &Path, to: &mut State) -> Result<bool, AlertError> {
        let text = match read_own(&Self::path(state), BYTES_MAX) {
            Ok(text) => text,
            Err(SysError::Missing(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let mut has_changed = false;
        for line in text.split(|byte| *byte == b'\n') {
            let line = std::str::from_utf8(line).unwrap_or_default();
            let Some((id, parts)) = line.split_once(' ') else { continue };
            let number = to.queue.iter().find(|(_, message)| message.id == id);
            let Some(number) = number.map(|(number, _)| *number) else { continue };
            if parts == ALL {
                to.delivered(number);
                has_changed = true;
            } else if let (Ok(parts), Some(message)) = (parts.parse(), to.queue.get_mut(&number)) {
                message.parts = message.parts.max(parts);
                has_changed = true;
            }
        }
        Ok(has_changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::message;

    #[test]
    fn what_was_taken_is_not_in_the_queue_after_a_kill() {
        let folder = tempfile::tempdir().unwrap();
        let (_store, mut state) = Store::open(folder.path()).unwrap();
        assert!(!Sent::apply(folder.path(), &mut state).unwrap());
        for (number, id) in [(1, "x-1"), (2, "x-2"), (3, "x-3")] {
            state.queue.insert(number, crate::Message { id: id.to_owned(), ..message() });
        }
        let mut sent = Sent::open(folder.path()).unwrap();
        sent.note("x-1", None);
        sent.note("x-2", Some(1));
        sent.note("x-9", None);
        assert!(Sent::apply(folder.path(), &mut state).unwrap());
        let left: Vec<(u64, usize)> =
            state.queue.iter().map(|(number, message)| (*number, message.parts)).collect();
        assert_eq!(left, [(2, 1), (3, 0)]);
        assert!(!sent.is_long());
        sent.clear().unwrap();
        assert!(!Sent::apply(folder.path(), &mut state).unwrap());
    }
}
