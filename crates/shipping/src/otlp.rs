//! Requests as traces: OTLP/HTTP in its JSON form (OpenTelemetry Protocol 1.5), a span for each, by the names of its
//! conventions for HTTP.
//!
//! A request's id is its trace's, and the gateway tells it upstreams as `traceparent`, so that an application's spans join
//! ours. Of the target only the path goes along: queries hold what people type.

use crate::deliver::{Collector, PATIENCE};
use crate::line::Record;
use burgrave_client::{Address, Client, Request, Tls};
use burgrave_config::HttpAddress;
use burgrave_sys::parse_stamp;
use serde_json::{Value, json};

/// Spans in a request.
const SPANS_MAX: usize = 1_000;
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// A collector of OTLP.
pub(crate) struct Otlp {
    client: Client,
    path: String,
    host: String,
    one_in: u32,
}

impl Otlp {
    pub(crate) fn new(address: &HttpAddress, tls: Option<Tls>, one_in: u32) -> Self {
        let at = Address { host: address.host.clone(), port: address.port };
        let client = Client::new(at, tls, PATIENCE);
        Self { client, path: address.path.clone(), host: crate::syslog::host(), one_in }
    }
}

impl Collector for Otlp {
    fn deliver(&mut self, lines: &[Vec<u8>]) -> std::io::Result<()> {
        let spans: Vec<Value> =
            lines.iter().filter_map(|line| span(&Record::of(line)?, self.one_in)).collect();
        for part in spans.chunks(SPANS_MAX) {
            let body = whole(part, &self.host).to_string();
            let request = Request {
                method: "POST",
                target: self.path.clone(),
                headers: vec![("content-type", "application/json".to_owned())],
                body: body.as_bytes(),
                answer_bytes_max: ANSWER_BYTES_MAX,
            };
            let answer = self.client.attempt(&request)?;
            if !(200..300).contains(&answer.status) {
                return Err(std::io::Error::other(answer.words()));
            }
        }
        Ok(())
    }
}

fn whole(spans: &[Value], host: &str) -> Value {
    json!({"resourceSpans": [{
        "resource": {"attributes": [text("service.name", "burgrave"), text("host.name", host)]},
        "scopeSpans": [{"scope": {"name": "burgrave.gateway"}, "spans": spans}],
    }]})
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn number(key: &str, value: u64) -> Value {
    // 64-bit numbers are texts in this form.
    json!({"key": key, "value": {"intValue": value.to_string()}})
}

/// The span of a request; `None` where it is not one of those that are wanted, or has no id that can be one of a trace.
fn span(record: &Record<'_>, one_in: u32) -> Option<Value> {
    let id = record.id.as_ref();
    let is_hex = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let own = id.get(16..).filter(|_| is_hex)?;
    let chance = u32::from_str_radix(id.get(..8)?, 16).ok()?;
    if chance % one_in != 0 && !record.is_failure() {
        return None;
    }
    let start = parse_stamp(&record.time)?.time()?;
    let start = u64::try_from(start.0).ok()?.checked_mul(1_000)?;
    let end = start.checked_add(record.micros.checked_mul(1_000)?)?;
    let method = record.method.as_deref().unwrap_or("HTTP");
    let route = record.route.as_deref();
    let name = route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}"));
    let mut attributes = vec![
        number("http.response.status_code", record.status.into()),
        text("burgrave.decision", &record.decision),
    ];
    let path = record.target.as_deref().map(|target| target.split('?').next().unwrap_or_default());
    let version = record.version.as_deref().and_then(|version| version.strip_prefix("HTTP/"));
    for (key, value) in [
        ("http.request.method", record.method.as_deref()),
        ("url.path", path),
        ("server.address", record.host.as_deref()),
        ("client.address", record.client.as_deref()),
        ("network.protocol.version", version),
        ("http.route", route),
        ("burgrave.upstream", record.upstream.as_deref()),
        ("burgrave.reason", record.reason.as_deref()),
    ] {
        attributes.extend(value.map(|value| text(key, value)));
    }
    let status = if record.is_failure() { json!({"code": 2}) } else { json!({}) };
    // Kind 2 is that of a server.
    Some(json!({
        "traceId": id, "spanId": own, "name": name, "kind": 2,
        "startTimeUnixNano": start.to_string(), "endTimeUnixNano": end.to_string(),
        "attributes": attributes, "status": status,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::tests::line;

    fn of(text: &str, one_in: u32) -> Option<Value> {
        span(&Record::of(text.as_bytes()).unwrap(), one_in)
    }

    #[test]
    fn a_request_becomes_a_span() {
        let span = of(&line("/api/o?token=secret", 200, "forward"), 1).unwrap();
        assert_eq!(span["traceId"], "b317deceb44f9a822cd77ff7ed6ee320");
        assert_eq!(span["spanId"], "2cd77ff7ed6ee320");
        assert_eq!((&span["name"], &span["kind"]), (&"GET /api/".into(), &2.into()));
        assert_eq!(span["startTimeUnixNano"], "1795234896301840000");
        assert_eq!(span["endTimeUnixNano"], "1795234896303669000");
        let attributes = span["attributes"].as_array().unwrap();
        let find = |key: &str| {
            attributes.iter().find(|own| own["key"] == key).map(|own| own["value"].clone())
        };
        assert_eq!(find("url.path"), Some(json!({"stringValue": "/api/o"})));
        assert_eq!(find("http.response.status_code"), Some(json!({"intValue": "200"})));
        assert_eq!(find("network.protocol.version"), Some(json!({"stringValue": "2.0"})));
        assert!(find("burgrave.upstream").is_none());
        assert!(!span.to_string().contains("secret"));
        assert_eq!(span["status"], json!({}));
    }

    #[test]
    fn one_in_so_many_is_taken_and_every_failure() {
        // 0xb317dece is even, and no multiple of four.
        assert!(of(&line("/", 200, "file"), 2).is_some());
        assert!(of(&line("/", 200, "file"), 4).is_none());
        let failed = of(&line("/", 502, "forward"), 4).unwrap();
        assert_eq!(failed["status"], json!({"code": 2}));
        for (old, new) in [("b317dece", "x317dece"), ("b317dece", ""), ("2026-11", "yesterday")] {
            assert!(of(&line("/", 200, "file").replace(old, new), 1).is_none(), "{new}");
        }
    }
}
