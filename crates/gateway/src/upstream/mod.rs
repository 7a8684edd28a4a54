//! Requests that go to an upstream, and its answers.
//!
//! Invariants: an upstream never sees bytes that the client wrote as framing; an answer that ends
//! before its end is never made to look complete; what an upstream may send before its answer is
//! bounded.

mod incoming;
mod link;
mod multiplexed;
mod pool;
mod tls;
pub(crate) mod tunnel;
mod websocket;

pub(crate) use incoming::UpstreamBody;
pub(crate) use pool::Pool;
pub(crate) use tls::client_config;

use crate::body::{BodyFault, OutBody, RequestBody};
use crate::exchange::Exchange;
use crate::files::path::check_proxied;
use crate::guard::head::Head;
use crate::headers;
use crate::inspect::{Permit, Stop};
use crate::plan::RoutePlan;
use crate::refusal::Reason;
use crate::route::path_and_query;
use bytes::Bytes;
use http::header::{HOST, TE, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use incoming::Carrier;
use link::{Failure, Link};
use multiplexed::Stream;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Times of a route.
#[derive(Clone, Copy, Debug)]
struct Times {
    connect: Duration,
    answer: Duration,
}

/// Forwards the request to one of its route's upstreams and waits for the answer's header.
pub(crate) async fn forward(
    _permit: Permit,
    exchange: &mut Exchange,
    body: &mut RequestBody,
) -> Result<Response<OutBody>, Stop> {
    check_proxied(path_and_query(exchange.head.target()).0)?;
    let handshake = websocket::asked(&exchange.head)?;
    if handshake && !body.is_empty() {
        return Err(Reason::WebSocket.into());
    }
    // Either side of a gRPC call may be the first to speak.
    if !is_grpc(&exchange.head) {
        body.prime().await?;
    }
    let limits = exchange.plan.limits(exchange.site, exchange.route);
    let times = Times { connect: limits.connect_time, answer: limits.upstream_time };
    let mut fields = headers::to_upstream(exchange)?;
    if handshake {
        websocket::ask(&mut fields);
    }
    let (mut response, carrier) = send(exchange, body, fields, times).await?;
    let switched = response.status() == http::StatusCode::SWITCHING_PROTOCOLS;
    if switched {
        let Carrier::Link(Some(link)) = carrier else { return Err(Reason::UpstreamGarbage.into()) };
        if !handshake {
            return Err(Reason::UpstreamGarbage.into());
        }
        return websocket::switch(exchange, response.into_parts().0, link).await;
    }
    headers::from_upstream(response.headers_mut());
    let (parts, incoming) = response.into_parts();
    let answer = UpstreamBody::new(incoming, carrier, times.answer);
    Ok(Response::from_parts(parts, OutBody::Upstream(Box::new(answer))))
}

/// Whether a request is a gRPC call, by its content type.
pub(crate) fn is_grpc(head: &Head) -> bool {
    let content = head.field(b"content-type").and_then(|value| value.get(..16));
    content.is_some_and(|start| start.eq_ignore_ascii_case(b"application/grpc"))
}

type Answer = (Response<hyper::body::Incoming>, Carrier);

/// Sends the request. A kept connection that turns out to be dead is replaced once, for a request
/// that may be made twice.
async fn send(
    exchange: &mut Exchange,
    body: &mut RequestBody,
    fields: HeaderMap,
    times: Times,
) -> Result<Answer, Stop> {
    let method = Method::from_bytes(exchange.head.method()).ok().ok_or(Reason::Method)?;
    let repeatable = body.is_empty() && method.is_idempotent();
    let uri = uri(exchange.head.target())?;
    let (mut link, reused) = match connect(exchange, times.connect).await? {
        Way::Alone(link, reused) => (link, reused),
        Way::Shared(stream) => {
            let request = shared_request(exchange, method, &uri, fields, body.take())?;
            let state = Rc::clone(&body.state);
            let answer = stream.roundtrip(request, &state, times.answer).await;
            let (response, slot) = answer.map_err(|failure| explain(failure, state.fault.get()))?;
            return Ok((response, Carrier::Stream(slot)));
        }
    };
    let build = |fields, body| {
        let mut request = Request::new(body);
        *request.method_mut() = method.clone();
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = fields;
        request
    };
    let state = Rc::clone(&body.state);
    if reused && repeatable {
        let request = build(fields.clone(), body.take());
        match link.roundtrip(request, &state, times.answer).await {
            Err(Failure::Dead) => {
                let pool = Rc::clone(&link.pool);
                link = pool.fresh(times.connect).await?;
            }
            Ok(response) => return Ok((response, Carrier::Link(Some(link)))),
            Err(failure) => return Err(explain(failure, None)),
        }
    }
    let request = build(fields, body.take());
    match link.roundtrip(request, &state, times.answer).await {
        Ok(response) => Ok((response, Carrier::Link(Some(link)))),
        Err(failure) => Err(explain(failure, state.fault.get())),
    }
}

/// The request as HTTP/2 writes it: an authority in the place of `Host`, no field of a connection.
fn shared_request(
    exchange: &Exchange,
    method: Method,
    uri: &Uri,
    mut fields: HeaderMap,
    body: RequestBody,
) -> Result<Request<RequestBody>, Stop> {
    let host = fields.remove(HOST).ok_or(Reason::HostMissing)?;
    fields.remove(TRANSFER_ENCODING);
    if is_grpc(&exchange.head) {
        fields.insert(TE, HeaderValue::from_static("trailers"));
    }
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let whole = Uri::builder().scheme("http").authority(host.as_bytes()).path_and_query(path);
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = whole.build().ok().ok_or(Reason::Target)?;
    *request.headers_mut() = fields;
    Ok(request)
}

fn explain(failure: Failure, fault: Option<BodyFault>) -> Stop {
    match (fault, failure) {
        (Some(BodyFault::Refused(reason)), _) => Stop::Refuse(reason),
        (Some(BodyFault::Gone), _) => Stop::Abort,
        (None, Failure::Dead | Failure::Ended) => Stop::Refuse(Reason::UpstreamEnded),
        (None, Failure::Garbage) => Stop::Refuse(Reason::UpstreamGarbage),
        (None, Failure::Slow) => Stop::Refuse(Reason::UpstreamSlow),
    }
}

/// How a request gets to its upstream.
enum Way {
    /// A connection of its own, and whether it was used before.
    Alone(Box<Link>, bool),
    /// A stream of a connection that requests share.
    Shared(Stream),
}

/// A connection to the upstream whose turn it is; one that refuses is passed over.
async fn connect(exchange: &mut Exchange, time: Duration) -> Result<Way, Stop> {
    let plan = std::sync::Arc::clone(&exchange.plan);
    let route = route_of(&plan, exchange).ok_or(Reason::UpstreamRefused)?;
    let count = route.route.upstream.len();
    let turn = route.turn.fetch_add(1, Ordering::Relaxed);
    let mut order: Vec<_> = (0..count)
        .filter_map(|step| route.route.upstream.get((turn.wrapping_add(step)) % count))
        .map(|upstream| exchange.worker.pool(upstream, route.verify.as_ref()))
        .collect();
    order.sort_by_key(|pool| pool.cooling());
    let mut last = Reason::UpstreamRefused;
    for pool in order {
        exchange.upstream = Some(Rc::clone(&pool.name));
        if let Some(link) = pool.kept() {
            return Ok(Way::Alone(link, true));
        }
        let opened = match &pool.shared {
            None => pool.fresh(time).await.map(|link| Way::Alone(link, false)),
            Some(shared) => match shared.stream() {
                Some(stream) => Ok(stream),
                None => match pool.socket(time).await {
                    Ok(socket) => shared.open(socket).await,
                    Err(reason) => Err(reason),
                },
            }
            .map(Way::Shared),
        };
        match opened {
            Ok(way) => return Ok(way),
            Err(reason) => last = reason,
        }
    }
    Err(last.into())
}

fn route_of<'a>(plan: &'a crate::plan::Plan, exchange: &Exchange) -> Option<&'a RoutePlan> {
    plan.sites.get(exchange.site?)?.routes.get(exchange.route?)
}

