//! Records of FastCGI 1.0 (the specification of 29 April 1996), and the header that a script answers
//! with (RFC 3875 §6).

use crate::refusal::Reason;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// Bytes of a record's header.
pub(super) const HEAD_BYTES: usize = 8;
/// Most bytes in one record; a multiple of eight needs no padding.
pub(super) const CONTENT_BYTES_MAX: usize = 65_528;
/// Our requests have one connection each, and this number on it.
const REQUEST: u16 = 1;
/// Largest header of an answer.
pub(super) const HEADER_BYTES_MAX: usize = 64 * 1024;

pub(super) const BEGIN: u8 = 1;
pub(super) const END: u8 = 3;
pub(super) const PARAMS: u8 = 4;
pub(super) const STDIN: u8 = 5;
pub(super) const STDOUT: u8 = 6;
pub(super) const STDERR: u8 = 7;

/// A record's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: u8,
    pub(super) length: usize,
    pub(super) padding: usize,
}

impl Head {
    /// Reads a header; `None` where it is none of an answer to our request.
    pub(super) fn read(bytes: [u8; HEAD_BYTES]) -> Option<Self> {
        let [version, kind, id_high, id_low, high, low, padding, _] = bytes;
        let ours = version == 1 && u16::from_be_bytes([id_high, id_low]) == REQUEST;
        let length = usize::from(u16::from_be_bytes([high, low]));
        ours.then_some(Self { kind, length, padding: usize::from(padding) })
    }
}

/// Appends one record; `content` is not longer than [`CONTENT_BYTES_MAX`].
pub(super) fn append(out: &mut Vec<u8>, kind: u8, content: &[u8]) {
    let length = u16::try_from(content.len()).unwrap_or(0);
    let [high, low] = length.to_be_bytes();
    let [id_high, id_low] = REQUEST.to_be_bytes();
    out.extend([1, kind, id_high, id_low, high, low, 0, 0]);
    out.extend_from_slice(content.get(..usize::from(length)).unwrap_or_default());
}

/// The beginning of a request: role responder, the connection ends with the answer.
pub(super) fn begin(out: &mut Vec<u8>) {
    append(out, BEGIN, &[0, 1, 0, 0, 0, 0, 0, 0]);
}

/// All parameters, as a stream of records with its end.
pub(super) fn params(out: &mut Vec<u8>, all: &[(Vec<u8>, Vec<u8>)]) {
    let mut stream = Vec::new();
    for (name, value) in all {
        for length in [name.len(), value.len()] {
            if let Ok(short @ ..=127) = u8::try_from(length) {
                stream.push(short);
            } else {
                let long = u32::try_from(length).unwrap_or(u32::MAX >> 1) | 1 << 31;
                stream.extend(long.to_be_bytes());
            }
        }
        stream.extend_from_slice(name);
        stream.extend_from_slice(value);
    }
    for piece in stream.chunks(CONTENT_BYTES_MAX) {
        append(out, PARAMS, piece);
    }
    append(out, PARAMS, &[]);
}

/// The header of an answer, and where its body begins; `None` while it is not whole.
pub(super) fn header(bytes: &[u8]) -> Result<Option<(StatusCode, HeaderMap, usize)>, Reason> {
    let mut headers = HeaderMap::new();
    let mut status = None;
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', rest) else {
            return if bytes.len() > HEADER_BYTES_MAX {
                Err(Reason::UpstreamGarbage)
            } else {
                Ok(None)
            };
        };
        let line = rest.get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        at += end + 1;
        if line.is_empty() {
            break;
        }
        let colon = memchr::memchr(b':', line).ok_or(Reason::UpstreamGarbage)?;
        let (name, value) = line.split_at_checked(colon).ok_or(Reason::UpstreamGarbage)?;
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"status") {
            let code = value.get(..3).and_then(|code| StatusCode::from_bytes(code).ok());
            // An interim answer, or a switch, is none that a script can give.
            let code = code.filter(|code| code.as_u16() >= 200).ok_or(Reason::UpstreamGarbage)?;
            if status.replace(code).is_some() {
                return Err(Reason::UpstreamGarbage);
            }
            continue;
        }
        let name = HeaderName::from_bytes(name).ok().ok_or(Reason::UpstreamGarbage)?;
        let value = HeaderValue::from_bytes(value).ok().ok_or(Reason::UpstreamGarbage)?;
        headers.try_append(name, value).ok().ok_or(Reason::UpstreamGarbage)?;
    }
    let moved = headers.contains_key(http::header::LOCATION).then_some(StatusCode::FOUND);
    let status = status.or(moved).unwrap_or(StatusCode::OK);
    Ok(Some((status, headers, at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_short_and_long_lengths() {
        let mut out = Vec::new();
        let long = vec![b'v'; 200];
        params(&mut out, &[(b"A".to_vec(), b"bc".to_vec()), (b"L".to_vec(), long.clone())]);
        let expected =
            [&[1, 4, 0, 1, 0, 211, 0, 0, 1, 2][..], b"Abc", &[1, 0x80, 0, 0, 200], b"L", &long];
        let expected = [&expected.concat()[..], &[1, 4, 0, 1, 0, 0, 0, 0]].concat();
        assert_eq!(out.len(), expected.len());
        assert_eq!(out[8..], expected[8..]);
        let mut many = Vec::new();
        params(&mut many, &[(b"N".to_vec(), vec![b'x'; 200_000])]);
        let heads = many.len() - (200_000 + 1 + 1 + 4);
        assert_eq!(heads, 5 * HEAD_BYTES, "four records and an end");
    }

    #[test]
    fn only_answers_to_our_request_are_read() {
        let head = |bytes| Head::read(bytes);
        assert_eq!(head([1, 6, 0, 1, 1, 2, 3, 0]), Some(Head { kind: 6, length: 258, padding: 3 }));
        assert_eq!(head([2, 6, 0, 1, 0, 0, 0, 0]), None);
        assert_eq!(head([1, 6, 0, 2, 0, 0, 0, 0]), None);
    }

    #[test]
    fn a_scripts_header_is_read_once_it_is_whole() {
        let text = b"Status: 404 Not Found\r\nContent-type: text/html\r\nX-A: 1\r\n\r\nbody";
        let (status, headers, at) = header(text).unwrap().unwrap();
        assert_eq!(
            (status.as_u16(), &headers["content-type"], &text[at..]),
            (404, &HeaderValue::from_static("text/html"), &b"body"[..])
        );
        for end in 0..text.len() - 4 {
            assert!(header(&text[..end]).unwrap().is_none(), "{end}");
        }
        let status = |text: &[u8]| header(text).map(|read| read.unwrap().0.as_u16());
        assert_eq!(status(b"A: b\n\n"), Ok(200));
        assert_eq!(status(b"Location: /x\n\n"), Ok(302));
        for wrong in [
            &b"nonsense\n\n"[..],
            b"A b: c\n\n",
            b"A: \x01\n\n",
            b"Status: 101 x\n\n",
            b"Status: x\n\n",
            b"Status: 200\nStatus: 200\n\n",
        ] {
            assert_eq!(status(wrong), Err(Reason::UpstreamGarbage));
        }
        assert_eq!(header(&vec![b'a'; HEADER_BYTES_MAX + 1]).err(), Some(Reason::UpstreamGarbage));
    }
}
