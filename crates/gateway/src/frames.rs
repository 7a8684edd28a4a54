//! The heads of HTTP/2's frames as they pass (RFC 9113 §4.1), for the record of what the HTTP library
//! answers by itself: it resets a malformed request, and ends a connection that breaks the protocol,
//! before any of our code is asked.
//!
//! Changes nothing but the head of a frame that must not be believed ([`crate::blocks`]), the code of a reset that would
//! make a cut message whole ([`crate::resets`]) and that of an end which could say more ([`crate::faults`]); ends a
//! connection whose client does not come to the end of a header in time. Holds a bounded number of stream numbers, and never
//! a frame's content beyond its first eight bytes.

use crate::blocks::{Blocks, Ended, Passed};
use crate::faults::{self, Fault};
use crate::frame_head::flag::ACK;
use crate::frame_head::kind::{GOAWAY, HEADERS, RST_STREAM, SETTINGS};
use crate::frame_head::{HEAD_BYTES, Head};
use crate::guard::clock::Alarm;
use crate::interim::Interim;
use crate::resets::Resets;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of a frame's content that are of interest: two numbers of `GOAWAY`.
const CONTENT_BYTES: usize = 8;
/// The same of `SETTINGS`: more than clients have of them.
const SETTINGS_BYTES: usize = 60;
/// What a client sends before its first frame (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Requests that may wait for their turn; the library allows fewer at once.
const OPENED_MAX: usize = 1_024;

/// The error codes that say no error, and that a stream was refused unread.
const NO_ERROR: u32 = 0;
const REFUSED_STREAM: u32 = 7;

/// A frame, as far as it is of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) head: Head,
    /// The start of the content, with zeros behind it where it is shorter.
    pub(crate) content: [u8; CONTENT_BYTES],
}

impl Frame {
    /// A big-endian number of the content.
    fn number(&self, at: usize) -> u32 {
        let bytes = self.content.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }
}

/// Frames of one direction, from pieces of any size.
#[derive(Debug, Default)]
struct Frames {
    /// Bytes to pass over: the preface, or the rest of a frame.
    skip: usize,
    seen: Vec<u8>,
}

impl Frames {
    fn after(skip: usize) -> Self {
        Self { skip, seen: Vec::with_capacity(HEAD_BYTES + CONTENT_BYTES) }
    }

    fn feed(&mut self, mut piece: &[u8], mut take: impl FnMut(Frame, &[u8])) {
        while !piece.is_empty() {
            let passed = self.skip.min(piece.len());
            self.skip -= passed;
            piece = piece.get(passed..).unwrap_or_default();
            let wanted = self.wanted().saturating_sub(self.seen.len());
            let (taken, rest) = piece.split_at(wanted.min(piece.len()));
            self.seen.extend_from_slice(taken);
            piece = rest;
            if let Some(frame) = self.frame().filter(|_| self.seen.len() == self.wanted()) {
                self.skip = HEAD_BYTES + frame.head.length - self.seen.len();
                take(frame, self.seen.get(HEAD_BYTES..).unwrap_or_default());
                self.seen.clear();
                self.seen.shrink_to(HEAD_BYTES + CONTENT_BYTES);
            }
        }
    }

    fn head(&self) -> Option<Head> {
        self.seen.first_chunk().map(|head| Head::read(*head))
    }

    /// Bytes that the current frame has of interest.
    fn wanted(&self) -> usize {
        let most = |head: Head| if head.kind == SETTINGS { SETTINGS_BYTES } else { CONTENT_BYTES };
        HEAD_BYTES + self.head().map_or(0, |head| head.length.min(most(head)))
    }

    fn frame(&self) -> Option<Frame> {
        let mut content = [0; CONTENT_BYTES];
        let seen = self.seen.get(HEAD_BYTES..).unwrap_or_default();
        content.iter_mut().zip(seen).for_each(|(place, byte)| *place = *byte);
        Some(Frame { head: self.head()?, content })
    }
}

/// What the library refused by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A malformed request: its stream was reset.
    Malformed,
    /// A request beyond the number of streams.
    TooMany,
    /// The connection broke the protocol and was ended.
    Protocol,
    /// A header, or what comes before the first, did not come in time.
    Slow,
}

impl Refusal {
    /// Words for the record.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Malformed => "malformed http/2 request",
            Self::TooMany => "too many http/2 streams",
            Self::Protocol => "http/2 protocol error",
            Self::Slow => "http/2 header too slow",
        }
    }
}

/// Which requests of a connection still wait to be taken by the service.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    opened: RefCell<VecDeque<u32>>,
    last: Cell<u32>,
    pub(crate) interim: Interim,
}

impl Streams {
    /// The service has been given the next request: the library hands them out in their order.
    pub(crate) fn taken(&self) {
        self.opened.borrow_mut().pop_front();
    }