/// The target in origin form. Bytes that a URI may not hold are percent-encoded on the way.
fn uri(target: &[u8]) -> Result<Uri, Reason> {
    let (path, query) = path_and_query(target);
    let mut out = Vec::with_capacity(target.len());
    encode(&mut out, path);
    if let Some(query) = query {
        out.push(b'?');
        encode(&mut out, query);
    }
    let parsed = PathAndQuery::from_maybe_shared(Bytes::from(out)).ok().ok_or(Reason::Target)?;
    Ok(Uri::from(parsed))
}

fn encode(out: &mut Vec<u8>, part: &[u8]) {
    for byte in part {
        if matches!(byte, 0x21 | 0x24..=0x3b | 0x3d | 0x3f..=0x5a | b'_' | b'a'..=b'z' | b'~') {
            out.push(*byte);
        } else {
            match byte {
                b'[' | b']' | b'|' | b'\\' | b'^' => out.push(*byte),
                other => {
                    out.push(b'%');
                    crate::log::json::hex(out, *other);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_stay_what_they_are_but_for_forbidden_bytes() {
        for (target, wanted) in [
            ("/a/b?c=d&e=%20f", "/a/b?c=d&e=%20f"),
            ("http://x/a?b", "/a?b"),
            ("http://x", "/"),
            ("*", "*"),
            ("/a[b]|\\^~!$&'()*+,:;=@-._?/?", "/a[b]|\\^~!$&'()*+,:;=@-._?/?"),
            ("/?q=<script>\"`{}", "/?q=%3cscript%3e%22%60%7b%7d"),
            ("/\u{e9}?\u{e9}", "/%c3%a9?%c3%a9"),
        ] {
            assert_eq!(uri(target.as_bytes()).unwrap().to_string(), wanted);
        }
    }
}
