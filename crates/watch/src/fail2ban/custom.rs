//! A filter of fail2ban that is run as it is, by expressions that take linear time.

use crate::address;
use crate::event::{Event, Kind};
use crate::reader::LINE_BYTES_MAX;
use crate::time::{self, Stamp};
use regex_automata::meta::{BuildError, Regex};
use regex_automata::util::captures::Captures;
use regex_automata::util::syntax;

/// Most bytes of a compiled expression.
const REGEX_BYTES_MAX: usize = 8 << 20;

/// A filter that runs.
#[derive(Debug)]
pub struct Custom {
    dates: Vec<Regex>,
    before: Option<Regex>,
    failures: Vec<Regex>,
    ignored: Vec<Regex>,
    line: Vec<u8>,
}

/// Compiles one translated expression.
pub(super) fn compile(regex: &str) -> Result<Regex, Box<BuildError>> {
    Regex::builder()
        .configure(Regex::config().nfa_size_limit(Some(REGEX_BYTES_MAX)).utf8_empty(false))
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .build(regex)
        .map_err(Box::new)
}

impl Custom {
    /// A filter of compiled expressions.
    pub(super) fn new(before: Option<Regex>, failures: Vec<Regex>, ignored: Vec<Regex>) -> Self {
        Self { dates: Vec::new(), before, failures, ignored, line: Vec::new() }
    }

    /// The same, with places of the time of its own.
    pub(super) fn with_dates(self, dates: Vec<Regex>) -> Self {
        Self { dates, ..self }
    }

    /// How many expressions tell of failures.
    pub fn len(&self) -> usize {
        self.failures.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.failures.is_empty()
    }

    /// Takes the time out of the line.
    fn undate(&mut self, line: &[u8]) -> Option<Stamp> {
        for date in &self.dates {
            let mut captures = date.create_captures();
            date.captures(line, &mut captures);
            let Some(span) = captures.get_group(1).or_else(|| captures.get_group(0)) else {
                continue;
            };
            self.line.clear();
            self.line.extend_from_slice(line.get(..span.start).unwrap_or_default());
            self.line.extend_from_slice(line.get(span.end..).unwrap_or_default());
            let inner = line.get(span.start..span.end).unwrap_or_default();
            let start = inner.iter().position(u8::is_ascii_alphanumeric).unwrap_or(0);
            return inner.get(start..).and_then(time::leading).map(|(stamp, _)| stamp);
        }
        undated(line, &mut self.line)
    }

    /// What one line says. As in fail2ban, the time is taken out of it first.
    pub fn line(&mut self, line: &[u8]) -> Option<Event<'_>> {
        if line.len() > LINE_BYTES_MAX {
            return None;
        }
        let stamp = self.undate(line);
        let mut text = self.line.as_slice();
        let mut client = None;
        if let Some(before) = &self.before {
            let mut captures = before.create_captures();
            before.captures(text, &mut captures);
            if !captures.is_match() {
                return None;
            }
            client = ip(&captures, text);
            text = group(&captures, text, "content").unwrap_or(text);
        }
        let (captures, own) = self.failures.iter().find_map(|failure| {
            let mut captures = failure.create_captures();
            failure.captures(text, &mut captures);
            captures
                .is_match()
                .then(|| (ip(&captures, text), captures))
                .map(|(ip, captures)| (captures, ip))
        })?;
        if self.ignored.iter().any(|ignored| ignored.is_match(&self.line)) {
            return None;
        }
        let user = group(&captures, text, "user").or_else(|| group(&captures, text, "alt_user"));
        let host = group(&captures, text, "dns");
        Some(Event {
            service: "custom",
            kind: Kind::AuthFailure,
            ip: own.or(client),
            host,
            user: user.filter(|user| !user.is_empty()),
            stamp,
            count: 1,
            score: 0,
            port: None,
        })
    }
}

fn group<'t>(captures: &Captures, text: &'t [u8], name: &str) -> Option<&'t [u8]> {
    let span = captures.get_group_by_name(name)?;
    text.get(span.start..span.end)
}

fn ip(captures: &Captures, text: &[u8]) -> Option<std::net::IpAddr> {
    let written = group(captures, text, "ip4").or_else(|| group(captures, text, "ip6"))?;
    address::exact(written)
}

/// The line without its time: at its beginning, or in the first brackets.
fn undated(line: &[u8], out: &mut Vec<u8>) -> Option<Stamp> {
    out.clear();
    let at_start = usize::from(line.first() == Some(&b'['));
    let in_brackets = memchr::memchr(b'[', line).map(|open| open + 1);
    for start in [Some(at_start), in_brackets].into_iter().flatten() {
        let Some((stamp, length)) = line.get(start..).and_then(time::leading) else { continue };
        out.extend_from_slice(line.get(..start).unwrap_or_default());
        out.extend_from_slice(line.get(start + length..).unwrap_or_default());
        return Some(stamp);
    }
    out.extend_from_slice(line);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_taken_out() {
        let mut out = Vec::new();
        for (line, expected) in [
            ("Nov 26 01:02:03 host x", " host x"),
            ("[Nov 26 01:02:03] x", "[] x"),
            ("192.0.2.1 - - [26/Nov/2026:01:02:03 +0000] \"x\"", "192.0.2.1 - - [] \"x\""),
            ("no time", "no time"),
        ] {
            undated(line.as_bytes(), &mut out);
            assert_eq!(out, expected.as_bytes(), "{line}");
        }
    }

    #[test]
    fn an_expression_that_grows_is_refused() {
        assert!(compile("(?:a{1000}){1000}").is_err());
        assert!(compile("^a+$").is_ok());
    }
}
