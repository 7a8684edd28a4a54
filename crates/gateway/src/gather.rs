//! What HTTP/2 writes, gathered: the answers of a turn leave as one TLS record and one call, where the HTTP library
//! would make one of each answer.
//!
//! What is long goes straight into records of its own, from where it lies, and is not copied here; several of them leave by one
//! call, too.
//!
//! A client that takes what it is given gets more and more of it by one call, as long as none of them had to wait. One that lets
//! us wait is given a record at a time again.
//!
//! Invariants: no more than [`ROOM_BYTES_MAX`] is held, here and as records together, or one piece; once a client lets us
//! wait, nothing is taken beyond [`ROOM_BYTES_MIN`]; nothing is held between two turns while nobody answers;
//! whoever drives the connection calls [`Gathered::poll_send`] after each turn, so that nothing waits here for another
//! request to push it out; the end of the connection sends what is left first.

use std::cell::RefCell;
use std::io::{self, IoSlice, Write as _};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A TLS record's worth (RFC 8446 §5.1).
const ROOM_BYTES_MIN: usize = 16 * 1024;
const ROOM_BYTES_MAX: usize = 64 * 1024;
/// So much is worth no copy.
const LONG_BYTES: usize = ROOM_BYTES_MIN / 2;
/// What the layer of TLS may hold: more than is given to it, with what its records have beside that.
const RECORD_BYTES_MAX: usize = 2 * ROOM_BYTES_MAX;

/// A stream that can take bytes without writing them.
pub(crate) trait Hold {
    /// Takes what it has room for, as a record or more, to be written when it is flushed; how many bytes.
    fn hold(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize>;
}

impl Hold for Box<TlsStream<TcpStream>> {
    fn hold(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let (_, session) = self.get_mut();
        session.set_buffer_limit(Some(RECORD_BYTES_MAX));
        session.writer().write_vectored(pieces)
    }
}

#[derive(Debug)]
struct Inner<S> {
    stream: S,
    out: Vec<u8>,
    sent: usize,
    /// Bytes that the stream has taken and may not have written.
    held: usize,
    /// Bytes that may be held.
    room: usize,
    /// Bytes of this turn.
    turn: usize,
}

/// See the module. Clones are the same connection.
#[derive(Debug)]
pub(crate) struct Gathered<S>(Rc<RefCell<Inner<S>>>);

impl<S> Clone for Gathered<S> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<S: AsyncWrite + Hold + Unpin> Inner<S> {
    /// Bytes that wait, here and in the stream.
    fn waiting(&self) -> usize {
        self.out.len().saturating_sub(self.sent).saturating_add(self.held)
    }

    /// Makes a record of what is gathered; `false`: the stream has no room for all of it.
    fn seal(&mut self) -> io::Result<bool> {
        while let Some(rest @ [_, ..]) = self.out.get(self.sent..) {
            let count = self.stream.hold(&[IoSlice::new(rest)])?;
            if count == 0 {
                return Ok(false);
            }
            self.sent = self.sent.saturating_add(count);
            self.held = self.held.saturating_add(count);
        }
        // A silent connection holds no room.
        (self.out, self.sent) = (Vec::new(), 0);
        Ok(true)
    }

