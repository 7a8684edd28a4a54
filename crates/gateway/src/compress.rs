//! Answers of applications in Brotli, zstd or gzip, on routes that ask for it.
//!
//! Off unless asked: over TLS, an answer that holds a secret beside something of the request's lets whoever
//! sees the lengths guess the secret (the attack called BREACH; CWE-200). What streams still streams: when
//! the application pauses, all that it has said is sent.

use crate::body::OutBody;
use crate::coder::Coder;
use crate::exchange::Exchange;
use crate::files::coding_for;
use crate::refusal::Reason;
use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, HeaderMap, VARY,
};
use http::{HeaderValue, Response, StatusCode};
use std::task::{Context, Poll};

/// Shorter answers gain nothing.
const BYTES_MIN: u64 = 860;
/// What is gathered before it is sent on, where the application does not pause.
const PIECE_BYTES: usize = 16 * 1024;

/// The answer, compressed where its route wants that, the client takes it and it gains by it.
pub(crate) fn apply(exchange: &Exchange, response: Response<OutBody>) -> Response<OutBody> {
    let site = exchange.site.and_then(|site| exchange.plan.sites.get(site));
    let route = site.and_then(|site| site.routes.get(exchange.route?));
    let accepted = exchange.head.list(b"accept-encoding").unwrap_or_default();
    let wanted = route.is_some_and(|own| own.route.compress) && exchange.head.method() == b"GET";
    if !wanted || !is_worth_it(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // Also of the plain one: a cache must not hand it to a client that asked for the other.
    parts.headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    let coding = coding_for(&accepted);
    let Some((coding, coder)) = coding.and_then(|own| Some((own, Coder::new(own).ok()?))) else {
        return Response::from_parts(parts, body);
    };
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.remove(ACCEPT_RANGES);
    parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    weaken(&mut parts.headers);
    Response::from_parts(parts, OutBody::Coded(Box::new(Coded::new(body, coder))))
}

fn is_worth_it(response: &Response<OutBody>) -> bool {
    let fields = response.headers();
    let length = response.body().length();
    let coded =
        [CONTENT_ENCODING.as_str(), CONTENT_RANGE.as_str(), "repr-digest", "content-digest"];
    let kept = |value: &HeaderValue| {
        value.as_bytes().to_ascii_lowercase().windows(12).any(|part| part == b"no-transform")
    };
    response.status() == StatusCode::OK
        && length.is_none_or(|length| length >= BYTES_MIN)
        && fields.get(CONTENT_TYPE).is_some_and(|kind| is_text(kind.as_bytes()))
        && !coded.iter().any(|name| fields.contains_key(*name))
        && !fields.get_all(CACHE_CONTROL).iter().any(kept)
}

/// Whether a content type is one of texts; events of a stream are for a reader that waits for each.
fn is_text(kind: &[u8]) -> bool {
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    let kind = kind.trim_ascii().to_ascii_lowercase();
    let named: [&[u8]; 5] = [
        b"application/json",
        b"application/javascript",
        b"application/xml",
        b"application/graphql",
        b"image/svg+xml",
    ];
    let text = kind.starts_with(b"text/") && kind != b"text/event-stream";
    text || named.contains(&kind.as_slice()) || kind.ends_with(b"+json") || kind.ends_with(b"+xml")
}

/// A strong tag is of the very bytes (RFC 9110 §8.8.1).
fn weaken(fields: &mut HeaderMap) {
    let strong = fields.get(ETAG).filter(|tag| tag.as_bytes().starts_with(b"\""));
    let weak = strong.map(|tag| HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()));
    match weak {
        Some(Ok(weak)) => drop(fields.insert(ETAG, weak)),
        Some(Err(_)) => drop(fields.remove(ETAG)),
        None => {}
    }
}

/// A body in a coding, made as it is sent.
pub(crate) struct Coded {
    plain: OutBody,
    /// `None`: all is said.
    coder: Option<Coder>,
    /// Whether something was written that was not yet sent.
    unsent: bool,
}

impl std::fmt::Debug for Coded {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Coded").field("plain", &self.plain).finish_non_exhaustive()
    }
}

impl Coded {
    fn new(plain: OutBody, coder: Coder) -> Self {
        Self { plain, coder: Some(coder), unsent: false }
    }

    /// What is compressed.
    pub(crate) fn plain(&mut self) -> &mut OutBody {
        &mut self.plain
    }

    /// Whether all was handed out.
    pub(crate) fn ended(&self) -> bool {
        self.coder.is_none()
    }

    pub(crate) fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Reason>>> {
        let fault = Poll::Ready(Some(Err(Reason::UpstreamGarbage)));
        loop {
            let Some(coder) = &mut self.coder else { return Poll::Ready(None) };
            match self.plain.poll_piece(context) {
                Poll::Ready(Some(Ok(piece))) => {
                    // Into memory: it cannot fail.
                    if coder.write(&piece).is_err() {
                        return fault;
                    }
                    self.unsent |= !piece.is_empty();
                    if coder.ready() >= PIECE_BYTES {
                        return Poll::Ready(Some(Ok(coder.take().into())));
                    }
                }
                Poll::Ready(Some(Err(reason))) => return Poll::Ready(Some(Err(reason))),
                Poll::Ready(None) => {
                    let last = self.coder.take().map(Coder::finish);
                    return match last {
                        Some(Ok(last)) => Poll::Ready(Some(Ok(last.into()))),
                        Some(Err(_)) | None => fault,
                    };
                }
                Poll::Pending if self.unsent => {
                    self.unsent = false;
                    if coder.flush().is_err() {
                        return fault;
                    }
                    return Poll::Ready(Some(Ok(coder.take().into())));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(fields: &[(&str, &str)], body: &'static str) -> Response<OutBody> {
        let mut response = Response::new(OutBody::Whole(Bytes::from_static(body.as_bytes())));
        for (name, value) in fields {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            response.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
        }
        response
    }

    const LONG: &str = match std::str::from_utf8(&[b'a'; 2000]) {
        Ok(text) => text,
        Err(_) => "",
    };

    #[test]
    fn only_long_texts_that_may_be_changed_are_worth_it() {
        for (fields, body, wanted) in [
            (&[("content-type", "text/html; charset=utf-8")][..], LONG, true),
            (&[("content-type", "application/problem+json")], LONG, true),
            (&[("content-type", "Application/JSON")], LONG, true),
            (&[("content-type", "text/html")], "short", false),
            (&[("content-type", "image/png")], LONG, false),
            (&[("content-type", "text/event-stream")], LONG, false),
            (&[], LONG, false),
            (&[("content-type", "text/html"), ("content-encoding", "br")], LONG, false),
            (&[("content-type", "text/html"), ("cache-control", "a, No-Transform")], LONG, false),
            (&[("content-type", "text/html"), ("content-range", "bytes 0-1/2")], LONG, false),
            (&[("content-type", "text/html"), ("repr-digest", "x")], LONG, false),
        ] {
            assert_eq!(is_worth_it(&answer(fields, body)), wanted, "{fields:?}");
        }
        let mut missing = answer(&[("content-type", "text/html")], LONG);
        *missing.status_mut() = StatusCode::NOT_FOUND;
        assert!(!is_worth_it(&missing));
    }

    #[test]
    fn tags_become_weak() {
        for (tag, wanted) in [("\"a\"", "W/\"a\""), ("W/\"a\"", "W/\"a\"")] {
            let mut fields = HeaderMap::from_iter([(ETAG, HeaderValue::from_static(tag))]);
            weaken(&mut fields);
            assert_eq!(fields[ETAG], wanted);
        }
    }
}
