//! One connection to an upstream.
//!
//! The HTTP library's connection is driven by whoever uses it, in the same task as the request: no
//! other task has to be woken, and a request that is dropped takes its connection with it.

use super::Pool;
use crate::body::{BodyState, RequestBody};
use crate::guard::clock::Alarm;
use crate::refusal::Reason;
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

/// Largest header of an answer.
const HEADER_BYTES_MAX: usize = 64 * 1024;
/// Most bytes before the end of an answer's header, interim answers and all.
const BEFORE_ANSWER_BYTES_MAX: u64 = 256 * 1024;

/// What an upstream is reached by.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The connection ended before any byte of an answer.
    Dead,
    /// It ended within the answer's header.
    Ended,
    /// The answer is not HTTP, or over its limits.
    Garbage,
    /// It took too long.
    Slow,
}

#[derive(Debug, Default)]
struct Traffic {
    /// Bytes since the last request.
    read: Cell<u64>,
    answered: Cell<bool>,
    flooded: Cell<bool>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Link {
    sender: SendRequest<RequestBody>,
    connection: Connection<TokioIo<Metered>, RequestBody>,
    traffic: Rc<Traffic>,
    pub(crate) pool: Rc<Pool>,
}

impl Link {
    pub(super) async fn new(socket: Socket, pool: Rc<Pool>) -> Result<Self, Reason> {
        let traffic = Rc::new(Traffic::default());
        let io = TokioIo::new(Metered { socket, traffic: Rc::clone(&traffic) });
        let mut builder = Builder::new();
        builder.max_buf_size(HEADER_BYTES_MAX).http09_responses(false);
        let handshake = builder.handshake(io).await;
        let (sender, connection) = handshake.ok().ok_or(Reason::UpstreamRefused)?;
        Ok(Self { sender, connection, traffic, pool })
    }

    /// Whether the connection is open and waits for a request.
    pub(super) fn usable(&mut self) -> bool {
        let context = &mut Context::from_waker(Waker::noop());
        let open = self.connection.poll_without_shutdown(context).is_pending();
        open && self.sender.is_ready()
    }

    /// Sends a request and waits for the answer's header. The time starts anew with every piece of
    /// the request's body.
    pub(super) async fn roundtrip(
        &mut self,
        request: Request<RequestBody>,
        body: &BodyState,
        time: Duration,
    ) -> Result<Response<Incoming>, Failure> {
        self.traffic.read.set(0);
        self.traffic.answered.set(false);
        let mut alarm = Alarm::default();
        let mut received = None;
        let mut answer = pin!(self.sender.send_request(request));
        let connection = &mut self.connection;
        let mut open = true;
        let result = poll_fn(|context| {
            if received.replace(body.received.get()) != Some(body.received.get()) {
                alarm.after(time);
            }
            if let Poll::Ready(result) = answer.as_mut().poll(context) {
                return Poll::Ready(Some(result));
            }
            if open {
                open = connection.poll_without_shutdown(context).is_pending();
                if let Poll::Ready(result) = answer.as_mut().poll(context) {
                    return Poll::Ready(Some(result));
                }
            }
            if alarm.rings(context) { Poll::Ready(None) } else { Poll::Pending }
        })
        .await;
        self.traffic.answered.set(true);
        match result {
            None => Err(Failure::Slow),
            Some(Ok(response)) => Ok(response),
            Some(Err(_)) if self.traffic.flooded.get() => Err(Failure::Garbage),
            Some(Err(_)) if self.traffic.read.get() == 0 => Err(Failure::Dead),
            Some(Err(error)) if error.is_parse() => Err(Failure::Garbage),
            Some(Err(_)) => Err(Failure::Ended),
        }
    }

    /// Drives the connection; says whether it is still open.
    pub(super) fn drive(&mut self, context: &mut Context<'_>) -> bool {
        self.connection.poll_without_shutdown(context).is_pending()
    }

    /// The socket and what was read from it, after the upstream switched protocols.
    pub(super) async fn into_socket(mut self: Box<Self>) -> Result<(Socket, Bytes), Reason> {
        let ended = poll_fn(|context| self.connection.poll_without_shutdown(context)).await;
        ended.ok().ok_or(Reason::UpstreamEnded)?;
        let parts = self.connection.into_parts();
        Ok((parts.io.into_inner().socket, parts.read_buf))
    }
}

/// A socket that counts what comes before an answer and ends a flood of interim answers.
#[derive(Debug)]
struct Metered {
    socket: Socket,
    traffic: Rc<Traffic>,
}

impl AsyncRead for Metered {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let traffic = &this.traffic;
        if !traffic.answered.get() && traffic.read.get() > BEFORE_ANSWER_BYTES_MAX {
            traffic.flooded.set(true);
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.socket).poll_read(context, buffer))?;
        let count = u64::try_from(buffer.filled().len().saturating_sub(before)).unwrap_or(0);
        traffic.read.set(traffic.read.get().saturating_add(count));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write_vectored(context, slices)
    }
}

macro_rules! both {
    ($self:expr, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Socket::Tcp(inner) => {
                let $stream = Pin::new(inner);
                $call
            }
            Socket::Unix(inner) => {
                let $stream = Pin::new(inner);
                $call
            }
            Socket::Tls(inner) => {
                let $stream = Pin::new(inner.as_mut());
                $call
            }
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        both!(self, stream => stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        both!(self, stream => stream.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        both!(self, stream => stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        both!(self, stream => stream.poll_shutdown(context))
    }

    fn is_write_vectored(&self) -> bool {
        !matches!(self, Self::Tls(_))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        both!(self, stream => stream.poll_write_vectored(context, slices))
    }
}
