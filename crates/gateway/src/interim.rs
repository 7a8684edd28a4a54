//! `100 (Continue)` over HTTP/2 (RFC 9110 §10.1.1, RFC 9113 §8.1), which the HTTP library has no way to say: a client that
//! announces a body may wait for it.
//!
//! Invariants: it stands between two frames, before its stream's answer; it is written without the table of fields, so that
//! the library's idea of that stays right; one whose client keeps a smaller table than all begin with is not sent, as that
//! would have to be said in it (RFC 7541 §4.2).

use crate::frame_head::Head;
use crate::frame_head::flag::END_HEADERS;
use crate::frame_head::kind::{CONTINUATION, HEADERS, RST_STREAM};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

/// `:status: 100`: a literal by the name's place in the static table, not to be kept.
const CONTINUE: [u8; 5] = [0x08, 3, b'1', b'0', b'0'];
/// Most that wait to be said; the library has fewer streams.
const WAITING_MAX: usize = 128;
/// A setting is a number of two bytes and a value of four (RFC 9113 §6.5.1).
const SETTING_BYTES: usize = 6;
const HEADER_TABLE_SIZE: [u8; 2] = [0, 1];
const TABLE_BYTES: u32 = 4_096;

/// The streams of a connection that are to be told.
#[derive(Debug, Default)]
pub(crate) struct Interim {
    waiting: RefCell<VecDeque<u32>>,
    /// What was written last was not the end of a frame, or of a block of fields.
    within: Cell<bool>,
    in_block: Cell<bool>,
    narrow: Cell<bool>,
}

impl Interim {
    /// Says it on this stream, as soon as it may be said.
    pub(crate) fn ask(&self, stream: u32) {
        let mut waiting = self.waiting.borrow_mut();
        if !self.narrow.get() && waiting.len() < WAITING_MAX {
            waiting.push_back(stream);
        }
    }

    /// The client's settings; `whole` says that these are all of them.
    pub(crate) fn settings(&self, content: &[u8], whole: bool) {
        let narrow = content.chunks_exact(SETTING_BYTES).any(|setting| match setting {
            [high, low, value @ ..] if [*high, *low] == HEADER_TABLE_SIZE => {
                value.first_chunk().is_some_and(|value| u32::from_be_bytes(*value) < TABLE_BYTES)
            }
            _ => false,
        });
        if narrow || !whole {
            self.narrow.set(true);
            self.waiting.borrow_mut().clear();
        }
    }

    /// Nothing is said any more on this stream.
    pub(crate) fn forget(&self, stream: u32) {
        self.waiting.borrow_mut().retain(|own| *own != stream);
    }

    /// A frame begins to be written: nothing is said behind a stream's answer, or its end, nor within a block of fields.
    pub(crate) fn wrote(&self, head: Head) {
        if matches!(head.kind, HEADERS | RST_STREAM) {
            self.forget(head.stream);
        }
        if matches!(head.kind, HEADERS | CONTINUATION) {
            self.in_block.set(!head.has(END_HEADERS));
        }
    }

    /// Whether what was written so far ends in the middle of a frame.
    pub(crate) fn within(&self, frame: bool) {
        self.within.set(frame || self.in_block.get());
    }

    /// Hands out the frames that are to be written now.
    pub(crate) fn say(&self, mut write: impl FnMut(&[u8])) {
        if self.within.get() {
            return;
        }
        for stream in self.waiting.borrow_mut().drain(..) {
            write(&[0, 0, 5, HEADERS, END_HEADERS]);
            write(&stream.to_be_bytes());
            write(&CONTINUE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(interim: &Interim) -> Vec<u8> {
        let mut out = Vec::new();
        interim.say(|bytes| out.extend_from_slice(bytes));
        out
    }

    #[test]
    fn it_stands_between_frames_and_before_answers() {
        let interim = Interim::default();
        assert_eq!(said(&interim), Vec::<u8>::new());
        interim.ask(1);
        interim.ask(3);
        interim.within(true);
        assert_eq!(said(&interim), Vec::<u8>::new());
        // The answer on the first went out meanwhile, its header in two frames.
        let head = |kind, flags| Head { length: 5, kind, flags, stream: 1 };
        interim.wrote(head(HEADERS, 0));
        interim.within(false);
        assert_eq!(said(&interim), Vec::<u8>::new());
        interim.wrote(head(CONTINUATION, END_HEADERS));
        interim.within(false);
        let wanted = [0, 0, 5, 1, 4, 0, 0, 0, 3, 0x08, 3, b'1', b'0', b'0'];
        assert_eq!(said(&interim), wanted);
        assert_eq!(said(&interim), Vec::<u8>::new());
    }

    #[test]
    fn a_client_with_a_smaller_table_is_not_told() {
        let other = [0, 3, 0, 0, 0, 100];
        let table = |bytes: u16| [&[0, 1, 0, 0][..], &bytes.to_be_bytes()].concat();
        for (settings, whole, told) in [
            (vec![], true, true),
            (other.to_vec(), true, true),
            (other.to_vec(), false, false),
            (table(4_096), true, true),
            (table(4_095), true, false),
            ([&other[..], &table(0)].concat(), true, false),
        ] {
            let interim = Interim::default();
            interim.ask(1);
            interim.settings(&settings, whole);
            interim.ask(3);
            assert_eq!(!said(&interim).is_empty(), told, "{settings:?}");
        }
    }
}
