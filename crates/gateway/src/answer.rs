//! The gateway's own answers: terse pages that name no product, and redirects.

use crate::body::OutBody;
use crate::inspect::Stop;
use crate::refusal::Reason;
use burgrave_seclang::Disruption;
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use std::time::{Duration, SystemTime};

/// How to sign in (RFC 7617).
const SIGN_IN: HeaderValue =
    HeaderValue::from_static("Basic realm=\"restricted\", charset=\"UTF-8\"");

/// What an error page is written for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    /// The request's id, to be told to support.
    pub(crate) id: &'a str,
    /// Whether the client would rather have JSON.
    pub(crate) json: bool,
}

/// Whether `Accept` names JSON and no HTML.
pub(crate) fn wants_json(accept: Option<&[u8]>) -> bool {
    let named = |part: &[u8]| accept.is_some_and(|list| memchr::memmem::find(list, part).is_some());
    named(b"application/json") && !named(b"text/html")
}

/// The answer to a request that goes no further; `None`: no answer at all, the connection ends.
pub(crate) fn stopped(stop: &Stop, reader: Reader<'_>) -> Option<Response<OutBody>> {
    match stop {
        Stop::Abort => None,
        Stop::Refuse(reason) => Some(refused(*reason, reader)),
        Stop::Limit(wait) => {
            let mut response = page(StatusCode::TOO_MANY_REQUESTS, reader);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(*wait));
            Some(response)
        }
        Stop::Block(interruption) => match &interruption.action {
            Disruption::Drop => None,
            Disruption::Deny(status) => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::FORBIDDEN);
                Some(page(status, reader))
            }
            Disruption::Redirect { status, location } => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::FOUND);
                Some(match HeaderValue::from_bytes(location) {
                    Ok(location) => redirect(status, location),
                    Err(_invalid) => page(StatusCode::FORBIDDEN, reader),
                })
            }
        },
    }
}

fn refused(reason: Reason, reader: Reader<'_>) -> Response<OutBody> {
    let mut response = page(reason.status(), reader);
    if reason == Reason::FileMethod {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    if matches!(reason, Reason::Overloaded | Reason::SignInBusy) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    }
    if matches!(reason, Reason::SignInNeeded | Reason::SignInWrong) {
        response.headers_mut().insert(WWW_AUTHENTICATE, SIGN_IN);
    }
    response
}

/// To `OPTIONS`, where it goes no further.
pub(crate) fn options() -> Response<OutBody> {
    let mut response = Response::new(OutBody::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(METHODS));
    response
}

/// To another place.
pub(crate) fn redirect(status: StatusCode, location: HeaderValue) -> Response<OutBody> {
    let mut response = Response::new(OutBody::Empty);
    *response.status_mut() = status;
    response.headers_mut().insert(LOCATION, location);
    response
}

