//! A header made of fields that a library for HTTP/2 or HTTP/3 has read, by the same rules as one that came as text.

use super::{Head, HeadParser, LINE_BYTES_MAX, Span, Version, check_method, length, trim};
use crate::guard::bytes::{is_target, is_token, is_value};
use crate::refusal::Reason;
use bytes::Bytes;

/// Builds a [`Head`] from the parts of an HTTP/2 or HTTP/3 request; the same value rules apply.
#[derive(Debug, Default)]
pub(crate) struct HeadBuilder {
    raw: Vec<u8>,
    parser: HeadParser,
}

impl HeadBuilder {
    /// With the pseudo-header fields.
    pub(crate) fn new(method: &[u8], target: &[u8], version: Version) -> Result<Self, Reason> {
        check_method(method)?;
        let form = matches!(target, [b'/', ..]) || (target == b"*" && method == b"OPTIONS");
        if target.len() > LINE_BYTES_MAX {
            return Err(Reason::TargetLong);
        }
        if !form || !is_target(target) {
            return Err(Reason::Target);
        }
        Ok(Self::bare(method, target, version))
    }

    /// The same unchecked, for the record of a request that is refused.
    pub(crate) fn bare(method: &[u8], target: &[u8], version: Version) -> Self {
        let mut builder = Self::default();
        let method = builder.push(method, b" ");
        let target = builder.push(target, b" ");
        builder.push(version.text().as_bytes(), b"\r\n");
        builder.parser.line = Some((method, target, version));
        builder
    }

    /// Adds a field.
    pub(crate) fn field(&mut self, name: &[u8], value: &[u8]) -> Result<(), Reason> {
        if !is_token(name) || name.iter().any(u8::is_ascii_uppercase) && name != b"Host" {
            return Err(Reason::FieldName);
        }
        if !is_value(value) || trim(value).len() != value.len() {
            return Err(Reason::FieldValue);
        }
        let forbidden: [&[u8]; 5] =
            [b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"];
        if forbidden.contains(&name) || (name == b"te" && value != b"trailers") {
            return Err(Reason::FieldHttp2);
        }
        let name_span = self.push(name, b": ");
        let value_span = self.push(value, b"\r\n");
        if name.eq_ignore_ascii_case(b"content-length") {
            if self.parser.length.is_some() {
                return Err(Reason::LengthTwice);
            }
            self.parser.length = Some(length(value)?);
        } else if name.eq_ignore_ascii_case(b"host") {
            if self.parser.host.is_some() {
                return Err(Reason::HostTwice);
            }
            self.parser.host = Some(value_span);
        } else if name.eq_ignore_ascii_case(b"expect") {
            self.parser.expect(value)?;
        }
        self.parser.fields.push((name_span, value_span));
        Ok(())
    }

    /// The header; `open` when a body of unknown length follows.
    pub(crate) fn finish(mut self, open: bool) -> Option<Head> {
        self.raw.extend_from_slice(b"\r\n");
        self.parser.chunked = open && self.parser.length.is_none();
        self.parser.finish(Bytes::from(self.raw))
    }

    fn push(&mut self, part: &[u8], end: &[u8]) -> Span {
        let start = self.raw.len();
        self.raw.extend_from_slice(part);
        let span = Span { start, end: self.raw.len() };
        self.raw.extend_from_slice(end);
        span
    }
}
