//! Reads the lines of one service: bytes in, events out.
//!
//! Invariants: no allocation for a line, time linear in its length, nothing kept but a table of fixed
//! size. Of what is longer than [`LINE_BYTES_MAX`] only the beginning is looked at, and nothing is
//! believed that has to stand last, so that a forged end cannot be cut into place.

use crate::event::{Event, Kind};
use crate::header::{self, Place};
use crate::pattern::{Pattern, Turn};
use crate::piece::{Found, Host};
use crate::service::Service;
use crate::session::{Outcome, Sessions};
use std::net::IpAddr;

/// More of a line is not looked at.
pub const LINE_BYTES_MAX: usize = 16_384;

/// Reads the lines of one service.
#[derive(Debug)]
pub struct Reader {
    service: &'static Service,
    /// The patterns that can match a text, by its first byte.
    by_first: Vec<Vec<&'static Pattern>>,
    sessions: Sessions,
    cut: u64,
}

impl Reader {
    /// A reader that knows no line yet.
    pub fn new(service: &'static Service, is_strict: bool) -> Self {
        let counting: Vec<&'static Pattern> =
            service.patterns.iter().filter(|pattern| pattern.counts(is_strict)).collect();
        let by_first = (0..=u8::MAX)
            .map(|byte| {
                let may = |pattern: &&&Pattern| pattern.may_start(byte);
                counting.iter().filter(may).copied().collect()
            })
            .collect();
        Self { service, by_first, sessions: Sessions::new(), cut: 0 }
    }

    /// Lines that were longer than [`LINE_BYTES_MAX`]: only what they begin with was looked at.
    pub fn cut(&self) -> u64 {
        self.cut
    }

    /// What one line says.
    pub fn line<'a>(&mut self, line: &'a [u8]) -> Option<Event<'a>> {
        let is_cut = line.len() > LINE_BYTES_MAX;
        self.cut += u64::from(is_cut);
        let line = line.get(..LINE_BYTES_MAX).unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let header = header::split(line, self.service.programs);
        if self.service.is_named && !header.is_named {
            return None;
        }
        for place in header.places.iter().flatten() {
            let (text, count) = repeated(place.text);
            let text = self.skipped(text);
            let first = usize::from(text.first().copied().unwrap_or_default());
            let patterns = self.by_first.get(first).map(Vec::as_slice).unwrap_or_default();
            let found =
                patterns.iter().find_map(|pattern| Some((*pattern, pattern.find(text, is_cut)?)));
            if let Some((pattern, found)) = found {
                let event = self.event(pattern, &found, place)?;
                return Some(Event {
                    stamp: event.stamp.or(header.stamp),
                    count: event.count.saturating_mul(count),
                    ..event
                });
            }
        }
        None
    }

    fn skipped<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        let rest = self.service.skips.iter().find_map(|skip| text.strip_prefix(skip.as_bytes()));
        rest.unwrap_or(text)
    }

    fn event<'a>(
        &mut self,
        pattern: &Pattern,
        found: &Found<'a>,
        place: &Place<'a>,
    ) -> Option<Event<'a>> {
        let (ip, host) = match found.host {
            None => (None, None),
            Some(Host::Address(ip)) => (Some(ip), None),
            Some(Host::Name(name)) => (None, Some(name)),
        };
        let (ip, count, kind) = self.outcome(pattern, found, place, ip, host.is_some())?;
        let is_other = kind != found.kind.unwrap_or(pattern.kind);
        let user = found.user.map(trim_end).filter(|user| !user.is_empty() && !is_other);
        Some(Event {
            service: self.service.name,
            kind,
            ip,
            host,
            user,
            stamp: found.stamp,
            count,
            score: found.score,
            port: found.port,
        })
    }

    /// The client, how many events the line comes to, and of which kind; `None`: nothing.
    fn outcome(
        &mut self,
        pattern: &Pattern,
        found: &Found<'_>,
        place: &Place<'_>,
        ip: Option<IpAddr>,
        has_host: bool,
    ) -> Option<(Option<IpAddr>, u32, Kind)> {
        if pattern.turn == Turn::Ignores {
            return None;
        }
        if !self.service.has_sessions {
            return Some((ip, 1, found.kind.unwrap_or(pattern.kind)));
        }
        let key = found.key.unwrap_or(place.before);
        let outcome = self.sessions.turn(key, pattern.turn, ip, has_host, found.user);
        match outcome {
            Outcome::Nothing if pattern.turn == Turn::Clears => {
                Some((ip, 1, found.kind.unwrap_or(pattern.kind)))
            }
            Outcome::Nothing => None,
            Outcome::Counts(known, count) => {
                let kind =
                    if pattern.turn == Turn::Clears { Kind::AuthFailure } else { pattern.kind };
                Some((ip.or(known), count, kind))
            }
        }
    }
}

