//! Room of ended transactions, kept for the next ones of the same thread, so that a small request needs
//! hardly an allocation; and the desk at which a thread's transactions are evaluated in turn, so that what
//! many of them need stays in the processor's cache.
//!
//! What is kept is empty: nothing of one request is seen by another, but for what follows from the bytes of short
//! strings ([`super::recall`]). It is bounded in number and in bytes.

use super::candidates::Candidates;
use super::memo::Memo;
use super::state::State;
use super::values::Value;
use crate::strings::Strings;
use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

/// Rooms that a thread keeps.
const ROOMS_MAX: usize = 16;
/// Bytes of a room that is worth keeping.
const ROOM_BYTES_MAX: usize = 512 * 1024;

/// What a transaction fills.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) strings: Strings,
    pub(super) text: Vec<u8>,
    pub(super) state: State,
}

/// What is only of use while a phase is evaluated. It may be another transaction's turn before the next.
#[derive(Debug, Default)]
pub(super) struct Desk {
    /// The transaction whose strings the memo knows.
    owner: u64,
    pub(super) memo: Memo,
    pub(super) candidates: Candidates,
    /// Room for the values of one link, used again by the next.
    pub(super) selected: Vec<Value>,
    /// Values of the link that was asked last that it leaves out.
    pub(super) left_out: Vec<Value>,
}

thread_local! {
    static ROOMS: RefCell<Vec<Room>> = const { RefCell::new(Vec::new()) };
    static DESK: RefCell<Option<Box<Desk>>> = const { RefCell::new(None) };
    /// Begins anywhere, so that no two threads number alike.
    static NUMBER: Cell<u64> = Cell::new(RandomState::new().hash_one(()));
}

/// A number that no other transaction has.
pub(super) fn number() -> u64 {
    NUMBER.with(|next| {
        next.set(next.get().wrapping_add(1));
        next.get()
    })
}

impl Desk {
    /// The thread's desk, as a transaction left it, or cleared.
    pub(super) fn take(owner: u64) -> Box<Self> {
        let mut desk = DESK.with_borrow_mut(Option::take).unwrap_or_default();
        if desk.owner != owner {
            desk.memo.clear();
            desk.owner = owner;
        }
        desk
    }

    /// Leaves it for the next, unless it has grown large.
    pub(super) fn leave(self: Box<Self>) {
        if self.memo.capacity() > ROOM_BYTES_MAX || std::thread::panicking() {
            return;
        }
        // A thread that is ending has no place for it any more.
        let _kept_or_dropped = DESK.try_with(|desk| desk.borrow_mut().replace(self));
    }
}

/// An empty room on top of these constants.
pub(super) fn take(constants: &Arc<Strings>) -> Room {
    let kept = ROOMS.with_borrow_mut(Vec::pop);
    kept.filter(|room| room.strings.is_over(constants)).unwrap_or_else(|| Room {
        strings: Strings::over(constants),
        text: Vec::new(),
        state: State::new(constants.len()),
    })
}

/// Keeps a room, emptied, if it is worth it.
pub(super) fn give(mut room: Room) {
    let bytes = room.strings.capacity() + room.text.capacity();
    if std::thread::panicking() || bytes > ROOM_BYTES_MAX {
        return;
    }
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
        room.text.reserve(77);
        let capacity = room.text.capacity();
        give(room);
        let again = take(&constants);
        assert_eq!(again.text.capacity(), capacity, "the room is used again");
        assert_eq!(again.strings.find(b"secret"), None);
        assert_eq!(again.state.tx(secret), None);
        assert_eq!(again.state.scalar(Variable::RequestBody), None);
        give(again);
        let other = take(&Arc::new(Strings::constants()));
        assert_eq!(other.text.capacity(), 0, "other rules have other constants");
    }

    #[test]
    fn what_has_grown_is_not_kept() {
        let constants = Arc::new(Strings::constants());
        let mut room = take(&constants);
        room.strings.intern(&vec![b'x'; ROOM_BYTES_MAX + 1]);
        room.text.reserve(77);
        give(room);
        assert_eq!(take(&constants).text.capacity(), 0);
    }

    #[test]
    fn a_desk_is_cleared_for_another_transaction_only() {
        let (one, other) = (number(), number());
        assert_ne!(one, other);
        let value = Value {
            variable: Variable::Args,
            key: None,
            lower: crate::strings::StrId::EMPTY,
            value: crate::strings::StrId::EMPTY,
        };
        let mut desk = Desk::take(one);
        desk.selected.push(value);
        let owner = desk.owner;
        desk.leave();
        assert_eq!((Desk::take(one).owner, owner), (one, one), "taken away meanwhile");
        assert_eq!(Desk::take(other).selected.len(), 0, "a new one");
    }
}
