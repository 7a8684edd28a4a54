//! Requests that go to an upstream, and its answers.
//!
//! Invariants: an upstream never sees bytes that the client wrote as framing; an answer that ends
//! before its end is never made to look complete; what an upstream may send before its answer is
//! bounded.

mod check;
pub(crate) mod fastcgi;
mod incoming;
mod link;
mod multiplexed;
mod pool;
mod sticky;
mod target;
mod tls;
pub(crate) mod tunnel;
mod websocket;

pub(crate) use check::run as check_upstreams;
pub(crate) use fastcgi::ScriptBody;
pub(crate) use incoming::UpstreamBody;
pub(crate) use pool::{Pool, connect_tcp, place};
pub(crate) use target::{Target, Targets};
pub(crate) use tls::client_config;

use crate::body::{BodyFault, OutBody, RequestBody};
use crate::exchange::Exchange;
use crate::files::path::check_proxied;
use crate::headers;
use crate::inspect::{Permit, Stop};
use crate::plan::RoutePlan;
use crate::refusal::Reason;
use crate::route::path_and_query;
use burgrave_config::Upstream;
use bytes::Bytes;
use http::header::{HOST, TE, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use incoming::Carrier;
use link::Failure;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use target::UnderWay;

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
    if !is_grpc(exchange) {
        body.prime().await?;
    }
    let limits = exchange.plan.limits(exchange.site, exchange.route);
    let times = Times { connect: limits.connect_time, answer: limits.upstream_time };
    let mut fields = headers::to_upstream(exchange)?;
    if handshake {
        websocket::ask(&mut fields);
    }
    let plan = Arc::clone(&exchange.plan);
    if let Some(route) = route_of(&plan, exchange).filter(|own| own.route.fastcgi.is_some()) {
        if handshake {
            return Err(Reason::WebSocket.into());
        }
        return scripted(exchange, route, body, &fields, times).await;
    }
    let (mut response, carrier) = send(exchange, body, fields, times).await?;
    let switched = response.status() == http::StatusCode::SWITCHING_PROTOCOLS;
    if switched {
        let link = carrier.into_link().filter(|_| handshake).ok_or(Reason::UpstreamGarbage)?;
        return websocket::switch(exchange, response.into_parts().0, link).await;
    }
    headers::from_upstream(response.headers_mut());
    sticky::stick(exchange, response.headers_mut());
    let (parts, incoming) = response.into_parts();
    let answer = UpstreamBody::new(incoming, carrier, times.answer);
    Ok(Response::from_parts(parts, OutBody::Upstream(Box::new(answer))))
}

/// Sends the request to the route's FastCGI servers in their order; one that cannot be connected to is
/// passed over.
async fn scripted(
    exchange: &mut Exchange,
    route: &RoutePlan,
    body: &mut RequestBody,
    fields: &HeaderMap,
    times: Times,
) -> Result<Response<OutBody>, Stop> {
    let mut last = Stop::Refuse(Reason::UpstreamRefused);
    for (index, pool) in candidates(exchange, route) {
        let Some(target) = route.targets.all.get(index) else { continue };
        exchange.upstream = Some(Rc::clone(&pool.name));
        exchange.target = Some(Arc::clone(target));
        let _under_way = UnderWay::at(target);
        let asked = fastcgi::ask(exchange, &pool, route, (fields, body), times).await;
        match asked {
            Ok(mut response) => {
                target.answered();
                sticky::stick(exchange, response.headers_mut());
                return Ok(response);
            }
            Err(Stop::Refuse(reason)) if reason.is_upstreams() => {
                target.failed(burgrave_sys::monotonic().0);
                last = reason.into();
                // What may have been sent is not sent again.
                if !matches!(reason, Reason::UpstreamRefused | Reason::UpstreamConnectSlow) {
                    break;
                }
            }
            Err(stop) => return Err(stop),
        }
    }
    Err(last)
}

/// Whether a request is a gRPC call: by its content type, and only where every upstream of its route
/// speaks HTTP/2. A client's word alone must not spare a body from being looked at whole.
pub(crate) fn is_grpc(exchange: &Exchange) -> bool {
    let content = exchange.head.field(b"content-type").and_then(|value| value.get(..16));
    content.is_some_and(|start| start.eq_ignore_ascii_case(b"application/grpc"))
        && route_of(&exchange.plan, exchange).is_some_and(|own| {
            own.route.upstream.iter().all(|upstream| matches!(upstream, Upstream::H2c(_)))
        })
}

type Answer = (Response<hyper::body::Incoming>, Carrier);

/// What is sent, but for its body.
struct Outgoing {
    method: Method,
    uri: Uri,
    fields: HeaderMap,
}

impl Outgoing {
    fn request(&self, body: RequestBody) -> Request<RequestBody> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.fields.clone();
        request
    }
}

