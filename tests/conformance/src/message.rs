//! Raw HTTP/1.1 requests: built from a test's fields, and taken apart for the engine.

use bstr::ByteSlice as _;

/// A request taken apart, without judging it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// First word of the first line.
    pub method: Vec<u8>,
    /// Second word.
    pub target: Vec<u8>,
    /// The rest.
    pub protocol: Vec<u8>,
    /// Names and values in order.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// Decoded where it came in chunks.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this name, case ignored.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| value.as_slice())
    }

    /// Takes raw bytes apart; `None` where there is no request line.
    pub fn parse(raw: &[u8]) -> Option<Self> {
        let (head, rest) = match raw.find(b"\r\n\r\n") {
            Some(at) => (raw.get(..at)?, raw.get(at + 4..)?),
            None => (raw, &[][..]),
        };
        let mut lines = head.split_str(b"\r\n");
        let line = lines.next()?;
        let first = line.find_byte(b' ')?;
        let last = line.rfind_byte(b' ').filter(|last| *last > first)?;
        let mut request = Self {
            method: line.get(..first)?.to_vec(),
            target: line.get(first + 1..last)?.to_vec(),
            protocol: line.get(last + 1..)?.to_vec(),
            ..Self::default()
        };
        for line in lines {
            let (name, value) = line.split_once_str(b":").unwrap_or((line, b""));
            request.headers.push((name.to_vec(), value.trim_ascii().to_vec()));
        }
        let chunked =
            request.header("transfer-encoding").is_some_and(|value| value.contains_str("chunked"));
        request.body = if chunked { dechunk(rest) } else { rest.to_vec() };
        let length =
            request.header("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
        if let Some(length) = length.filter(|_| !chunked) {
            request.body.truncate(length);
        }
        Some(request)
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
        rest = after.get(size + 2..).unwrap_or_default();
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_taken_apart() {
        let raw = b"POST /a b HTTP/1.1\r\nHost: x\r\nX:  y \r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        let request = Request::parse(raw).unwrap();
        assert_eq!(request.target, b"/a b");
        assert_eq!(request.header("x"), Some(&b"y"[..]));
        assert_eq!(request.body, b"abcde");
        assert_eq!(Request::parse(b"nonsense"), None);
    }
}