    /// Writes all that waits.
    fn poll_clear(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let sealed = self.seal()?;
            let flushed = Pin::new(&mut self.stream).poll_flush(context);
            if flushed.is_pending() {
                (self.room, self.turn) = (ROOM_BYTES_MIN, 0);
            }
            ready!(flushed)?;
            self.held = 0;
            if sealed {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// At the end of a turn that left nothing waiting.
    fn turned(&mut self) {
        if std::mem::take(&mut self.turn) >= self.room {
            self.room = ROOM_BYTES_MAX;
        }
    }

    /// Takes the pieces, `whole` bytes together.
    fn take(&mut self, pieces: &[IoSlice<'_>], whole: usize) -> io::Result<usize> {
        if whole >= LONG_BYTES && self.seal()? {
            let count = self.stream.hold(pieces)?;
            self.held = self.held.saturating_add(count);
            if count > 0 {
                return Ok(count);
            }
        }
        if self.out.capacity() == 0 {
            self.out.reserve_exact(ROOM_BYTES_MIN);
        }
        for piece in pieces {
            self.out.extend_from_slice(piece);
        }
        Ok(whole)
    }
}

impl<S: AsyncWrite + Hold + Unpin> Gathered<S> {
    pub(crate) fn new(stream: S) -> Self {
        let (out, room) = (Vec::new(), ROOM_BYTES_MIN);
        Self(Rc::new(RefCell::new(Inner { stream, out, sent: 0, held: 0, room, turn: 0 })))
    }

    /// Whether a few bytes more are not too many.
    pub(crate) fn has_room(&self) -> bool {
        self.0.borrow().waiting() < ROOM_BYTES_MAX
    }

    /// Adds a few bytes behind what is gathered, where there is room for them.
    pub(crate) fn put(&self, bytes: &[u8]) {
        self.0.borrow_mut().out.extend_from_slice(bytes);
    }

    /// Sends what was gathered in this turn.
    pub(crate) fn poll_send(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.0.borrow_mut();
        ready!(inner.poll_clear(context))?;
        inner.turned();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0.borrow_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Hold + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        piece: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(piece)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let inner = &mut *self.0.borrow_mut();
        let whole: usize = pieces.iter().map(|piece| piece.len()).sum();
        let waiting = inner.waiting();
        if waiting > 0 && waiting.saturating_add(whole) > inner.room {
            ready!(inner.poll_clear(context))?;
        }
        let count = inner.take(pieces, whole)?;
        inner.turn = inner.turn.saturating_add(count);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Does nothing: that is [`Gathered::poll_send`]'s.
    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.0.borrow_mut();
        ready!(inner.poll_clear(context))?;
        Pin::new(&mut inner.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::task::Waker;

    /// Writes so many bytes at a time, and nothing each other time.
    #[derive(Debug, Default)]
    struct Narrow {
        most: usize,
        queue: Vec<u8>,
        records: Vec<usize>,
        got: Vec<u8>,
        calls: Vec<usize>,
        shut: bool,
        willing: bool,
        closed: bool,
    }

    /// What it holds at most, as the layer of TLS has a limit.
    const HELD_BYTES_MAX: usize = 70_000;

    impl Hold for Narrow {
        fn hold(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
            let mut taken = 0;
            for piece in pieces {
                let count = piece.len().min(HELD_BYTES_MAX - self.queue.len());
                self.queue.extend_from_slice(&piece[..count]);
                taken += count;
            }
            self.records.push(taken);
            Ok(taken)
        }
    }

    impl AsyncWrite for Narrow {
        fn poll_write(
            self: Pin<&mut Self>,
            _context: &mut Context<'_>,
            _piece: &[u8],
        ) -> Poll<io::Result<usize>> {
            panic!("what is written is held first");
        }

        fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
            let this = self.get_mut();
            while !this.queue.is_empty() {
                this.willing = !this.willing;
                if this.closed || this.most < ROOM_BYTES_MIN && !this.willing {
                    return Poll::Pending;
                }
                let count = this.queue.len().min(this.most);
                this.got.extend(this.queue.drain(..count));
                this.calls.push(count);
            }
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.get_mut().shut = true;
            Poll::Ready(Ok(()))
        }
    }

    fn narrow(most: usize) -> Gathered<Narrow> {
        Gathered::new(Narrow { most, ..Narrow::default() })
    }

    /// Polls until it is ready, for so many times at most.
    fn again<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<io::Result<T>>) -> T {
        let context = &mut Context::from_waker(Waker::noop());
        for _ in 0..1_000_000 {
            if let Poll::Ready(done) = poll(context) {
                return done.unwrap();
            }
        }
        panic!("never ready");
    }

    fn write(stream: &mut Gathered<Narrow>, mut rest: &[u8]) {
        while !rest.is_empty() {
            let count = again(|context| Pin::new(&mut *stream).poll_write(context, rest));
            rest = &rest[count..];
            let held = stream.0.borrow().waiting();
            assert!(held <= ROOM_BYTES_MAX.max(count), "{held}");
        }
        again(|context| Pin::new(&mut *stream).poll_flush(context));
    }

    #[test]
    fn the_answers_of_a_turn_are_one_call() {
        let mut stream = narrow(usize::MAX);
        (0..10).for_each(|number| write(&mut stream, &[number; 1000]));
        assert!(stream.0.borrow().stream.calls.is_empty());
        again(|context| stream.poll_send(context));
        let inner = stream.0.borrow();
        assert_eq!(inner.stream.calls, [10_000]);
        assert_eq!(inner.out.capacity(), 0, "a silent connection holds no room");
    }

    #[test]
    fn what_is_long_is_not_copied_and_keeps_its_place() {
        let mut stream = narrow(usize::MAX);
        for (byte, size) in [(1, 100), (2, 40_000), (3, 10), (4, 8_192), (5, 7)] {
            write(&mut stream, &vec![byte; size]);
        }
        again(|context| Pin::new(&mut stream).poll_shutdown(context));
        let inner = stream.0.borrow();
        assert_eq!(inner.stream.records, [100, 40_000, 10, 8_192, 7]);
        assert_eq!(inner.stream.calls, [100, 40_000, 8_209]);
        assert!(inner.stream.got.is_sorted() && inner.stream.shut);
    }

    /// Frames of HTTP/2, sent at the end of the turn.
    fn turn(stream: &mut Gathered<Narrow>, frames: usize) -> Vec<usize> {
        (0..frames).for_each(|_| write(stream, &[0; ROOM_BYTES_MIN]));
        again(|context| stream.poll_send(context));
        std::mem::take(&mut stream.0.borrow_mut().stream.calls)
    }

    #[test]
    fn who_takes_it_gets_several_records_at_once() {
        let mut stream = narrow(usize::MAX);
        assert_eq!(turn(&mut stream, 4), [ROOM_BYTES_MIN; 4]);
        for _ in 0..3 {
            assert_eq!(turn(&mut stream, 4), [ROOM_BYTES_MAX]);
        }
        assert_eq!(stream.0.borrow().out.capacity(), 0);
        stream.0.borrow_mut().stream.closed = true;
        (0..4).for_each(|_| write(&mut stream, &[0; ROOM_BYTES_MIN]));
        let context = &mut Context::from_waker(Waker::noop());
        let piece = [IoSlice::new(&[0; ROOM_BYTES_MIN])];
        for _ in 0..2 {
            assert!(Pin::new(&mut stream).poll_write_vectored(context, &piece).is_pending());
            assert!(stream.poll_send(context).is_pending());
        }
        stream.0.borrow_mut().stream.closed = false;
        assert_eq!(
            turn(&mut stream, 4),
            [ROOM_BYTES_MAX, ROOM_BYTES_MIN, ROOM_BYTES_MIN, ROOM_BYTES_MIN, ROOM_BYTES_MIN]
        );
    }

    proptest! {
        #[test]
        fn every_byte_leaves_once_and_in_order(
            sizes in proptest::collection::vec(
                prop_oneof![1_usize..2_000, 6_000_usize..20_000], 1..20),
            most in prop_oneof![1_usize..50, 1_000_usize..20_000],
            sends in proptest::collection::vec(any::<bool>(), 20),
        ) {
            let mut stream = narrow(most.max(sizes.iter().sum::<usize>() / 10_000));
            let (mut all, mut byte) = (Vec::new(), 0_u8);
            for (size, send) in sizes.iter().zip(sends) {
                let piece: Vec<u8> = (0..*size).map(|_| { byte = byte.wrapping_add(7); byte }).collect();
                write(&mut stream, &piece);
                all.extend_from_slice(&piece);
                if send {
                    again(|context| stream.poll_send(context));
                    prop_assert_eq!(stream.0.borrow().stream.got.len(), all.len());
                }
            }
            again(|context| Pin::new(&mut stream).poll_shutdown(context));
            prop_assert!(stream.0.borrow().stream.got == all);
        }
    }
}
