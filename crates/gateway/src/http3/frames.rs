//! The frames of HTTP/3 (RFC 9114 §7), looked at before the library sees them: it waits for the whole of every frame but
//! DATA, however long that says it is, takes an empty DATA frame for the end of a message and a cut one for a whole one,
//! and hears neither what follows trailers nor most of the control stream.
//!
//! Invariant: bytes that were taken here are those of a sequence of frames that a client may send, so far.

use super::fields::{self, Malformed, Part};
use super::integer::Integer;
use h3::error::Code;
use std::cell::Cell;
use std::rc::Rc;

/// Frame types (RFC 9114 §11.2.1), and those of HTTP/2 that have no successor.
const DATA: u64 = 0;
const HEADERS: u64 = 1;
const CANCEL_PUSH: u64 = 3;
const SETTINGS: u64 = 4;
const PUSH_PROMISE: u64 = 5;
const GOAWAY: u64 = 7;
const MAX_PUSH_ID: u64 = 13;
const OF_HTTP2: [u64; 4] = [2, 6, 8, 9];
/// Most bytes of a frame that is neither content nor a header.
const OTHER_BYTES_MAX: u64 = 4 * 1024;
/// Frames without content that a stream may have: empty ones, and those that mean nothing to us.
const IDLE_FRAMES_MAX: u32 = 64;
/// The same for the control stream, over a connection's whole life: browsers say there how urgent each
/// request is.
const CONTROL_FRAMES_MAX: u32 = 10_000;

/// Why no more is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The connection ends.
    Connection(Code),
    /// No request: its stream ends.
    Malformed,
}

/// Where in a stream of frames we are.
#[derive(Clone, Copy, Debug)]
enum At {
    FrameType,
    Length(u64),
    /// With the frame's type, and what is left of it.
    Content(u64, u64),
}

/// Where in a request we are (RFC 9114 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Start,
    Content,
    /// Behind its trailers.
    End,
}

/// What the stream is for.
#[derive(Debug)]
enum Role {
    Request {
        stage: Stage,
        /// The compressed header or trailers, until they are whole.
        block: Vec<u8>,
        headers_max: u64,
        /// Empty DATA frames that the library has not come to.
        empties: Rc<Cell<u32>>,
    },
    Control {
        /// Still to come before any other frame is the stream's type, which the library reads, too.
        typed: bool,
        numbers: Numbers,
        pushes: u64,
    },
}

/// The integers of a frame that has nothing else.
#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    integer: Integer,
    count: u32,
    last: u64,
}

/// How far into a stream of frames we are.
#[derive(Debug)]
pub(super) struct FrameWatch {
    at: At,
    integer: Integer,
    idle_left: u32,
    role: Role,
}

impl FrameWatch {
    /// A request's stream, whose headers may take `headers_max` bytes. The library takes an empty DATA frame for the end:
    /// as often as `empties` says, it is none.
    pub(super) fn of_request(headers_max: u64, empties: Rc<Cell<u32>>) -> Self {
        let role = Role::Request { stage: Stage::Start, block: Vec::new(), headers_max, empties };
        Self { at: At::FrameType, integer: Integer::default(), idle_left: IDLE_FRAMES_MAX, role }
    }

    /// The control stream, from its type on.
    pub(super) fn of_control() -> Self {
        let role = Role::Control { typed: false, numbers: Numbers::default(), pushes: 0 };
        Self { at: At::FrameType, integer: Integer::default(), idle_left: CONTROL_FRAMES_MAX, role }
    }

