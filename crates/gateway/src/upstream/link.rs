//! One connection to an upstream of HTTP/1.1 (RFC 9112), which carries one request at a time.
//!
//! It is driven by whoever uses it, in the same task as the request: no other task has to be woken, and a
//! request that is dropped takes its connection with it.
//!
//! Invariants: it takes another request only after all of the last one was sent and all of its answer read,
//! and if nothing came unasked; never more of a body is sent than its header said, and less ends the connection.

use super::Pool;
use super::answered::{Delimiter, HeadReader};
use super::chunks::{Chunks, Step};
use super::socket::Socket;
use crate::body::{BodyFault, BodyState, RequestBody};
use crate::guard::clock::Alarm;
use crate::guard::head::Framing;
use crate::refusal::Reason;
use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, Response};
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, ReadBuf};

/// Most bytes before the end of an answer's header, interim answers and all.
const BEFORE_ANSWER_BYTES_MAX: usize = 256 * 1024;
/// What is read at once: at first, and where an answer is long; less where its client may have many such answers open and
/// take none.
const READ_BYTES: usize = 8 * 1024;
const READ_BYTES_MAX: usize = 64 * 1024;
const READ_BYTES_SHARED_MAX: usize = 16 * 1024;
/// Pieces of a body up to this size are copied, to be sent together with what is before them.
const JOINED_BYTES_MAX: usize = 16 * 1024;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The connection ended before any byte of an answer.
    Dead,
    /// It ended within the answer's header.
    Ended,
    /// The upstream says that it has not begun (RFC 9113 §8.7).
    Untouched,
    /// The answer is not HTTP, or over its limits.
    Garbage,
    /// It took too long.
    Slow,
}

/// Where in an answer's content we are.
#[derive(Debug)]
enum Reading {
    Length(u64),
    Chunked(Chunks),
    ToClose,
    Finished,
    /// Nothing more is read here.
    Failed,
}

/// A request's body on its way.
#[derive(Debug)]
struct Sending {
    body: RequestBody,
    /// Bytes that may still be sent; `None` where they are sent as chunks.
    left: Option<u64>,
}

/// Why sending stopped.
enum Unsent {
    /// The client's body has a fault, and the request no end.
    Body,
    /// The upstream takes no more; it may have answered nevertheless.
    Socket,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Link {
    socket: Socket,
    pub(crate) pool: Rc<Pool>,
    /// Received and not yet handed on.
    input: BytesMut,
    /// To be sent, of which `sent` bytes were; then `piece`, then what `sending` brings.
    output: Vec<u8>,
    sent: usize,
    piece: Bytes,
    sending: Option<Sending>,
    flushed: bool,
    reading: Reading,
    trailers: Option<HeaderMap>,
    /// Another request may follow.
    keeps: bool,
    /// The last answer had no content, which not every server knows.
    suspect: bool,
    /// Most that is read at once.
    most: usize,
    /// Bytes received since the last request.
    received: usize,
    alarm: Alarm,
}

/// Request and body, ready to be sent.
pub(super) struct Asked<'a> {
    /// Writes the header.
    pub(super) write: &'a dyn Fn(&mut Vec<u8>),
    pub(super) framing: Framing,
    /// `HEAD` is asked.
    pub(super) head: bool,
    /// The client's connection has other requests beside this one.
    pub(super) shared: bool,
    pub(super) body: RequestBody,
}

impl Link {
    pub(super) fn new(socket: Socket, pool: Rc<Pool>) -> Self {
        Self {
            socket,
            pool,
            input: BytesMut::new(),
            output: Vec::new(),
            sent: 0,
            piece: Bytes::new(),
            sending: None,
            flushed: true,
            reading: Reading::Finished,
            trailers: None,
            keeps: true,
            suspect: false,
            most: READ_BYTES_MAX,
            received: 0,
            alarm: Alarm::default(),
        }
    }

    /// Whether the connection is open and waits for a request.
    pub(super) fn usable(&mut self) -> bool {
        let context = &mut Context::from_waker(Waker::noop());
        let mut byte = [0];
        let probe = &mut ReadBuf::new(&mut byte);
        self.is_free()
            && Pin::new(&mut self.socket).poll_read(context, probe).is_pending()
            && !(self.suspect && self.socket.has_input())
    }

