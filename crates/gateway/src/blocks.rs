//! The header blocks that a client sends over HTTP/2, put together from its frames as they pass (RFC 9113 §4.3, §6.2,
//! §6.10), and judged before the HTTP library sees them whole.
//!
//! A block that says what the library would not tell us ([`crate::hpack`]) must not become a request. The frame that
//! ends it is then given a stream that it cannot have, which the library answers with `GOAWAY`; where the frame's
//! head has already gone on, the connection ends. Nothing else is changed. A block is held until it is whole, up to its
//! limit, past which it is refused in the same way, and the room of a large one is given back.
//!
//! Settings come first, or the connection ends. Whether a client is at a header that has not ended is known here, so that
//! whoever reads the connection can set it a time.

use crate::faults::Fault;
use crate::frame_head::flag::{ACK, END_HEADERS, END_STREAM, PADDED, PRIORITY};
use crate::frame_head::kind::{CONTINUATION, DATA, HEADERS, RST_STREAM, SETTINGS};
use crate::frame_head::{HEAD_BYTES, Head};
use crate::hpack::{Reader, empty};
use std::collections::VecDeque;

/// Where the number of the stream stands in a frame's head.
const STREAM_AT: usize = 5;
/// Bytes of a frame that the library takes: the gateway asks for no more than RFC 9113 §4.2 grants to all.
const FRAME_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a block beyond the limit of a header, so that one that is a little too long is told so.
const BLOCK_BYTES_MORE: usize = 16 * 1024;
/// Streams with a body under way; the library allows fewer.
const STREAMS_MAX: usize = 1_024;

/// The connection must end: a block was wrong, and part of it is through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended;

/// Whether a frame belongs to a block and is one that the library takes.
fn is_of_block(head: Head) -> bool {
    matches!(head.kind, HEADERS | CONTINUATION) && head.length <= FRAME_BYTES_MAX
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Blocks {
    /// Bytes to pass over: the preface, or a frame of no interest.
    skip: usize,
    head: Vec<u8>,
    /// The frame whose content is gathered.
    frame: Option<Head>,
    content: Vec<u8>,
    /// The block as far as it has come, without padding and priorities.
    block: Vec<u8>,
    /// Whether the block came on a stream that was open: it holds trailers.
    trailers: bool,
    reader: Reader,
    /// Streams whose client has more to say.
    open: VecDeque<u32>,
    /// Something could not be read: it is the library's to end the connection. If it does not, we do.
    lost: bool,
    progress: Progress,
    block_bytes_max: usize,
    /// The highest stream that was opened.
    last: u32,
    /// What the library will end the connection for, if it does.
    fault: Option<Fault>,
}

/// What a client that takes its time is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Its first frame has not come.
    Preface,
    /// Between two frames, or in the content of one.
    Between,
    /// A block has begun and not ended.
    Block,
    /// As between, and a frame or a block has ended since this was asked for.
    Moved,
}

impl Blocks {
    /// Of a connection that begins with a preface of so many bytes, and whose headers have a limit.
    pub(crate) fn after(skip: usize, header_bytes: usize) -> Self {
        Self {
            skip,
            progress: Progress::Preface,
            block_bytes_max: header_bytes.saturating_add(BLOCK_BYTES_MORE),
            last: 0,
            fault: None,
            head: Vec::with_capacity(HEAD_BYTES),
            frame: None,
            content: Vec::new(),
            block: Vec::new(),
            trailers: false,
            reader: Reader::default(),
            open: VecDeque::new(),
            lost: false,
        }
    }

    /// What was wrong, where the library says but that something was.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Whether a header, or the first frame, has begun and not ended, and whether one has ended since this was asked last.
    pub(crate) fn waits(&mut self) -> (bool, bool) {
        let in_head = !self.head.is_empty() || self.frame.is_some();
        let waits = in_head || matches!(self.progress, Progress::Preface | Progress::Block);
        let moved = self.progress == Progress::Moved;
        if moved {
            self.progress = Progress::Between;
        }
        (waits, moved)
    }

    /// Reads the next bytes, and changes them where a frame must not be believed.
    pub(crate) fn feed(&mut self, bytes: &mut [u8]) -> Result<(), Ended> {
        let mut at = 0;
        // Where the current frame begins, if it does in these bytes.
        let mut begun: Option<usize> = None;
        while at < bytes.len() {
            let rest = bytes.get(at..).unwrap_or_default();
            if self.skip > 0 {
                let passed = self.skip.min(rest.len());
                self.skip -= passed;
                at += passed;
                continue;
            }
            let Some(head) = self.frame else {
                if self.head.is_empty() {
                    begun = Some(at);
                }
                let (taken, _) = rest.split_at(rest.len().min(HEAD_BYTES - self.head.len()));
                self.head.extend_from_slice(taken);
                at += taken.len();
                self.begin()?;
                // A frame without content is over with its head.
                if self.frame.is_some_and(|head| head.length == 0) && self.is_wrong() {
                    refuse(bytes, begun)?;
                }
                continue;
            };
            let (taken, _) = rest.split_at(rest.len().min(head.length - self.content.len()));
            self.content.extend_from_slice(taken);
            at += taken.len();
            if self.content.len() == head.length && self.is_wrong() {
                refuse(bytes, begun)?;
            }
        }
        Ok(())
    }

