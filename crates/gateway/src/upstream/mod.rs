//! Requests that go to an upstream, and its answers.
//!
//! Invariants: an upstream never sees bytes that the client wrote as framing; an answer that ends
//! before its end is never made to look complete; what an upstream may send before its answer is
//! bounded.

mod answered;
pub(crate) mod asked;
mod check;
mod chunks;
pub(crate) mod fastcgi;
mod incoming;
mod link;
mod location;
mod multiplexed;
mod pool;
mod socket;
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

use crate::answer;
use crate::body::{BodyFault, OutBody, RequestBody};
use crate::exchange::Exchange;
use crate::files::path::check_proxied;
use crate::headers;
use crate::hops;
use crate::inspect::{Permit, Stop};
use crate::plan::RoutePlan;
use crate::refusal::Reason;
use crate::route::path_and_query;
use burgrave_config::Upstream;
use http::header::{HOST, TE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use incoming::Carrier;
use link::{Asked, Failure};
use multiplexed::Connections;
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
    hops::check(&exchange.head)?;
    if hops::left(&exchange.head) == Some(0) {
        return Ok(answer::options());
    }
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
    let plan = Arc::clone(&exchange.plan);
    let route = route_of(&plan, exchange).ok_or(Reason::UpstreamRefused)?;
    if route.route.fastcgi.is_some() {
        if handshake {
            return Err(Reason::WebSocket.into());
        }
        let fields = headers::map_to_upstream(exchange)?;
        return scripted(exchange, route, body, &fields, times).await;
    }
    let (response, carrier, under_way) = send(exchange, route, body, handshake, times).await?;
    let (mut parts, ()) = response.into_parts();
    if parts.status == http::StatusCode::SWITCHING_PROTOCOLS {
        return match carrier {
            Carrier::Link(Some(link)) if handshake => Ok(websocket::switch(exchange, parts, *link)),
            Carrier::Link(_) | Carrier::Stream(_) => Err(Reason::UpstreamGarbage.into()),
        };
    }
    location::hide(exchange.upstream.as_deref(), &mut parts.headers);
    sticky::stick(exchange, &mut parts.headers);
    Ok(Response::from_parts(parts, content(carrier, under_way, times)))
}

