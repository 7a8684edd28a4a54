//! HTTP/1.1 on one connection: the guard, the library behind it, and what is left to say at the end.
//!
//! The library and what it needs for an exchange are there only while there is one, or was a moment ago: a
//! connection that is kept open and silent holds its socket, its guard and little more. The guard tells the
//! library then that the client has said all, and keeps the connection for the next request.

use crate::answer;
use crate::connection::{BUFFER_BYTES_MAX, Client, record};
use crate::guard::from_file::Connected;
use crate::guard::head::HeadLimits;
use crate::guard::io::{Guard, GuardLimits};
use crate::plan::Plan;
use crate::refusal::Reason;
use crate::service;
use crate::stall;
use crate::worker::Worker;
use burgrave_config::Limits;
use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// How long and how much is read of a client whose connection is being closed, so that it gets to
/// see the answer.
const LINGER_TIME: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 256 * 1024;

fn guard_limits(limits: &Limits) -> GuardLimits {
    GuardLimits {
        head: HeadLimits { bytes_max: limits.header_bytes, fields_max: limits.header_count },
        header_time: limits.header_time,
        idle_time: limits.idle_time,
        write_time: stall::write_time(limits),
    }
}

/// Serves a connection to its end.
pub(crate) async fn serve<S>(worker: Rc<Worker>, client: Rc<Client>, stream: S, plan: &Plan)
where
    S: AsyncRead + AsyncWrite + Connected + Unpin + 'static,
{
    let limits = guard_limits(&plan.settings.limits);
    // Where it is moved to and fro only as a pointer, what waits for the next request is not kept room for twice.
    let mut guard = Box::new(Guard::new(stream, Rc::clone(&client.wire), limits));
    let mut ending = worker.ending();
    loop {
        let said = {
            let mut told = pin!(ending.wait_for(|ending| *ending));
            poll_fn(|context| {
                let said = guard.poll_parked(context);
                if said.is_pending() && told.as_mut().poll(context).is_ready() {
                    return std::task::Poll::Ready(false);
                }
                said
            })
            .await
        };
        if !said {
            let (stream, _) = guard.into_parts();
            return Box::pin(close(&worker, &client, stream, End::Orderly)).await;
        }
        let exchange = Box::pin(exchanges(&worker, &client, guard));
        let (own, early, orderly) = exchange.await;
        if own.is_parked() && orderly {
            guard = own;
            continue;
        }
        let end = match orderly {
            true if own.has_said_all() && early.is_empty() => End::ByTheClient,
            true => End::Orderly,
            false => End::Broken,
        };
        let (stream, ahead) = own.into_parts();
        let tunnel = client.tunnel.borrow_mut().take();
        return match tunnel {
            Some(tunnel) if orderly => {
                let early = [early, ahead].concat();
                // Either side may end a tunnel as it likes.
                Box::pin(tunnel.run(stream, Bytes::from(early))).await;
            }
            _ => Box::pin(close(&worker, &client, stream, end)).await,
        };
    }
}

/// Requests and their answers, until the connection is parked or at its end; what the library has read and not
/// used, and whether it ended in order.
async fn exchanges<S>(
    worker: &Rc<Worker>,
    client: &Rc<Client>,
    guard: Box<Guard<S>>,
) -> (Box<Guard<S>>, Bytes, bool)
where
    S: AsyncRead + AsyncWrite + Connected + Unpin + 'static,
{
    let service = service_fn(|request: Request<Incoming>| {
        let head = client.wire.take_head();
        let (worker, client) = (Rc::clone(worker), Rc::clone(client));
        async move {
            let head = head.ok_or(service::Aborted)?;
            service::serve(worker, client, head, Ok(()), request.into_body()).await
        }
    });
    let mut builder = http1::Builder::new();
    builder.max_buf_size(BUFFER_BYTES_MAX).half_close(false).pipeline_flush(false);
    let mut connection = builder.serve_connection(guard, service);
    let mut ending = worker.ending();
    let mut told = pin!(async move { ending.wait_for(|ending| *ending).await.is_ok() });
    let (mut open, mut listens) = (true, false);
    let ended = poll_fn(|context| {
        // Once it listens, an end wakes this task: until there is one, it need not be asked for again.
        let asks = open && (worker.is_ending() || !std::mem::replace(&mut listens, true));
        if asks && told.as_mut().poll(context).is_ready() {
            open = false;
            Pin::new(&mut connection).graceful_shutdown();
        }
        Pin::new(&mut connection).poll(context)
    })
    .await;
    let parts = connection.into_parts();
    (parts.io, parts.read_buf, ended.is_ok())
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// After the answer to the request that the client called its last (RFC 9112, section 9.6): no more will come.
    ByTheClient,
    /// After an answer, while the client may be saying more.
    Orderly,
    /// In the middle of something.
    Broken,
}

/// Says why, where the bytes never became a request, and closes so that the client can read it.
async fn close<S>(worker: &Rc<Worker>, client: &Client, mut stream: S, end: End)
where
    S: AsyncRead + AsyncWrite + Connected + Unpin,
{
    let refused = client.wire.refused().filter(|refused| !is_body(refused.reason));
    if let Some(refused) = &refused {
        let id = worker.next_id();
        let (mut bytes, mut body_bytes) = answer::raw(refused.reason, &id, client.tls.is_some());
        if refused.received.starts_with(b"HEAD ") {
            let content = usize::try_from(std::mem::take(&mut body_bytes)).unwrap_or(0);
            bytes.truncate(bytes.len().saturating_sub(content));
        }
        record(worker, client, refused, &id, body_bytes);
        let said = timeout(LINGER_TIME, stream.write_all(&bytes)).await;
        if !matches!(said, Ok(Ok(()))) {
            return;
        }
    } else if end == End::Broken && client.wire.refused().is_none() {
        if client.wire.is_cut()
            && let Some(socket) = stream.socket()
        {
            // An orderly end would make it look whole (RFC 9112, section 8).
            drop(socket.set_zero_linger());
        }
        return;
    }
    if end == End::ByTheClient {
        // Nobody is there who has to be heard out; a plain socket needs no word of farewell but its end.
        if stream.socket().is_none() {
            drop(timeout(LINGER_TIME, stream.shutdown()).await);
        }
    } else {
        drop(timeout(LINGER_TIME, linger(&mut stream)).await);
    }
}

/// Whether a reason is about a body, and so was answered by the request that it belongs to.
fn is_body(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::ChunkSize | Reason::ChunkExtension | Reason::ChunkEnd | Reason::Trailer
    )
}

async fn linger<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> std::io::Result<()> {
    stream.shutdown().await?;
    let mut scrap = vec![0; 16 * 1024];
    let mut left = LINGER_BYTES_MAX;
    while left > 0 {
        let count = stream.read(&mut scrap).await?;
        if count == 0 {
            break;
        }
        left = left.saturating_sub(count);
    }
    Ok(())
}
