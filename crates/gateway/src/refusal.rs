//! Every reason for which the gateway itself refuses a request: one variant a rule that was broken,
//! with the status and the words for the access log in one table.

use http::StatusCode;

/// Why a request was refused before or instead of being served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// LF without CR in a header (RFC 9112 §2.2).
    BareLf,
    /// More than two blank lines before a request.
    BlankLines,
    /// Not `method SP target SP version` (RFC 9112 §3).
    RequestLine,
    /// Not a token, or longer than 32 bytes.
    Method,
    /// TRACE, TRACK or CONNECT.
    MethodForbidden,
    /// Control, space, fragment or another byte that no target has.
    Target,
    /// Request line over 8 KiB.
    TargetLong,
    /// Not `HTTP/x.y` at all.
    Protocol,
    /// `HTTP/x.y` that we do not speak.
    Version,
    /// White space at the start of a field line (RFC 9112 §5.2).
    Folded,
    /// A field line without a colon.
    NoColon,
    /// A field name that is no token, or is followed by white space (RFC 9112 §5.1).
    FieldName,
    /// A control byte in a field value (RFC 9110 §5.5).
    FieldValue,
    /// Header over its limit of bytes.
    HeaderLarge,
    /// Header over its limit of fields.
    HeaderMany,
    /// No `Host`, or an empty one (RFC 9112 §3.2).
    HostMissing,
    /// More than one `Host`.
    HostTwice,
    /// A field twice of which there is one (RFC 9110 §5.3).
    FieldTwice,
    /// `Host` is no host name or address with an optional port.
    HostInvalid,
    /// `Host` and `:authority` differ.
    HostConflict,
    /// More than one `Content-Length`.
    LengthTwice,
    /// `Content-Length` that is no number of at most 18 digits.
    LengthInvalid,
    /// `Content-Length` beside `Transfer-Encoding` (RFC 9112 §6.1).
    LengthAndCoding,
    /// `Transfer-Encoding` that is not exactly one `chunked`.
    Coding,
    /// `Transfer-Encoding` in HTTP/1.0 (RFC 9112 §6.1).
    CodingOld,
    /// `Expect` that is not `100-continue`.
    Expect,
    /// A field that HTTP/2 forbids (RFC 9113 §8.2.2).
    FieldHttp2,
    /// A chunk size that is not 1 to 16 hexadecimal digits.
    ChunkSize,
    /// A chunk extension over its limit or with a control byte.
    ChunkExtension,
    /// A chunk that does not end in CRLF where it should.
    ChunkEnd,
    /// A trailer over its limit or malformed.
    Trailer,
    /// The header took too long.
    HeaderSlow,
    /// The body paused for too long.
    BodySlow,
    /// The body came below the minimum rate.
    BodyRate,
    /// The body is larger than allowed.
    BodyLarge,
    /// The body's length must be known before it begins.
    LengthNeeded,
    /// No site has this host.
    HostUnknown,
    /// The connection's certificate is that of another site (RFC 9110 §15.5.20).
    Misdirected,
    /// The client's network is none of those that may.
    NetworkForbidden,
    /// The client showed no certificate.
    CertificateNeeded,
    /// Nobody is signed in.
    SignInNeeded,
    /// Wrong name or password.
    SignInWrong,
    /// Too many sign-ins at once.
    SignInBusy,
    /// The server is too far behind.
    Overloaded,
    /// The path decodes to something that no file is called.
    PathForbidden(&'static str),
    /// Nothing is there.
    NotFound,
    /// The link leaves the web root.
    Escapes,
    /// The file could not be read.
    FileFault,
    /// Another method than GET or HEAD on a file.
    FileMethod,
    /// A condition of the request does not hold (RFC 9110 §13.2).
    Precondition,
    /// A range that lies outside the file (RFC 9110 §14.4).
    Range,
    /// The rule engine failed; the request is refused, not passed.
    EngineFault,
    /// Nobody could scan the body.
    ScanUnavailable,
    /// Too many bodies are held to be scanned.
    ScanBusy,
    /// The body cannot be taken apart for sure, to be scanned.
    ScanUnreadable,
    /// Another protocol where bodies are scanned.
    ScanUpgrade,
    /// It has come through here too often (RFC 8586).
    Loop,
    /// A WebSocket request that is none.
    WebSocket,
    /// No upstream could be connected to.
    UpstreamRefused,
    /// Connecting to the upstream took too long.
    UpstreamConnectSlow,
    /// The upstream's certificate is not to be trusted, or it speaks no TLS.
    UpstreamUnverified,
    /// The upstream ended before its answer.
    UpstreamEnded,
    /// The upstream's answer is not HTTP or over its limits.
    UpstreamGarbage,
    /// The upstream took too long.
    UpstreamSlow,
}

