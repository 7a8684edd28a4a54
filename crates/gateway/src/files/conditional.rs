//! Conditional requests, in the order of RFC 9110 §13.2.2.

use crate::guard::bytes::elements;
use crate::guard::head::Head;
use std::time::UNIX_EPOCH;

/// What a request's conditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Send the content.
    Send,
    /// 304.
    NotModified,
    /// 412.
    Failed,
}

/// Evaluates the conditions of a GET or HEAD against a file's tag and time.
pub(crate) fn evaluate(head: &Head, etag: &[u8], modified_secs: i64) -> Outcome {
    let (matching, none_match) = (head.list(b"if-match"), head.list(b"if-none-match"));
    let fields = Conditions {
        matching: matching.as_deref(),
        unmodified: head.field(b"if-unmodified-since"),
        none_match: none_match.as_deref(),
        modified: head.field(b"if-modified-since"),
    };
    fields.evaluate(etag, modified_secs)
}

#[derive(Clone, Copy, Debug, Default)]
struct Conditions<'a> {
    matching: Option<&'a [u8]>,
    unmodified: Option<&'a [u8]>,
    none_match: Option<&'a [u8]>,
    modified: Option<&'a [u8]>,
}

impl Conditions<'_> {
    fn evaluate(self, etag: &[u8], modified_secs: i64) -> Outcome {
        if let Some(list) = self.matching {
            if !matches(list, etag, Comparison::Strong) {
                return Outcome::Failed;
            }
        } else if let Some(since) = self.unmodified.and_then(seconds)
            && modified_secs > since
        {
            return Outcome::Failed;
        }
        if let Some(list) = self.none_match {
            if matches(list, etag, Comparison::Weak) {
                return Outcome::NotModified;
            }
        } else if let Some(since) = self.modified.and_then(seconds)
            && modified_secs <= since
        {
            return Outcome::NotModified;
        }
        Outcome::Send
    }
}

/// Whether a range may be used: no `If-Range`, or one that names this very content.
pub(crate) fn range_holds(head: &Head, etag: &[u8], modified_secs: i64) -> bool {
    match head.field(b"if-range") {
        None => true,
        Some(tag @ [b'"', ..]) => tag == etag,
        Some(date) => seconds(date) == Some(modified_secs),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

fn matches(list: &[u8], etag: &[u8], comparison: Comparison) -> bool {
    list == b"*"
        || elements(list).any(|tag| match (comparison, tag.strip_prefix(b"W/")) {
            (Comparison::Weak, Some(weak)) => weak == etag,
            (Comparison::Strong, Some(_)) => false,
            (Comparison::Strong | Comparison::Weak, None) => tag == etag,
        })
}

fn seconds(date: &[u8]) -> Option<i64> {
    let time = httpdate::parse_http_date(std::str::from_utf8(date).ok()?).ok()?;
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Option<&[u8]> = Some(b"Sun, 06 Nov 1994 08:49:37 GMT");
    const NEW: Option<&[u8]> = Some(b"Sun, 06 Nov 1994 08:49:38 GMT");
    const AT: i64 = 784_111_778;

    #[test]
    fn conditions_hold_in_the_standards_order() {
        let none = Conditions::default();
        for (conditions, wanted) in [
            (none, Outcome::Send),
            (Conditions { none_match: Some(b"\"a\""), ..none }, Outcome::NotModified),
            (Conditions { none_match: Some(b"\"b\", W/\"a\""), ..none }, Outcome::NotModified),
            (Conditions { none_match: Some(b"*"), ..none }, Outcome::NotModified),
            (Conditions { none_match: Some(b"\"b\""), modified: NEW, ..none }, Outcome::Send),
            (Conditions { modified: NEW, ..none }, Outcome::NotModified),
            (Conditions { modified: OLD, ..none }, Outcome::Send),
            (Conditions { modified: Some(b"nonsense"), ..none }, Outcome::Send),
            (Conditions { matching: Some(b"\"b\""), ..none }, Outcome::Failed),
            (Conditions { matching: Some(b"W/\"a\""), ..none }, Outcome::Failed),
            (Conditions { matching: Some(b"\"a\""), unmodified: OLD, ..none }, Outcome::Send),
            (Conditions { unmodified: OLD, ..none }, Outcome::Failed),
            (Conditions { unmodified: NEW, ..none }, Outcome::Send),
        ] {
            assert_eq!(conditions.evaluate(b"\"a\"", AT), wanted, "{conditions:?}");
        }
    }
}
