//! What stands before a program's own text: time, host, program and process of syslog, journald,
//! RFC 5424, or a time alone.
//!
//! Invariants: borrows, never allocates; every place where the text may begin is fixed by the header,
//! never searched for in what a client sent.

use crate::piece::is_space;
use crate::time::{self, Stamp};

/// Where a program's own text may begin: at most this many places.
const PLACES_MAX: usize = 5;

/// A line taken apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header<'a> {
    /// The time at its beginning.
    pub(crate) stamp: Option<Stamp>,
    /// Where the text may begin, likeliest first; each with what stands between time and text.
    pub(crate) places: [Option<Place<'a>>; PLACES_MAX],
    /// Whether the header names one of the programs that were asked for.
    pub(crate) is_named: bool,
}

/// A place where a program's own text may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// The text.
    pub(crate) text: &'a [u8],
    /// Host, program and process: the same for all lines of one session.
    pub(crate) before: &'a [u8],
}

/// Takes a line apart. `programs`: the names under which the service writes to syslog, `x*` for a
/// beginning, `*` for any; empty: it has a file of its own.
pub(crate) fn split<'a>(line: &'a [u8], programs: &[&str]) -> Header<'a> {
    if let Some(header) = rfc5424(line, programs) {
        return header;
    }
    let (stamp, rest) = after_time(line);
    let rest = verbose(rest);
    let mut places = Places { all: [None; PLACES_MAX], used: 0, start: rest };
    let mut is_named = false;
    if programs.is_empty() {
        places.add(rest);
        // No host begins with a bracket.
        let host = (rest.first() != Some(&b'[')).then_some(rest);
        if let Some(text) = host.and_then(skip_word).and_then(|rest| program(rest, &["*"])) {
            places.add_both(text);
            // Some journals hold what was a line of syslog before.
            if let Some(text) = skip_word(text).and_then(|rest| program(rest, &["*"])) {
                places.add_both(text);
            }
        }
    } else if let Some(text) = program(rest, programs) {
        is_named = true;
        places.add_both(text);
    } else {
        let host = skip_word(rest);
        let after_host = host.map(|rest| vserver(kernel(rest)));
        let named = |rest: Option<&'a [u8]>| rest.and_then(|rest| program(rest, programs));
        if let Some(text) = named(host).or_else(|| named(after_host)) {
            is_named = true;
            places.add_both(text);
        } else {
            places.add(kernel(rest));
            if let Some(rest) = after_host {
                places.add_both(identity(rest));
            }
        }
    }
    Header { stamp, places: places.all, is_named }
}

struct Places<'a> {
    all: [Option<Place<'a>>; PLACES_MAX],
    used: usize,
    start: &'a [u8],
}

impl<'a> Places<'a> {
    fn add(&mut self, text: &'a [u8]) {
        let length = self.start.len().saturating_sub(text.len());
        let before = self.start.get(..length).unwrap_or_default();
        if let Some(free) = self.all.get_mut(self.used) {
            *free = Some(Place { text, before });
            self.used += 1;
        }
    }

    /// The text, and what follows a second time in it: some programs write their own.
    fn add_both(&mut self, text: &'a [u8]) {
        self.add(text);
        let may_be_time = text
            .first()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'[' | b'<'));
        if may_be_time && let (Some(_), rest) = after_time(text) {
            self.add(rest);
        }
    }
}

/// The time, in brackets or not, and what follows with its white space removed.
fn after_time(line: &[u8]) -> (Option<Stamp>, &[u8]) {
    let (line, priority) = match line.split_first() {
        Some((b'<', rest)) => match rest.iter().position(|byte| *byte == b'>') {
            // `<W>`, `<134>`: a priority; longer ones are text.
            Some(end) if (1..=3).contains(&end) => (rest.get(end + 1..).unwrap_or_default(), true),
            _ => (line, false),
        },
        _ => (line, false),
    };
    let (inner, open) = match line.split_first() {
        Some((b'[', inner)) => (inner, true),
        _ => (line, false),
    };
    match time::leading(inner) {
        Some((stamp, length)) => {
            let rest = inner.get(length..).unwrap_or_default();
            let rest = if open { rest.strip_prefix(b"]").unwrap_or(rest) } else { rest };
            (Some(stamp), trim(rest))
        }
        None if priority => (None, trim(line)),
        None => (None, trim(line)),
    }
}

fn trim(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_space(*byte)).unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

