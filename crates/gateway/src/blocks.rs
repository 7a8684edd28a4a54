//! The header blocks that a client sends over HTTP/2, put together from its frames as they pass (RFC 9113 §4.3, §6.2,
//! §6.10), and judged before the HTTP library sees them.
//!
//! A block that says what the library would not tell us ([`crate::hpack`]) must not become a request. The frame that
//! ends it is then given a stream that it cannot have, which the library answers with `GOAWAY`. Nothing else is changed.
//!
//! Invariants: a block passes when it is whole, so that the library, which keeps a begun one in several forms, never waits
//! for the rest; up to then it is held here once, as it came, and up to its limit, past which it is refused in the same
//! way. What is whole when it comes is judged where it lies. Everything else passes as it comes.
//!
//! Settings come first, or the connection ends. Whether a client is at a header that has not ended is known here, so that
//! whoever reads the connection can set it a time.

use crate::faults::Fault;
use crate::frame_head::flag::{ACK, END_HEADERS, END_STREAM, PADDED, PRIORITY};
use crate::frame_head::kind::{CONTINUATION, DATA, HEADERS, RST_STREAM, SETTINGS};
use crate::frame_head::{HEAD_BYTES, Head};
use crate::hpack::Reader;
use std::borrow::Cow;
use std::collections::VecDeque;

/// Where the number of the stream stands in a frame's head.
const STREAM_AT: usize = 5;
/// Bytes of a frame that the library takes: the gateway asks for no more than RFC 9113 §4.2 grants to all.
const FRAME_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a block beyond the limit of a header, so that one that is a little too long is told so.
const BLOCK_BYTES_MORE: usize = 16 * 1024;
/// Frames of one block beyond those that its bytes need.
const BLOCK_FRAMES_MORE: usize = 16;
/// Streams with a body under way; the library allows fewer.
const STREAMS_MAX: usize = 1_024;

/// The connection must end: it did not begin as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended;

/// What passes now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    /// So many bytes of the piece.
    Front(usize),
    /// These, which hold what was kept before: nothing of the piece itself.
    Held(Vec<u8>),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Blocks {
    /// Bytes to pass over: the preface, or the rest of a frame of no interest.
    skip: usize,
    /// What waits for the rest of its frame's head, or of its block.
    held: Vec<u8>,
    reader: Reader,
    /// Streams whose client has more to say.
    open: VecDeque<u32>,
    /// Something could not be read: it is the library's to end the connection. If it does not, we do.
    lost: bool,
    /// The first frame has come.
    begun: bool,
    /// A frame or a block has ended since this was asked for.
    moved: bool,
    block_bytes_max: usize,
    block_frames_max: usize,
    /// Streams whose client waits to be told to send a body.
    expecting: Vec<u32>,
    /// The highest stream that was opened.
    last: u32,
    /// What the library will end the connection for, if it does.
    fault: Option<Fault>,
}

/// The frames of a block, as far as they are here.
enum Block {
    /// More is to come.
    Begun,
    /// It ends before this place, and its last frame begins at the other one.
    Whole { end: usize, last: usize },
    /// It is none, or too long: it passes up to this place, and the frame that begins at the other one is not to be
    /// believed.
    Broken { end: usize, last: usize },
}

impl Blocks {
    /// Of a connection that begins with a preface of so many bytes, and whose headers have a limit.
    pub(crate) fn after(skip: usize, header_bytes: usize) -> Self {
        let block_bytes_max = header_bytes.saturating_add(BLOCK_BYTES_MORE);
        Self {
            skip,
            held: Vec::new(),
            reader: Reader::default(),
            open: VecDeque::new(),
            lost: false,
            begun: false,
            moved: false,
            block_bytes_max,
            block_frames_max: block_bytes_max / FRAME_BYTES_MAX + BLOCK_FRAMES_MORE,
            expecting: Vec::new(),
            last: 0,
            fault: None,
        }
    }

