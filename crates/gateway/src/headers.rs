//! Which header fields cross the gateway, in both directions, and which it sets itself.

use crate::exchange::Exchange;
use crate::field_names::{is_forged, is_revealing};
use crate::guard::bytes::{elements, is_value};
use crate::guard::head::{Framing, Version};
use crate::hops;
use crate::plan::SitePlan;
use crate::refusal::Reason;
use burgrave_config::Environment;
use http::header::{
    ALT_SVC, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderMap, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VIA,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue};
use std::borrow::Cow;

/// The policy of static content and of our own pages.
pub(crate) const POLICY: &str = "default-src 'self'; frame-ancestors 'none'; base-uri 'self'; \
                                 form-action 'self'; object-src 'none'";
const OWN_POLICY: HeaderValue = HeaderValue::from_static(POLICY);
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_FRAMES: HeaderValue = HeaderValue::from_static("DENY");
const REFERRER: HeaderValue = HeaderValue::from_static("strict-origin-when-cross-origin");
/// What search engines are told of a site that is not for the public.
const NOINDEX: HeaderValue = HeaderValue::from_static("noindex, nofollow");
pub(crate) const STRICT_TEXT: &str = "max-age=31536000";
const STRICT: HeaderValue = HeaderValue::from_static(STRICT_TEXT);
const STRICT_SECONDS: u64 = 31_536_000;

/// Fields of one connection only (RFC 9110 §7.6.1), in lower case.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Fields that stay although `Connection` names them.
const NEVER_NAMED: [&str; 5] =
    ["host", "content-length", "sec-websocket-key", "sec-websocket-version", "cdn-loop"];

/// Of a name that an application may read as another one, such as one with a `_` or a dot for a `-` (CGI's variables have
/// but one letter for all of them), none does.
fn crosses(name: &[u8]) -> bool {
    let is = |list: &[&str]| list.iter().any(|other| name.eq_ignore_ascii_case(other.as_bytes()));
    let first = name.first().map_or(0, u8::to_ascii_lowercase);
    let is_plain = name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    if !is_plain || is_forged(name) {
        return false;
    }
    let suspect = matches!(first, b'c' | b'e' | b'h' | b'k' | b'p' | b't' | b'u');
    !(suspect && (is(&HOP_BY_HOP) || is(&["host", "content-length", "expect"])))
}

/// Hands out the fields for the upstream, name and value, made of the client's as received and our own.
pub(crate) fn to_upstream(exchange: &Exchange, mut add: impl FnMut(&[u8], &[u8])) {
    let head = &exchange.head;
    let mut named: Vec<&[u8]> = Vec::new();
    for (name, value) in head.fields() {
        if name.eq_ignore_ascii_case(b"connection") {
            named.extend(elements(value));
        }
    }
    // An answer that is to be inspected must not come compressed.
    let plain_answer = exchange.inspection.reads_answers();
    let credentials = exchange.verdict.takes_credentials();
    let traces = exchange.plan.settings.log.makes_traces();
    let left = hops::left(head);
    add(b"host", &host(exchange));
    for (name, value) in head.fields() {
        let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
        let dropped = !crosses(name)
            || (named.iter().any(|other| is(other))
                && !NEVER_NAMED.iter().any(|other| is(other.as_bytes())));
        let unreadable = plain_answer && is(b"accept-encoding");
        let ours = credentials && is(b"authorization");
        // A stranger's trace is none of ours (W3C Trace Context, 4.3: a new one is begun at the boundary).
        let strange = traces && (is(b"traceparent") || is(b"tracestate"));
        if let Some(left) = left.filter(|_| is(hops::LEFT)) {
            add(name, left.saturating_sub(1).to_string().as_bytes());
            continue;
        }
        if !(dropped || unreadable || ours || strange) {
            add(name, value);
        }
    }
    match head.framing {
        // A server may refuse such a method without a length (RFC 9110 §8.6).
        Framing::None if matches!(head.method(), b"POST" | b"PUT" | b"PATCH") => {
            add(b"content-length", b"0");
        }
        Framing::None => {}
        Framing::Length(length) => add(b"content-length", length.to_string().as_bytes()),
        Framing::Open => add(b"transfer-encoding", b"chunked"),
    }
    add_own(exchange, traces, add);
}

/// [`to_upstream`] as a map, for protocols whose library wants one.
pub(crate) fn map_to_upstream(exchange: &Exchange) -> Result<HeaderMap, Reason> {
    let mut out = HeaderMap::with_capacity(24);
    let mut fault = None;
    to_upstream(exchange, |name, value| {
        let added = HeaderName::from_bytes(name).ok().ok_or(Reason::FieldName).and_then(|name| {
            let value = HeaderValue::from_bytes(value).ok().ok_or(Reason::FieldValue)?;
            out.try_append(name, value).ok().ok_or(Reason::HeaderMany)
        });
        if let Err(reason) = added {
            fault = Some(reason);
        }
    });
    fault.map_or(Ok(out), Err)
}