/// Sends the request to the route's upstreams in their order. One that cannot be connected to is
/// passed over; one that ends before its answer is, too, for a request that may be made twice.
async fn send(
    exchange: &mut Exchange,
    body: &mut RequestBody,
    fields: HeaderMap,
    times: Times,
) -> Result<Answer, Stop> {
    let method = Method::from_bytes(exchange.head.method()).ok().ok_or(Reason::Method)?;
    let repeatable = body.is_empty() && method.is_idempotent();
    let outgoing = Outgoing { method, uri: uri(exchange.head.target())?, fields };
    let plan = Arc::clone(&exchange.plan);
    let route = route_of(&plan, exchange).ok_or(Reason::UpstreamRefused)?;
    route.targets.begun();
    let mut last = Stop::Refuse(Reason::UpstreamRefused);
    for (index, pool) in candidates(exchange, route) {
        let Some(target) = route.targets.all.get(index) else { continue };
        exchange.upstream = Some(Rc::clone(&pool.name));
        exchange.target = Some(Arc::clone(target));
        let under_way = UnderWay::at(target);
        match attempt(exchange, &pool, body, (&outgoing, repeatable), times).await {
            Ok((response, carrier)) => {
                target.answered();
                return Ok((response, carrier.with(under_way)));
            }
            Err(Attempt::Unconnected(reason)) => {
                target.failed(burgrave_sys::monotonic().0);
                last = reason.into();
            }
            Err(Attempt::Failed(failure, fault)) => {
                if fault.is_none() {
                    target.failed(burgrave_sys::monotonic().0);
                }
                last = explain(failure, fault);
                let unanswered = matches!(failure, Failure::Dead | Failure::Ended);
                if !(unanswered && repeatable && fault.is_none() && route.targets.may_retry()) {
                    return Err(last);
                }
            }
        }
    }
    Err(last)
}

/// Why an upstream did not answer.
enum Attempt {
    /// Nothing was sent.
    Unconnected(Reason),
    /// Something may have been sent.
    Failed(Failure, Option<BodyFault>),
}

impl From<Reason> for Attempt {
    fn from(reason: Reason) -> Self {
        Self::Unconnected(reason)
    }
}

/// Sends the request to one upstream. A kept connection that turns out to be dead is replaced once,
/// for a request that may be made twice.
async fn attempt(
    exchange: &Exchange,
    pool: &Rc<Pool>,
    body: &mut RequestBody,
    (outgoing, repeatable): (&Outgoing, bool),
    times: Times,
) -> Result<Answer, Attempt> {
    let state = Rc::clone(&body.state);
    if let Some(shared) = &pool.shared {
        let stream = match shared.stream() {
            Some(stream) => stream,
            None => shared.open(pool.socket(times.connect).await?).await?,
        };
        let request = shared_request(exchange, outgoing, body.take())?;
        let answer = stream.roundtrip(request, &state, times.answer).await;
        let failed = |failure| Attempt::Failed(failure, state.fault.get());
        let (response, slot) = answer.map_err(failed)?;
        return Ok((response, Carrier::of_stream(slot)));
    }
    if let Some(mut link) = pool.kept() {
        let request = outgoing.request(body.take());
        match link.roundtrip(request, &state, times.answer).await {
            Ok(response) => return Ok((response, Carrier::of_link(link))),
            Err(Failure::Dead) if repeatable => {}
            Err(failure) => return Err(Attempt::Failed(failure, state.fault.get())),
        }
    }
    let mut link = pool.fresh(times.connect).await?;
    let request = outgoing.request(body.take());
    match link.roundtrip(request, &state, times.answer).await {
        Ok(response) => Ok((response, Carrier::of_link(link))),
        Err(failure) => Err(Attempt::Failed(failure, state.fault.get())),
    }
}

/// The route's upstreams in the order in which they are to be tried.
fn candidates(exchange: &Exchange, route: &RoutePlan) -> Vec<(usize, Rc<Pool>)> {
    let upstreams = &route.route.upstream;
    let pool = |upstream| exchange.worker.pool(upstream, route.verify.as_ref());
    let pools: Vec<_> = upstreams.iter().map(pool).collect();
    let balance = &route.route.balance;
    let mark = balance.sticky.as_deref().and_then(|name| exchange.head.cookie(name));
    let now = burgrave_sys::monotonic().0;
    let cooling = |index: usize| pools.get(index).is_some_and(|pool: &Rc<Pool>| pool.cooling());
    let order = route.targets.order(balance, mark, now, cooling);
    order.into_iter().filter_map(|index| Some((index, Rc::clone(pools.get(index)?)))).collect()
}

/// The request as HTTP/2 writes it: an authority in the place of `Host`, no field of a connection.
fn shared_request(
    exchange: &Exchange,
    outgoing: &Outgoing,
    body: RequestBody,
) -> Result<Request<RequestBody>, Reason> {
    let mut request = outgoing.request(body);
    let fields = request.headers_mut();
    let host = fields.remove(HOST).ok_or(Reason::HostMissing)?;
    fields.remove(TRANSFER_ENCODING);
    if is_grpc(exchange) {
        fields.insert(TE, HeaderValue::from_static("trailers"));
    }
    let path = outgoing.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let whole = Uri::builder().scheme("http").authority(host.as_bytes()).path_and_query(path);
    *request.uri_mut() = whole.build().ok().ok_or(Reason::Target)?;
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
