//! The header of an upstream's answer (RFC 9112 §4 to §6), read from bytes.
//!
//! Invariants: how long the content is has one reading, or the answer is refused; of fields that belong to the
//! upstream's connection or tell what it is, none comes out of here, nor do words beside the status.

use crate::guard::bytes::elements;
use crate::guard::head::length;
use crate::headers;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderMap};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use httparse::{ParserConfig, Status};
use std::mem::MaybeUninit;

/// Largest header of an answer.
pub(super) const HEADER_BYTES_MAX: usize = 64 * 1024;
/// Most fields in it.
const HEADER_COUNT_MAX: usize = 128;
/// Fields that are set on the way to the client, so that their map need not grow.
const HEADERS_ADDED: usize = 8;

/// Not an answer of HTTP/1, or over its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Garbage;

/// How an answer's content is delimited (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delimiter {
    Length(u64),
    Chunked,
    /// By the connection's end.
    Close,
}

/// A header that was read.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) response: Response<()>,
    pub(super) delimiter: Delimiter,
    /// The connection may take another request after this.
    pub(super) keeps: bool,
    /// It has no content because of what was asked, or of its status: a server that does not know that sends some.
    pub(super) bodiless: bool,
}

/// How far into a header we are.
#[derive(Debug, Default)]
pub(super) struct HeadReader {
    line_start: usize,
    searched: usize,
    begun: bool,
}

impl HeadReader {
    /// The header at the front of `input`, once it is whole; interim answers before it are dropped (RFC 9110
    /// §15.2). `head` says that `HEAD` was asked.
    pub(super) fn read(
        &mut self,
        input: &mut BytesMut,
        head: bool,
    ) -> Result<Option<Answered>, Garbage> {
        while let Some(end) = self.end(input)? {
            *self = Self::default();
            let text = input.split_to(end).freeze();
            if let Some(answered) = parse(&text, head)? {
                return Ok(Some(answered));
            }
        }
        Ok(None)
    }

    /// Where the header ends: behind the first blank line after another.
    fn end(&mut self, input: &[u8]) -> Result<Option<usize>, Garbage> {
        loop {
            let fresh = input.get(self.searched..).unwrap_or_default();
            let Some(found) = memchr::memchr(b'\n', fresh) else {
                self.searched = input.len();
                let over = self.searched > HEADER_BYTES_MAX;
                return if over { Err(Garbage) } else { Ok(None) };
            };
            let line_end = self.searched + found;
            let line = input.get(self.line_start..line_end).unwrap_or_default();
            let blank = matches!(line, [] | [b'\r']);
            (self.line_start, self.searched) = (line_end + 1, line_end + 1);
            if line_end > HEADER_BYTES_MAX {
                return Err(Garbage);
            }
            if blank && self.begun {
                return Ok(Some(line_end + 1));
            }
            self.begun |= !blank;
        }
    }
}

/// `None` for an interim answer.
fn parse(text: &Bytes, head: bool) -> Result<Option<Answered>, Garbage> {
    let mut fields = [const { MaybeUninit::uninit() }; HEADER_COUNT_MAX];
    let mut answer = httparse::Response::new(&mut []);
    let parsed =
        ParserConfig::default().parse_response_with_uninit_headers(&mut answer, text, &mut fields);
    if parsed != Ok(Status::Complete(text.len())) {
        return Err(Garbage);
    }
    let code = answer.code.ok_or(Garbage)?;
    // Above are none (RFC 9110 §15), whatever a client would make of them.
    let status = StatusCode::from_u16(code).ok().filter(|_| code < 600).ok_or(Garbage)?;
    if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(None);
    }
    let old = answer.version != Some(1);
    let said = Said::of(answer.headers, old)?;
    let delimiter = said.delimiter(status, head, old)?;
    // Nothing else is ever asked for (RFC 9110 §15.2.2).
    if status == StatusCode::SWITCHING_PROTOCOLS && (old || !said.switches || said.chunked) {
        return Err(Garbage);
    }
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.headers_mut() = coming_back(text, answer.headers, &said, status)?;
    let bodiless = is_bodiless(status, head);
    // What has no content says of none how long it is (RFC 9110 §8.6).
    let announces = said.chunked || said.length.is_some_and(|length| length > 0);
    let keeps = said.keeps
        && !(status == StatusCode::NO_CONTENT && announces)
        && !(said.chunked && said.length.is_some())
        && status != StatusCode::SWITCHING_PROTOCOLS;
    Ok(Some(Answered { response, delimiter, keeps, bodiless }))
}

/// What an answer says about its message and its connection.
#[derive(Debug)]
struct Said<'a> {
    length: Option<u64>,
    chunked: bool,
    keeps: bool,
    /// To WebSocket, if at all.
    switches: bool,
    /// Fields that `Connection` names.
    named: Vec<&'a [u8]>,
}

