//! Recorded HTTP/1.1 messages taken apart, as leniently as a record deserves.
//!
//! Nothing is judged here: what is odd about a message is for the rules, or is said in a note. Line ends
//! may be CRLF, or LF throughout the head, as editors write it.

use bstr::ByteSlice as _;

/// Bytes of a recorded message.
pub const MESSAGE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Lines of a head.
const FIELDS_MAX: usize = 2_000;

/// A message that cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The first line is no request line.
    #[error("it does not begin with a request line, such as `GET /path HTTP/1.1`")]
    NoRequestLine,
    /// The first line is no status line.
    #[error("it does not begin with a status line, such as `HTTP/1.1 200 OK`")]
    NoStatusLine,
    /// Too many header lines.
    #[error("its head has more than {FIELDS_MAX} lines")]
    TooManyFields,
}

/// Names and values in order, names as received.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// A request taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// First word of the first line.
    pub method: Vec<u8>,
    /// What stands between the first word and the last.
    pub target: Vec<u8>,
    /// Last word.
    pub protocol: Vec<u8>,
    /// The header fields.
    pub fields: Fields,
    /// Decoded where it came in chunks.
    pub body: Vec<u8>,
    /// What whoever recorded it should know.
    pub notes: Vec<String>,
}

/// An answer taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// As in `200`.
    pub status: u16,
    /// As in `HTTP/1.1`.
    pub protocol: Vec<u8>,
    /// The header fields.
    pub fields: Fields,
    /// Decoded where it came in chunks.
    pub body: Vec<u8>,
}

impl Request {
    /// Takes raw bytes apart.
    pub fn parse(raw: &[u8]) -> Result<Self, MessageError> {
        let head = Head::read(raw)?;
        let line = head.first;
        let first = line.find_byte(b' ').filter(|first| *first > 0);
        let first = first.ok_or(MessageError::NoRequestLine)?;
        let last = line.rfind_byte(b' ').filter(|last| *last > first);
        let last = last.ok_or(MessageError::NoRequestLine)?;
        let part = |from: usize, to: usize| line.get(from..to).unwrap_or_default().to_vec();
        let mut notes = Vec::new();
        let body = head.body(&mut notes);
        Ok(Self {
            method: part(0, first),
            target: part(first + 1, last),
            protocol: part(last + 1, line.len()),
            fields: head.fields,
            body,
            notes,
        })
    }

    /// The first field of this name, case ignored.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        find(&self.fields, name)
    }

    /// The target's path, as sent.
    pub fn path(&self) -> &[u8] {
        self.target.split(|&byte| byte == b'?').next().unwrap_or_default()
    }
}

impl Response {
    /// Takes raw bytes apart.
    pub fn parse(raw: &[u8]) -> Result<Self, MessageError> {
        let head = Head::read(raw)?;
        let mut words = head.first.splitn(3, |&byte| byte == b' ');
        let protocol = words.next().filter(|word| word.starts_with(b"HTTP/"));
        let status = words.next().and_then(|word| word.to_str().ok()?.parse().ok());
        let (Some(protocol), Some(status)) = (protocol, status) else {
            return Err(MessageError::NoStatusLine);
        };
        let (protocol, body) = (protocol.to_vec(), head.body(&mut Vec::new()));
        Ok(Self { status, protocol, fields: head.fields, body })
    }
}

fn find<'a>(fields: &'a Fields, name: &str) -> Option<&'a [u8]> {
    let found = fields.iter().find(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes()));
    found.map(|(_, value)| value.as_slice())
}

/// The lines before the empty one.
struct Head<'a> {
    first: &'a [u8],
    fields: Fields,
    rest: &'a [u8],
}

impl<'a> Head<'a> {
    fn read(raw: &'a [u8]) -> Result<Self, MessageError> {
        let (first, _) = raw.split_once_str(b"\n").unwrap_or((raw, b""));
        let (end, first): (&[u8], _) = match first.strip_suffix(b"\r") {
            Some(first) => (b"\r\n", first),
            None => (b"\n", first),
        };
        let (head, rest) = raw.split_once_str(&[end, end].concat()).unwrap_or((raw, b""));
        let mut fields = Fields::new();
        for line in head.split_str(end).skip(1).filter(|line| !line.is_empty()) {
            if fields.len() >= FIELDS_MAX {
                return Err(MessageError::TooManyFields);
            }
            let (name, value) = line.split_once_str(b":").unwrap_or((line, b""));
            fields.push((name.to_vec(), value.trim_ascii().to_vec()));
        }
        Ok(Self { first, fields, rest })
    }

