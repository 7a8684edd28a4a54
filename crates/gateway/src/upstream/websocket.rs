//! The WebSocket handshake (RFC 6455 §4): checked before an upstream sees it, tunnelled after.

use super::link::Link;
use super::tunnel::Tunnel;
use crate::body::OutBody;
use crate::exchange::Exchange;
use crate::guard::bytes::elements;
use crate::guard::head::{Framing, Head, Version};
use crate::refusal::Reason;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Response};

/// 16 bytes in base64.
const KEY_BYTES: usize = 24;

/// Whether a WebSocket is asked for; a request that asks for one in a wrong way is refused.
pub(super) fn asked(head: &Head) -> Result<bool, Reason> {
    let upgrade = |(name, value): (&[u8], &[u8])| {
        name.eq_ignore_ascii_case(b"upgrade")
            && elements(value).any(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
    };
    if head.version.multiplexes() || !head.fields().any(upgrade) {
        return Ok(false);
    }
    let good = head.method() == b"GET"
        && head.version == Version::Http11
        && head.upgrade
        && head.framing == Framing::None
        && only(head, b"sec-websocket-version") == Some(b"13")
        && only(head, b"sec-websocket-key").is_some_and(is_key);
    if good { Ok(true) } else { Err(Reason::WebSocket) }
}

/// The value of a field that must not stand twice (RFC 6455 §11.3.1, §11.3.5).
fn only<'h>(head: &'h Head, name: &[u8]) -> Option<&'h [u8]> {
    let mut all = head.fields().filter(|(other, _)| other.eq_ignore_ascii_case(name));
    let (first, None) = (all.next(), all.next()) else { return None };
    first.map(|(_, value)| value)
}

/// 22 letters of base64, of which the last carries four bits, and two signs of equality.
fn is_key(key: &[u8]) -> bool {
    let Some((letters, b"==")) = key.split_at_checked(KEY_BYTES - 2) else { return false };
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    letters.iter().all(letter) && matches!(letters.last(), Some(b'A' | b'Q' | b'g' | b'w'))
}

/// The fields that tell the client of the switch.
fn told(fields: &mut HeaderMap) {
    fields.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    fields.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// Hands the upstream's socket to the client's connection and answers 101.
pub(super) fn switch(
    exchange: &Exchange,
    mut parts: http::response::Parts,
    link: Link,
) -> Response<OutBody> {
    let (socket, ahead) = link.into_socket();
    let limits = exchange.plan.limits(exchange.site, exchange.route);
    let tunnel = Tunnel { socket, ahead, idle: limits.idle_time };
    *exchange.client.tunnel.borrow_mut() = Some(tunnel);
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.remove(TRANSFER_ENCODING);
    told(&mut parts.headers);
    Response::from_parts(parts, OutBody::Empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sixteen_bytes() {
        assert!(is_key(b"dGhlIHNhbXBsZSBub25jZQ=="));
        for key in [
            "",
            "x",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25jZB==",
            "dGhlIHNhbXBsZSBub25j!Q==",
            "dGhlIHNhbXBsZSBub25jZWFhYQ==",
        ] {
            assert!(!is_key(key.as_bytes()), "{key}");
        }
    }
}