impl<'a> Said<'a> {
    fn of(fields: &[httparse::Header<'a>], old: bool) -> Result<Self, Garbage> {
        let (chunked, switches, named) = (false, false, Vec::new());
        let mut said = Self { length: None, chunked, keeps: !old, switches, named };
        for field in fields {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            match field.name.len() {
                7 if is("upgrade") => {
                    let mut protocols = elements(field.value);
                    said.switches |= protocols.any(|own| own.eq_ignore_ascii_case(b"websocket"));
                }
                10 if is("connection") => {
                    for option in elements(field.value) {
                        if option.eq_ignore_ascii_case(b"close") {
                            said.keeps = false;
                        } else if !option.eq_ignore_ascii_case(b"keep-alive") {
                            said.named.push(option);
                        }
                    }
                }
                14 if is("content-length") => {
                    let length = Some(length(field.value.trim_ascii()).ok().ok_or(Garbage)?);
                    // Twice the same is borne; two lengths are none.
                    if said.length.is_some() && said.length != length {
                        return Err(Garbage);
                    }
                    said.length = length;
                }
                17 if is("transfer-encoding") => {
                    // What is not only chunked would reach the client coded, and not said to be.
                    if said.chunked || !field.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                        return Err(Garbage);
                    }
                    said.chunked = true;
                }
                _ => {}
            }
        }
        Ok(said)
    }

    fn delimiter(&self, status: StatusCode, head: bool, old: bool) -> Result<Delimiter, Garbage> {
        // HTTP/1.0 has no chunked coding: whoever says so is not understood by all alike (RFC 9112 §6.1).
        if self.chunked && old {
            return Err(Garbage);
        }
        Ok(match self.length {
            _ if is_bodiless(status, head) => Delimiter::Length(0),
            _ if self.chunked => Delimiter::Chunked,
            Some(length) => Delimiter::Length(length),
            None => Delimiter::Close,
        })
    }
}

/// Whether an answer has no content, whatever it says (RFC 9112 §6.3). `head` says that `HEAD` was asked.
fn is_bodiless(status: StatusCode, head: bool) -> bool {
    let without = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];
    head || status == StatusCode::SWITCHING_PROTOCOLS || without.contains(&status)
}