    /// Takes what has come.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let mut rest = bytes;
        while let Some((first, after)) = rest.split_first() {
            if let At::Content(kind, left) = self.at {
                let here = u64::try_from(rest.len()).unwrap_or(u64::MAX).min(left);
                let passed = usize::try_from(here).unwrap_or(rest.len());
                let (content, after) = rest.split_at_checked(passed).unwrap_or((rest, b""));
                rest = after;
                let left = left.saturating_sub(here);
                self.at = At::Content(kind, left);
                self.look(kind, content);
                self.close()?;
            } else {
                rest = after;
                if let Some(whole) = self.integer.take(*first) {
                    self.step(whole)?;
                }
            }
        }
        Ok(())
    }

    /// The stream ends here: a frame that was begun had more (RFC 9114 §7.1).
    pub(super) fn end(&self) -> Result<(), Refused> {
        if matches!(self.at, At::FrameType) && !self.integer.is_begun() {
            return Ok(());
        }
        Err(Refused::Connection(Code::H3_FRAME_ERROR))
    }

    /// What follows an integer.
    fn step(&mut self, whole: u64) -> Result<(), Refused> {
        match (self.at, &mut self.role) {
            (At::FrameType, Role::Control { typed: typed @ false, .. }) => *typed = true,
            (At::Length(kind), _) => {
                self.begin(kind, whole)?;
                self.at = At::Content(kind, whole);
                return self.close();
            }
            (At::FrameType | At::Content(..), _) => self.at = At::Length(whole),
        }
        Ok(())
    }

    /// A frame begins: whether it may, here and with this length.
    fn begin(&mut self, kind: u64, length: u64) -> Result<(), Refused> {
        let (fits, most) = match &mut self.role {
            Role::Request { stage, headers_max, empties, .. } => {
                if kind == DATA && length == 0 {
                    empties.set(empties.get().saturating_add(1));
                }
                let fits = match kind {
                    DATA => *stage == Stage::Content,
                    HEADERS => *stage != Stage::End,
                    CANCEL_PUSH | SETTINGS | PUSH_PROMISE | GOAWAY | MAX_PUSH_ID => false,
                    _ => true,
                };
                (fits, (*headers_max).max(OTHER_BYTES_MAX))
            }
            Role::Control { numbers, .. } => {
                *numbers = Numbers::default();
                (!matches!(kind, DATA | HEADERS | PUSH_PROMISE), OTHER_BYTES_MAX)
            }
        };
        let most = match kind {
            DATA => u64::MAX,
            HEADERS => most,
            _ => OTHER_BYTES_MAX,
        };
        if !fits || OF_HTTP2.contains(&kind) {
            return Err(Refused::Connection(Code::H3_FRAME_UNEXPECTED));
        }
        if length > most {
            return Err(EXCESS);
        }
        let works = kind == HEADERS || (kind == DATA && length > 0);
        if !works {
            self.idle_left = self.idle_left.checked_sub(1).ok_or(EXCESS)?;
        }
        Ok(())
    }

    /// Looks at a part of a frame's content.
    fn look(&mut self, kind: u64, content: &[u8]) {
        match &mut self.role {
            Role::Request { block, .. } if kind == HEADERS => block.extend_from_slice(content),
            Role::Control { numbers, .. } if is_of_numbers(kind) => numbers.take(content),
            Role::Request { .. } | Role::Control { .. } => {}
        }
    }

    /// A frame ends, if nothing is left of it.
    fn close(&mut self) -> Result<(), Refused> {
        let At::Content(kind, 0) = self.at else { return Ok(()) };
        self.at = At::FrameType;
        match &mut self.role {
            Role::Request { stage, block, .. } if kind == HEADERS => {
                let begins = *stage == Stage::Start;
                let part = if begins { Part::Header } else { Part::Trailers };
                *stage = if begins { Stage::Content } else { Stage::End };
                fields::check(&std::mem::take(block), part).map_err(|Malformed| Refused::Malformed)
            }
            Role::Control { numbers, pushes, .. } if is_of_numbers(kind) => {
                numbers.check(kind, pushes)
            }
            Role::Request { .. } | Role::Control { .. } => Ok(()),
        }
    }
}

const EXCESS: Refused = Refused::Connection(Code::H3_EXCESSIVE_LOAD);

fn is_of_numbers(kind: u64) -> bool {
    matches!(kind, CANCEL_PUSH | SETTINGS | GOAWAY | MAX_PUSH_ID)
}

impl Numbers {
    fn take(&mut self, content: &[u8]) {
        for whole in content.iter().filter_map(|byte| self.integer.take(*byte)) {
            self.count = self.count.saturating_add(1);
            self.last = whole;
        }
    }