/// An error page.
pub(crate) fn page(status: StatusCode, reader: Reader<'_>) -> Response<OutBody> {
    let (number, words, id) = (status.as_u16(), words(status), reader.id);
    let (kind, text) = if reader.json {
        let text = format!("{{\"status\":{number},\"error\":\"{words}\",\"request\":\"{id}\"}}\n");
        ("application/json", text)
    } else {
        let text = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{number}</title>\
             <h1>{number}</h1><p>{words}.</p><p>Request {id}</p></html>\n"
        );
        ("text/html; charset=utf-8", text)
    };
    let mut response = Response::new(OutBody::Whole(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What a status means, in words that give nothing away.
pub(crate) fn words(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "Please sign in",
        403 => "This request is not allowed",
        404 => "There is nothing here",
        405 => "This method is not allowed here",
        408 => "The request took too long",
        413 => "The request is too large",
        414 => "The address is too long",
        416 => "This part does not exist",
        421 => "This server does not answer for that name",
        429 => "Too many requests, please wait",
        431 => "The request header is too large",
        502 | 504 => "The service behind this page does not answer at the moment",
        503 => "This server is busy, please try again",
        500..=599 => "Something went wrong here",
        _ => "The request could not be understood",
    }
}

/// The time of day, for `Date`.
pub(crate) fn now() -> SystemTime {
    let since = u64::try_from(burgrave_sys::wall_clock().0).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_micros(since)
}

/// Methods that may be used somewhere.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// A whole answer as bytes, for a connection whose request never became one. `secure`: it is spoken over TLS.
pub(crate) fn raw(reason: Reason, id: &str, secure: bool) -> (Vec<u8>, u64) {
    let status = reason.status();
    let (number, words) = (status.as_u16(), words(status));
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{number}</title>\
         <h1>{number}</h1><p>{words}.</p><p>Request {id}</p></html>\n"
    );
    let phrase = status.canonical_reason().unwrap_or("Error");
    let length = body.len();
    let mut more = format!("date: {}\r\n", httpdate::fmt_http_date(now()));
    if secure {
        more.push_str(&format!("strict-transport-security: {}\r\n", crate::headers::STRICT_TEXT));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        more.push_str(&format!("allow: {METHODS}\r\n"));
    }
    let head = format!(
        "HTTP/1.1 {number} {phrase}\r\ncontent-type: text/html; charset=utf-8\r\n\
         content-length: {length}\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n\
         x-frame-options: DENY\r\nreferrer-policy: strict-origin-when-cross-origin\r\n\
         content-security-policy: {}\r\n{more}connection: close\r\n\r\n",
        crate::headers::POLICY
    );
    (format!("{head}{body}").into_bytes(), u64::try_from(length).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_seclang::Interruption;

    const READER: Reader<'static> = Reader { id: "0123", json: false };

    fn block(action: Disruption) -> Stop {
        Stop::Block(Interruption { action, rule: Some(1), reason: "r".to_owned() })
    }

    #[test]
    fn each_stop_has_its_answer() {
        for (stop, wanted) in [
            (Stop::Refuse(Reason::NotFound), Some(404)),
            (Stop::Refuse(Reason::FileMethod), Some(405)),
            (Stop::Limit(7), Some(429)),
            (Stop::Abort, None),
            (block(Disruption::Deny(406)), Some(406)),
            (block(Disruption::Deny(0)), Some(403)),
            (block(Disruption::Drop), None),
            (block(Disruption::Redirect { status: 303, location: b"/x".to_vec() }), Some(303)),
            (block(Disruption::Redirect { status: 303, location: b"/\r\n".to_vec() }), Some(403)),
        ] {
            let answer = stopped(&stop, READER);
            assert_eq!(answer.map(|answer| answer.status().as_u16()), wanted, "{stop:?}");
        }
        let limited = stopped(&Stop::Limit(7), READER).unwrap();
        assert_eq!(limited.headers()[RETRY_AFTER], "7");
        let refused = stopped(&Stop::Refuse(Reason::FileMethod), READER).unwrap();
        assert_eq!(refused.headers()[ALLOW], "GET, HEAD");
    }

    #[test]
    fn pages_are_in_the_readers_language() {
        for (accept, wanted) in [
            (None, false),
            (Some("*/*"), false),
            (Some("application/json"), true),
            (Some("application/json, text/plain"), true),
            (Some("text/html, application/json"), false),
        ] {
            assert_eq!(wants_json(accept.map(str::as_bytes)), wanted, "{accept:?}");
        }
    }

    #[test]
    fn a_raw_answer_is_a_whole_one() {
        let (bytes, length) = raw(Reason::BareLf, "0123", false);
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n") && body.contains("0123"));
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())));
        assert_eq!(u64::try_from(body.len()), Ok(length));
        assert!(head.ends_with("connection: close") && head.contains("\r\ndate: "));
        assert!(!head.contains("strict-transport") && !head.contains("\r\nallow: "));
        let (secure, _) = raw(Reason::MethodForbidden, "0123", true);
        let secure = String::from_utf8(secure).unwrap();
        assert!(secure.contains("\r\nstrict-transport-security: max-age="), "{secure}");
        assert!(secure.contains("\r\nallow: GET, "), "{secure}");
        for status in 400..600 {
            let words = words(StatusCode::from_u16(status).unwrap());
            assert!(!words.is_empty() && !words.to_lowercase().contains("burgrave"));
        }
    }
}