/// The answer's content. What is here whole lets its connection go.
fn content(mut carrier: Carrier, under_way: UnderWay, times: Times) -> OutBody {
    if let Carrier::Link(place) = &mut carrier
        && let Some(whole) = place.as_mut().and_then(|link| link.take_whole())
    {
        if let Some(link) = place.take() {
            let pool = Rc::clone(&link.pool);
            pool.keep(link);
        }
        return OutBody::Whole(whole);
    }
    OutBody::Upstream(Box::new(UpstreamBody::new(carrier, under_way, times.answer)))
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

type Answer = (Response<()>, Carrier);

/// Sends the request to the route's upstreams in their order. One that cannot be connected to is
/// passed over; one that ends before its answer is, too, for a request that may be made twice.
async fn send(
    exchange: &mut Exchange,
    route: &RoutePlan,
    body: &mut RequestBody,
    handshake: bool,
    times: Times,
) -> Result<(Response<()>, Carrier, UnderWay), Stop> {
    // RFC 9110 §9.2.2.
    let method = Method::from_bytes(exchange.head.method());
    let bodiless = body.is_empty();
    let repeatable = bodiless && method.is_ok_and(|method| method.is_idempotent());
    route.targets.begun();
    let mut last = Stop::Refuse(Reason::UpstreamRefused);
    for (index, pool) in candidates(exchange, route) {
        let Some(target) = route.targets.all.get(index) else { continue };
        exchange.upstream = Some(Rc::clone(&pool.name));
        exchange.target = Some(Arc::clone(target));
        let under_way = UnderWay::at(target);
        match attempt(exchange, &pool, body, (handshake, repeatable), times).await {
            Ok((response, carrier)) => {
                target.answered();
                return Ok((response, carrier, under_way));
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
                let again = match failure {
                    Failure::Dead | Failure::Ended => repeatable,
                    Failure::Untouched => bodiless,
                    Failure::Garbage | Failure::Slow => false,
                };
                if !(again && fault.is_none() && route.targets.may_retry()) {
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
    (handshake, repeatable): (bool, bool),
    times: Times,
) -> Result<Answer, Attempt> {
    let state = Rc::clone(&body.state);
    let failed = |failure| Attempt::Failed(failure, state.fault.get());
    if let Some(connections) = &pool.shared {
        return shared(exchange, pool, connections, (body, repeatable), times).await;
    }
    let write = |out: &mut Vec<u8>| asked::write(exchange, handshake, out);
    let head = &exchange.head;
    let (framing, is_head) = (head.framing, head.method() == b"HEAD");
    let shared = head.version.multiplexes();
    let asked = |body| Asked { write: &write, framing, head: is_head, shared, body };
    if let Some(mut link) = pool.kept() {
        match link.roundtrip(asked(body.take()), &state, times.answer).await {
            Ok(response) => return Ok((response, Carrier::Link(Some(link)))),
            Err(Failure::Dead) if repeatable => {}
            Err(failure) => return Err(failed(failure)),
        }
    }
    let mut link = pool.fresh(times.connect).await?;
    let response =
        link.roundtrip(asked(body.take()), &state, times.answer).await.map_err(failed)?;
    Ok((response, Carrier::Link(Some(link))))
}

/// [`attempt`] over a connection that requests share. A kept one that ends, or takes no more, is replaced once.
async fn shared(
    exchange: &Exchange,
    pool: &Rc<Pool>,
    connections: &Connections,
    (body, repeatable): (&mut RequestBody, bool),
    times: Times,
) -> Result<Answer, Attempt> {
    let state = Rc::clone(&body.state);
    let failed = |failure| Attempt::Failed(failure, state.fault.get());
    let bodiless = body.is_empty();
    let (mut stream, mut is_kept) = (connections.stream(), true);
    loop {
        let own = if let Some(stream) = stream.take() {
            stream
        } else {
            is_kept = false;
            connections.open(pool.socket(times.connect).await?).await?
        };
        let request = shared_request(exchange, body.take())?;
        match own.roundtrip(request, &state, times.answer).await {
            Ok((response, slot)) => {
                let (mut parts, incoming) = response.into_parts();
                headers::from_upstream(&mut parts.headers);
                let carrier = Carrier::Stream(Box::new(incoming::Stream::new(incoming, slot)));
                return Ok((Response::from_parts(parts, ()), carrier));
            }
            Err(Failure::Dead) if is_kept && repeatable => {}
            Err(Failure::Untouched) if is_kept && bodiless => {}
            Err(failure) => return Err(failed(failure)),
        }
    }
}

/// The route's upstreams in the order in which they are to be tried.
fn candidates(exchange: &Exchange, route: &RoutePlan) -> Vec<(usize, Rc<Pool>)> {
    let upstreams = &route.route.upstream;
    let pool = |upstream| exchange.worker.pool(upstream, route.verify.as_ref());
    // The common case has no choice.
    if let [only] = upstreams.as_slice() {
        return vec![(0, pool(only))];
    }
    let pools: Vec<_> = upstreams.iter().map(pool).collect();
    let balance = &route.route.balance;
    let mark = balance.sticky.as_deref().and_then(|name| exchange.head.cookie(name));
    let now = burgrave_sys::monotonic().0;
    let cooling = |index: usize| pools.get(index).is_some_and(|pool: &Rc<Pool>| pool.cooling());
    let order = route.targets.order(balance, mark, now, cooling);
    order.into_iter().filter_map(|index| Some((index, Rc::clone(pools.get(index)?)))).collect()
}

/// The request as HTTP/2 writes it: an authority in the place of `Host`, no field of a connection.
fn shared_request(exchange: &Exchange, body: RequestBody) -> Result<Request<RequestBody>, Reason> {
    let mut fields = headers::map_to_upstream(exchange)?;
    let host = fields.remove(HOST).ok_or(Reason::HostMissing)?;
    fields.remove(TRANSFER_ENCODING);
    if is_grpc(exchange) {
        fields.insert(TE, HeaderValue::from_static("trailers"));
    }
    let mut path = Vec::with_capacity(exchange.head.target().len());
    asked::target(exchange.head.target(), &mut path);
    let whole = Uri::builder().scheme("http").authority(host.as_bytes()).path_and_query(path);
    let mut request = Request::new(body);
    *request.method_mut() =
        Method::from_bytes(exchange.head.method()).ok().ok_or(Reason::Method)?;
    *request.uri_mut() = whole.build().ok().ok_or(Reason::Target)?;
    *request.headers_mut() = fields;
    Ok(request)
}

fn explain(failure: Failure, fault: Option<BodyFault>) -> Stop {
    match (fault, failure) {
        (Some(BodyFault::Refused(reason)), _) => Stop::Refuse(reason),
        (Some(BodyFault::Gone), _) => Stop::Abort,
        (None, Failure::Dead | Failure::Ended | Failure::Untouched) => {
            Stop::Refuse(Reason::UpstreamEnded)
        }
        (None, Failure::Garbage) => Stop::Refuse(Reason::UpstreamGarbage),
        (None, Failure::Slow) => Stop::Refuse(Reason::UpstreamSlow),
    }
}

fn route_of<'a>(plan: &'a crate::plan::Plan, exchange: &Exchange) -> Option<&'a RoutePlan> {
    plan.sites.get(exchange.site?)?.routes.get(exchange.route?)
}
