//! Requests that go to an upstream, and its answers.
//!
//! Invariants: an upstream never sees bytes that the client wrote as framing; an answer that ends
//! before its end is never made to look complete; what an upstream may send before its answer is
//! bounded.

mod link;
mod pool;
pub(crate) mod tunnel;
mod websocket;

pub(crate) use link::UpstreamBody;
pub(crate) use pool::Pool;

use crate::body::{BodyFault, OutBody, RequestBody};
use crate::exchange::Exchange;
use crate::files::path::check_proxied;
use crate::headers;
use crate::inspect::{Permit, Stop};
use crate::plan::RoutePlan;
use crate::refusal::Reason;
use crate::route::path_and_query;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response, Uri};
use link::{Failure, Link};
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
    body.prime().await?;
    let limits = exchange.plan.limits(exchange.site, exchange.route);
    let times = Times { connect: limits.connect_time, answer: limits.upstream_time };
    let mut fields = headers::to_upstream(exchange)?;
    if handshake {
        websocket::ask(&mut fields);
    }
    let (mut response, link) = send(exchange, body, fields, times).await?;
    let switched = response.status() == http::StatusCode::SWITCHING_PROTOCOLS;
    if switched {
        if !handshake {
            return Err(Reason::UpstreamGarbage.into());
        }
        return websocket::switch(exchange, response.into_parts().0, link).await;
    }
    headers::from_upstream(response.headers_mut());
    let (parts, incoming) = response.into_parts();
    let answer = UpstreamBody::new(incoming, link, times.answer);
    Ok(Response::from_parts(parts, OutBody::Upstream(Box::new(answer))))
}

type Answer = (Response<hyper::body::Incoming>, Link);

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
    let (mut link, reused) = connect(exchange, times.connect).await?;
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
            Ok(response) => return Ok((response, link)),
            Err(failure) => return Err(explain(failure, None)),
        }
    }
    let request = build(fields, body.take());
    match link.roundtrip(request, &state, times.answer).await {
        Ok(response) => Ok((response, link)),
        Err(failure) => Err(explain(failure, state.fault.get())),
    }
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

/// A connection to the upstream whose turn it is; one that refuses is passed over.
async fn connect(exchange: &mut Exchange, time: Duration) -> Result<(Link, bool), Stop> {
    let plan = std::sync::Arc::clone(&exchange.plan);
    let route = route_of(&plan, exchange).ok_or(Reason::UpstreamRefused)?;
    let count = route.route.upstream.len();
    let turn = route.turn.fetch_add(1, Ordering::Relaxed);
    let mut order: Vec<_> = (0..count)
        .filter_map(|step| route.route.upstream.get((turn.wrapping_add(step)) % count))
        .map(|upstream| exchange.worker.pool(upstream))
        .collect();
    order.sort_by_key(|pool| pool.cooling());
    let mut last = Reason::UpstreamRefused;
    for pool in order {
        exchange.upstream = Some(Rc::clone(&pool.name));
        if let Some(link) = pool.kept() {
            return Ok((link, true));
        }
        match pool.fresh(time).await {
            Ok(link) => return Ok((link, false)),
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
