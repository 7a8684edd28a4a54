//! `RST_STREAM` frames that would say that all is well (RFC 9113 §6.4).
//!
//! With the code `NO_ERROR` the HTTP library takes the end of a stream for the end of its body: a message that was cut
//! would look complete, and be passed on as such. As frames come in, that code becomes `CANCEL`, unless the message has
//! ended before: so a server says that it needs no more of a request (RFC 9113 §8.1). Nothing else is changed, and nothing is
//! held but a frame's head and the numbers of some streams.

use crate::frame_head::kind::RST_STREAM;
use crate::frame_head::{HEAD_BYTES, Head};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Of the content of an `RST_STREAM`.
const CODE_BYTES: usize = 4;
const CANCEL: u8 = 8;
/// Messages that ended last: more than there are at once, as the reset follows the end.
const ENDED_MAX: usize = 128;

/// Where in a stream of frames we are.
#[derive(Debug, Default)]
pub(crate) struct Resets {
    /// Bytes to pass over: the preface, or a frame of no interest.
    skip: usize,
    head: [u8; HEAD_BYTES],
    /// Bytes of the head, and behind it of the code, that have come.
    seen: usize,
    /// Whether a byte of the code was not zero.
    is_error: bool,
    ended: VecDeque<u32>,
}

impl Resets {
    /// Of a connection that begins with a preface of so many bytes.
    pub(crate) fn after(skip: usize) -> Self {
        Self { skip, ..Self::default() }
    }

    /// Changes the next bytes where they end such a code.
    pub(crate) fn feed(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            let passed = self.skip.min(bytes.len());
            self.skip -= passed;
            bytes = bytes.get_mut(passed..).unwrap_or_default();
            if self.seen >= HEAD_BYTES {
                bytes = self.code(bytes);
                continue;
            }
            let room = self.head.get_mut(self.seen..).unwrap_or_default();
            let taken = room.len().min(bytes.len());
            let (own, rest) = bytes.split_at_mut(taken);
            room.iter_mut().zip(own.iter()).for_each(|(place, byte)| *place = *byte);
            self.seen += taken;
            bytes = rest;
            if self.seen == HEAD_BYTES {
                self.begin();
            }
        }
    }

    /// Takes the head.
    fn begin(&mut self) {
        let head = Head::read(self.head);
        let is_reset = head.kind == RST_STREAM && head.length == CODE_BYTES;
        if !is_reset || self.ended.contains(&head.stream) {
            (self.skip, self.seen) = (head.length, 0);
        }
        self.is_error = false;
        if head.ends_stream() {
            if self.ended.len() == ENDED_MAX {
                self.ended.pop_front();
            }
            self.ended.push_back(head.stream);
        }
    }

    /// Takes what is here of the code; what follows it.
    fn code<'b>(&mut self, bytes: &'b mut [u8]) -> &'b mut [u8] {
        let taken = (HEAD_BYTES + CODE_BYTES).saturating_sub(self.seen).min(bytes.len());
        let (code, rest) = bytes.split_at_mut(taken);
        self.is_error |= code.iter().any(|byte| *byte != 0);
        self.seen += taken;
        if self.seen == HEAD_BYTES + CODE_BYTES {
            self.seen = 0;
            if let Some(last) = code.last_mut().filter(|_| !self.is_error) {
                *last = CANCEL;
            }
        }
        rest
    }
}

/// A connection to a server, whose frames pass [`Resets`].
#[derive(Debug)]
pub(crate) struct Cautious<S> {
    stream: S,
    resets: Resets,
}

impl<S> Cautious<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, resets: Resets::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Cautious<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        this.resets.feed(buffer.filled_mut().get_mut(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Cautious<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
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
    use crate::frame_head::flag::END_STREAM;
    use crate::frame_head::kind::{DATA, HEADERS};

    fn frame(kind: u8, content: &[u8]) -> Vec<u8> {
        let [.., high, middle, low] = content.len().to_be_bytes();
        [&[high, middle, low, kind, 0, 0, 0, 0, 1][..], content].concat()
    }

    fn ends(mut frame: Vec<u8>) -> Vec<u8> {
        frame[4] = END_STREAM;
        frame
    }

    #[test]
    fn what_ended_is_known_for_a_while() {
        let mut resets = Resets::default();
        for stream in 0..10_000_u32 {
            let mut end = ends(frame(DATA, b""));
            end[5..].copy_from_slice(&stream.to_be_bytes());
            resets.feed(&mut end);
        }
        assert_eq!(resets.ended.len(), ENDED_MAX);
        assert_eq!(resets.ended.back(), Some(&9_999));
    }

    #[test]
    fn no_end_without_an_error_passes_in_whatever_pieces() {
        let no_error = [0; 4];
        for (frames, wanted) in [
            (vec![frame(RST_STREAM, &no_error)], vec![frame(RST_STREAM, &[0, 0, 0, 8])]),
            (
                vec![
                    frame(0, &[0; 40]),
                    frame(RST_STREAM, &no_error),
                    frame(0, b""),
                    frame(6, &[0; 8]),
                ],
                vec![
                    frame(0, &[0; 40]),
                    frame(RST_STREAM, &[0, 0, 0, 8]),
                    frame(0, b""),
                    frame(6, &[0; 8]),
                ],
            ),
            (
                vec![frame(RST_STREAM, &no_error), frame(RST_STREAM, &no_error)],
                vec![frame(RST_STREAM, &[0, 0, 0, 8]), frame(RST_STREAM, &[0, 0, 0, 8])],
            ),
        ] {
            let (given, wanted) = (frames.concat(), wanted.concat());
            for preface in [&b""[..], b"PRI * 123"] {
                for size in 1..=given.len() {
                    let mut bytes = [preface, &given].concat();
                    let mut resets = Resets::after(preface.len());
                    bytes.chunks_mut(size).for_each(|piece| resets.feed(piece));
                    assert_eq!(bytes, [preface, &wanted].concat(), "in pieces of {size}");
                }
            }
        }
    }

    #[test]
    fn everything_else_stays_what_it_is() {
        for given in [
            frame(RST_STREAM, &[0, 0, 0, 8]),
            frame(RST_STREAM, &[0, 0, 0, 5]),
            frame(RST_STREAM, &[1, 0, 0, 0]),
            // Not frames that a library takes.
            frame(RST_STREAM, &[0; 3]),
            frame(RST_STREAM, &[0; 5]),
            frame(7, &[0; 8]),
            frame(8, &[0; 4]),
            frame(0, &frame(RST_STREAM, &[0; 4])),
            // The message is whole.
            [ends(frame(DATA, b"abc")), frame(RST_STREAM, &[0; 4])].concat(),
            [ends(frame(HEADERS, b"")), frame(6, &[0; 8]), frame(RST_STREAM, &[0; 4])].concat(),
            vec![0; 60],
        ] {
            for size in 1..=given.len() {
                let (mut bytes, mut resets) = (given.clone(), Resets::default());
                bytes.chunks_mut(size).for_each(|piece| resets.feed(piece));
                assert_eq!(bytes, given, "in pieces of {size}");
            }
        }
    }
}