    /// Whether a frame of this type may say what it said (RFC 9114 §7.2).
    fn check(&self, kind: u64, pushes: &mut u64) -> Result<(), Refused> {
        let fits = if kind == SETTINGS { self.count.is_multiple_of(2) } else { self.count == 1 };
        if !fits || self.integer.is_begun() {
            return Err(Refused::Connection(Code::H3_FRAME_ERROR));
        }
        // Fewer pushes than before; one given up that nobody promised.
        if kind == CANCEL_PUSH || (kind == MAX_PUSH_ID && self.last < *pushes) {
            return Err(Refused::Connection(Code::H3_ID_ERROR));
        }
        if kind == MAX_PUSH_ID {
            *pushes = self.last;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame's type and length, as the shortest integers that hold them.
    fn start(kind: u64, length: u64) -> Vec<u8> {
        [integer(kind), integer(length)].concat()
    }

    fn integer(value: u64) -> Vec<u8> {
        match value {
            0..=63 => vec![u8::try_from(value).unwrap()],
            64..=16_383 => (u16::try_from(value).unwrap() | 0x4000).to_be_bytes().to_vec(),
            16_384..=1_073_741_823 => {
                (u32::try_from(value).unwrap() | 0x8000_0000).to_be_bytes().to_vec()
            }
            _ => (value | 0xc000_0000_0000_0000).to_be_bytes().to_vec(),
        }
    }

    /// Whatever the pieces are, the answer is the same.
    fn fed(watch: impl Fn() -> FrameWatch, bytes: &[u8]) -> Result<(), Refused> {
        let whole = watch().take(bytes);
        for size in [1, 2, 3, 7] {
            let mut own = watch();
            let pieces: Result<(), Refused> =
                bytes.chunks(size).try_for_each(|piece| own.take(piece));
            assert_eq!(pieces, whole, "in pieces of {size}");
        }
        whole
    }

    #[test]
    fn frames_are_held_to_their_bounds() {
        let request = || FrameWatch::of_request(16_384, Rc::default());
        let unexpected = Err(Refused::Connection(Code::H3_FRAME_UNEXPECTED));
        let body = |kind, length: usize| {
            [start(kind, u64::try_from(length).unwrap()), vec![0; length]].concat()
        };
        for (name, bytes, wanted) in [
            ("nothing", vec![], Ok(())),
            ("header, content", [body(1, 200), body(0, 70_000), body(0, 5)].concat(), Ok(())),
            ("content of any length", [body(1, 1), start(0, 1 << 61)].concat(), Ok(())),
            ("content first", start(0, 0), unexpected),
            ("content last", [body(1, 1), body(1, 1), start(0, 0)].concat(), unexpected),
            ("trailers twice", [body(1, 1), body(1, 1), start(1, 0)].concat(), unexpected),
            ("a goodbye", [body(1, 1), start(7, 1)].concat(), unexpected),
            ("a frame of HTTP/2", [body(1, 1), start(9, 1)].concat(), unexpected),
            ("header at its bound", start(1, 16_384), Ok(())),
            ("header over it", start(1, 16_385), Err(EXCESS)),
            ("header without end", start(1, (1 << 62) - 1), Err(EXCESS)),
            ("a long frame of no meaning", start(0x21, 4_097), Err(EXCESS)),
            ("a short one", body(0x21, 4_096), Ok(())),
            ("64 of no meaning", body(0x21, 1).repeat(64), Ok(())),
            ("65 of no meaning", body(0x21, 1).repeat(65), Err(EXCESS)),
            ("path twice", [start(1, 4), vec![0, 0, 0xc1, 0xc1]].concat(), Err(Refused::Malformed)),
            (
                "a path in trailers",
                [body(1, 1), start(1, 3), vec![0, 0, 0xc1]].concat(),
                Err(Refused::Malformed),
            ),
            ("65 empty ones", [body(1, 1), start(0, 0).repeat(65)].concat(), Err(EXCESS)),
            ("settings", [body(1, 1), start(4, 0)].concat(), unexpected),
        ] {
            assert_eq!(fed(request, &bytes), wanted, "{name}");
        }
    }

    #[test]
    fn a_control_stream_says_what_a_client_may() {
        let one = FrameWatch::of_control;
        let said = |frames: &[u8]| [&integer(0)[..], &start(4, 0), frames].concat();
        let number = |kind, value: u8| [start(kind, 1), vec![value]].concat();
        let ended = |code| Err(Refused::Connection(code));
        for (name, bytes, wanted) in [
            ("settings", said(&[]), Ok(())),
            ("long settings", [integer(0), start(4, 5_000)].concat(), Err(EXCESS)),
            ("10,000 frames", said(&start(0x21, 0).repeat(9_999)), Ok(())),
            ("10,001 frames", said(&start(0x21, 0).repeat(10_000)), Err(EXCESS)),
            ("more pushes", said(&[number(13, 1), number(13, 2)].concat()), Ok(())),
            ("fewer", said(&[number(13, 2), number(13, 1)].concat()), ended(Code::H3_ID_ERROR)),
            ("given up", said(&number(3, 0)), ended(Code::H3_ID_ERROR)),
            ("half a number", said(&number(7, 0xc0)), ended(Code::H3_FRAME_ERROR)),
            ("content", said(&start(0, 0)), ended(Code::H3_FRAME_UNEXPECTED)),
        ] {
            assert_eq!(fed(one, &bytes), wanted, "{name}");
        }
    }

    #[test]
    fn ends_and_empty_frames_are_known() {
        let empties = Rc::new(Cell::new(0));
        let mut watch = FrameWatch::of_request(16_384, Rc::clone(&empties));
        let cut = Err(Refused::Connection(Code::H3_FRAME_ERROR));
        for (bytes, end, empty) in [
            (&[][..], Ok(()), 0),
            (&[1], cut, 0),
            (&[2, 0], cut, 0),
            (&[0], Ok(()), 0),
            (&[0, 0, 0, 0], Ok(()), 2),
            (&[0, 2], cut, 2),
            (b"a", cut, 2),
            (b"b", Ok(()), 2),
            (&[0xc0], cut, 2),
        ] {
            assert_eq!(watch.take(bytes), Ok(()));
            assert_eq!((watch.end(), empties.get()), (end, empty), "{bytes:?}");
        }
    }
}