    /// What was wrong, where the library says but that something was.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Streams whose client has said since this was asked last that it waits to be told to send a body.
    pub(crate) fn expecting(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.expecting)
    }

    /// Whether a header, or the first frame, has begun and not ended, and whether one has ended since this was asked last.
    pub(crate) fn waits(&mut self) -> (bool, bool) {
        (!self.begun || !self.held.is_empty(), std::mem::take(&mut self.moved))
    }

    /// Takes the next bytes, and changes them where a frame must not be believed; what passes of all that has come.
    pub(crate) fn feed(&mut self, piece: &mut [u8]) -> Result<Passed, Ended> {
        if self.held.is_empty() {
            let passed = self.scan(piece)?;
            self.held.extend_from_slice(piece.get(passed..).unwrap_or_default());
            return Ok(Passed::Front(passed));
        }
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(piece);
        let passed = self.scan(&mut all)?;
        if passed == 0 {
            self.held = all;
            return Ok(Passed::Front(0));
        }
        self.held.extend_from_slice(all.get(passed..).unwrap_or_default());
        all.truncate(passed);
        Ok(Passed::Held(all))
    }

    /// Reads frames from the front; how many bytes need not wait.
    fn scan(&mut self, bytes: &mut [u8]) -> Result<usize, Ended> {
        let mut at = 0;
        loop {
            let passed = self.skip.min(bytes.len() - at);
            self.skip -= passed;
            at += passed;
            let Some(head) = head_at(bytes, at) else { return Ok(at) };
            // What a client says first is part of the preface (RFC 9113 §3.4).
            if !std::mem::replace(&mut self.begun, true) && (head.kind != SETTINGS || head.has(ACK))
            {
                return Err(Ended);
            }
            if matches!(head.kind, HEADERS | CONTINUATION) {
                let (end, last) = match self.block(bytes, at) {
                    Block::Begun => return Ok(at),
                    Block::Whole { end, last } => {
                        let wrong = self.is_wrong(bytes.get(at..end).unwrap_or_default());
                        (end, wrong.then_some(last))
                    }
                    Block::Broken { end, last } => {
                        self.lost = true;
                        (end, Some(last))
                    }
                };
                if let Some(last) = last {
                    refuse(bytes, last);
                }
                self.skip = end - at;
            } else {
                self.pass(head);
                self.skip = HEAD_BYTES + head.length;
            }
            self.moved = true;
        }
    }

    /// Looks for the end of the block that begins here.
    fn block(&self, bytes: &[u8], begin: usize) -> Block {
        let (mut at, mut size, mut frames, mut stream) = (begin, 0, 0, None);
        while let Some(head) = head_at(bytes, at) {
            let end = at + HEAD_BYTES + head.length;
            let is_next = match stream {
                None => head.kind == HEADERS,
                Some(stream) => head.kind == CONTINUATION && head.stream == stream,
            };
            (size, frames, stream) = (size + head.length, frames + 1, Some(head.stream));
            if !is_next && at > begin {
                return Block::Broken { end: at, last: begin };
            }
            let fits = size <= self.block_bytes_max && frames <= self.block_frames_max;
            if self.lost || !is_next || !fits || head.length > FRAME_BYTES_MAX {
                return Block::Broken { end, last: at };
            }
            if end > bytes.len() {
                break;
            }
            if head.has(END_HEADERS) {
                return Block::Whole { end, last: at };
            }
            at = end;
        }
        Block::Begun
    }

    /// A frame that belongs to no block.
    fn pass(&mut self, head: Head) {
        if head.kind == DATA && head.stream <= self.last && !self.open.contains(&head.stream) {
            self.fault = self.fault.or(Some(Fault::StreamClosed));
        }
        if head.kind == RST_STREAM || head.ends_stream() {
            self.close(head.stream);
        }
    }

    /// Whether a block, which is here whole, is to be refused.
    fn is_wrong(&mut self, frames: &[u8]) -> bool {
        let Some(head) = head_at(frames, 0) else { return true };
        let trailers = self.open.contains(&head.stream);
        if head.stream <= self.last && !trailers {
            self.fault = self.fault.or(Some(Fault::StreamClosed));
        }
        self.last = self.last.max(head.stream);
        if head.has(END_STREAM) {
            self.close(head.stream);
        } else if !trailers {
            if self.open.len() == STREAMS_MAX {
                self.open.pop_front();
            }
            self.open.push_back(head.stream);
        }
        let Some(block) = joined(frames) else {
            self.lost = true;
            return true;
        };
        let read = self.reader.read(&block);
        self.lost = read.is_none();
        if self.lost {
            self.fault = Some(Fault::Compression);
        }
        let wrong = read.is_some_and(|block| block.fragment || block.pseudo && trailers);
        let waits = read.is_some_and(|block| block.expects) && !trailers && !head.has(END_STREAM);
        if waits && !wrong {
            self.expecting.push(head.stream);
        }
        wrong
    }

    fn close(&mut self, stream: u32) {
        if let Some(at) = self.open.iter().position(|own| *own == stream) {
            self.open.remove(at);
        }
    }
}

