//! One QUIC connection: its requests, each in a task of its own that ends with the connection.

use super::body::{self, Http3Body, Why};
use super::guarded::{Alert, Empties, Guarded, Watched};
use crate::connection::{Client, Parts, head_of, refused_unread};
use crate::guard::head::{Version, is_continue, length};
use crate::plan::Plan;
use crate::refusal::Reason;
use crate::service;
use crate::stall;
use crate::worker::Worker;
use bytes::Bytes;
use h3::error::{Code, StreamError};
use h3::server::{RequestResolver, RequestStream};
use http::Request;
use http::header::EXPECT;
use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How the log names the protocol.
const VERSION: &str = "HTTP/3.0";
/// Streams that never became a request, or were given up, before the connection is ended.
const FAILURES_MAX: usize = 64;
/// How long nothing is sent when nothing is to be sent.
const LINGER_TIME: Duration = Duration::from_secs(1);

/// What all requests of a connection share.
struct Common {
    worker: Rc<Worker>,
    client: Rc<Client>,
    failures: Cell<usize>,
    empties: Rc<Empties>,
    header_time: Duration,
    fields_max: usize,
}

/// Serves a connection to its end.
pub(super) async fn serve(
    worker: Rc<Worker>,
    client: Rc<Client>,
    connection: quinn::Connection,
    plan: &Plan,
) {
    let limits = &plan.settings.limits;
    let (alert, empties) = (Rc::new(Alert::default()), Rc::new(Empties::default()));
    let headers_max = u64::try_from(limits.header_bytes).unwrap_or(u64::MAX);
    let own = (Rc::clone(&alert), Rc::clone(&empties));
    let guarded = Guarded::new(connection.clone(), headers_max, own.0, own.1);
    let mut builder = h3::server::builder();
    builder.max_field_section_size(headers_max).send_grease(false);
    let Ok(mut http) = builder.build::<_, Bytes>(guarded).await else { return };
    let common = Rc::new(Common {
        worker: Rc::clone(&worker),
        client: Rc::clone(&client),
        failures: Cell::new(0),
        empties,
        header_time: limits.header_time,
        fields_max: limits.header_count,
    });
    let mut requests = JoinSet::new();
    let mut ending = worker.ending();
    let mut told = pin!(async move { ending.wait_for(|ending| *ending).await.is_ok() });
    let write_time = stall::write_time(limits);
    let mut watch = pin!(client.stall.watch(write_time, limits.idle_time));
    let mut open = true;
    loop {
        let strained = common.failures.get() > FAILURES_MAX;
        if let Some(why) = alert.reason().or(strained.then_some(Code::H3_EXCESSIVE_LOAD)) {
            refused_unread(&worker, &client, "more than http/3 allows", Some(VERSION));
            return connection.close(code(why), b"");
        }
        if !open && requests.is_empty() {
            break;
        }
        tokio::select! {
            biased;
            _ = told.as_mut(), if open => {
                open = false;
                if http.shutdown(0).await.is_err() {
                    return;
                }
            }
            Some(_ended) = requests.join_next(), if !requests.is_empty() => {}
            accepted = http.accept() => match accepted {
                Ok(Some(resolver)) => {
                    requests.spawn_local(request(Rc::clone(&common), resolver));
                }
                Ok(None) | Err(_) if alert.reason().is_some() => {}
                Ok(None) => break,
                Err(_gone) => return,
            },
            () = alert.told() => {}
            () = watch.as_mut() => return connection.close(code(Code::H3_NO_ERROR), b""),
        }
    }
    drop(timeout(write_time, sent(&connection)).await);
}

/// Ends when the client has closed the connection, or nothing is sent to it any more: what was said last
/// is still on its way when all requests are done.
async fn sent(connection: &quinn::Connection) {
    let mut bytes = connection.stats().udp_tx.bytes;
    while timeout(LINGER_TIME, connection.closed()).await.is_err() {
        let now = connection.stats().udp_tx.bytes;
        if std::mem::replace(&mut bytes, now) == now {
            return;
        }
    }
}

/// As QUIC takes it.
pub(super) fn code(code: Code) -> quinn::VarInt {
    quinn::VarInt::from_u64(code.value()).unwrap_or_default()
}

type Resolver = RequestResolver<Guarded, Bytes>;
type Stream = RequestStream<Watched<h3_quinn::BidiStream<Bytes>>, Bytes>;

/// One request and its answer.
async fn request(common: Rc<Common>, resolver: Resolver) {
    let Some((request, mut stream)) = resolve(&common, resolver).await else {
        return common.failures.set(common.failures.get() + 1);
    };
    let (worker, client) = (Rc::clone(&common.worker), Rc::clone(&common.client));
    let parts = Parts {
        method: request.method(),
        uri: request.uri(),
        fields: request.headers(),
        version: Version::Http3,
    };
    if parts.fields.get(EXPECT).is_some_and(|value| is_continue(value.as_bytes()))
        && !matches!(timeout(common.header_time, body::go_on(&mut stream)).await, Ok(Ok(())))
    {
        return common.failures.set(common.failures.get() + 1);
    }
    let (empties, why) = (common.empties.take(stream.id()), Rc::new(Why::default()));
    let (send, receive) = stream.split();
    let begun = Http3Body::begin(receive, announced(&parts), empties, Rc::clone(&why));
    let begun = timeout(common.header_time, begun).await;
    let Ok(Ok(incoming)) = begun else {
        common.failures.set(common.failures.get() + 1);
        refused_unread(&worker, &client, "http/3 body did not begin", Some(VERSION));
        return body::abort(send, &why);
    };
    let (head, early) = head_of(&parts, !incoming.is_end_stream(), common.fields_max);
    let Some(head) = head else {
        refused_unread(&worker, &client, "malformed http/3 request", Some(VERSION));
        return body::abort(send, &why);
    };
    match service::serve(worker, client, head, early, incoming).await {
        Ok(response) => body::answer(send, response).await,
        Err(service::Aborted) => body::abort(send, &why),
    }
}

/// The length that a request announces; one that makes no sense is refused with the rest of its header.
fn announced(parts: &Parts<'_>) -> Option<u64> {
    let field = parts.fields.get(http::header::CONTENT_LENGTH)?;
    length(field.as_bytes()).ok()
}

/// Reads a request's header; `None`: there is none, which was told.
async fn resolve(common: &Common, resolver: Resolver) -> Option<(Request<()>, Stream)> {
    let reason = match timeout(common.header_time, resolver.resolve_request()).await {
        Ok(Ok(whole)) => return Some(whole),
        Ok(Err(StreamError::HeaderTooBig { .. })) => Reason::HeaderLarge.text(),
        Ok(Err(_malformed)) => "malformed http/3 request",
        Err(_slow) => Reason::HeaderSlow.text(),
    };
    refused_unread(&common.worker, &common.client, reason, Some(VERSION));
    None
}
