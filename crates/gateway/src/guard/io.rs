//! The guard itself: it reads the socket, passes the header through [`super::head`] and the body
//! through its framing, and lets the HTTP library see one request at a time, whole and unambiguous.
//!
//! Invariants: the library is given a header section that was written here, never the client's
//! bytes; no byte of a body is passed on while a violation is known to follow it; the next request
//! is not looked at until the answer to the one before is complete; what is buffered is bounded.

use super::canonical::canonical;
use super::chunked::Chunked;
use super::clock::Alarm;
use super::from_file::{Connected, FromFile};
use super::head::{Framing, Head, HeadLimits, HeadParser};
use crate::refusal::Reason;
use bytes::{Buf, Bytes, BytesMut};
use hyper::rt::ReadBufCursor;
use std::cell::{Cell, RefCell};
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes taken from a socket at once.
const READ_BYTES: usize = 16 * 1024;
/// Bytes of following requests that are held while one is being answered.
const AHEAD_BYTES_MAX: usize = 64 * 1024;
/// How long a client that has closed its sending side may wait for its answer. A client that left
/// looks the same.
const HALF_CLOSED_TIME: Duration = Duration::from_secs(2);

/// So many bytes of an answer are put together in less time than the kernel takes to gather them.
const TOGETHER_BYTES_MAX: usize = 4 * 1024;

/// How long a connection may be silent between two requests before the library is sent away.
const PARK_TIME: Duration = Duration::from_secs(1);

/// Bounds that the guard enforces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuardLimits {
    pub(crate) head: HeadLimits,
    pub(crate) header_time: Duration,
    pub(crate) idle_time: Duration,
    /// How long the client may take nothing of what we send.
    pub(crate) write_time: Duration,
}

/// A request that was refused before it was one.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) reason: Reason,
    /// The start of what was received, for the log.
    pub(crate) received: Bytes,
}

/// What guard, service and the connection's owner say to each other.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    head: RefCell<Option<Head>>,
    answering: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    refused: RefCell<Option<Refused>>,
    file: RefCell<Option<FromFile>>,
    /// The client has said that this request is its last.
    last: Cell<bool>,
    /// An answer whose end may be that of the connection was not whole.
    cut: Cell<bool>,
}

impl Wire {
    /// The answer ends before its end, and nothing in it tells.
    pub(crate) fn cut(&self) {
        self.cut.set(true);
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.cut.get()
    }

    /// The answer's bytes are those of this file.
    pub(crate) fn comes_from(&self, file: FromFile) {
        *self.file.borrow_mut() = Some(file);
    }

    /// The header of the request that the library has just handed out.
    pub(crate) fn take_head(&self) -> Option<Head> {
        self.head.borrow_mut().take()
    }

    /// The answer is complete or given up: the next request may be looked at.
    pub(crate) fn answered(&self) {
        self.answering.set(false);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Why the bytes were refused, if they were.
    pub(crate) fn refused(&self) -> Option<Refused> {
        self.refused.borrow().clone()
    }
}

#[derive(Debug)]
enum Phase {
    Head(HeadParser),
    Length(u64),
    /// With the number of buffered bytes that have passed.
    Chunked(Chunked, usize),
    Refused,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Guard<S> {
    stream: S,
    wire: Rc<Wire>,
    limits: GuardLimits,
    input: BytesMut,
    /// The header for the library, as far as it has not been taken.
    outgoing: Bytes,
    phase: Phase,
    ended: bool,
    first: bool,
    /// The library was told that there is no more.
    parked: bool,
    alarm: Alarm,
    /// When it is.
    park: Alarm,
    write_alarm: Alarm,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guard<S> {
    pub(crate) fn new(stream: S, wire: Rc<Wire>, limits: GuardLimits) -> Self {
        let mut alarm = Alarm::default();
        alarm.after(limits.header_time);
        Self {
            stream,
            wire,
            limits,
            input: BytesMut::new(),
            outgoing: Bytes::new(),
            phase: Phase::Head(HeadParser::default()),
            ended: false,
            first: true,
            parked: true,
            alarm,
            park: Alarm::default(),
            write_alarm: Alarm::default(),
        }
    }

    /// Whether the connection is silent, and goes on when it is not.
    pub(crate) fn is_parked(&self) -> bool {
        self.parked
    }

    /// Waits without the library until the client says something, which ends the silence; `false` when the
    /// connection is to end.
    pub(crate) fn poll_parked(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        self.alarm.after_if_unset(self.limits.idle_time);
        let said = match self.fill(context) {
            Poll::Pending if self.alarm.rings(context) => false,
            Poll::Pending => return Poll::Pending,
            Poll::Ready(read) => read.is_ok_and(|count| count > 0),
        };
        self.parked = !said;
        Poll::Ready(said)
    }

    /// Whether the client has said all that it will: the request that it called its last is here to its end, and
    /// nothing behind it.
    pub(crate) fn has_said_all(&self) -> bool {
        self.wire.last.get() && self.input.is_empty() && matches!(self.phase, Phase::Head(_))
    }

    /// The stream, and what was read from it and not passed on.
    pub(crate) fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.input.freeze())
    }

