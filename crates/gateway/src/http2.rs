//! HTTP/2 on one connection (RFC 9113): the library, and around it those who look at what passes.
//!
//! Invariant: nothing of it is there before the client's first bytes; a silent connection holds its socket and its keys.

use crate::connection::{Client, Parts, head_of, refused_unread};
use crate::frames::{Refusal, Streams, Watched};
use crate::gather::{Gathered, Hold};
use crate::guard::head::Version;
use crate::plan::Plan;
use crate::service;
use crate::stall;
use crate::worker::Worker;
use burgrave_config::Limits;
use http::Request;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::time::timeout;

/// Open requests of one HTTP/2 connection.
const STREAMS_MAX: u32 = 100;
/// Streams that may be reset, by either side, before the connection is ended.
const RESETS_MAX: usize = 64;
/// Bytes of a stream's answer from which on the library takes no more: a client may ask for a hundred and take none.
const SEND_BYTES_MAX: usize = 8 * 1024;
/// What is read of a client's first words at once: more than most have.
const FIRST_BYTES: usize = 512;
/// Flow control windows: what a client may send before we take it.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// Runs HTTP/2's streams on the connection's own event loop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Local;

impl<F: Future + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(async move {
            task.await;
        });
    }
}

/// Serves a connection to its end.
pub(crate) async fn serve<S>(worker: Rc<Worker>, client: Rc<Client>, mut stream: S, plan: &Plan)
where
    S: AsyncRead + AsyncWrite + Hold + Unpin + 'static,
{
    let first = first_bytes(&worker, &mut stream, plan.settings.limits.header_time);
    match Box::pin(first).await {
        First::Gone => {}
        First::Slow => refuse(&worker, &client, Refusal::Slow),
        First::Bytes(first) => Box::pin(speak(worker, client, (stream, first), plan)).await,
    }
}

/// The record of what was refused before it was a request.
fn refuse(worker: &Rc<Worker>, client: &Client, refusal: Refusal) {
    refused_unread(worker, client, refusal.text(), Some("HTTP/2.0"));
}

/// The same from the client's `first` bytes on.
async fn speak<S>(
    worker: Rc<Worker>,
    client: Rc<Client>,
    (stream, first): (S, Vec<u8>),
    plan: &Plan,
) where
    S: AsyncRead + AsyncWrite + Hold + Unpin + 'static,
{
    let limits = &plan.settings.limits;
    let fields_max = limits.header_count;
    let streams = Rc::new(Streams::default());
    let refused = {
        let (worker, client) = (Rc::clone(&worker), Rc::clone(&client));
        move |refusal| refuse(&worker, &client, refusal)
    };
    let gathered = Gathered::new(stream);
    let header = (limits.header_bytes, limits.header_time);
    let stream = (gathered.clone(), first);
    let stream = Watched::new(stream, header, Rc::clone(&streams), Box::new(refused));
    let service = service_fn(|request: Request<Incoming>| {
        streams.taken();
        let (worker, client) = (Rc::clone(&worker), Rc::clone(&client));
        // From here to its end it is moved as a pointer.
        Box::pin(async move {
            let parts = Parts {
                method: request.method(),
                uri: request.uri(),
                fields: request.headers(),
                version: Version::Http2,
            };
            let open = !request.body().is_end_stream();
            let (head, early) = head_of(&parts, open, fields_max);
            let Some(head) = head else {
                refuse(&worker, &client, Refusal::Malformed);
                return Err(service::Aborted);
            };
            service::serve(worker, client, head, early, request.into_body()).await
        })
    });
    let mut connection = pin!(builder(limits).serve_connection(TokioIo::new(stream), service));
    let mut ending = worker.ending();
    let mut told = pin!(async move { ending.wait_for(|ending| *ending).await.is_ok() });
    let write_time = stall::write_time(limits);
    let mut watch = pin!(client.stall.watch(write_time, limits.idle_time));
    let mut open = true;
    loop {
        let turn = poll_fn(|context| {
            let ended = connection.as_mut().poll(context).is_ready();
            if gathered.has_room() {
                streams.interim.say(|bytes| gathered.put(bytes));
            }
            let broken = matches!(gathered.poll_send(context), Poll::Ready(Err(_gone)));
            if ended || broken { Poll::Ready(()) } else { Poll::Pending }
        });
        tokio::select! {
            biased;
            () = turn => return,
            _ = told.as_mut(), if open => {
                open = false;
                connection.as_mut().graceful_shutdown();
            }
            () = watch.as_mut() => return,
        }
    }
}

/// What a client says first.
enum First {
    /// None, where we are the first to go: it is to be told.
    Bytes(Vec<u8>),
    Gone,
    Slow,
}

/// Waits for a client's first bytes, which need no word of ours before (RFC 9113 §3.4).
async fn first_bytes<S: AsyncRead + Unpin>(
    worker: &Worker,
    stream: &mut S,
    time: Duration,
) -> First {
    let mut first = [0; FIRST_BYTES];
    let mut ending = worker.ending();
    let read = tokio::select! {
        biased;
        read = timeout(time, stream.read(&mut first)) => read,
        _ = ending.wait_for(|ending| *ending) => return First::Bytes(Vec::new()),
    };
    match read {
        Err(_elapsed) => First::Slow,
        Ok(Ok(count @ 1..)) => First::Bytes(first.get(..count).unwrap_or_default().to_vec()),
        Ok(Ok(0) | Err(_)) => First::Gone,
    }
}

/// How the library speaks it.
fn builder(limits: &Limits) -> http2::Builder<Local> {
    let mut builder = http2::Builder::new(Local);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .max_local_error_reset_streams(RESETS_MAX)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BYTES_MAX)
        .keep_alive_interval(limits.idle_time)
        .keep_alive_timeout(limits.header_time);
    builder
}