    /// Whether it has nothing to do and may be kept.
    pub(super) fn is_free(&self) -> bool {
        self.keeps && self.is_sent() && self.is_finished() && self.input.is_empty()
    }

    fn is_sent(&self) -> bool {
        self.sending.is_none()
            && self.piece.is_empty()
            && self.sent == self.output.len()
            && self.flushed
    }

    /// Whether all of the answer was read.
    pub(super) fn is_finished(&self) -> bool {
        matches!(self.reading, Reading::Finished)
    }

    /// Bytes of the answer to come, where the upstream said so.
    pub(super) fn length(&self) -> Option<u64> {
        match self.reading {
            Reading::Length(left) => Some(left),
            Reading::Finished => Some(0),
            Reading::Chunked(_) | Reading::ToClose | Reading::Failed => None,
        }
    }

    /// Sends a request and waits for the answer's header. The time starts anew with every piece of the
    /// request's body.
    pub(super) async fn roundtrip(
        &mut self,
        asked: Asked<'_>,
        state: &BodyState,
        time: Duration,
    ) -> Result<Response<()>, Failure> {
        let head = asked.head;
        self.begin(asked);
        let mut reader = HeadReader::default();
        let mut progress = None;
        let answered = poll_fn(|context| {
            if self.send(context).is_err() {
                // Shorter or longer than announced is the client's fault as well, and none of the upstream's.
                state.fault.set(state.fault.get().or(Some(BodyFault::Gone)));
                return Poll::Ready(Err(Failure::Ended));
            }
            // After sending: what was taken of the body starts the time anew.
            if progress.replace(state.received.get()) != Some(state.received.get()) {
                self.alarm.after(time);
            }
            let polled = self.poll_head(context, &mut reader, head);
            if polled.is_pending() && self.alarm.rings(context) {
                return Poll::Ready(Err(Failure::Slow));
            }
            polled
        })
        .await;
        self.alarm.clear();
        self.keeps &= answered.is_ok();
        answered
    }

    fn begin(&mut self, asked: Asked<'_>) {
        self.output.clear();
        (asked.write)(&mut self.output);
        (self.sent, self.received, self.flushed) = (0, 0, false);
        self.most = if asked.shared { READ_BYTES_SHARED_MAX } else { READ_BYTES_MAX };
        self.sending = match asked.framing {
            Framing::None => None,
            Framing::Length(length) => Some(Sending { body: asked.body, left: Some(length) }),
            Framing::Open => Some(Sending { body: asked.body, left: None }),
        };
        self.reading = Reading::Failed;
        self.trailers = None;
    }

    fn poll_head(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut HeadReader,
        head: bool,
    ) -> Poll<Result<Response<()>, Failure>> {
        loop {
            match reader.read(&mut self.input, head) {
                Err(_garbage) => return Poll::Ready(Err(Failure::Garbage)),
                Ok(Some(answered)) => {
                    self.reading = match answered.delimiter {
                        Delimiter::Length(0) => Reading::Finished,
                        Delimiter::Length(length) => Reading::Length(length),
                        Delimiter::Chunked => Reading::Chunked(Chunks::default()),
                        Delimiter::Close => Reading::ToClose,
                    };
                    self.keeps &= answered.keeps;
                    self.suspect = answered.bodiless;
                    return Poll::Ready(Ok(answered.response));
                }
                Ok(None) => {}
            }
            if self.received > BEFORE_ANSWER_BYTES_MAX {
                return Poll::Ready(Err(Failure::Garbage));
            }
            if ready!(self.poll_read(context, READ_BYTES)).unwrap_or(0) == 0 {
                let dead = self.received == 0;
                return Poll::Ready(Err(if dead { Failure::Dead } else { Failure::Ended }));
            }
        }
    }

