//! A request's way through the gateway, one named step after the other.
//!
//! route → an authority's question → redirect → load → challenge → access → limits → rules (phases 1–2) → scan → files or upstream → rules (phases 3–4) →
//! headers. Each step is in its own file; this one only puts them in order.

use crate::answer::{self, Reader};
use crate::body::{Incoming, OutBody, Recorded, RequestBody};
use crate::connection::Client;
use crate::exchange::Exchange;
use crate::guard::head::{Framing, Head, Version};
use crate::headers::{self, Origin};
use crate::inspect::{self, Stop};
use crate::load::Weight;
use crate::log::line::Decided;
use crate::refusal::Reason;
use crate::upstream::fastcgi::{self, Chosen};
use crate::worker::Worker;
use crate::{access, acme, challenge, compress, files, redirect, route, scan, upstream};
use burgrave_config::{Challenge, RateBy};
use http::{HeaderValue, Response, StatusCode};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

/// No answer: the connection or stream ends.
#[derive(Debug, thiserror::Error)]
#[error("the request ended without an answer")]
pub(crate) struct Aborted;

/// Serves one request; always ends in an answer or in [`Aborted`], always with one record.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    client: Rc<Client>,
    head: Head,
    early: Result<(), Reason>,
    incoming: impl Into<Incoming>,
) -> Result<Response<Recorded>, Aborted> {
    let mut exchange = Exchange::new(worker, client, head);
    let length = match exchange.head.framing {
        Framing::None => Some(0),
        Framing::Length(length) => Some(length),
        Framing::Open => None,
    };
    let mut body = RequestBody::new(incoming.into(), length, &exchange);
    let outcome = match early {
        Ok(()) => steps(&mut exchange, &mut body).await,
        Err(reason) => Err(Stop::Refuse(reason)),
    };
    let (response, origin) = match outcome {
        Ok(served) => served,
        Err(stop) => (give_up(&mut exchange, stop)?, Origin::Own),
    };
    Ok(finish(exchange, response, origin))
}

/// The steps of a request that is not stopped.
async fn steps(
    exchange: &mut Exchange,
    body: &mut RequestBody,
) -> Result<(Response<OutBody>, Origin), Stop> {
    let sni = exchange.client.tls.as_ref().and_then(|tls| tls.sni.as_deref());
    let place = route::find(&exchange.plan, &exchange.head, sni)?;
    (exchange.site, exchange.route) = (Some(place.site), place.route);
    let (method, target) = (exchange.head.method(), exchange.head.target());
    let away = redirect::to_https(&exchange.plan, &exchange.client, &place, method, target);
    exchange.host = place.host;
    if let Some(response) = acme::answer(exchange) {
        return Ok((response, Origin::Own));
    }
    if let Some((status, location)) = away {
        exchange.decide(Decided::Redirect);
        return Ok((answer::redirect(status, location), Origin::Own));
    }
    shed(exchange)?;
    if let Some(response) = challenged(exchange) {
        return Ok((response, Origin::Own));
    }
    exchange.verdict = access::decide(exchange).await?;
    limits(exchange, body)?;
    let permit = inspect::request(exchange, body).await?;
    let (response, origin) = if let Some(chosen) = fastcgi::beside(exchange)? {
        exchange.decide(Decided::File);
        let served = match chosen {
            Chosen::Folder(name) => files::to_directory(permit, exchange, &name),
            Chosen::Script(_) | Chosen::Files => files::serve(permit, exchange),
        };
        (served?, Origin::Own)
    } else if exchange.route.is_some() {
        doubled(&exchange.head)?;
        if scan::wanted(exchange) {
            Box::pin(scan::request(exchange, body)).await?;
        }
        exchange.decide(Decided::Forward);
        inspect::together(exchange).await;
        // Apart, so that a request for a file does not hold the room of one for an upstream.
        (Box::pin(upstream::forward(permit, exchange, body)).await?, Origin::Upstream)
    } else {
        exchange.decide(Decided::File);
        (files::serve(permit, exchange)?, Origin::Own)
    };
    let response = inspect::response(exchange, response).await?;
    inspect::together(exchange).await;
    Ok((compress::apply(exchange, response), origin))
}

/// Refuses a request of which an application may read another field than the rules did (RFC 9110 §5.3, CWE-436).
fn doubled(head: &Head) -> Result<(), Reason> {
    let is_twice = |name: &[u8]| {
        head.fields().filter(|(other, _)| other.eq_ignore_ascii_case(name)).nth(1).is_some()
    };
    if is_twice(b"content-type") || is_twice(b"authorization") {
        return Err(Reason::FieldTwice);
    }
    Ok(())
}

