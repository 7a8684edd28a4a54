//! A request as bytes for an upstream of HTTP/1.1 (RFC 9112 §3 and §5).
//!
//! Invariant: what is written was parsed before, by the guard or as HTTP/2 or HTTP/3, and is written anew: no
//! byte of the client's framing comes through, and no value holds the end of a line.

use crate::exchange::Exchange;
use crate::headers;
use crate::route::path_and_query;

/// Writes the header of the exchange's request; with `handshake`, of one that asks for a WebSocket.
pub(super) fn write(exchange: &Exchange, handshake: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(exchange.head.method());
    out.push(b' ');
    target(exchange.head.target(), out);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    headers::to_upstream(exchange, |name, value| field(out, name, value));
    if handshake {
        field(out, b"connection", b"upgrade");
        field(out, b"upgrade", b"websocket");
    }
    out.extend_from_slice(b"\r\n");
}

fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The target in origin form. Bytes that a URI may not hold are percent-encoded on the way.
pub(super) fn target(target: &[u8], out: &mut Vec<u8>) {
    let (path, query) = path_and_query(target);
    encode(out, path);
    if let Some(query) = query {
        out.push(b'?');
        encode(out, query);
    }
}

/// Adds a part of a URI as it is but for such bytes.
pub(crate) fn encode(out: &mut Vec<u8>, part: &[u8]) {
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
        for (given, wanted) in [
            ("/a/b?c=d&e=%20f", "/a/b?c=d&e=%20f"),
            ("http://x/a?b", "/a?b"),
            ("http://x", "/"),
            ("*", "*"),
            ("/a[b]|\\^~!$&'()*+,:;=@-._?/?", "/a[b]|\\^~!$&'()*+,:;=@-._?/?"),
            ("/?q=<script>\"`{}", "/?q=%3cscript%3e%22%60%7b%7d"),
            ("/\u{e9}?\u{e9}", "/%c3%a9?%c3%a9"),
            ("/a b\r\nX: y", "/a%20b%0d%0aX:%20y"),
        ] {
            let mut out = Vec::new();
            target(given.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), wanted);
        }
    }
}
