//! Files of recorded requests: one raw request, or many in NDJSON.

use crate::message::{MESSAGE_BYTES_MAX, MessageError, Request};
use crate::show::cut;
use base64::Engine as _;
use serde_json::Value;

/// Bytes of a file of recorded requests.
pub const RECORDED_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Lines of one.
const LINES_MAX: usize = 50_000;

/// A request with the name by which people know it.
pub type NamedRequest = (String, Request);

/// A file of recorded requests that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordedError {
    /// A request cannot be replayed.
    #[error("the request `{0}` cannot be replayed: {1}")]
    Message(String, MessageError),
    /// A line of NDJSON is not one.
    #[error("line {0}: {1}")]
    Line(usize, &'static str),
    /// A request is longer than 4 MiB.
    #[error("the request `{0}` is longer than {MESSAGE_BYTES_MAX} bytes")]
    TooLong(String),
    /// Too many lines.
    #[error("there are more than {LINES_MAX} requests")]
    TooMany,
}

/// Reads a file: one raw request, or, where it begins with `{`, one JSON object a line with the raw request in
/// base64 as `request` and a name as `id`.
pub fn recorded(name: &str, bytes: &[u8]) -> Result<Vec<NamedRequest>, RecordedError> {
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Ok(vec![one(name.to_owned(), bytes)?]);
    }
    let mut found = Vec::new();
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        if found.len() >= LINES_MAX {
            return Err(RecordedError::TooMany);
        }
        let wrong = |why| RecordedError::Line(index + 1, why);
        let value: Value =
            serde_json::from_slice(line).map_err(|_bad| wrong("is no JSON object"))?;
        let encoded = value.get("request").and_then(Value::as_str);
        let encoded = encoded.ok_or(wrong("has no text `request`"))?;
        let raw = base64::engine::general_purpose::STANDARD.decode(encoded);
        let raw = raw.map_err(|_bad| wrong("its `request` is not base64"))?;
        let id = value.get("id").and_then(Value::as_str).map(|id| cut(id.as_bytes(), 120));
        found.push(one(id.unwrap_or_else(|| format!("{name}:{}", index + 1)), &raw)?);
    }
    Ok(found)
}

fn one(name: String, raw: &[u8]) -> Result<NamedRequest, RecordedError> {
    if u64::try_from(raw.len()).unwrap_or(u64::MAX) > MESSAGE_BYTES_MAX {
        return Err(RecordedError::TooLong(name));
    }
    match Request::parse(raw) {
        Ok(request) => Ok((name, request)),
        Err(why) => Err(RecordedError::Message(name, why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_request_and_lines_of_them_are_read() {
        let raw = recorded("a.http", b"GET /a HTTP/1.1\n").unwrap();
        assert_eq!((raw.len(), raw[0].0.as_str()), (1, "a.http"));
        let lines = "{\"id\": \"x/1\", \"request\": \"R0VUIC9iIEhUVFAvMS4xDQoNCg==\"}\n\n{\"request\": \"R0VUIC9jIEhUVFAvMS4xDQoNCg==\"}\n";
        let many = recorded("a.ndjson", lines.as_bytes()).unwrap();
        let names: Vec<_> = many.iter().map(|(name, own)| (name.as_str(), own.path())).collect();
        assert_eq!(names, [("x/1", &b"/b"[..]), ("a.ndjson:3", b"/c")]);
    }

    #[test]
    fn what_cannot_be_used_is_said_with_its_line() {
        for (text, wanted) in [
            ("nonsense", "the request `f` cannot be replayed"),
            ("{\"id\": 1}\n", "line 1: has no text `request`"),
            ("{\"request\": \"!\"}\n", "line 1: its `request` is not base64"),
            ("{\"request\": \"R0VU\"}\n{", "cannot be replayed"),
            ("{", "line 1: is no JSON object"),
        ] {
            let error = recorded("f", text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
        let long = vec![b'a'; usize::try_from(MESSAGE_BYTES_MAX).unwrap() + 1];
        assert_eq!(recorded("f", &long), Err(RecordedError::TooLong("f".to_owned())));
    }
}