    /// Reads once; 0 is the end.
    fn fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.ended {
            return Poll::Ready(Ok(0));
        }
        let mut scratch = [const { MaybeUninit::uninit() }; READ_BYTES];
        let mut buffer = ReadBuf::uninit(&mut scratch);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        let filled = buffer.filled();
        self.ended = filled.is_empty();
        self.input.extend_from_slice(filled);
        Poll::Ready(Ok(filled.len()))
    }

    fn refuse(&mut self, reason: Reason) {
        let received = self.input.split_to(self.input.len().min(4096)).freeze();
        *self.wire.refused.borrow_mut() = Some(Refused { reason, received });
        self.phase = Phase::Refused;
    }

    /// One step of whatever phase we are in. `Continue` when there is something new to look at.
    fn step(
        &mut self,
        context: &mut Context<'_>,
        out: &mut ReadBufCursor<'_>,
    ) -> Poll<io::Result<Step>> {
        if !self.outgoing.is_empty() {
            give(&mut self.outgoing, out, usize::MAX);
            return Poll::Ready(Ok(Step::Given));
        }
        match &mut self.phase {
            Phase::Head(_) if self.wire.answering.get() => self.wait_for_answer(context),
            Phase::Head(_) => self.head(context),
            Phase::Length(left) => {
                if self.input.is_empty() {
                    return self.more_body(context);
                }
                let most = usize::try_from(*left).unwrap_or(usize::MAX);
                *left = left.saturating_sub(give(&mut self.input, out, most));
                if *left == 0 {
                    self.next_request();
                }
                Poll::Ready(Ok(Step::Given))
            }
            Phase::Chunked(..) => self.chunked(context, out),
            Phase::Refused => Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
        }
    }