    fn body(&self, notes: &mut Vec<String>) -> Vec<u8> {
        let chunked = find(&self.fields, "transfer-encoding")
            .is_some_and(|value| value.to_ascii_lowercase().contains_str("chunked"));
        if chunked {
            return dechunk(self.rest);
        }
        let length: Option<usize> = find(&self.fields, "content-length")
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let held = self.rest.len();
        match length {
            Some(length) if length > held => notes.push(format!(
                "`content-length` says {length} bytes, and {held} are recorded: these are looked at"
            )),
            None if self.rest.trim_ascii().is_empty() => return Vec::new(),
            None => notes.push(format!(
                "no `content-length`: the {held} bytes behind the head are taken for the body"
            )),
            Some(_) => {}
        }
        self.rest.get(..length.unwrap_or(held).min(held)).unwrap_or_default().to_vec()
    }
}

fn dechunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some((size, after)) = rest.split_once_str(b"\r\n") {
        let digits = size.split(|&byte| byte == b';').next().unwrap_or_default();
        let size =
            digits.to_str().ok().and_then(|digits| usize::from_str_radix(digits.trim(), 16).ok());
        let Some(size) = size.filter(|size| *size > 0) else { break };
        body.extend_from_slice(after.get(..size).unwrap_or(after));
        rest = after.get(size.saturating_add(2)..).unwrap_or_default();
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, target: &str, fields: usize, body: &str, note: &str) {
        let request = Request::parse(raw.as_bytes()).unwrap();
        assert_eq!(bstr::BStr::new(&request.target), target, "{raw:?}");
        assert_eq!(request.fields.len(), fields, "{raw:?}");
        assert_eq!(bstr::BStr::new(&request.body), body, "{raw:?}");
        assert!(request.notes.join("\n").contains(note), "{:?}", request.notes);
        assert_eq!(request.notes.is_empty(), note.is_empty(), "{:?}", request.notes);
    }

    #[test]
    fn requests_are_taken_apart() {
        check("GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n", "/a?b", 1, "", "");
        check("GET /a HTTP/1.1\nHost: x\nX: y\n", "/a", 2, "", "");
        check("GET /a b HTTP/1.1\nHost: x\n\n\n", "/a b", 1, "", "");
        check("POST /a HTTP/1.1\nContent-Length: 2\n\nabc\n", "/a", 1, "ab", "");
        check("POST /a HTTP/1.1\nContent-Length: 9\n\nabc", "/a", 1, "abc", "says 9 bytes");
        check("POST /a HTTP/1.1\nHost: x\n\nabc", "/a", 1, "abc", "no `content-length`");
        check(
            "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
            "/",
            1,
            "abcde",
            "",
        );
        let request = Request::parse(b"GET /a?b=/c HTTP/1.1\nX:  y \n").unwrap();
        assert_eq!((request.path(), request.field("x")), (&b"/a"[..], Some(&b"y"[..])));
    }

    #[test]
    fn what_is_no_request_is_said() {
        for raw in ["", "nonsense", "GET /\n", " GET / x"] {
            assert_eq!(Request::parse(raw.as_bytes()), Err(MessageError::NoRequestLine), "{raw:?}");
        }
        let many = format!("GET / HTTP/1.1\n{}", "a: b\n".repeat(FIELDS_MAX + 1));
        assert_eq!(Request::parse(many.as_bytes()), Err(MessageError::TooManyFields));
    }

    #[test]
    fn answers_are_taken_apart() {
        let response = Response::parse(b"HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nbody").unwrap();
        assert_eq!((response.status, response.body.as_slice()), (404, &b"body"[..]));
        assert_eq!(Response::parse(b"GET / HTTP/1.1\n\n"), Err(MessageError::NoStatusLine));
        assert_eq!(Response::parse(b"HTTP/1.1 abc\n\n"), Err(MessageError::NoStatusLine));
    }

    #[test]
    fn odd_sizes_of_chunks_are_no_trouble() {
        assert_eq!(dechunk(b"ffffffffffffffff\r\nabc"), b"abc");
        assert_eq!(dechunk(b"-1\r\nabc"), b"");
    }
}
