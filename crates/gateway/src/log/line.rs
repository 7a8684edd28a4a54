//! One line of the access log: the contract's keys, always all of them, in the contract's order.

use super::json::{number, optional, string};
use burgrave_seclang::{MatchedRule, Record};
use burgrave_sys::UnixTime;
use std::net::{IpAddr, SocketAddr};

/// What became of a request, in the contract's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    Forward,
    File,
    Block,
    Limit,
    Challenge,
    Redirect,
    Refuse,
}

impl Decided {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Forward,
        Self::File,
        Self::Block,
        Self::Limit,
        Self::Challenge,
        Self::Redirect,
        Self::Refuse,
    ];

    /// The contract's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::File => "file",
            Self::Block => "block",
            Self::Limit => "limit",
            Self::Challenge => "challenge",
            Self::Redirect => "redirect",
            Self::Refuse => "refuse",
        }
    }
}

/// What a line says.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) time: UnixTime,
    pub(crate) id: &'a str,
    pub(crate) client: SocketAddr,
    pub(crate) tls: Option<&'a str>,
    pub(crate) version: Option<&'a str>,
    pub(crate) method: Option<&'a [u8]>,
    pub(crate) host: Option<&'a [u8]>,
    pub(crate) target: Option<&'a [u8]>,
    pub(crate) status: u16,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) duration_us: u64,
    pub(crate) site: Option<&'a str>,
    pub(crate) route: Option<&'a str>,
    pub(crate) upstream: Option<&'a str>,
    pub(crate) user: Option<&'a str>,
    pub(crate) decision: Decided,
    pub(crate) reason: Option<&'a str>,
    pub(crate) record: &'a Record,
}

impl Line<'_> {
    /// Appends the line with its line feed; `headers` are the recorded fields.
    pub(crate) fn write<'h>(
        &self,
        out: &mut Vec<u8>,
        headers: impl Iterator<Item = (&'h str, Option<&'h [u8]>)>,
    ) {
        out.extend_from_slice(b"{\"time\":\"");
        time(out, self.time);
        out.extend_from_slice(b"\",\"request.id\":");
        string(out, self.id.as_bytes());
        self.client(out);
        self.request(out);
        self.numbers(out);
        text(out, b",\"site\":", self.site);
        text(out, b",\"route\":", self.route);
        text(out, b",\"upstream\":", self.upstream);
        text(out, b",\"user\":", self.user);
        out.extend_from_slice(b",\"decision\":\"");
        out.extend_from_slice(self.decision.name().as_bytes());
        out.push(b'"');
        text(out, b",\"reason\":", self.reason);
        out.extend_from_slice(b",\"rules\":[");
        for (index, matched) in self.record.matches.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            rule(out, matched);
        }
        out.extend_from_slice(b"],\"score.in\":");
        signed(out, self.record.score_in);
        out.extend_from_slice(b",\"score.out\":");
        signed(out, self.record.score_out);
        out.extend_from_slice(b",\"headers\":{");
        let mut first = true;
        for (name, value) in headers.filter_map(|(name, value)| Some((name, value?))) {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            string(out, name.as_bytes());
            out.push(b':');
            string(out, value);
        }
        out.extend_from_slice(b"}}\n");
    }

    fn client(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"client.ip\":\"");
        address(out, self.client.ip().to_canonical());
        out.extend_from_slice(b"\",\"client.port\":");
        number(out, u64::from(self.client.port()));
        text(out, b",\"tls.version\":", self.tls);
    }

    fn request(&self, out: &mut Vec<u8>) {
        text(out, b",\"http.version\":", self.version);
        out.extend_from_slice(b",\"http.method\":");
        optional(out, self.method);
        out.extend_from_slice(b",\"http.host\":");
        optional(out, self.host);
        out.extend_from_slice(b",\"http.target\":");
        optional(out, self.target);
    }

    fn numbers(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"http.status\":");
        number(out, u64::from(self.status));
        out.extend_from_slice(b",\"bytes.in\":");
        number(out, self.bytes_in);
        out.extend_from_slice(b",\"bytes.out\":");
        number(out, self.bytes_out);
        out.extend_from_slice(b",\"duration.us\":");
        number(out, self.duration_us);
    }
}

/// As it is displayed; of the common kind without the cost of formatting machinery.
fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (place, octet) in address.octets().into_iter().enumerate() {
                if place > 0 {
                    out.push(b'.');
                }
                number(out, u64::from(octet));
            }
        }
        IpAddr::V6(address) => out.extend_from_slice(address.to_string().as_bytes()),
    }
}

