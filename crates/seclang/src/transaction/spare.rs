//! Room of ended transactions, kept for the next ones of the same thread, so that a small request needs
//! hardly an allocation.
//!
//! What is kept is empty: nothing of one request is seen by another. It is bounded in number and in bytes.

use super::candidates::Candidates;
use super::memo::Memo;
use super::state::State;
use super::values::Value;
use crate::strings::Strings;
use std::cell::RefCell;
use std::sync::Arc;

/// Rooms that a thread keeps.
const ROOMS_MAX: usize = 16;
/// Bytes of a room that is worth keeping.
const ROOM_BYTES_MAX: usize = 512 * 1024;

/// What a transaction fills.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) strings: Strings,
    pub(super) memo: Memo,
    pub(super) candidates: Candidates,
    pub(super) selected: Vec<Value>,
    pub(super) text: Vec<u8>,
    pub(super) state: State,
}

thread_local! {
    static ROOMS: RefCell<Vec<Room>> = const { RefCell::new(Vec::new()) };
}

/// An empty room on top of these constants.
pub(super) fn take(constants: &Arc<Strings>) -> Room {
    let kept = ROOMS.with_borrow_mut(Vec::pop);
    kept.filter(|room| room.strings.is_over(constants)).unwrap_or_else(|| Room {
        strings: Strings::over(constants),
        memo: Memo::default(),
        candidates: Candidates::default(),
        selected: Vec::new(),
        text: Vec::new(),
        state: State::new(constants.len()),
    })
}

/// Keeps a room, emptied, if it is worth it.
pub(super) fn give(mut room: Room) {
    let bytes = room.strings.capacity() + room.memo.capacity() + room.text.capacity();
    if std::thread::panicking() || bytes > ROOM_BYTES_MAX {
        return;
    }
    room.memo.clear();
    room.selected.clear();
    room.text.clear();
    room.state.clear();
    room.strings.clear();
    // A thread that is ending has no place for it any more.
    let _kept_or_dropped = ROOMS.try_with(|rooms| {
        let mut rooms = rooms.borrow_mut();
        if rooms.len() < ROOMS_MAX {
            rooms.push(room);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variable::Variable;

    #[test]
    fn what_is_kept_is_empty_and_of_the_same_rules() {
        let constants = Arc::new(Strings::constants());
        let mut room = take(&constants);
        let secret = room.strings.intern(b"secret");
        room.state.set_tx(secret, Some(secret));
        room.state.set_id(Variable::RequestBody, Some(secret));
        room.selected.reserve(77);
        let capacity = room.selected.capacity();
        give(room);
        let again = take(&constants);
        assert_eq!(again.selected.capacity(), capacity, "the room is used again");
        assert_eq!(again.strings.find(b"secret"), None);
        assert_eq!(again.state.tx(secret), None);
        assert_eq!(again.state.scalar(Variable::RequestBody), None);
        give(again);
        let other = take(&Arc::new(Strings::constants()));
        assert_eq!(other.selected.capacity(), 0, "other rules have other constants");
    }

    #[test]
    fn what_has_grown_is_not_kept() {
        let constants = Arc::new(Strings::constants());
        let mut room = take(&constants);
        room.strings.intern(&vec![b'x'; ROOM_BYTES_MAX + 1]);
        room.selected.reserve(77);
        give(room);
        assert_eq!(take(&constants).selected.capacity(), 0);
    }
}