/// Turns the request away if the event loop is too far behind for it.
fn shed(exchange: &Exchange) -> Result<(), Stop> {
    let limit = exchange.plan.settings.limits.delay;
    let load = &exchange.worker.load;
    // The common case costs a comparison.
    if load.delay() < limit || !load.sheds(weight(exchange), limit) {
        return Ok(());
    }
    Err(Reason::Overloaded.into())
}

fn weight(exchange: &Exchange) -> Weight {
    let head = &exchange.head;
    let site = exchange.site.and_then(|site| exchange.plan.sites.get(site));
    let (path, _) = route::path_and_query(head.target());
    let checks = site
        .into_iter()
        .flat_map(|site| &site.routes)
        .filter_map(|plan| plan.route.balance.health.as_ref().map(|health| health.path.as_bytes()));
    if checks.into_iter().any(|own| own == path) {
        return Weight::Health;
    }
    let known = |name: &[u8]| head.field(name).is_some();
    if known(b"authorization") || known(b"cookie") { Weight::Known } else { Weight::Stranger }
}

/// The challenge page, where the site asks for it now and the client has not answered it.
fn challenged(exchange: &mut Exchange) -> Option<Response<OutBody>> {
    let site = exchange.site.and_then(|site| exchange.plan.sites.get(site))?;
    let limit = exchange.plan.settings.limits.delay;
    let wanted = match site.site.challenge {
        Challenge::Off => false,
        Challenge::Load => !limit.is_zero() && exchange.worker.load.delay() >= limit / 2,
        Challenge::On => true,
    };
    if wanted { challenge::stand(exchange) } else { None }
}

/// The route's rate and body limits.
fn limits(exchange: &Exchange, body: &mut RequestBody) -> Result<(), Stop> {
    body.limit(exchange.plan.limits(exchange.site, exchange.route))?;
    let site = exchange.site.and_then(|site| exchange.plan.sites.get(site));
    let Some((site, plan)) = site.and_then(|site| Some((site, site.routes.get(exchange.route?)?)))
    else {
        return Ok(());
    };
    let Some(rate) = &plan.route.limit else { return Ok(()) };
    let own = match &rate.by {
        RateBy::Client => None,
        RateBy::User => exchange.verdict.user().map(str::as_bytes),
        RateBy::Header(name) => exchange.head.field(name.as_bytes()),
    };
    let key = (site.site.name.as_str(), plan.route.path.as_str(), own);
    // Whoever has a bucket of their own has it wherever they come from.
    let client = exchange.client.address.ip();
    let client = if own.is_some() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { client };
    let now = burgrave_sys::monotonic().0;
    exchange.worker.buckets.take(client, &key, rate, now).map_err(Stop::Limit)
}

/// The answer to a request that was stopped.
fn give_up(exchange: &mut Exchange, stop: Stop) -> Result<Response<OutBody>, Aborted> {
    // A body that the guard refused looks like a client that left.
    let stop = match (stop, exchange.client.wire.refused()) {
        (Stop::Abort, Some(refused)) => Stop::Refuse(refused.reason),
        (stop, _) => stop,
    };
    exchange.stopped(&stop);
    let json = answer::wants_json(exchange.head.field(b"accept"));
    let reader = Reader { id: &exchange.id, json };
    let mut response = answer::stopped(&stop, reader).ok_or(Aborted)?;
    if !json && let Some(page) = files::error_page(exchange, response.status()) {
        // What the answer says beside its page stays.
        *response.body_mut() = page.into_body();
    }
    Ok(response)
}

/// The last step: headers, and the record that ends with the body.
fn finish(
    mut exchange: Box<Exchange>,
    response: Response<OutBody>,
    origin: Origin,
) -> Response<Recorded> {
    let (mut parts, body) = response.into_parts();
    headers::secure(&exchange, origin, &mut parts.headers);
    let http1 = !exchange.head.version.multiplexes();
    // Only the connection's end tells one of HTTP/1.0 where an answer of unknown length ends.
    let to_end = exchange.head.version == Version::Http10 && body.length().is_none();
    let last = exchange.head.close || exchange.worker.draining() || to_end;
    if http1 && (last || exchange.client.wire.refused().is_some()) {
        parts.headers.insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    }
    exchange.answer(parts.status.as_u16());
    let bodiless = exchange.head.method() == b"HEAD"
        || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || parts.status.is_informational();
    if bodiless {
        // What an upstream does not say of its content, nobody here knows; nor is a 304's empty content the file's.
        if origin == Origin::Own
            && parts.status != StatusCode::NOT_MODIFIED
            && let Some(length) = body.length()
            && exchange.head.method() == b"HEAD"
            && !parts.headers.contains_key(http::header::CONTENT_LENGTH)
        {
            parts.headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        exchange.complete();
        return Response::from_parts(parts, Recorded::new(OutBody::Empty, exchange));
    }
    Response::from_parts(parts, Recorded::new(body, exchange))
}
