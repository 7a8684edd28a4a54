//! What is needed of a line of the access log; the rest goes along as it is.

use serde::Deserialize;
use std::borrow::Cow;

/// The keys that collectors sort by, as in `docs/access-log.md`.
#[derive(Debug, Deserialize)]
pub(crate) struct Record<'l> {
    #[serde(borrow)]
    pub(crate) time: Cow<'l, str>,
    #[serde(rename = "request.id", borrow)]
    pub(crate) id: Cow<'l, str>,
    #[serde(rename = "client.ip", borrow)]
    pub(crate) client: Option<Cow<'l, str>>,
    #[serde(rename = "http.version", borrow)]
    pub(crate) version: Option<Cow<'l, str>>,
    #[serde(rename = "http.method", borrow)]
    pub(crate) method: Option<Cow<'l, str>>,
    #[serde(rename = "http.host", borrow)]
    pub(crate) host: Option<Cow<'l, str>>,
    #[serde(rename = "http.target", borrow)]
    pub(crate) target: Option<Cow<'l, str>>,
    #[serde(rename = "http.status")]
    pub(crate) status: u16,
    #[serde(rename = "duration.us")]
    pub(crate) micros: u64,
    #[serde(borrow)]
    pub(crate) route: Option<Cow<'l, str>>,
    #[serde(borrow)]
    pub(crate) upstream: Option<Cow<'l, str>>,
    #[serde(borrow)]
    pub(crate) decision: Cow<'l, str>,
    #[serde(borrow)]
    pub(crate) reason: Option<Cow<'l, str>>,
}

impl<'l> Record<'l> {
    /// What a line says; `None` for what is no record, such as a line that a full disk has cut.
    pub(crate) fn of(line: &'l [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// Whether somebody was turned away, or the request did not end well.
    pub(crate) fn is_notable(&self) -> bool {
        matches!(&*self.decision, "block" | "limit" | "refuse") || self.is_failure()
    }

    /// Whether this side failed.
    pub(crate) fn is_failure(&self) -> bool {
        self.status >= 500
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A line as the gateway writes it.
    pub(crate) fn line(target: &str, status: u16, decision: &str) -> String {
        format!(
            "{{\"time\":\"2026-11-21T04:21:36.301840Z\",\"request.id\":\"b317deceb44f9a822cd77ff7ed6ee320\",\
             \"client.ip\":\"203.0.113.7\",\"client.port\":36418,\"tls.version\":\"TLSv1.3\",\"http.version\":\"HTTP/2.0\",\
             \"http.method\":\"GET\",\"http.host\":\"shop.example.com\",\"http.target\":\"{target}\",\"http.status\":{status},\
             \"bytes.in\":0,\"bytes.out\":173,\"duration.us\":1829,\"site\":\"shop.example.com\",\"route\":\"/api/\",\
             \"upstream\":null,\"user\":null,\"decision\":\"{decision}\",\"reason\":null,\"rules\":[],\"score.in\":0,\
             \"score.out\":0,\"headers\":{{}}}}"
        )
    }

    #[test]
    fn a_line_is_read_and_what_is_none_is_not() {
        let text = line("/a\\u0001?q=1", 200, "forward");
        let record = Record::of(text.as_bytes()).unwrap();
        assert_eq!(record.target.as_deref(), Some("/a\u{1}?q=1"));
        assert!(!record.is_notable());
        for (status, decision) in
            [(403, "block"), (429, "limit"), (400, "refuse"), (502, "forward")]
        {
            let text = line("/", status, decision);
            assert!(Record::of(text.as_bytes()).unwrap().is_notable(), "{status} {decision}");
        }
        for wrong in [&b""[..], b"{}", b"{\"time\":\"x\"", b"\xff", b"[1]"] {
            assert!(Record::of(wrong).is_none());
        }
    }
}
