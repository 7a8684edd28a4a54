//! `REQUEST_OTHER`, a variable of Burgrave's own: where attacks are put that rule sets look for in
//! arguments and cookies only. Its members are the path (`path`, without its first slash) and every
//! header that has no grammar of its own, and only where they hold more than a name, a number or a list
//! of them, or have a decoded form. Of an ordinary request it is empty, so that any number of rules may
//! look at it.

use super::Transaction;
use crate::transaction::state::{Entry, entry};
use crate::variable::Variable;

/// Members of one request.
const MEMBERS_MAX: usize = 100;

impl Transaction {
    /// Once path and headers and their forms are known.
    pub(super) fn fill_other(&mut self) {
        if !self.rules.reads_other {
            return;
        }
        let mut found = Vec::new();
        for header in &self.state.request_headers {
            let name = self.strings.get(header.lower);
            let value = self.strings.get(header.value);
            let odd = value.iter().any(|byte| !is_of_a_list(*byte)) || is_of_files(value);
            if (odd || self.derived.has(header.value)) && !has_grammar(name) {
                found.push(*header);
            }
        }
        // More than these are too many to be looked at (RFC 6585 §5).
        self.left_out |= found.len() > MEMBERS_MAX;
        found.truncate(MEMBERS_MAX);
        found.extend(self.odd_path());
        self.state.other = found;
    }

    fn odd_path(&mut self) -> Option<Entry> {
        let id = self.state.scalar(Variable::RequestFilename)?;
        let path = self.strings.get(id);
        let odd = path.iter().any(|byte| !is_of_a_path(*byte)) || is_of_files(path.get(1..)?);
        let has_forms = self.derived.has(id);
        if !odd && !has_forms {
            return None;
        }
        let rest = path.strip_prefix(b"/").unwrap_or(path).to_vec();
        let made = entry(b"path", &rest, &mut self.strings);
        self.derived.share(id, made.value);
        Some(made)
    }
}

/// An absolute path, a way up, or an address.
fn is_of_files(value: &[u8]) -> bool {
    value.starts_with(b"/")
        || memchr::memmem::find(value, b"//").is_some()
        || memchr::memmem::find(value, b"..").is_some()
}

/// Names, numbers, addresses, times, and lists of these.
const fn is_of_a_list(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/' | b',' | b'+')
}

/// Unreserved characters of RFC 3986 §2.3, slashes, and what names of files and symbols have.
const fn is_of_a_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/' | b'@' | b'+' | b',' | b':' | b'^')
}

/// Headers (lower case) whose values have a grammar with more than that: browsers, caches and proxies
/// send them with every request. Rule sets that look into one of them name it.
fn has_grammar(name: &[u8]) -> bool {
    name.starts_with(b"accept")
        || name.starts_with(b"sec-")
        || name.starts_with(b"if-")
        || name.starts_with(b"access-control-")
        || matches!(
            name,
            b"authorization"
                | b"baggage"
                | b"cache-control"
                | b"connection"
                | b"content-disposition"
                | b"content-encoding"
                | b"content-length"
                | b"content-type"
                | b"cookie"
                | b"date"
                | b"expect"
                | b"forwarded"
                | b"from"
                | b"host"
                | b"keep-alive"
                | b"link"
                | b"origin"
                | b"pragma"
                | b"prefer"
                | b"priority"
                | b"proxy-authorization"
                | b"range"
                | b"referer"
                | b"te"
                | b"trailer"
                | b"transfer-encoding"
                | b"tracestate"
                | b"upgrade"
                | b"user-agent"
                | b"via"
        )
}

#[cfg(test)]
mod tests {
    use crate::interface::{Layer, Options};
    use crate::transaction::tests::{GET, Request, rules_with, run};

    fn members(request: &Request<'_>) -> Vec<String> {
        let text = "SecRule REQUEST_OTHER \"@rx ^\" \"id:1,phase:1,pass,multiMatch,chain\"\nSecRule MATCHED_VARS_NAMES \"@rx ^REQUEST_OTHER:(.*)\" \"capture,setvar:tx.all=%{tx.all} %{tx.1}\"\nSecRule TX:all \"@rx .\" \"id:2,phase:1,pass\"";
        let layer = Layer { decode: true, ..Layer::default() };
        let rules = rules_with(text, Options { layer, ..Options::default() });
        let (record, _) = run(&rules, request);
        let found = record.matches.iter().find(|found| found.id == 2);
        let all = found.map(|found| String::from_utf8(found.matched.clone()).unwrap());
        all.unwrap_or_default().split_whitespace().map(ToOwned::to_owned).collect()
    }

    #[test]
    fn paths_and_headers_that_hold_more_than_names() {
        for (target, headers, expected) in [
            (
                "/",
                &[("Host", "h"), ("User-Agent", "M/5 (X; Y)"), ("Accept", "*/*;q=1")][..],
                &[][..],
            ),
            (
                "/markets/BRK.B/^GSPC?a=<b>",
                &[("X-Request-Id", "5c0b-42"), ("X-List", "a,b:1")],
                &[],
            ),
            ("/", &[("X-A", "1 or 1=1"), ("X-B", "(x)"), ("x-c", "a;b")], &["X-A", "X-B", "x-c"]),
            ("/", &[("X-A", "PHNjcmlwdD4")], &["X-A"]),
            ("/a%20b", &[("Authorization", "Basic (x)"), ("Cookie", "a=(b)")], &["path"]),
            ("/a/PHNjcmlwdD4", &[], &["path"]),
            ("/it's", &[("Accept-Odd", "(x)"), ("Sec-Odd", "(x)")], &["path"]),
        ] {
            let headers: Vec<(&str, &str)> = headers.to_vec();
            assert_eq!(
                members(&Request { target, headers: &headers, ..GET }),
                expected,
                "{target}"
            );
        }
    }
}