    /// The next piece of the answer. Trailers are kept for [`Self::take_trailers`].
    pub(super) fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
        pause: Duration,
    ) -> Poll<Option<Result<Bytes, Reason>>> {
        if self.is_finished() {
            return Poll::Ready(None);
        }
        if !self.is_sent() && self.send(context).is_err() {
            return Poll::Ready(Some(Err(self.fail(Reason::UpstreamEnded))));
        }
        loop {
            match self.next() {
                Err(reason) => return Poll::Ready(Some(Err(self.fail(reason)))),
                Ok(Step::Piece(piece)) => {
                    self.alarm.clear();
                    return Poll::Ready(Some(Ok(piece)));
                }
                Ok(Step::End(trailers)) => {
                    self.alarm.clear();
                    self.trailers = trailers;
                    self.reading = Reading::Finished;
                    return Poll::Ready(None);
                }
                Ok(Step::More) => {}
            }
            match self.poll_read(context, self.wanted()) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0)) if matches!(self.reading, Reading::ToClose) => {
                    self.keeps = false;
                    self.reading = Reading::Finished;
                    return Poll::Ready(None);
                }
                Poll::Ready(_) => {
                    return Poll::Ready(Some(Err(self.fail(Reason::UpstreamEnded))));
                }
                Poll::Pending => break,
            }
        }
        self.alarm.after_if_unset(pause);
        if self.alarm.rings(context) {
            return Poll::Ready(Some(Err(self.fail(Reason::UpstreamSlow))));
        }
        Poll::Pending
    }

    /// What of the content is here already.
    fn next(&mut self) -> Result<Step, Reason> {
        match &mut self.reading {
            Reading::Finished => Ok(Step::End(None)),
            Reading::Failed => Err(Reason::UpstreamEnded),
            Reading::Chunked(chunks) => {
                chunks.step(&mut self.input).map_err(|_broken| Reason::UpstreamEnded)
            }
            _ if self.input.is_empty() => Ok(Step::More),
            Reading::ToClose => Ok(Step::Piece(self.input.split().freeze())),
            Reading::Length(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(self.input.len());
                *left = left.saturating_sub(u64::try_from(here).unwrap_or(u64::MAX));
                if *left == 0 {
                    self.reading = Reading::Finished;
                }
                Ok(Step::Piece(self.input.split_to(here).freeze()))
            }
        }
    }

    /// How much to read at once.
    fn wanted(&self) -> usize {
        match self.reading {
            Reading::Length(left) => {
                usize::try_from(left).unwrap_or(usize::MAX).clamp(READ_BYTES, self.most)
            }
            Reading::Chunked(_) | Reading::ToClose if self.received > READ_BYTES_MAX => self.most,
            Reading::Chunked(_) | Reading::ToClose | Reading::Finished | Reading::Failed => {
                READ_BYTES
            }
        }
    }

    /// All of the answer, where it is here already and nothing is left to be done.
    pub(super) fn take_whole(&mut self) -> Option<Bytes> {
        let whole = match self.reading {
            Reading::Finished => 0,
            Reading::Length(length) => usize::try_from(length).ok()?,
            Reading::Chunked(_) | Reading::ToClose | Reading::Failed => return None,
        };
        if whole != self.input.len() || !self.is_sent() || !self.keeps {
            return None;
        }
        self.reading = Reading::Finished;
        Some(self.input.split().freeze())
    }

    /// The trailers, once all pieces were read.
    pub(super) fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.trailers.take()
    }

    /// Whether trailers are left.
    pub(super) fn has_trailers(&self) -> bool {
        self.trailers.is_some()
    }

    /// The socket and what was read from it, after the upstream switched protocols.
    pub(super) fn into_socket(self) -> (Socket, Bytes) {
        (self.socket, self.input.freeze())
    }

    fn fail(&mut self, reason: Reason) -> Reason {
        self.reading = Reading::Failed;
        self.keeps = false;
        reason
    }

    /// Sends as much as the upstream takes now. An error is the client's; an upstream that takes no more may
    /// still answer.
    fn send(&mut self, context: &mut Context<'_>) -> Result<(), ()> {
        match self.poll_send(context) {
            Poll::Pending | Poll::Ready(Ok(())) => Ok(()),
            Poll::Ready(Err(Unsent::Body)) => {
                self.keeps = false;
                Err(())
            }
            Poll::Ready(Err(Unsent::Socket)) => {
                self.keeps = false;
                self.sending = None;
                self.piece = Bytes::new();
                (self.sent, self.flushed) = (self.output.len(), true);
                Ok(())
            }
        }
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Unsent>> {
        loop {
            ready!(self.poll_write(context)).map_err(|_gone| Unsent::Socket)?;
            let Some(sending) = &mut self.sending else { break };
            let piece = match sending.body.poll_piece(context) {
                Poll::Ready(piece) => piece,
                Poll::Pending => {
                    ready!(self.poll_flush(context)).map_err(|_gone| Unsent::Socket)?;
                    return Poll::Pending;
                }
            };
            self.flushed = false;
            match piece {
                Some(Err(_fault)) => return Poll::Ready(Err(Unsent::Body)),
                Some(Ok(piece)) => self.put(piece)?,
                None => {
                    if sending.left.is_some_and(|left| left > 0) {
                        return Poll::Ready(Err(Unsent::Body));
                    }
                    if sending.left.is_none() {
                        self.output.extend_from_slice(b"0\r\n\r\n");
                    }
                    self.sending = None;
                }
            }
        }
        self.poll_flush(context).map_err(|_gone| Unsent::Socket)
    }

    /// Puts a piece of the body behind what is to be sent.
    fn put(&mut self, piece: Bytes) -> Result<(), Unsent> {
        let Some(sending) = &mut self.sending else { return Ok(()) };
        let chunked = match &mut sending.left {
            None => true,
            Some(left) => {
                let size = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                *left = left.checked_sub(size).ok_or(Unsent::Body)?;
                false
            }
        };
        if piece.is_empty() {
            return Ok(());
        }
        if chunked {
            self.output.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            self.output.extend_from_slice(&piece);
            self.output.extend_from_slice(b"\r\n");
        } else if piece.len() <= JOINED_BYTES_MAX {
            self.output.extend_from_slice(&piece);
        } else {
            self.piece = piece;
        }
        Ok(())
    }

    /// Writes what is there; once it is done, nothing is. What is small waits for a body's first piece, if that
    /// is here.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.sent == 0
            && self.piece.is_empty()
            && self.output.len() < JOINED_BYTES_MAX
            && self.sending.as_ref().is_some_and(|sending| sending.body.is_ready())
        {
            return Poll::Ready(Ok(()));
        }
        while let Some(rest @ [_, ..]) = self.output.get(self.sent..) {
            let count = ready!(Pin::new(&mut self.socket).poll_write(context, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent = self.sent.saturating_add(count);
        }
        self.output.clear();
        self.sent = 0;
        if self.output.capacity() > READ_BYTES_MAX {
            self.output = Vec::new();
        }
        while !self.piece.is_empty() {
            let count = ready!(Pin::new(&mut self.socket).poll_write(context, &self.piece))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.piece.advance(count);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.flushed {
            ready!(Pin::new(&mut self.socket).poll_flush(context))?;
            self.flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, context: &mut Context<'_>, wanted: usize) -> Poll<io::Result<usize>> {
        let spare = self.input.capacity().saturating_sub(self.input.len());
        if spare < wanted / 2 {
            self.input.reserve(wanted);
        }
        let count = ready!(pin!(self.socket.read_buf(&mut self.input)).poll(context))?;
        self.received = self.received.saturating_add(count);
        Poll::Ready(Ok(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_config::{Authority, Host, Upstream};
    use std::io::Write as _;
    use tokio::net::TcpStream;

    #[test]
    fn content_that_nobody_asked_for_is_no_answer() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let host = Host::Address(address.ip());
            let upstream = Upstream::Http(Authority { host, port: address.port() });
            let stream = TcpStream::connect(address).await.unwrap();
            let (mut peer, _) = listener.accept().unwrap();
            let mut link = Link::new(Socket::Tcp(stream), Pool::new(&upstream, None));
            link.suspect = true;
            assert!(link.usable());
            // The event loop does not run before it is asked again.
            peer.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            assert!(!link.usable());
        });
    }
}