/// What follows the next word; `None` where there is no more.
fn skip_word(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|byte| is_space(*byte))?;
    (end > 0).then(|| trim(text.get(end..).unwrap_or_default()))
}

/// `<mail.info> `: facility and level, as some systems write them.
fn verbose(text: &[u8]) -> &[u8] {
    if text.first() != Some(&b'<') {
        return text;
    }
    let end = text.iter().take(32).position(|byte| *byte == b'>');
    match end.and_then(|end| Some((text.get(..end)?, text.get(end + 1..)?))) {
        Some((inner, rest)) if memchr::memchr(b'.', inner).is_some() => trim(rest),
        _ => text,
    }
}

/// `kernel: [  970.699397] `.
fn kernel(text: &[u8]) -> &[u8] {
    let Some(rest) = text.strip_prefix(b"kernel:") else { return text };
    let Some(inner) = trim(rest).strip_prefix(b"[") else { return text };
    let is_of_it = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b' ' | b'.');
    let length = inner.iter().take(24).take_while(|byte| is_of_it(byte)).count();
    match inner.get(length..).and_then(|rest| rest.strip_prefix(b"]")) {
        Some(rest) => trim(rest.strip_prefix(b":").unwrap_or(rest)),
        None => text,
    }
}

/// `@vserver_name `.
fn vserver(text: &[u8]) -> &[u8] {
    if text.starts_with(b"@vserver_") { skip_word(text).unwrap_or(text) } else { text }
}

/// `[ID 800047 auth.info] `.
fn identity(text: &[u8]) -> &[u8] {
    let rest = text.strip_prefix(b"[ID ").and_then(|rest| {
        let end = rest.iter().take(64).position(|byte| *byte == b']')?;
        rest.get(end + 1..)
    });
    rest.map_or(text, trim)
}

fn is_program(name: &[u8], programs: &[&str], is_marked: bool) -> bool {
    programs.iter().any(|program| match program.strip_suffix('*') {
        // The module is no program: it belongs to the text.
        Some("") => is_marked && !name.is_empty() && name != b"pam_unix",
        Some(start) => name.starts_with(start.as_bytes()),
        None => name == program.as_bytes(),
    })
}

/// The text behind `program(part)[process]: `, if it is one of these programs.
fn program<'a>(text: &'a [u8], programs: &[&str]) -> Option<&'a [u8]> {
    let open = text.first().filter(|byte| matches!(byte, b'[' | b'(')).copied();
    let inner = if open.is_some() { text.get(1..)? } else { text };
    let ends = |byte: &u8| is_space(*byte) || matches!(byte, b'[' | b']' | b'(' | b')' | b':');
    let length = inner.iter().position(ends)?;
    let (name, mut rest) = inner.split_at_checked(length)?;
    let is_marked = matches!(rest.first(), Some(b':' | b'[' | b'('));
    if !is_program(name, programs, is_marked) {
        return None;
    }
    if rest.first() == Some(&b'(') {
        let end = rest.iter().position(|byte| *byte == b')' || is_space(*byte))?;
        rest = rest.get(end..)?.strip_prefix(b")")?;
    }
    if open.is_some() {
        rest = rest.strip_prefix(b"]").or_else(|| rest.strip_prefix(b")"))?;
    }
    rest = rest.strip_prefix(b":").unwrap_or(rest);
    if let Some(inner) = rest.strip_prefix(b"[") {
        let digits = inner.iter().take_while(|byte| byte.is_ascii_digit()).count();
        rest = inner.get(digits..)?.strip_prefix(b"]")?;
        rest = rest.strip_prefix(b":").unwrap_or(rest);
    }
    let follows = rest.first().is_none_or(|byte| is_space(*byte));
    follows.then(|| kernel(identity(trim(rest))))
}

/// `<38>1 2019-07-08T17:40:16.954167-04:00 host program 57915 - - text`.
fn rfc5424<'a>(line: &'a [u8], programs: &[&str]) -> Option<Header<'a>> {
    let rest = line.strip_prefix(b"<")?;
    let digits = rest.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    let rest = rest.get(digits..)?.strip_prefix(b">")?;
    let version = rest.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    if version == 0 || rest.get(version) != Some(&b' ') {
        return None;
    }
    let (stamp, length) = time::leading(rest.get(version + 1..)?)?;
    let start = trim(rest.get(version + 1 + length..)?);
    let after_host = skip_word(start)?;
    let end = after_host.iter().position(|byte| is_space(*byte))?;
    let name = after_host.get(..end)?;
    if !programs.is_empty() && !is_program(name, programs, true) {
        return None;
    }
    let message_id = skip_word(skip_word(after_host)?)?;
    let text = structured(skip_word(message_id)?)?;
    let mut places = Places { all: [None; PLACES_MAX], used: 0, start };
    places.add_both(text);
    Some(Header { stamp: Some(stamp), places: places.all, is_named: !programs.is_empty() })
}

