//! Requests over HTTP/2 connections that they share (RFC 9113), without TLS (`h2c`).
//!
//! Each connection is driven by a task of its own event loop, as its requests cannot drive it for
//! one another. A request that is dropped resets its stream and leaves the others alone.
//!
//! Bounded: connections an upstream, streams a connection, header bytes, buffers.

use super::link::Failure;
use super::socket::Socket;
use crate::body::{BodyState, RequestBody};
use crate::guard::clock::Alarm;
use crate::http2::Local;
use crate::refusal::Reason;
use crate::resets::Cautious;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::cell::{Cell, RefCell};
use std::error::Error as _;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

/// Most connections to one upstream.
const CONNECTIONS_MAX: usize = 32;
/// Streams on each before another connection is opened; servers allow 100 and more.
const STREAMS_WANTED: usize = 64;
/// How long one without a stream stays open.
const KEPT_TIME: Duration = Duration::from_secs(30);
/// Largest header of an answer.
const HEADER_BYTES_MAX: u32 = 64 * 1024;
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// A place on a connection; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Slot(Rc<Cell<usize>>);

impl Slot {
    fn take(streams: &Rc<Cell<usize>>) -> Self {
        streams.set(streams.get() + 1);
        Self(Rc::clone(streams))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

#[derive(Debug)]
struct Shared {
    sender: SendRequest<RequestBody>,
    streams: Rc<Cell<usize>>,
    used: Instant,
}

/// A place for one request, ready to be sent.
#[derive(Debug)]
pub(crate) struct Stream {
    sender: SendRequest<RequestBody>,
    slot: Slot,
}

/// The connections to one upstream.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: RefCell<Vec<Shared>>,
}

impl Connections {
    /// A place on a connection that is open, if one has any.
    pub(super) fn stream(&self) -> Option<Stream> {
        let mut open = self.open.borrow_mut();
        open.retain(|shared| !shared.sender.is_closed());
        let full = open.len() >= CONNECTIONS_MAX;
        let shared = open.iter_mut().min_by_key(|shared| shared.streams.get())?;
        if shared.streams.get() >= STREAMS_WANTED && !full {
            return None;
        }
        shared.used = Instant::now();
        Some(Stream { sender: shared.sender.clone(), slot: Slot::take(&shared.streams) })
    }

    /// Makes a connection of a socket and takes the first place on it.
    pub(super) async fn open(&self, socket: Socket) -> Result<Stream, Reason> {
        let mut builder = Builder::new(Local);
        builder
            .timer(TokioTimer::new())
            .max_header_list_size(HEADER_BYTES_MAX)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(BUFFER_BYTES_MAX)
            .keep_alive_interval(KEPT_TIME)
            .keep_alive_timeout(KEPT_TIME);
        let handshake = builder.handshake(TokioIo::new(Cautious::new(socket))).await;
        let (sender, connection) = handshake.ok().ok_or(Reason::UpstreamRefused)?;
        tokio::task::spawn_local(async move {
            // Its requests are told how it ended.
            drop(connection.await);
        });
        let streams = Rc::new(Cell::new(0));
        let slot = Slot::take(&streams);
        let shared = Shared { sender: sender.clone(), streams, used: Instant::now() };
        let mut open = self.open.borrow_mut();
        if open.len() < CONNECTIONS_MAX {
            open.push(shared);
        }
        Ok(Stream { sender, slot })
    }

    /// Closes connections that have had no stream for long.
    pub(super) fn sweep(&self) {
        self.open
            .borrow_mut()
            .retain(|shared| shared.streams.get() > 0 || shared.used.elapsed() < KEPT_TIME);
    }
}

/// The code with which the other side ended a stream.
fn code_of(error: &hyper::Error) -> Option<h2::Reason> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<h2::Error>() {
            // That of a whole connection says nothing of what was begun on it.
            return error.reason().filter(|_| error.is_reset());
        }
        source = cause.source();
    }
    None
}

impl Stream {
    /// Sends a request and waits for the answer's header. The time starts anew with every piece of
    /// the request's body.
    pub(super) async fn roundtrip(
        mut self,
        request: Request<RequestBody>,
        body: &BodyState,
        time: Duration,
    ) -> Result<(Response<Incoming>, Slot), Failure> {
        let mut alarm = Alarm::default();
        let mut received = None;
        let mut answer = pin!(self.sender.send_request(request));
        let result = poll_fn(|context| {
            if received.replace(body.received.get()) != Some(body.received.get()) {
                alarm.after(time);
            }
            if let Poll::Ready(result) = answer.as_mut().poll(context) {
                return Poll::Ready(Some(result));
            }
            if alarm.rings(context) { Poll::Ready(None) } else { Poll::Pending }
        })
        .await;
        match result {
            None => Err(Failure::Slow),
            Some(Ok(response)) => Ok((response, self.slot)),
            Some(Err(error)) if error.is_canceled() || error.is_closed() => Err(Failure::Dead),
            Some(Err(error)) if code_of(&error) == Some(h2::Reason::REFUSED_STREAM) => {
                Err(Failure::Untouched)
            }
            Some(Err(_)) => Err(Failure::Ended),
        }
    }
}