/// The fields that a client may get.
fn coming_back(
    text: &Bytes,
    fields: &[httparse::Header<'_>],
    said: &Said<'_>,
    status: StatusCode,
) -> Result<HeaderMap, Garbage> {
    let mut out = HeaderMap::with_capacity(fields.len() + HEADERS_ADDED);
    for field in fields {
        let name = field.name.as_bytes();
        let is_length = name.eq_ignore_ascii_case(b"content-length");
        let named = said.named.iter().any(|other| other.eq_ignore_ascii_case(name));
        // Beside the coding a length means nothing, and an answer without content has none (RFC 9110 §8.6).
        let no_length = said.chunked || status == StatusCode::NO_CONTENT;
        if !headers::comes_back(name) || (is_length && no_length) || (named && !is_length) {
            continue;
        }
        if let (true, Some(length)) = (is_length, said.length) {
            // As a number is written, however the upstream wrote it.
            out.insert(CONTENT_LENGTH, HeaderValue::from(length));
            continue;
        }
        let value = HeaderValue::from_maybe_shared(text.slice_ref(field.value));
        let value = value.ok().ok_or(Garbage)?;
        let name = HeaderName::from_bytes(name).ok().ok_or(Garbage)?;
        out.try_append(name, value).ok().ok_or(Garbage)?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Feeds by pieces; the answer, and what is left of the input.
    fn read(
        input: &[u8],
        piece: usize,
        head: bool,
    ) -> Result<Option<(Answered, Vec<u8>)>, Garbage> {
        let (mut reader, mut buffer) = (HeadReader::default(), BytesMut::new());
        let mut parts = input.chunks(piece.max(1));
        loop {
            if let Some(answered) = reader.read(&mut buffer, head)? {
                parts.for_each(|part| buffer.extend_from_slice(part));
                return Ok(Some((answered, buffer.to_vec())));
            }
            let Some(part) = parts.next() else { return Ok(None) };
            buffer.extend_from_slice(part);
        }
    }

    fn summary(input: &str, head: bool) -> (u16, Delimiter, bool) {
        let whole = read(input.as_bytes(), input.len(), head).unwrap().unwrap().0;
        let said = |one: &Answered| (one.response.status().as_u16(), one.delimiter, one.keeps);
        for piece in 1..input.len() {
            let (other, _) = read(input.as_bytes(), piece, head).unwrap().unwrap();
            assert_eq!(said(&other), said(&whole), "{input:?} by {piece}");
            assert_eq!(other.response.headers(), whole.response.headers());
        }
        said(&whole)
    }

    #[test]
    fn content_has_one_length() {
        use Delimiter::{Chunked, Close, Length};
        for (input, wanted) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", (200, Length(5), true)),
            ("HTTP/1.1 200 OK\nContent-Length: 5\n\n", (200, Length(5), true)),
            (
                "\r\nHTTP/1.1 200\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\n",
                (200, Length(5), true),
            ),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", (200, Chunked, true)),
            ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", (200, Close, false)),
            ("HTTP/1.1 200 OK\r\n\r\n", (200, Close, true)),
            ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", (200, Length(1), false)),
            ("HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n", (204, Length(0), true)),
            ("HTTP/1.1 204 No\r\nContent-Length: 7\r\n\r\n", (204, Length(0), false)),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", (304, Length(0), true)),
            ("HTTP/1.1 101 Up\r\nUpgrade: websocket\r\n\r\nx", (101, Length(0), false)),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                (200, Length(0), true),
            ),
            // Both: the coding counts, and the connection is used no more (RFC 9112 §6.3).
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                (200, Chunked, false),
            ),
        ] {
            assert_eq!(summary(input, false), wanted, "{input:?}");
        }
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(summary(head, true), (200, Length(0), true));
    }

    #[test]
    fn fields_of_the_connection_stay_behind() {
        let input = b"HTTP/1.1 299 Fine enough\r\nServer: x\r\nConnection: keep-alive, X-Own, Content-Length\r\n\
            X-Own: 1\r\nX-Powered-By: y\r\nKeep-Alive: timeout=5\r\nVia: z\r\nX-Kept: a\r\nx-kept: b\r\n\
            Content-Length: 02\r\nContent-Length: 2\r\n\r\nok";
        let (answered, rest) = read(input, 7, false).unwrap().unwrap();
        let fields: Vec<_> = answered
            .response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        assert_eq!(fields, [("x-kept", &b"a"[..]), ("x-kept", b"b"), ("content-length", b"2")]);
        assert_eq!(rest, b"ok");
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for input in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: \0\r\n\r\n",
            "HTTP/1.1 099 OK\r\n\r\n",
            "HTTP/1.1 600 OK\r\n\r\n",
            "HTTP/1.1 999 No\r\n\r\n",
            "HTTP/1.1 101 Up\r\n\r\n",
            "HTTP/1.1 101 Up\r\nUpgrade: h2c\r\n\r\n",
            "HTTP/1.0 101 Up\r\nUpgrade: websocket\r\n\r\n",
            "HTTP/1.1 101 Up\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/2 200 OK\r\n\r\n",
            "ICY 200 OK\r\n\r\n",
            "hello\r\n\r\n",
        ] {
            for piece in 1..=input.len() {
                assert!(read(input.as_bytes(), piece, false).is_err(), "{input:?} by {piece}");
            }
        }
    }

    #[test]
    fn headers_are_bounded() {
        let endless = [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'a'; HEADER_BYTES_MAX]].concat();
        assert!(read(&endless, 4096, false).is_err());
        let lines = b"A: b\r\n".repeat(HEADER_BYTES_MAX / 6 + 10);
        assert!(read(&[b"HTTP/1.1 200 OK\r\n".to_vec(), lines].concat(), 999, false).is_err());
        let many = b"A: b\r\n".repeat(HEADER_COUNT_MAX + 1);
        let many = [b"HTTP/1.1 200 OK\r\n".to_vec(), many, b"\r\n".to_vec()].concat();
        assert!(read(&many, 999, false).is_err());
        assert!(read(&b"\r\n".repeat(HEADER_BYTES_MAX), 999, false).is_err());
    }

    proptest! {
        #[test]
        fn the_split_does_not_matter(
            lines in proptest::collection::vec(
                prop_oneof![
                    Just("\r\n".to_owned()), Just("\n".to_owned()), Just("Content-Length: 3\r\n".to_owned()),
                    Just("Transfer-Encoding: chunked\r\n".to_owned()), Just("HTTP/1.1 100 x\r\n\r\n".to_owned()),
                    Just("Connection: close, x\r\n".to_owned()), "[ -~]{0,9}\r\n", Just("\r".to_owned())
                ], 0..8),
            piece in 1_usize..20,
        ) {
            let input = format!("HTTP/1.1 200 OK\r\n{}", lines.concat());
            let said = |read: Result<Option<(Answered, Vec<u8>)>, Garbage>| read.map(|found| found.map(|(one, rest)| {
                (one.response.status(), one.delimiter, one.keeps, one.response.headers().clone(), rest)
            }));
            let whole = said(read(input.as_bytes(), input.len(), false));
            prop_assert_eq!(said(read(input.as_bytes(), piece, false)), whole);
        }
    }
}