impl Reason {
    /// The status that the client gets.
    pub(crate) fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().0).unwrap_or(StatusCode::BAD_REQUEST)
    }

    /// The words for the access log.
    pub(crate) fn text(self) -> &'static str {
        self.row().1
    }

    /// Whether the request was forwarded and the upstream is at fault.
    pub(crate) fn is_upstreams(self) -> bool {
        matches!(
            self,
            Self::UpstreamRefused
                | Self::UpstreamConnectSlow
                | Self::UpstreamUnverified
                | Self::UpstreamEnded
                | Self::UpstreamGarbage
                | Self::UpstreamSlow
        )
    }

    fn row(self) -> (u16, &'static str) {
        match self {
            Self::BareLf => (400, "bare line feed in the header"),
            Self::BlankLines => (400, "too many blank lines before the request"),
            Self::RequestLine => (400, "malformed request line"),
            Self::Method => (400, "invalid method"),
            Self::MethodForbidden => (405, "method not allowed"),
            Self::Target => (400, "invalid byte in the target"),
            Self::TargetLong => (414, "request line too long"),
            Self::Protocol => (400, "malformed protocol version"),
            Self::Version => (505, "unknown protocol version"),
            Self::Folded => (400, "folded header line"),
            Self::NoColon => (400, "header line without a colon"),
            Self::FieldName => (400, "invalid header name"),
            Self::FieldValue => (400, "control byte in a header value"),
            Self::HeaderLarge => (431, "header too large"),
            Self::HeaderMany => (431, "too many header fields"),
            Self::HostMissing => (400, "no host"),
            Self::HostTwice => (400, "several host fields"),
            Self::FieldTwice => (400, "several fields where there is one"),
            Self::HostInvalid => (400, "invalid host"),
            Self::HostConflict => (400, "host and authority differ"),
            Self::LengthTwice => (400, "several content-length fields"),
            Self::LengthInvalid => (400, "invalid content-length"),
            Self::LengthAndCoding => (400, "content-length beside transfer-encoding"),
            Self::Coding => (400, "transfer-encoding is not exactly chunked"),
            Self::CodingOld => (400, "transfer-encoding in http/1.0"),
            Self::Expect => (417, "unknown expectation"),
            Self::FieldHttp2 => (400, "header field forbidden in http/2"),
            Self::HeaderSlow => (408, "header too slow"),
            Self::ChunkSize => (400, "invalid chunk size"),
            Self::ChunkExtension => (400, "invalid or oversized chunk extension"),
            Self::ChunkEnd => (400, "chunk does not end where it should"),
            Self::Trailer => (400, "invalid or oversized trailer"),
            Self::BodySlow => (408, "body too slow"),
            Self::BodyRate => (408, "body below the minimum rate"),
            Self::BodyLarge => (413, "body too large"),
            Self::LengthNeeded => (411, "body without a length"),
            Self::HostUnknown => (421, "unknown host"),
            Self::Misdirected => (421, "host of another certificate"),
            Self::NetworkForbidden => (403, "client network not allowed"),
            Self::CertificateNeeded => (403, "client certificate needed"),
            Self::SignInNeeded => (401, "sign-in needed"),
            Self::SignInWrong => (401, "wrong name or password"),
            Self::SignInBusy => (503, "too many sign-ins at once"),
            Self::Overloaded => (503, "server too far behind"),
            Self::PathForbidden(why) => (404, why),
            Self::NotFound => (404, "not found"),
            Self::Escapes => (404, "link leaves the web root"),
            Self::FileFault => (500, "file could not be read"),
            Self::FileMethod => (405, "method not allowed on a file"),
            Self::Precondition => (412, "precondition failed"),
            Self::Range => (416, "range not satisfiable"),
            Self::EngineFault => (500, "rule engine fault"),
            Self::ScanUnavailable => (503, "body could not be scanned"),
            Self::ScanBusy => (503, "too many bodies held to be scanned"),
            Self::ScanUnreadable => (400, "form that cannot be scanned"),
            Self::ScanUpgrade => (403, "another protocol where bodies are scanned"),
            Self::Loop => (508, "request goes round in a circle"),
            Self::WebSocket => (400, "invalid websocket request"),
            Self::UpstreamRefused => (502, "upstream refused the connection"),
            Self::UpstreamConnectSlow => (504, "connecting to the upstream took too long"),
            Self::UpstreamUnverified => (502, "upstream's certificate could not be verified"),
            Self::UpstreamEnded => (502, "upstream ended before its answer"),
            Self::UpstreamGarbage => (502, "upstream answered no valid http"),
            Self::UpstreamSlow => (504, "upstream took too long"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_status() {
        for (reason, status, text) in [
            (Reason::BareLf, 400, "bare line feed in the header"),
            (Reason::Version, 505, "unknown protocol version"),
            (Reason::BodyLarge, 413, "body too large"),
            (Reason::HostUnknown, 421, "unknown host"),
            (Reason::PathForbidden("backup file"), 404, "backup file"),
            (Reason::UpstreamSlow, 504, "upstream took too long"),
        ] {
            assert_eq!(reason.status().as_u16(), status);
            assert_eq!(reason.text(), text);
        }
    }
}