/// What follows the structured data: `-`, or elements in brackets.
fn structured(text: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = text.strip_prefix(b"-") {
        return Some(trim(rest));
    }
    let (mut is_open, mut is_quoted, mut is_escaped) = (false, false, false);
    for (index, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'[' if !is_quoted => is_open = true,
            b']' if !is_quoted => is_open = false,
            byte if !is_open && is_space(*byte) => return text.get(index..).map(trim),
            _ if !is_open => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, programs: &[&str], expected: &[&str]) {
        let header = split(line.as_bytes(), programs);
        let texts: Vec<String> = header
            .places
            .iter()
            .flatten()
            .map(|place| String::from_utf8(place.text.to_vec()).unwrap())
            .collect();
        assert_eq!(texts, expected, "{line}");
    }

    #[test]
    fn a_known_program_fixes_where_its_text_begins() {
        for line in [
            "Nov 26 01:02:03 host sshd[12]: text",
            "Nov 26 01:02:03 host sshd: text",
            "Nov 26 01:02:03 [sshd]: text",
            "Nov 26 01:02:03 [sshd] text",
            "Nov 26 01:02:03 sshd[12]: text",
            "Nov 26 01:02:03 <auth.info> host sshd[12]: [ID 8 auth.info] text",
            "2026-11-26T01:02:03.5+01:00 host sshd[12]: text",
            "host sshd[12]: text",
            "host sshd[12]: kernel: [  970.699397] text",
            "Nov 26 01:02:03 host kernel: [  970.699397] sshd[1]: text",
            "<38>1 2026-11-26T01:02:03.5Z host sshd 57915 - - text",
            "<38>1 2026-11-26T01:02:03.5Z host sshd 57915 id [a@1 b=\"] \\\" \"][c@1] text",
            "<38>Nov 26 01:02:03 host sshd[1]: text",
            "Nov 26 01:02:03 host sshd(pam_unix)[1]: text",
        ] {
            check(line, &["sshd"], &["text"]);
        }
    }

    #[test]
    fn a_header_names_its_program_or_does_not() {
        for (line, is_named) in [
            ("kernel: text", true),
            ("Nov 26 01:02:03 h kernel: [  970.699397] text", true),
            ("<4>1 2026-11-26T01:02:03.5Z h kernel - - - text", true),
            ("text", false),
            ("Nov 26 01:02:03 h cron[1]: kernel: text", false),
            ("<4>1 2026-11-26T01:02:03.5Z h cron 1 - - kernel: text", false),
        ] {
            assert_eq!(split(line.as_bytes(), &["kernel"]).is_named, is_named, "{line}");
        }
    }

    #[test]
    fn another_program_is_not_taken_for_it() {
        check(
            "Nov 26 01:02:03 host cron[1]: text",
            &["sshd"],
            &["host cron[1]: text", "cron[1]: text"],
        );
        check("Nov 26 01:02:03 host sshdx[1]: a", &["sshd"], &["host sshdx[1]: a", "sshdx[1]: a"]);
        check("Nov 26 01:02:03 host sshd-x[1]: a", &["sshd*"], &["a"]);
    }

    #[test]
    fn a_second_time_is_looked_behind() {
        check(
            "Nov 26 01:02:03 host mysqld: 261126 01:02:03 [W] x",
            &["mysqld"],
            &["261126 01:02:03 [W] x", "[W] x"],
        );
        check("[2026-11-26 01:02:03] NOTICE x", &["asterisk"], &["NOTICE x", "x"]);
        check("2026/11/26 01:02:03 [error] x", &[], &["[error] x"]);
        check(
            "host nginx[1]: 2026/11/26 01:02:03 [error] x",
            &[],
            &[
                "host nginx[1]: 2026/11/26 01:02:03 [error] x",
                "2026/11/26 01:02:03 [error] x",
                "[error] x",
            ],
        );
        check("", &["x"], &[""]);
    }
}