fn trim_end(text: &[u8]) -> &[u8] {
    text.trim_ascii_end()
}

/// `message repeated 5 times: [ text]`: the text, and how often.
fn repeated(text: &[u8]) -> (&[u8], u32) {
    let parts = || {
        let rest = text.strip_prefix(b"message repeated ")?;
        let digits = rest.iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
        let times = std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()?;
        let inner = rest.get(digits..)?.strip_prefix(b" times: [")?;
        let inner = inner.trim_ascii_end();
        Some((inner.strip_suffix(b"]").unwrap_or(inner).trim_ascii_start(), times))
    };
    parts().unwrap_or((text, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(service: &str, lines: &[&str], expected: Option<(Kind, &str, u32)>) {
        let mut reader = Reader::new(crate::by_name(service).unwrap(), false);
        let mut last = None;
        for line in lines {
            let ip = |ip: IpAddr| ip.to_string();
            last = reader
                .line(line.as_bytes())
                .map(|event| (event.kind, event.ip.map(ip).unwrap_or_default(), event.count));
        }
        assert_eq!(
            last,
            expected.map(|(kind, ip, count)| (kind, ip.to_owned(), count)),
            "{lines:?}"
        );
    }

    #[test]
    fn a_line_may_stand_for_several() {
        let line = |text: &str| format!("Nov 26 01:02:03 h sshd[7]: {text}");
        let failed = "Failed password for root from 192.0.2.1 port 22 ssh2";
        let five = line(&format!("message repeated 5 times: [ {failed}]"));
        check("sshd", &[&five], Some((Kind::AuthFailure, "192.0.2.1", 5)));
        check("sshd", &[&line("message repeated 5 times: [ nothing]")], None);
        check("sshd", &[&line("message repeated 99999999 times: [ x]")], None);
    }

    #[test]
    fn ends_of_lines_and_foreign_lines_change_nothing() {
        check(
            "sshd",
            &["Nov 26 01:02:03 h sshd[7]: Invalid user a from 192.0.2.1\r"],
            Some((Kind::AuthFailure, "192.0.2.1", 1)),
        );
        check("sshd", &["Nov 26 01:02:03 h cron[7]: Invalid user a from 192.0.2.1"], None);
        check("sshd", &["", " ", "\r"], None);
    }

    #[test]
    fn a_session_gives_a_failure_its_address() {
        let line = |text: &str| format!("Nov 26 01:02:03 h sshd[7]: {text}");
        let came = line("Connection from 192.0.2.1 port 5 on 192.0.2.9 port 22");
        let failed = line("Disconnecting: Too many authentication failures [preauth]");
        check("sshd", &[&came, &failed], Some((Kind::AuthFailure, "192.0.2.1", 1)));
        check("sshd", &[&failed], None);
        check("sshd", &[&came.replace("[7]", "[8]"), &failed], None);
        let accepted = line("Accepted password for root from 192.0.2.1 port 5 ssh2");
        check("sshd", &[&accepted], Some((Kind::AuthSuccess, "192.0.2.1", 1)));
    }
}