    fn more_body(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Step>> {
        match ready!(self.fill(context))? {
            0 => Poll::Ready(Ok(Step::Given)),
            _ => Poll::Ready(Ok(Step::Continue)),
        }
    }

    fn chunked(
        &mut self,
        context: &mut Context<'_>,
        out: &mut ReadBufCursor<'_>,
    ) -> Poll<io::Result<Step>> {
        let Phase::Chunked(machine, passed) = &mut self.phase else {
            return Poll::Ready(Ok(Step::Continue));
        };
        if *passed == 0 {
            if self.input.is_empty() {
                return self.more_body(context);
            }
            match machine.advance(&self.input) {
                Ok(count) => *passed = count,
                Err(reason) => {
                    self.refuse(reason);
                    return Poll::Ready(Ok(Step::Continue));
                }
            }
        }
        let given = give(&mut self.input, out, *passed);
        *passed = passed.saturating_sub(usize::try_from(given).unwrap_or(0));
        if *passed == 0 && machine.done() {
            self.next_request();
        }
        Poll::Ready(Ok(Step::Given))
    }

    /// While a request is being answered nothing is read but a little of what follows, to notice
    /// that the client has left.
    fn wait_for_answer(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Step>> {
        let mut slot = self.wire.waker.borrow_mut();
        if !slot.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *slot = Some(context.waker().clone());
        }
        drop(slot);
        if !self.ended {
            self.alarm.clear();
        }
        while !self.ended && self.input.len() < AHEAD_BYTES_MAX {
            if ready!(self.fill(context))? == 0 {
                self.alarm.after(HALF_CLOSED_TIME);
            }
        }
        if self.ended && self.alarm.rings(context) {
            return Poll::Ready(Ok(Step::Given));
        }
        Poll::Pending
    }

    fn head(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Step>> {
        let Phase::Head(parser) = &mut self.phase else {
            return Poll::Ready(Ok(Step::Continue));
        };
        self.alarm.after_if_unset(self.limits.idle_time);
        if !self.input.is_empty() {
            match parser.advance(&self.input, self.limits.head) {
                Ok(Some(end)) => return Poll::Ready(Ok(self.head_done(end))),
                Ok(None) => {
                    if !self.first && parser.begun() {
                        self.first = true;
                        self.alarm.after(self.limits.header_time);
                    }
                }
                Err(reason) => {
                    self.refuse(reason);
                    return Poll::Ready(Ok(Step::Given));
                }
            }
        }
        match self.fill(context)? {
            Poll::Ready(0) => Poll::Ready(Ok(Step::Given)),
            Poll::Ready(_) => Poll::Ready(Ok(Step::Continue)),
            Poll::Pending if self.alarm.rings(context) => {
                if !self.input.is_empty() {
                    self.refuse(Reason::HeaderSlow);
                }
                Poll::Ready(Ok(Step::Given))
            }
            Poll::Pending if self.input.is_empty() => {
                self.park.after_if_unset(PARK_TIME);
                if !self.park.rings(context) {
                    return Poll::Pending;
                }
                self.park.dismiss();
                self.write_alarm.dismiss();
                self.wire.file.take();
                self.input = BytesMut::new();
                self.parked = true;
                Poll::Ready(Ok(Step::Given))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn head_done(&mut self, end: usize) -> Step {
        let phase = std::mem::replace(&mut self.phase, Phase::Refused);
        // Copied, so that the room for what follows stays where it is.
        let raw = Bytes::copy_from_slice(self.input.get(..end).unwrap_or_default());
        self.input.advance(end.min(self.input.len()));
        if let Phase::Head(parser) = phase
            && let Some(head) = parser.finish(raw)
        {
            self.outgoing = canonical(&head);
            self.phase = match head.framing {
                Framing::None => Phase::Head(HeadParser::default()),
                Framing::Length(length) => Phase::Length(length),
                Framing::Open => Phase::Chunked(Chunked::new(), 0),
            };
            self.park.clear();
            self.wire.file.take();
            self.wire.answering.set(true);
            self.wire.last.set(head.close);
            *self.wire.head.borrow_mut() = Some(head);
            self.first = false;
            self.alarm.clear();
        }
        Step::Continue
    }

    fn next_request(&mut self) {
        self.phase = Phase::Head(HeadParser::default());
        self.first = false;
        self.alarm.clear();
    }

    fn written<T>(
        &mut self,
        context: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.write_alarm.clear();
            return result;
        }
        self.write_alarm.after_if_unset(self.limits.write_time);
        if self.write_alarm.rings(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<S: Connected> Guard<S> {
    /// Writes what stands in a file from there; `None` where it does not, or cannot be.
    fn poll_write_file(
        &self,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Option<Poll<io::Result<usize>>> {
        let file = self.wire.file.borrow();
        file.as_ref()?.poll_write(context, self.stream.socket()?, slices)
    }
}

#[derive(Debug)]
enum Step {
    /// Look again.
    Continue,
    /// Return to the library with what it was given; nothing given is the end.
    Given,
}

/// Gives from the front of `source`, at most `most` bytes, and says how many.
fn give(source: &mut impl Buf, out: &mut ReadBufCursor<'_>, most: usize) -> u64 {
    let chunk = source.chunk();
    let count = chunk.len().min(out.remaining()).min(most);
    out.put_slice(chunk.get(..count).unwrap_or_default());
    source.advance(count);
    u64::try_from(count).unwrap_or(0)
}

/// Puts a few bytes together; `false` where they are more.
fn together(slices: &[io::IoSlice<'_>], out: &mut ReadBuf<'_>) -> bool {
    slices.iter().all(|slice| {
        let fits = slice.len() <= out.remaining();
        if fits {
            out.put_slice(slice);
        }
        fits
    })
}

impl<S: AsyncRead + AsyncWrite + Unpin> hyper::rt::Read for Guard<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut out: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match ready!(this.step(context, &mut out))? {
                Step::Continue => {}
                Step::Given => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Connected + Unpin> hyper::rt::Write for Guard<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = match this.poll_write_file(context, &[io::IoSlice::new(bytes)]) {
            Some(result) => result,
            None => Pin::new(&mut this.stream).poll_write(context, bytes),
        };
        this.written(context, result)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_flush(context) {
            Poll::Pending => this.written(context, Poll::Pending),
            ready @ Poll::Ready(_) => ready,
        }
    }

    /// Only flushes: the connection's owner may have more to say before it closes.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        hyper::rt::Write::poll_flush(self, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let mut room = [const { MaybeUninit::uninit() }; TOGETHER_BYTES_MAX];
        let mut whole = ReadBuf::uninit(&mut room);
        let result = match this.poll_write_file(context, slices) {
            Some(result) => result,
            // Over TLS they are put together as they are enciphered.
            None if this.stream.socket().is_some() && together(slices, &mut whole) => {
                Pin::new(&mut this.stream).poll_write(context, whole.filled())
            }
            None => Pin::new(&mut this.stream).poll_write_vectored(context, slices),
        };
        this.written(context, result)
    }
}

#[cfg(test)]
#[path = "tests/io.rs"]
mod tests;
