//! What the HTTP library reads in the place of a request's header.
//!
//! Invariant: it is written here, of what was understood, and holds nothing that the client chose but its method and a length.

use super::head::{Framing, Head, Version};
use bytes::Bytes;

/// The header that the library gets: only what it needs to frame the exchange. The service works
/// on the original.
pub(super) fn canonical(head: &Head) -> Bytes {
    let mut out = Vec::with_capacity(128);
    out.extend_from_slice(head.method());
    out.extend_from_slice(if head.version == Version::Http10 {
        b" / HTTP/1.0\r\n"
    } else {
        b" / HTTP/1.1\r\n"
    });
    match head.framing {
        Framing::None => {}
        Framing::Length(length) => {
            out.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
        }
        Framing::Open => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    if head.close {
        out.extend_from_slice(b"connection: close\r\n");
    } else if head.version == Version::Http10 {
        out.extend_from_slice(b"connection: keep-alive\r\n");
    } else if head.upgrade {
        out.extend_from_slice(b"connection: upgrade\r\nupgrade: websocket\r\n");
    }
    if head.expects_continue {
        out.extend_from_slice(b"expect: 100-continue\r\n");
    }
    out.extend_from_slice(b"\r\n");
    Bytes::from(out)
}