    fn received(&self, frame: Frame, content: &[u8]) {
        match frame.head.kind {
            SETTINGS if !frame.head.has(ACK) => {
                self.interim.settings(content, content.len() == frame.head.length);
            }
            RST_STREAM => self.interim.forget(frame.head.stream),
            _ => {}
        }
        // Trailers come on a stream that was opened before.
        let Head { kind, stream, .. } = frame.head;
        if kind == HEADERS && stream > self.last.get() {
            self.last.set(stream);
            let mut opened = self.opened.borrow_mut();
            if opened.len() < OPENED_MAX {
                opened.push_back(stream);
            }
        }
    }

    fn sent(&self, frame: Frame, mut refuse: impl FnMut(Refusal)) {
        let mut opened = self.opened.borrow_mut();
        self.interim.wrote(frame.head);
        match frame.head.kind {
            RST_STREAM => {
                let Some(at) = opened.iter().position(|own| *own == frame.head.stream) else {
                    return;
                };
                opened.remove(at);
                let too_many = frame.number(0) == REFUSED_STREAM;
                refuse(if too_many { Refusal::TooMany } else { Refusal::Malformed });
            }
            GOAWAY if frame.number(4) != NO_ERROR => {
                let waiting = opened.drain(..).count();
                (0..waiting.max(1)).for_each(|_| refuse(Refusal::Protocol));
            }
            _ => {}
        }
    }
}

/// A connection whose frames are read along.
pub(crate) struct Watched<S> {
    stream: S,
    /// Read before, and not looked at yet.
    ahead: Vec<u8>,
    received: Frames,
    blocks: Blocks,
    /// What passed and was not taken yet.
    passed: VecDeque<u8>,
    resets: Resets,
    /// How long a client may take for a header, from its first byte on; and for what comes before all.
    header_time: Duration,
    alarm: Alarm,
    /// What the library will end the connection for, if it does.
    fault: Option<Fault>,
    sent: Frames,
    streams: Rc<Streams>,
    refuse: Box<dyn Fn(Refusal)>,
}

impl<S> Watched<S> {
    /// `ahead` was read of the stream before; `header_bytes` and `header_time` bound a header; `refuse` is told of each request that ends without having been one.
    pub(crate) fn new(
        (stream, ahead): (S, Vec<u8>),
        (header_bytes, header_time): (usize, Duration),
        streams: Rc<Streams>,
        refuse: Box<dyn Fn(Refusal)>,
    ) -> Self {
        Self {
            stream,
            ahead,
            passed: VecDeque::new(),
            received: Frames::after(PREFACE.len()),
            blocks: Blocks::after(PREFACE.len(), header_bytes),
            resets: Resets::after(PREFACE.len()),
            header_time,
            alarm: Alarm::default(),
            fault: None,
            sent: Frames::after(0),
            streams,
            refuse,
        }
    }

    /// Hands out what passed before; `false` if nothing is left of it.
    fn hand_out(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let (front, _) = self.passed.as_slices();
        let count = front.len().min(buffer.remaining());
        buffer.put_slice(front.get(..count).unwrap_or_default());
        self.passed.drain(..count);
        if self.passed.is_empty() {
            self.passed = VecDeque::new();
        }
        count > 0
    }

    /// Looks at bytes that have come; what passes now.
    fn look(&mut self, piece: &mut [u8]) -> io::Result<Passed> {
        let Self { received, blocks, resets, streams, fault, .. } = self;
        resets.feed(piece);
        received.feed(piece, |frame, content| {
            *fault = fault.or_else(|| Fault::of(&frame));
            streams.received(frame, content);
        });
        let passed = blocks.feed(piece);
        blocks.expecting().into_iter().for_each(|stream| streams.interim.ask(stream));
        passed.map_err(|Ended| {
            // The library ends without a word of its own.
            (self.refuse)(Refusal::Protocol);
            io::Error::new(
                io::ErrorKind::InvalidData,
                "a connection that does not begin as it should",
            )
        })
    }

    /// Whether the client has been at a header for too long.
    fn is_too_slow(&mut self, context: &mut Context<'_>) -> bool {
        let (waits, moved) = self.blocks.waits();
        if !waits {
            // It holds nothing of a connection that is idle.
            self.alarm.dismiss();
            return false;
        }
        if moved {
            self.alarm.clear();
        }
        self.alarm.after_if_unset(self.header_time);
        self.alarm.rings(context)
    }