fn host(exchange: &Exchange) -> Cow<'_, [u8]> {
    let head = &exchange.head;
    let named = crate::guard::head::authority(head.target()).map(|(authority, _)| authority);
    let Some(field) = named.or_else(|| head.host()) else {
        return Cow::Borrowed(b"localhost");
    };
    spelled(&exchange.host, field)
}

/// The field as it is where that is the normalised host, or that with a port: another spelling of the name may be another
/// host to an application.
fn spelled<'f>(host: &str, field: &'f [u8]) -> Cow<'f, [u8]> {
    if matches!(field.strip_prefix(host.as_bytes()), Some([] | [b':', ..])) {
        Cow::Borrowed(field)
    } else {
        Cow::Owned(normalised(host, field))
    }
}

/// The normalised host with the port that the client wrote.
fn normalised(host: &str, field: &[u8]) -> Vec<u8> {
    let after = field.iter().rposition(|byte| *byte == b']').unwrap_or(0);
    let rest = field.get(after..).unwrap_or_default();
    let port = rest.iter().position(|byte| *byte == b':').and_then(|colon| rest.get(colon..));
    let mut out =
        if host.contains(':') { format!("[{host}]") } else { host.to_owned() }.into_bytes();
    out.extend_from_slice(port.unwrap_or_default());
    out
}

fn add_own(exchange: &Exchange, traces: bool, mut add: impl FnMut(&[u8], &[u8])) {
    let client = &exchange.client;
    add(b"x-forwarded-for", client.ip_value.as_bytes());
    add(b"x-real-ip", client.ip_value.as_bytes());
    add(b"x-forwarded-proto", if client.tls.is_some() { b"https" } else { b"http" });
    add(b"x-forwarded-host", exchange.host.as_bytes());
    // A certificate may name its holder by anything.
    if let Some(user) = exchange.verdict.user().filter(|user| is_value(user.as_bytes())) {
        add(b"x-forwarded-user", user.as_bytes());
    }
    add(b"x-request-id", exchange.id.as_bytes());
    add(hops::LOOP, hops::NAME);
    if traces {
        add(b"traceparent", trace(&exchange.id).as_bytes());
    }
}

/// The request as the parent of what an application records: the trace has its id, and the span the second half of it.
fn trace(id: &str) -> String {
    format!("00-{id}-{}-01", id.get(16..).unwrap_or_default())
}

/// Takes out of an upstream's header what belongs to its connection or tells what it is.
pub(crate) fn from_upstream(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| elements(value.as_bytes()))
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .filter(|name| *name != CONTENT_LENGTH)
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VIA] {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    let revealing: Vec<HeaderName> =
        headers.keys().filter(|name| is_revealing(name.as_str().as_bytes())).cloned().collect();
    for name in revealing {
        headers.remove(name);
    }
}

/// Whether a field of an upstream's header may reach a client, whatever `Connection` names besides.
pub(crate) fn comes_back(name: &[u8]) -> bool {
    let first = name.first().map_or(0, u8::to_ascii_lowercase);
    let is = |other: &&str| name.eq_ignore_ascii_case(other.as_bytes());
    let suspect = matches!(first, b'c' | b'k' | b'p' | b't' | b'u' | b'v');
    !(is_revealing(name) || suspect && (HOP_BY_HOP.iter().any(is) || is(&"via")))
}

/// Fields that decide how a message is framed, read or kept, and so must not come after it (RFC
/// 9110 §6.5.1).
const NOT_IN_TRAILERS: [&str; 12] = [
    "age",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-range",
    "content-security-policy",
    "content-type",
    "expires",
    "host",
    "location",
    "set-cookie",
    "www-authenticate",
];

/// Takes out of an upstream's trailers what may only stand in a header.
pub(crate) fn trailers_from_upstream(trailers: &mut HeaderMap) {
    from_upstream(trailers);
    for name in NOT_IN_TRAILERS {
        trailers.remove(name);
    }
}

/// Where an answer's content comes from, which decides about its policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file or a page of ours.
    Own,
    /// An upstream, whose own frame, referrer and content policies stay.
    Upstream,
}

/// Sets the security headers that every answer has, then what the site's configuration says.
pub(crate) fn secure(exchange: &Exchange, origin: Origin, headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    if exchange.client.tls.is_some() {
        // An application that asks for more has it.
        let own = headers.get(STRICT_TRANSPORT_SECURITY).map(HeaderValue::as_bytes);
        if origin == Origin::Own || own.is_none_or(|own| lasts(own) < Some(STRICT_SECONDS)) {
            headers.insert(STRICT_TRANSPORT_SECURITY, STRICT);
        }
    } else {
        // Over plain HTTP it must be ignored (RFC 6797 §8.1).
        headers.remove(STRICT_TRANSPORT_SECURITY);
    }
    let mut default = |name: HeaderName, value: HeaderValue| {
        if origin == Origin::Own || !headers.contains_key(&name) {
            headers.insert(name, value);
        }
    };
    default(X_FRAME_OPTIONS, NO_FRAMES);
    default(REFERRER_POLICY, REFERRER);
    if origin == Origin::Own {
        headers.insert(CONTENT_SECURITY_POLICY, OWN_POLICY);
    }
    let Some(site) = exchange.site.and_then(|site| exchange.plan.sites.get(site)) else { return };
    if let Some(service) = other_service(exchange, site) {
        headers.insert(ALT_SVC, service);
    } else {
        headers.remove(ALT_SVC);
    }
    if site.site.environment != Environment::Production {
        headers.insert(HeaderName::from_static("x-robots-tag"), NOINDEX);
    }
    for (name, value) in &site.headers {
        match value {
            Some(value) => headers.insert(name, value.clone()),
            None => headers.remove(name),
        };
    }
}

