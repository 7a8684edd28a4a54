//! A row: made from an event, and read from a line.
//!
//! The hash is that of the line's own bytes up to `,"hash"`, so there is no second form of a row that could mean
//! the same, and `sha256sum` is enough to check one.

use crate::hash::Hash;
use crate::kind::Kind;
use burgrave_sys::UnixTime;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The longest line, its end not counted.
pub const LINE_BYTES_MAX: usize = 32 * 1024;
/// Bytes of a subject; what is longer is cut.
const SUBJECT_BYTES_MAX: usize = 512;
/// Bytes of a detail as JSON; what is longer is cut, and says so.
const DETAIL_BYTES_MAX: usize = 8 * 1024;
/// Between the hashed bytes and the hash, and behind it.
const BEFORE_HASH: &[u8] = b",\"hash\":\"";
const BEHIND_HASH: &[u8] = b"\"}";
const HASH_DIGITS: usize = 64;

/// Something that happened and is to have a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub time: UnixTime,
    /// What.
    pub kind: Kind,
    /// To whom or what, such as an address or a job's name.
    pub subject: String,
    /// Whatever else is known: an object.
    pub detail: Value,
}

impl Event {
    /// An event with its detail, which is an object.
    pub fn new(time: UnixTime, kind: Kind, subject: impl Into<String>, detail: Value) -> Self {
        Self { time, kind, subject: subject.into(), detail }
    }
}

/// A row as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Its number, from 1.
    pub seq: u64,
    /// When it happened, RFC 3339 in UTC.
    pub time: String,
    /// What happened, as [`Kind`] writes it. Rows of a later release may have others.
    pub kind: String,
    /// To whom or what.
    pub subject: String,
    /// What else is known.
    pub detail: serde_json::Map<String, Value>,
    /// The hash of the row before.
    pub prev: Hash,
    /// Its own, as it is written.
    pub hash: Hash,
}

#[derive(Serialize)]
struct Body<'a> {
    seq: u64,
    time: &'a str,
    kind: &'a str,
    subject: &'a str,
    detail: &'a Value,
    prev: Hash,
}

/// The line of an event, without its end, and its hash.
pub(crate) fn seal(seq: u64, prev: Hash, event: &Event) -> (Vec<u8>, Hash) {
    let detail = bounded(&event.detail);
    let time = event.time.rfc3339();
    let subject = cut(&event.subject, SUBJECT_BYTES_MAX);
    let body = Body { seq, time: &time, kind: event.kind.word(), subject, detail: &detail, prev };
    // What is made of numbers and strings can always be written.
    let mut line = serde_json::to_vec(&body).unwrap_or_default();
    line.pop();
    let hash = Hash::of(&line);
    line.extend_from_slice(BEFORE_HASH);
    line.extend_from_slice(hash.to_string().as_bytes());
    line.extend_from_slice(BEHIND_HASH);
    (line, hash)
}

/// A detail within its bound, and always an object.
fn bounded(detail: &Value) -> Value {
    let text = serde_json::to_string(detail).unwrap_or_default();
    if detail.is_object() && text.len() <= DETAIL_BYTES_MAX {
        return detail.clone();
    }
    // As text within a text its quotes take twice the room at most; more than that is no detail.
    json!({ "cut": cut(&text, DETAIL_BYTES_MAX / 2), "bytes": text.len() })
}

fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

impl Row {
    /// Reads a line, without its end. Whether its bytes have the hash that it says.
    ///
    /// # Errors
    /// When it is no row, with the reason.
    pub fn parse(line: &[u8]) -> Result<(Self, bool), &'static str> {
        if line.len() > LINE_BYTES_MAX {
            return Err("it is longer than a row may be");
        }
        let behind = BEFORE_HASH.len() + HASH_DIGITS + BEHIND_HASH.len();
        let at = line.len().checked_sub(behind).ok_or("it is too short for a row")?;
        let (body, rest) = line.split_at_checked(at).ok_or("it is too short for a row")?;
        let hash = rest.strip_prefix(BEFORE_HASH).and_then(|rest| rest.strip_suffix(BEHIND_HASH));
        hash.and_then(Hash::parse).ok_or("it does not end with a hash")?;
        let row: Self = serde_json::from_slice(line).map_err(|_error| "it is no row in JSON")?;
        let is_intact = Hash::of(body) == row.hash;
        Ok((row, is_intact))
    }

    /// A text of its detail.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.detail.get(key)?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(subject: &str, detail: Value) -> Event {
        Event::new(UnixTime(1_795_228_938_000_123), Kind::BanAdded, subject, detail)
    }

    #[test]
    fn a_row_is_what_its_line_says_and_sha256_checks_it() {
        let (line, hash) = seal(7, Hash::of(b"x"), &event("192.0.2.7", json!({"secs": 60})));
        let text = String::from_utf8(line.clone()).unwrap();
        assert_eq!(
            text,
            format!(
                "{{\"seq\":7,\"time\":\"2026-11-21T02:42:18.000123Z\",\"kind\":\"ban.added\",\"subject\":\"192.0.2.7\",\
                 \"detail\":{{\"secs\":60}},\"prev\":\"{}\",\"hash\":\"{hash}\"}}",
                Hash::of(b"x")
            )
        );
        assert_eq!(Hash::of(text.split(",\"hash\"").next().unwrap().as_bytes()), hash);
        let (row, is_intact) = Row::parse(&line).unwrap();
        assert!(is_intact);
        assert_eq!((row.seq, row.kind.as_str(), row.hash), (7, "ban.added", hash));
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        let long = "ä\u{1}\"".repeat(10_000);
        let (line, _) = seal(1, Hash::NONE, &event(&long, json!({ "text": long })));
        assert!(line.len() <= LINE_BYTES_MAX, "{}", line.len());
        assert!(!line.contains(&b'\n'));
        let (row, is_intact) = Row::parse(&line).unwrap();
        assert!(is_intact && row.subject.len() <= SUBJECT_BYTES_MAX);
        assert!(row.detail["bytes"].as_u64().unwrap() > 40_000);
        let (line, _) = seal(1, Hash::NONE, &event("x", json!("no object")));
        assert_eq!(Row::parse(&line).unwrap().0.text("cut"), Some("\"no object\""));
    }

    #[test]
    fn what_is_no_row_is_refused_and_a_changed_one_is_told() {
        let (line, _) = seal(1, Hash::NONE, &event("192.0.2.7", json!({"a": 1})));
        let text = String::from_utf8(line.clone()).unwrap();
        for wrong in [
            String::new(),
            "{}".to_owned(),
            text.replacen('{', "", 1),
            text.trim_end_matches('}').to_owned(),
            format!("{text} "),
            text.replacen("\"seq\":1", "\"seq\":1,\"seq\":1", 1),
            text.replacen("\"seq\":1", "\"seq\":1,\"more\":1", 1),
            text.replacen("\"seq\":1", "\"seq\":-1", 1),
            text.replacen("{\"a\":1}", "[]", 1),
            "x".repeat(LINE_BYTES_MAX + 1),
        ] {
            assert!(Row::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
        let changed = text.replacen("192.0.2.7", "192.0.2.8", 1);
        assert!(!Row::parse(changed.as_bytes()).unwrap().1);
    }
}