fn text(out: &mut Vec<u8>, key: &[u8], value: Option<&str>) {
    out.extend_from_slice(key);
    optional(out, value.map(str::as_bytes));
}

fn signed(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    number(out, value.unsigned_abs());
}

/// RFC 3339 with microseconds, without the cost of formatting machinery.
fn time(out: &mut Vec<u8>, time: UnixTime) {
    let (year, month, day, hour, minute, second) = time.civil();
    digits(out, u64::try_from(year).unwrap_or(0), 4);
    for (mark, part) in [(b'-', month), (b'-', day), (b'T', hour), (b':', minute), (b':', second)] {
        out.push(mark);
        digits(out, u64::from(part), 2);
    }
    out.push(b'.');
    digits(out, u64::try_from(time.micros()).unwrap_or(0), 6);
    out.push(b'Z');
}

fn digits(out: &mut Vec<u8>, value: u64, width: u32) {
    for place in (0..width).rev() {
        let digit = value / 10_u64.pow(place) % 10;
        out.push(b'0' + u8::try_from(digit).unwrap_or(0));
    }
}

/// The name of a severity as `SecLang` counts them.
fn severity(number: u8) -> &'static str {
    match number {
        0 => "emergency",
        1 => "alert",
        2 => "critical",
        3 => "error",
        4 => "warning",
        5 => "notice",
        6 => "info",
        _ => "debug",
    }
}

fn rule(out: &mut Vec<u8>, matched: &MatchedRule) {
    out.extend_from_slice(b"{\"id\":");
    number(out, u64::from(matched.id));
    out.extend_from_slice(b",\"phase\":");
    number(out, u64::from(matched.phase));
    text(out, b",\"severity\":", matched.severity.map(severity));
    out.extend_from_slice(b",\"message\":");
    string(out, &matched.message);
    out.extend_from_slice(b",\"tags\":[");
    for (index, tag) in matched.tags.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        string(out, tag);
    }
    out.extend_from_slice(b"],\"variable\":");
    string(out, &matched.variable);
    out.extend_from_slice(b",\"matched\":");
    string(out, &matched.matched);
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_they_are_displayed() {
        for text in ["0.0.0.0", "127.0.0.1", "255.255.255.255", "10.20.3.100", "2001:db8::1"] {
            let mut out = Vec::new();
            address(&mut out, text.parse().unwrap());
            assert_eq!(out, text.as_bytes());
        }
    }

    fn keys_of(line: &str) -> Vec<String> {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let object = value.as_object().unwrap();
        let mut keys: Vec<_> = object.keys().cloned().collect();
        keys.sort_by_key(|key| line.find(&format!("\"{key}\":")).unwrap());
        keys
    }

    #[test]
    fn the_keys_are_the_contracts_in_its_order() {
        let rule = MatchedRule {
            id: 942_100,
            phase: 2,
            severity: Some(2),
            message: b"SQL \xff".to_vec(),
            data: Vec::new(),
            tags: vec![b"a".to_vec(), b"b".to_vec()],
            variable: b"ARGS:q".to_vec(),
            matched: b"' or 1=1".to_vec(),
        };
        let record =
            Record { matches: vec![rule], score_in: 5, score_out: -1, ..Record::default() };
        let line = Line {
            time: UnixTime(1_795_228_938_000_123),
            id: "0123",
            client: "127.0.0.1:80".parse().unwrap(),
            tls: None,
            version: Some("HTTP/1.1"),
            method: Some(b"GET"),
            host: Some(b"x"),
            target: Some(b"/\xff"),
            status: 403,
            bytes_in: 1,
            bytes_out: 2,
            duration_us: 3,
            site: Some("x"),
            route: None,
            upstream: None,
            user: Some("u"),
            decision: Decided::Block,
            reason: Some("r"),
            record: &record,
        };
        let mut out = Vec::new();
        line.write(&mut out, [("a", Some(&b"1"[..])), ("b", None), ("c", Some(b"2"))].into_iter());
        let text = String::from_utf8(out).unwrap();
        let wanted = "time request.id client.ip client.port tls.version http.version http.method \
                      http.host http.target http.status bytes.in bytes.out duration.us site route \
                      upstream user decision reason rules score.in score.out headers";
        assert_eq!(keys_of(&text), wanted.split_whitespace().collect::<Vec<_>>());
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["time"], "2026-11-21T02:42:18.000123Z");
        assert_eq!(value["http.target"], "/\\xff");
        assert_eq!(value["rules"][0]["severity"], "critical");
        assert_eq!(value["rules"][0]["tags"][1], "b");
        assert_eq!(value["score.out"], -1);
        assert_eq!(value["headers"], serde_json::json!({"a": "1", "c": "2"}));
    }
}