/// The head that begins here, if it is whole.
fn head_at(bytes: &[u8], at: usize) -> Option<Head> {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map(|head| Head::read(*head))
}

/// The fields of a block's frames, together; `None` if the padding of one does not fit.
fn joined(frames: &[u8]) -> Option<Cow<'_, [u8]>> {
    let head = head_at(frames, 0)?;
    let (first, mut rest) = frames.get(HEAD_BYTES..)?.split_at_checked(head.length)?;
    let mut whole = Cow::Borrowed(fields(head, first)?);
    while let Some(head) = head_at(rest, 0) {
        let (content, after) = rest.get(HEAD_BYTES..)?.split_at_checked(head.length)?;
        if !content.is_empty() {
            whole.to_mut().extend_from_slice(content);
        }
        rest = after;
    }
    Some(whole)
}

/// The fields of a `HEADERS` frame; `None` if its padding does not fit, or if it depends on itself (RFC 7540 §5.3.1):
/// the library does not read those of such a frame.
fn fields(head: Head, content: &[u8]) -> Option<&[u8]> {
    let (padding, rest) = if head.has(PADDED) {
        let (padding, rest) = content.split_first()?;
        (usize::from(*padding), rest)
    } else {
        (0, content)
    };
    let rest = if head.has(PRIORITY) {
        let own = (rest.first_chunk().map(|number| u32::from_be_bytes(*number) & 0x7fff_ffff))?;
        rest.get(5..).filter(|_| own != head.stream)?
    } else {
        rest
    };
    rest.get(..rest.len().checked_sub(padding)?)
}

