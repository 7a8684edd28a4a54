//! The header section of a request (RFC 9112 §2–5), line by line and strictly.
//!
//! Nothing reaches the HTTP library or an upstream that did not pass here. The parser is pure: it
//! is fed a growing buffer, remembers how far it came, and its answer does not depend on how the
//! bytes were cut. What it accepts is kept as received, so that rules and log see the original.

mod builder;

pub(crate) use builder::HeadBuilder;

use super::bytes::{elements, is_target, is_token, is_value, trim};
use crate::refusal::Reason;
use bytes::Bytes;
use std::borrow::Cow;

/// Most bytes of a request line.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// Most bytes of a method.
const METHOD_BYTES_MAX: usize = 32;
/// Most blank lines before a request (RFC 9112 §2.2 wants at least one).
const BLANK_LINES_MAX: u8 = 2;
/// A length of 18 digits fits 64 bits with a sign.
const LENGTH_DIGITS_MAX: usize = 18;

/// Bounds on a header section.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadLimits {
    /// Bytes with the request line.
    pub(crate) bytes_max: usize,
    /// Fields.
    pub(crate) fields_max: usize,
}

/// A place in the raw header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) fn of(self, raw: &[u8]) -> &[u8] {
        raw.get(self.start..self.end).unwrap_or_default()
    }

    /// `part` must lie within `whole`, whose first byte is at `base`.
    fn within(whole: &[u8], base: usize, part: &[u8]) -> Self {
        let start = base + part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
        Self { start, end: start + part.len() }
    }
}

/// The protocol that a request came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http10,
    Http11,
    Http2,
    Http3,
}

impl Version {
    /// Many requests share a connection at once, and each can have trailers.
    pub(crate) fn multiplexes(self) -> bool {
        matches!(self, Self::Http2 | Self::Http3)
    }

    /// As the rules and the log write it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2.0",
            Self::Http3 => "HTTP/3.0",
        }
    }
}

/// How a request's body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// No body.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunked, or a stream of HTTP/2 or HTTP/3 of unknown length.
    Open,
}

/// A header section that passed.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) raw: Bytes,
    method: Span,
    target: Span,
    pub(crate) version: Version,
    fields: Vec<(Span, Span)>,
    pub(crate) framing: Framing,
    host: Option<Span>,
    /// The client waits for an interim answer before it sends the body.
    pub(crate) expects_continue: bool,
    /// `Connection: close`, or HTTP/1.0 without `keep-alive`.
    pub(crate) close: bool,
    /// `Connection: upgrade`.
    pub(crate) upgrade: bool,
}

impl Head {
    pub(crate) fn method(&self) -> &[u8] {
        self.method.of(&self.raw)
    }

    pub(crate) fn target(&self) -> &[u8] {
        self.target.of(&self.raw)
    }

    /// The only `Host`, or HTTP/2's authority.
    pub(crate) fn host(&self) -> Option<&[u8]> {
        self.host.map(|span| span.of(&self.raw))
    }

    /// Names and values in the order received, spelled as received.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|(name, value)| (name.of(&self.raw), value.of(&self.raw)))
    }

    /// The first value of a field; `name` in any case.
    pub(crate) fn field(&self, name: &[u8]) -> Option<&[u8]> {
        self.fields().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of a field that is a list, of all its lines together (RFC 9110 §5.3).
    pub(crate) fn list(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        let mut all = self.fields().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let (_, first) = all.next()?;
        let mut whole = Cow::Borrowed(first);
        for (_, more) in all {
            let whole = whole.to_mut();
            whole.extend_from_slice(b", ");
            whole.extend_from_slice(more);
        }
        Some(whole)
    }

    /// The first value of a cookie (RFC 6265 §4.2).
    pub(crate) fn cookie(&self, name: &str) -> Option<&[u8]> {
        let fields = self.fields().filter(|(field, _)| field.eq_ignore_ascii_case(b"cookie"));
        fields
            .flat_map(|(_, value)| value.split(|byte| *byte == b';'))
            .find_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="))
    }
}

/// How far into a header section we are. Spans count from the start of the buffer.
#[derive(Debug, Default)]
pub(crate) struct HeadParser {
    line_start: usize,
    searched: usize,
    blank_lines: u8,
    line: Option<(Span, Span, Version)>,
    fields: Vec<(Span, Span)>,
    length: Option<u64>,
    chunked: bool,
    host: Option<Span>,
    expects_continue: bool,
    options: Options,
}