    /// What is to be written instead of these pieces: the same with a better reason for the end.
    fn told(&self, pieces: &[IoSlice<'_>]) -> Option<Vec<u8>> {
        let fault = self.fault.or(self.blocks.fault()).filter(|_| self.sent.seen.is_empty())?;
        let mut bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
        faults::tell(fault, &mut bytes, self.sent.skip).then_some(bytes)
    }

    fn note_sent(&mut self, piece: &[u8]) {
        let Self { sent, streams, refuse, .. } = self;
        sent.feed(piece, |frame, _content| streams.sent(frame, &**refuse));
        streams.interim.within(sent.skip > 0 || !sent.seen.is_empty());
    }
}

impl<S: AsyncRead + Unpin> Watched<S> {
    /// Reads what was read before, or else of the stream.
    fn read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let count = self.ahead.len().min(buffer.remaining());
        let rest = self.ahead.split_off(count);
        buffer.put_slice(&std::mem::replace(&mut self.ahead, rest));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        loop {
            if this.hand_out(buffer) {
                return Poll::Ready(Ok(()));
            }
            if this.read(context, buffer)?.is_pending() {
                return if this.is_too_slow(context) {
                    (this.refuse)(Refusal::Slow);
                    Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
                } else {
                    Poll::Pending
                };
            }
            let piece = buffer.filled_mut().get_mut(before..).unwrap_or_default();
            // Nothing more comes: what is held never became a header.
            if piece.is_empty() {
                return Poll::Ready(Ok(()));
            }
            match this.look(piece)? {
                Passed::Front(0) => buffer.set_filled(before),
                Passed::Front(count) => {
                    buffer.set_filled(before + count);
                    return Poll::Ready(Ok(()));
                }
                Passed::Held(held) => {
                    buffer.set_filled(before);
                    this.passed = held.into();
                }
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        piece: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let told = this.told(&[IoSlice::new(piece)]);
        let piece = told.as_deref().unwrap_or(piece);
        let count = ready!(Pin::new(&mut this.stream).poll_write(context, piece))?;
        this.note_sent(piece.get(..count).unwrap_or_default());
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(told) = self.told(pieces) {
            return self.poll_write(context, &told);
        }
        let this = self.get_mut();
        let count = ready!(Pin::new(&mut this.stream).poll_write_vectored(context, pieces))?;
        let mut left = count;
        for piece in pieces {
            let sent = piece.get(..left.min(piece.len())).unwrap_or_default();
            left -= sent.len();
            this.note_sent(sent);
        }
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, stream: u32, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, 0], &stream.to_be_bytes(), content].concat()
    }

    #[test]
    fn frames_from_pieces_of_any_size() {
        let all = [
            PREFACE.to_vec(),
            frame(4, 0, &[]),
            frame(HEADERS, 1, &[7; 300]),
            frame(RST_STREAM, 1, &8_u32.to_be_bytes()),
            frame(GOAWAY, 0, &[0, 0, 0, 3, 0, 0, 0, 11, 1, 2, 3]),
        ]
        .concat();
        for size in [1, 2, 5, 9, 17, 64, 1000] {
            let mut frames = Frames::after(PREFACE.len());
            let mut seen = Vec::new();
            all.chunks(size).for_each(|piece| frames.feed(piece, |frame, _| seen.push(frame)));
            let kinds: Vec<_> =
                seen.iter().map(|frame| (frame.head.kind, frame.head.stream)).collect();
            assert_eq!(kinds, [(4, 0), (HEADERS, 1), (RST_STREAM, 1), (GOAWAY, 0)], "by {size}");
            assert_eq!((seen[2].number(0), seen[3].number(0), seen[3].number(4)), (8, 3, 11));
        }
    }

    fn told(received: &[(u8, u32)], taken: usize, sent: &[(u8, u32, u32)]) -> Vec<Refusal> {
        let streams = Streams::default();
        for &(kind, stream) in received {
            let head = Head { kind, flags: 0, stream, length: 0 };
            streams.received(Frame { head, content: [0; CONTENT_BYTES] }, &[]);
        }
        (0..taken).for_each(|_| streams.taken());
        let mut all = Vec::new();
        for &(kind, stream, code) in sent {
            let mut content = [0; CONTENT_BYTES];
            let at = if kind == GOAWAY { 4 } else { 0 };
            content[at..at + 4].copy_from_slice(&code.to_be_bytes());
            let head = Head { kind, flags: 0, stream, length: CONTENT_BYTES };
            streams.sent(Frame { head, content }, |refusal| all.push(refusal));
        }
        all
    }

    #[test]
    fn only_requests_that_nobody_took_are_told() {
        let (open, trailers) = ((HEADERS, 1), (HEADERS, 1));
        for (received, taken, sent, expected) in [
            (&[open][..], 0, &[(RST_STREAM, 1, 1)][..], &[Refusal::Malformed][..]),
            (&[open], 0, &[(RST_STREAM, 1, REFUSED_STREAM)], &[Refusal::TooMany]),
            (&[open], 1, &[(RST_STREAM, 1, 2)], &[]),
            (&[open, trailers], 1, &[(RST_STREAM, 1, 1)], &[]),
            (&[open, (HEADERS, 3)], 1, &[(RST_STREAM, 3, 1)], &[Refusal::Malformed]),
            (&[open], 0, &[(RST_STREAM, 1, 1), (RST_STREAM, 1, 1)], &[Refusal::Malformed]),
            (&[], 0, &[(GOAWAY, 0, 1)], &[Refusal::Protocol]),
            (&[open, (HEADERS, 3)], 0, &[(GOAWAY, 0, 1)], &[Refusal::Protocol; 2]),
            (&[open], 0, &[(GOAWAY, 0, NO_ERROR)], &[]),
        ] {
            assert_eq!(told(received, taken, sent), expected, "{received:?} {sent:?}");
        }
    }
}
