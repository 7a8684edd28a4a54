//! From plain HTTP to HTTPS, on the same host.

use crate::connection::Client;
use crate::plan::Plan;
use crate::route::Place;
use bytes::Bytes;
use http::{HeaderValue, StatusCode};

/// Where to, when a listener redirects and the site has TLS.
///
/// The place is built from the host name that a site was found by, never from the target, so that
/// `//evil.example/` stays a path.
pub(crate) fn to_https(
    plan: &Plan,
    client: &Client,
    place: &Place,
    method: &[u8],
    target: &[u8],
) -> Option<(StatusCode, HeaderValue)> {
    let site = plan.sites.get(place.site)?;
    if client.tls.is_some() || site.site.tls.is_none() || place.host.is_empty() {
        return None;
    }
    if !plan.listener(client.listener).is_some_and(|listen| listen.redirect) {
        return None;
    }
    let status = match method {
        b"GET" | b"HEAD" => StatusCode::MOVED_PERMANENTLY,
        _ => StatusCode::PERMANENT_REDIRECT,
    };
    let secure = plan.settings.listeners.iter().find(|listen| listen.tls)?;
    let mut location = Vec::from(&b"https://"[..]);
    if place.host.contains(':') {
        location.extend_from_slice(format!("[{}]", place.host).as_bytes());
    } else {
        location.extend_from_slice(place.host.as_bytes());
    }
    if !matches!(secure.address.port(), 0 | 443) {
        location.extend_from_slice(format!(":{}", secure.address.port()).as_bytes());
    }
    let local = crate::guard::head::authority(target).map_or(target, |(_, rest)| rest);
    if !local.starts_with(b"/") {
        location.push(b'/');
    }
    if local != b"*" {
        crate::upstream::asked::encode(&mut location, local);
    }
    Some((status, HeaderValue::from_maybe_shared(Bytes::from(location)).ok()?))
}