/// What `Connection` says.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    close: bool,
    keep_alive: bool,
    upgrade: bool,
}

impl HeadParser {
    /// Goes on in a buffer that holds what it held before and perhaps more. `Some` is the length
    /// of the finished header section.
    pub(crate) fn advance(
        &mut self,
        buffer: &[u8],
        limits: HeadLimits,
    ) -> Result<Option<usize>, Reason> {
        loop {
            let fresh = buffer.get(self.searched..).unwrap_or_default();
            let Some(found) = memchr::memchr(b'\n', fresh) else {
                self.searched = buffer.len();
                self.check_size(buffer.len(), limits)?;
                return Ok(None);
            };
            let end = self.searched + found + 1;
            self.check_size(end, limits)?;
            let whole = buffer.get(self.line_start..end).unwrap_or_default();
            let line = whole.strip_suffix(b"\r\n").ok_or(Reason::BareLf)?;
            let base = self.line_start;
            (self.line_start, self.searched) = (end, end);
            if self.take_line(line, base, limits)? {
                self.check_whole()?;
                return Ok(Some(end));
            }
        }
    }

    /// Whether any byte of a request has come.
    pub(crate) fn begun(&self) -> bool {
        self.searched > 0
    }

    /// The header, once [`Self::advance`] said that it is complete; `raw` is that many bytes.
    pub(crate) fn finish(self, raw: Bytes) -> Option<Head> {
        let (method, target, version) = self.line?;
        let framing = match (self.chunked, self.length) {
            (true, _) => Framing::Open,
            (false, None | Some(0)) => Framing::None,
            (false, Some(length)) => Framing::Length(length),
        };
        let close = self.options.close || (version == Version::Http10 && !self.options.keep_alive);
        Some(Head {
            raw,
            method,
            target,
            version,
            fields: self.fields,
            framing,
            host: self.host,
            expects_continue: self.expects_continue,
            close,
            upgrade: self.options.upgrade,
        })
    }

    fn check_size(&self, end: usize, limits: HeadLimits) -> Result<(), Reason> {
        if self.line.is_none() && end - self.line_start > LINE_BYTES_MAX + 2 {
            return Err(Reason::TargetLong);
        }
        if end > limits.bytes_max { Err(Reason::HeaderLarge) } else { Ok(()) }
    }

    fn take_line(&mut self, line: &[u8], base: usize, limits: HeadLimits) -> Result<bool, Reason> {
        match (self.line, line.is_empty()) {
            (None, true) => {
                self.blank_lines += 1;
                if self.blank_lines > BLANK_LINES_MAX {
                    return Err(Reason::BlankLines);
                }
                Ok(false)
            }
            (None, false) => {
                self.line = Some(request_line(line, base)?);
                Ok(false)
            }
            (Some(_), true) => Ok(true),
            (Some((_, _, version)), false) => {
                if self.fields.len() >= limits.fields_max {
                    return Err(Reason::HeaderMany);
                }
                let (name, value) = field_line(line)?;
                self.note(name, value, version, base, line)?;
                self.fields.push((Span::within(line, base, name), Span::within(line, base, value)));
                Ok(false)
            }
        }
    }

    /// There is one expectation (RFC 9110 §10.1.1).
    fn expect(&mut self, value: &[u8]) -> Result<(), Reason> {
        if !is_continue(value) || self.expects_continue {
            return Err(Reason::Expect);
        }
        self.expects_continue = true;
        Ok(())
    }

    /// Looks at the fields that decide about framing, routing and the connection's life.
    fn note(
        &mut self,
        name: &[u8],
        value: &[u8],
        version: Version,
        base: usize,
        line: &[u8],
    ) -> Result<(), Reason> {
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => {
                if self.host.is_some() {
                    return Err(Reason::HostTwice);
                }
                self.host = Some(Span::within(line, base, value));
            }
            6 if name.eq_ignore_ascii_case(b"expect") && version == Version::Http11 => {
                self.expect(value)?;
            }
            10 if name.eq_ignore_ascii_case(b"connection") => self.connection(value),
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                if self.length.is_some() {
                    return Err(Reason::LengthTwice);
                }
                self.length = Some(length(value)?);
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if version == Version::Http10 {
                    return Err(Reason::CodingOld);
                }
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Reason::Coding);
                }
                self.chunked = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) {
        for option in elements(value) {
            self.options.close |= option.eq_ignore_ascii_case(b"close");
            self.options.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            self.options.upgrade |= option.eq_ignore_ascii_case(b"upgrade");
        }
    }

    fn check_whole(&self) -> Result<(), Reason> {
        if self.chunked && self.length.is_some() {
            return Err(Reason::LengthAndCoding);
        }
        match (self.line, self.host) {
            (Some((_, _, Version::Http11)), None) => Err(Reason::HostMissing),
            _ => Ok(()),
        }
    }
}