/// The seconds of a `Strict-Transport-Security` (RFC 6797 §6.1); `None` where it has none that all read alike.
fn lasts(value: &[u8]) -> Option<u64> {
    let mut ages = value.split(|byte| *byte == b';').filter_map(|directive| {
        let (name, age) = directive.trim_ascii().split_at_checked("max-age=".len())?;
        name.eq_ignore_ascii_case(b"max-age=").then_some(age)
    });
    let (age, None) = (ages.next()?, ages.next()) else { return None };
    let is_number = age.len() <= 15 && age.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(age).ok().filter(|_| is_number)?.parse().ok()
}

/// Where the same is to be had by HTTP/3 (RFC 7838, RFC 9114 §3.1.1): said to those who do not use it.
fn other_service(exchange: &Exchange, site: &SitePlan) -> Option<HeaderValue> {
    let client = &exchange.client;
    client.tls.as_ref()?;
    if exchange.head.version == Version::Http3 || site.site.client_ca.is_some() {
        return None;
    }
    let listen = exchange.plan.listener(client.listener).filter(|listen| listen.http3)?;
    let port = listen.address.port();
    match port {
        443 => Some(HeaderValue::from_static("h3=\":443\"; ma=86400")),
        _ => HeaderValue::try_from(format!("h3=\":{port}\"; ma=86400")).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_end_to_end_fields_that_nobody_forged_cross() {
        for name in [
            "Connection",
            "KEEP-ALIVE",
            "te",
            "Trailer",
            "Transfer-Encoding",
            "Upgrade",
            "Proxy-Authorization",
            "proxy-connection",
            "Proxy",
            "Forwarded",
            "X-Forwarded-For",
            "x-forwarded-anything",
            "X-Real-IP",
            "X-Original-URL",
            "X-Rewrite-URL",
            "X-Request-Id",
            "X_Forwarded_For",
            "Content_Length",
            "X.Forwarded.For",
            "Content~Type",
            "Client-Cert",
            "X-HTTP-Method-Override",
            "HTTP2-Settings",
            "Host",
            "Content-Length",
            "Expect",
        ] {
            assert!(!crosses(name.as_bytes()), "{name}");
        }
        for name in [
            "Accept",
            "Cookie",
            "Content-Type",
            "Cache-Control",
            "X-Client-Version",
            "X-Requested-With",
            "Authorization",
            "Range",
            "ETag",
            "Proxy-Status",
            "Upgrade-Insecure-Requests",
            "Traceparent",
            "Keep",
            "X",
            "Sec-WebSocket-Key",
        ] {
            assert!(crosses(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_stricter_word_than_ours_is_understood() {
        for (value, wanted) in [
            ("max-age=63072000; includeSubDomains; preload", Some(63_072_000)),
            ("includeSubDomains;MAX-AGE=1", Some(1)),
            ("max-age=0", Some(0)),
            ("max-age=\"5\"", None),
            ("max-age=-1", None),
            ("max-age=", None),
            ("max-age=1; max-age=2", None),
            ("max-age=1111111111111111", None),
            ("preload", None),
            ("", None),
        ] {
            assert_eq!(lasts(value.as_bytes()), wanted, "{value}");
        }
        assert_eq!(lasts(STRICT.as_bytes()), Some(STRICT_SECONDS));
    }

    #[test]
    fn hosts_keep_their_port() {
        for (host, field, wanted) in [
            ("site.test", "SITE.test.:8080", "site.test:8080"),
            ("site.test", "Site.Test", "site.test"),
            ("site.test", "site.test.", "site.test"),
            ("site.test", "site.test.:80", "site.test:80"),
            ("::1", "[0:0::1]:443", "[::1]:443"),
            ("::1", "[0:0::1]", "[::1]"),
        ] {
            assert_eq!(normalised(host, field.as_bytes()), wanted.as_bytes(), "{field}");
            assert_eq!(*spelled(host, field.as_bytes()), *wanted.as_bytes(), "{field}");
        }
    }

    #[test]
    fn an_upstreams_own_fields_stay_behind() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-mine, content-length"),
            ("x-mine", "1"),
            ("content-length", "5"),
            ("server", "Apache"),
            ("x-powered-by", "PHP"),
            ("content-type", "text/plain"),
            ("set-cookie", "a=b"),
            ("via", "1.1 x"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        for name in headers.keys() {
            let own = name == "x-mine";
            let stays = matches!(name.as_str(), "content-length" | "content-type" | "set-cookie");
            assert_eq!(comes_back(name.as_str().as_bytes()), stays || own, "{name}");
        }
        from_upstream(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-length", "content-type", "set-cookie"]);
    }
}