/// Gives the frame that begins here a stream that no block may have.
fn refuse(bytes: &mut [u8], at: usize) {
    if let Some(stream) = bytes.get_mut(at + STREAM_AT..at + HEAD_BYTES) {
        stream.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), content].concat()
    }

    fn field(name: &[u8], value: &[u8]) -> Vec<u8> {
        let text = |text: &[u8]| [&[u8::try_from(text.len()).unwrap()], text].concat();
        [vec![0], text(name), text(value)].concat()
    }

    const BOTH: u8 = END_HEADERS | END_STREAM;

    const HEADER_BYTES: usize = 32 * 1024;

    /// Of a connection whose first frame has come.
    fn begun() -> Blocks {
        let mut blocks = Blocks::after(0, HEADER_BYTES);
        blocks.feed(&mut frame(SETTINGS, 0, 0, b"")).unwrap();
        blocks
    }

    /// What the library gets of these bytes, fed in pieces of this size; up to which byte they have come when the connection
    /// ends, if it does.
    fn passed(all: &[u8], size: usize) -> (Vec<u8>, bool) {
        let (mut blocks, mut out) = (begun(), Vec::new());
        for piece in all.to_vec().chunks_mut(size.max(1)) {
            match blocks.feed(piece) {
                Ok(Passed::Front(count)) => out.extend_from_slice(&piece[..count]),
                Ok(Passed::Held(held)) => out.extend(held),
                Err(Ended) => return (out, true),
            }
        }
        (out, false)
    }

    /// Whether a frame of these is changed, whatever the pieces are. All of them pass.
    fn is_changed(frames: &[Vec<u8>]) -> bool {
        let all = frames.concat();
        let (whole, ended) = passed(&all, all.len());
        for size in [1, 2, 7, 30] {
            assert_eq!(passed(&all, size), (whole.clone(), ended), "in pieces of {size}");
        }
        assert_eq!((whole.len(), ended), (all.len(), false));
        whole != all
    }

    #[test]
    fn requests_and_trailers_pass() {
        let path = field(b":path", b"/a");
        for frames in [
            vec![frame(HEADERS, BOTH, 1, &path), frame(HEADERS, BOTH, 3, &path)],
            vec![
                frame(HEADERS, END_HEADERS, 1, &path),
                frame(HEADERS, END_HEADERS, 3, &path),
                frame(DATA, 0, 1, b"#"),
                frame(HEADERS, BOTH, 1, &field(b"x", b"#")),
            ],
            // Over already: whatever comes on it is the library's to refuse.
            vec![frame(HEADERS, BOTH, 1, &path), frame(HEADERS, BOTH, 1, &path)],
            vec![
                frame(HEADERS, END_HEADERS, 1, &path),
                frame(RST_STREAM, 0, 1, &[0; 4]),
                frame(HEADERS, BOTH, 1, &path),
            ],
            vec![frame(HEADERS, BOTH | PADDED, 1, &[&[2][..], &path, b"##"].concat())],
            vec![frame(HEADERS, BOTH | PRIORITY, 1, &[&[0; 5][..], &path].concat())],
            vec![frame(HEADERS, END_STREAM, 1, &path), frame(CONTINUATION, END_HEADERS, 1, b"")],
            vec![frame(6, 0, 0, &[b'#'; 8]), frame(4, 0, 0, b"")],
        ] {
            assert!(!is_changed(&frames), "{frames:?}");
        }
    }

    #[test]
    fn what_the_library_would_not_tell_is_refused() {
        let (path, wrong) = (field(b":path", b"/a"), field(b":path", b"/a#b"));
        for frames in [
            vec![frame(HEADERS, BOTH, 1, &wrong)],
            vec![frame(HEADERS, END_STREAM, 1, &wrong), frame(CONTINUATION, END_HEADERS, 1, b"")],
            vec![frame(HEADERS, END_STREAM, 1, b""), frame(CONTINUATION, END_HEADERS, 1, &wrong)],
            vec![frame(HEADERS, BOTH | PADDED, 1, &[&[2][..], &wrong, b"##"].concat())],
            vec![frame(HEADERS, END_HEADERS, 1, &path), frame(HEADERS, BOTH, 1, &path)],
            vec![
                frame(HEADERS, END_HEADERS, 1, &path),
                frame(DATA, 0, 1, b"x"),
                frame(HEADERS, END_STREAM, 1, &path),
                frame(CONTINUATION, END_HEADERS, 1, b""),
            ],
            // The library must have ended after the first; a second is not waited for.
            vec![frame(HEADERS, BOTH, 1, &[0x80]), frame(HEADERS, BOTH, 3, &path)],
            vec![frame(HEADERS, BOTH | PADDED, 1, &[9]), frame(HEADERS, BOTH, 3, &path)],
            // One that depends on itself, whose fields the library does not read.
            vec![frame(HEADERS, BOTH | PRIORITY, 1, &[&[0, 0, 0, 1, 0][..], &path].concat())],
        ] {
            assert!(is_changed(&frames), "{frames:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn it_matters_not_how_the_bytes_are_cut(
            frames in proptest::collection::vec(
                (proptest::sample::select(&[DATA, HEADERS, RST_STREAM, 4, CONTINUATION][..]),
                 proptest::num::u8::ANY, 1..4_u32,
                 proptest::collection::vec(proptest::num::u8::ANY, 0..12)), 0..12),
            size in 1..40_usize,
        ) {
            let all: Vec<u8> = frames.iter()
                .flat_map(|(kind, flags, stream, content)| frame(*kind, *flags, *stream, content))
                .collect();
            proptest::prop_assert_eq!(passed(&all, size), passed(&all, all.len()));
        }
    }

    #[test]
    fn settings_come_first() {
        for first in [
            frame(HEADERS, BOTH, 1, &field(b":path", b"/a")),
            frame(SETTINGS, ACK, 0, b""),
            frame(6, 0, 0, &[0; 8]),
            frame(DATA, 0, 1, b""),
            frame(0x21, 0, 0, b""),
        ] {
            let mut bytes = [&b"PREFACE"[..], &first].concat();
            let blocks = &mut Blocks::after(7, HEADER_BYTES);
            assert_eq!(blocks.feed(&mut bytes), Err(Ended), "{first:?}");
        }
        let mut bytes = [&b"PREFACE"[..], &frame(SETTINGS, 0, 0, &[0; 6])].concat();
        let all = Passed::Front(bytes.len());
        assert_eq!(Blocks::after(7, HEADER_BYTES).feed(&mut bytes), Ok(all));
    }

    #[test]
    fn a_header_that_has_begun_is_waited_for() {
        let blocks = &mut Blocks::after(3, HEADER_BYTES);
        let feed = |blocks: &mut Blocks, bytes: &[u8]| blocks.feed(&mut bytes.to_vec()).unwrap();
        assert_eq!(blocks.waits(), (true, false), "nothing has come");
        feed(blocks, b"PRE");
        assert_eq!(blocks.waits(), (true, false), "the first frame has not");
        feed(blocks, &frame(SETTINGS, 0, 0, b""));
        assert_eq!(blocks.waits(), (false, true));
        assert_eq!(blocks.waits(), (false, false));
        let path = field(b":path", b"/a");
        let header = frame(HEADERS, END_STREAM, 1, &path);
        for at in 1..=header.len() {
            feed(blocks, &header[at - 1..at]);
            assert_eq!(blocks.waits(), (true, false), "after {at} bytes");
        }
        feed(blocks, &frame(CONTINUATION, 0, 1, b""));
        assert_eq!(blocks.waits(), (true, false), "one more that does not end it");
        feed(blocks, &frame(CONTINUATION, END_HEADERS, 1, b""));
        assert_eq!(blocks.waits(), (false, true));
        let two = [frame(HEADERS, BOTH, 3, &path), vec![0]].concat();
        feed(blocks, &two);
        assert_eq!(blocks.waits(), (true, true), "one has ended and the next begun");
        feed(blocks, &frame(DATA, 0, 3, &[0; 30])[1..20]);
        assert_eq!(blocks.waits(), (false, true), "content has limits of its own");
    }

    #[test]
    fn a_block_passes_when_it_is_whole() {
        let (mut blocks, path) = (begun(), field(b":path", b"/a"));
        let first = frame(HEADERS, END_STREAM, 1, &path);
        let data = frame(DATA, 0, 1, b"x");
        let mut piece = [&data[..], &first].concat();
        assert_eq!(blocks.feed(&mut piece), Ok(Passed::Front(data.len())));
        let last = frame(CONTINUATION, END_HEADERS, 1, b"");
        assert_eq!(blocks.feed(&mut last[..8].to_vec()), Ok(Passed::Front(0)));
        let mut piece = [&last[8..], &data, &first].concat();
        let all = [&first[..], &last, &data].concat();
        assert_eq!(blocks.feed(&mut piece), Ok(Passed::Held(all)));
        assert_eq!(blocks.held, first);
        // Content does not wait for its end.
        let mut blocks = begun();
        let long = frame(DATA, 0, 1, &[0; 100]);
        assert_eq!(blocks.feed(&mut long[..40].to_vec()), Ok(Passed::Front(40)));
        assert_eq!(blocks.feed(&mut long[40..].to_vec()), Ok(Passed::Front(69)));
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut blocks = begun();
        let most_seen = std::cell::Cell::new(0);
        let feed = |blocks: &mut Blocks, bytes: &[u8]| {
            drop(blocks.feed(&mut bytes.to_vec()).unwrap());
            most_seen.set(blocks.held.len().max(most_seen.get()));
        };
        feed(&mut blocks, &frame(HEADERS, 0, 1, &[0; FRAME_BYTES_MAX]));
        for _ in 0..200 {
            feed(&mut blocks, &frame(CONTINUATION, 0, 1, &[0; FRAME_BYTES_MAX]));
        }
        assert!(blocks.lost && blocks.held.is_empty());
        let mut blocks = begun();
        feed(&mut blocks, &frame(HEADERS, 0, 1, b""));
        for _ in 0..10_000 {
            feed(&mut blocks, &frame(CONTINUATION, 0, 1, b""));
        }
        assert!(blocks.lost && blocks.held.is_empty());
        let mut blocks = begun();
        feed(&mut blocks, &frame(HEADERS, BOTH, 1, &vec![0; FRAME_BYTES_MAX + 1])[..20]);
        assert!(blocks.lost && blocks.held.is_empty());
        let most = HEADER_BYTES + BLOCK_BYTES_MORE + blocks.block_frames_max * HEAD_BYTES;
        assert!(most_seen.get() <= most, "{most_seen:?}");
        let mut blocks = begun();
        for stream in 0..10_000 {
            feed(&mut blocks, &frame(HEADERS, END_HEADERS, stream * 2 + 1, b""));
        }
        assert_eq!(blocks.open.len(), STREAMS_MAX);
        let mut blocks = begun();
        feed(&mut blocks, &frame(HEADERS, BOTH, 1, &[0x90; FRAME_BYTES_MAX]));
        assert!(!blocks.lost && blocks.held.capacity() == 0);
    }
}