    /// Takes the head, once it is whole.
    fn begin(&mut self) -> Result<(), Ended> {
        let Some(bytes) = self.head.first_chunk::<HEAD_BYTES>() else { return Ok(()) };
        let head = Head::read(*bytes);
        self.head.clear();
        // What a client says first is part of the preface (RFC 9113 §3.4).
        if self.progress == Progress::Preface && (head.kind != SETTINGS || head.has(ACK)) {
            return Err(Ended);
        }
        if is_of_block(head) {
            self.frame = Some(head);
            return Ok(());
        }
        if self.progress != Progress::Block {
            self.progress = Progress::Moved;
        }
        self.lost |= matches!(head.kind, HEADERS | CONTINUATION);
        if head.kind == DATA && head.stream <= self.last && !self.open.contains(&head.stream) {
            self.fault = self.fault.or(Some(Fault::StreamClosed));
        }
        if head.kind == RST_STREAM || head.ends_stream() {
            self.close(head.stream);
        }
        self.skip = head.length;
        Ok(())
    }

    /// Takes the content of a frame; whether the block that it ends is to be refused.
    fn is_wrong(&mut self) -> bool {
        let Some(head) = self.frame.take() else { return false };
        let content = std::mem::take(&mut self.content);
        let own = if head.kind == HEADERS { fields(head, &content) } else { Some(&content[..]) };
        if head.kind == HEADERS {
            self.block.clear();
            self.trailers = self.open.contains(&head.stream);
            if head.stream <= self.last && !self.trailers {
                self.fault = self.fault.or(Some(Fault::StreamClosed));
            }
            self.last = self.last.max(head.stream);
            if head.has(END_STREAM) {
                self.close(head.stream);
            } else if !self.trailers {
                if self.open.len() == STREAMS_MAX {
                    self.open.pop_front();
                }
                self.open.push_back(head.stream);
            }
        }
        match own.filter(|own| self.block.len() + own.len() <= self.block_bytes_max) {
            Some(own) => self.block.extend_from_slice(own),
            None => self.lost = true,
        }
        self.content = content;
        empty(&mut self.content);
        let ends = head.has(END_HEADERS);
        self.progress = if ends { Progress::Moved } else { Progress::Block };
        if self.lost {
            empty(&mut self.block);
            return true;
        }
        ends && self.judge()
    }

    fn judge(&mut self) -> bool {
        let read = self.reader.read(&self.block);
        empty(&mut self.block);
        self.lost = read.is_none();
        if self.lost {
            self.fault = Some(Fault::Compression);
        }
        read.is_some_and(|block| block.fragment || block.pseudo && self.trailers)
    }

    fn close(&mut self, stream: u32) {
        if let Some(at) = self.open.iter().position(|own| *own == stream) {
            self.open.remove(at);
        }
    }
}

/// The fields of a `HEADERS` frame; `None` if its padding does not fit.
fn fields(head: Head, content: &[u8]) -> Option<&[u8]> {
    let (padding, rest) = if head.has(PADDED) {
        let (padding, rest) = content.split_first()?;
        (usize::from(*padding), rest)
    } else {
        (0, content)
    };
    let rest = if head.has(PRIORITY) { rest.get(5..)? } else { rest };
    rest.get(..rest.len().checked_sub(padding)?)
}

/// Gives a frame a stream that no block may have, if its head is still here.
fn refuse(bytes: &mut [u8], begun: Option<usize>) -> Result<(), Ended> {
    let stream = begun.and_then(|at| bytes.get_mut(at + STREAM_AT..at + HEAD_BYTES));
    stream.map(|stream| stream.fill(0)).ok_or(Ended)
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

    /// What comes of it in one piece and byte by byte: whether a frame was changed, whether the connection ended.
    fn fate(frames: &[Vec<u8>]) -> (bool, bool) {
        let all = frames.concat();
        let mut whole = all.clone();
        let ended = begun().feed(&mut whole).is_err();
        let mut slow = begun();
        let cut = all.iter().any(|byte| slow.feed(&mut [*byte]).is_err());
        assert_eq!(cut, whole != all, "what is changed whole ends in pieces");
        (whole != all, ended)
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
            assert_eq!(fate(&frames), (false, false), "{frames:?}");
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
        ] {
            assert_eq!(fate(&frames), (true, false), "{frames:?}");
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
            let first_wrong = |size: usize| {
                let mut blocks = begun();
                let mut seen = all.clone();
                seen.chunks_mut(size.max(1)).position(|piece| {
                    let before = piece.to_vec();
                    blocks.feed(piece).is_err() || piece != before
                }).is_some()
            };
            proptest::prop_assert_eq!(first_wrong(size), first_wrong(all.len()));
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
        assert_eq!(Blocks::after(7, HEADER_BYTES).feed(&mut bytes), Ok(()));
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
    fn what_is_held_is_bounded() {
        let mut blocks = begun();
        let piece = frame(CONTINUATION, 0, 1, &[0; FRAME_BYTES_MAX]);
        for _ in 0..200 {
            blocks.feed(&mut piece.clone()).unwrap();
        }
        assert!(blocks.block.capacity() <= 2 * (HEADER_BYTES + BLOCK_BYTES_MORE) && blocks.lost);
        let mut blocks = begun();
        for stream in 0..10_000 {
            blocks.feed(&mut frame(HEADERS, END_HEADERS, stream * 2 + 1, b"")).unwrap();
        }
        assert_eq!(blocks.open.len(), STREAMS_MAX);
        let mut large = frame(HEADERS, BOTH, 1, &vec![0; FRAME_BYTES_MAX + 1]);
        let mut blocks = begun();
        blocks.feed(&mut large).unwrap();
        assert!(blocks.lost && blocks.content.is_empty());
        let mut blocks = begun();
        blocks.feed(&mut frame(HEADERS, BOTH, 1, &[0x90; FRAME_BYTES_MAX])).unwrap();
        assert!(!blocks.lost && blocks.block.capacity() + blocks.content.capacity() < 8_192);
    }
}