fn request_line(line: &[u8], base: usize) -> Result<(Span, Span, Version), Reason> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(protocol), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(if is_value(line) { Reason::RequestLine } else { Reason::Target });
    };
    if method == b"CONNECT" && !names_a_port(target) {
        return Err(Reason::Target);
    }
    check_method(method)?;
    if !is_target(target) {
        return Err(Reason::Target);
    }
    let form = matches!(target, [b'/', ..])
        || (target == b"*" && method == b"OPTIONS")
        || authority(target).is_some();
    if !form {
        return Err(Reason::RequestLine);
    }
    let version = version(protocol)?;
    Ok((Span::within(line, base, method), Span::within(line, base, target), version))
}

/// A method that we serve at all.
///
/// Methods differ by case (RFC 9110 §9.1), and all that are registered are in capitals: `get` is another one than `GET`,
/// but an application may take it for that, behind rules and routes that did not.
pub(crate) fn check_method(method: &[u8]) -> Result<(), Reason> {
    let small = method.iter().any(u8::is_ascii_lowercase);
    if small || method.len() > METHOD_BYTES_MAX || !is_token(method) {
        return Err(Reason::Method);
    }
    let forbidden: [&[u8]; 3] = [b"TRACE", b"TRACK", b"CONNECT"];
    if forbidden.contains(&method) {
        return Err(Reason::MethodForbidden);
    }
    Ok(())
}

/// Whether a CONNECT has a target that it may have (RFC 9110 §9.3.6): without a port it is wrong in itself.
fn names_a_port(target: &[u8]) -> bool {
    let port =
        memchr::memrchr(b':', target).filter(|at| *at > 0).and_then(|at| target.get(at + 1..));
    port.is_some_and(|port| {
        port.len() <= 5 && length(port).is_ok_and(|number| (1..=65_535).contains(&number))
    })
}

fn version(protocol: &[u8]) -> Result<Version, Reason> {
    match protocol {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        // There was never one below 1.0 that said so.
        [b'H', b'T', b'T', b'P', b'/', b'1'..=b'9', b'.', b'0'..=b'9'] => Err(Reason::Version),
        _ => Err(Reason::Protocol),
    }
}

/// Authority and rest of an absolute-form target (RFC 9112 §3.2.2).
pub(crate) fn authority(target: &[u8]) -> Option<(&[u8], &[u8])> {
    let scheme = [&b"http://"[..], b"https://"].into_iter().find(|scheme| {
        target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })?;
    let rest = target.get(scheme.len()..)?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    (!authority.is_empty()).then_some((authority, path))
}

fn field_line(line: &[u8]) -> Result<(&[u8], &[u8]), Reason> {
    if matches!(line, [b' ' | b'\t', ..]) {
        return Err(Reason::Folded);
    }
    let colon = memchr::memchr(b':', line).ok_or(Reason::NoColon)?;
    let (name, value) = line.split_at_checked(colon).ok_or(Reason::NoColon)?;
    let value = value.get(1..).unwrap_or_default();
    if !is_token(name) {
        return Err(Reason::FieldName);
    }
    if !is_value(value) {
        return Err(Reason::FieldValue);
    }
    Ok((name, trim(value)))
}

/// The one value of `Expect` (RFC 9110 §10.1.1): the client waits to be told to send its body.
pub(crate) fn is_continue(value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(b"100-continue")
}

/// A `Content-Length`: digits only.
pub(crate) fn length(value: &[u8]) -> Result<u64, Reason> {
    if value.is_empty() || value.len() > LENGTH_DIGITS_MAX {
        return Err(Reason::LengthInvalid);
    }
    value.iter().try_fold(0_u64, |sum, byte| match byte {
        b'0'..=b'9' => Ok(sum * 10 + u64::from(byte - b'0')),
        _ => Err(Reason::LengthInvalid),
    })
}

#[cfg(test)]
#[path = "tests/head.rs"]
mod tests;
