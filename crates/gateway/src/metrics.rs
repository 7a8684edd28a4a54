//! What the gateway counts, for Prometheus (text format 0.0.4), and whether it is ready, on a listener
//! of its own for the operators' network.
//!
//! Invariants: the number of series is that of the configuration's sites and upstreams, whatever
//! clients send; counting costs a few relaxed additions; the listener serves nothing else.

use crate::exchange::Exchange;
use crate::log::line::Decided;
use crate::worker::Worker;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Upper bounds of the histogram of durations, in microseconds.
const BOUNDS: [u64; 12] = [
    1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];
/// How long a reader of metrics may take.
const READER_TIME: Duration = Duration::from_secs(10);

/// Numbers of one site since the start.
#[derive(Debug, Default)]
pub(crate) struct SiteNumbers {
    decided: [AtomicU64; Decided::ALL.len()],
    /// By the first digit of the status; 0: without an answer.
    classes: [AtomicU64; 6],
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    /// By [`BOUNDS`]; the last one is above all.
    durations: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

/// What became of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) decided: Decided,
    pub(crate) status: u16,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) micros: u64,
}

fn add(slot: Option<&AtomicU64>, count: u64) {
    if let Some(slot) = slot {
        slot.fetch_add(count, Ordering::Relaxed);
    }
}

impl SiteNumbers {
    pub(crate) fn count(&self, outcome: Outcome) {
        let decided = Decided::ALL.iter().position(|own| *own == outcome.decided);
        add(decided.and_then(|index| self.decided.get(index)), 1);
        add(self.classes.get(usize::from(outcome.status / 100)), 1);
        add(Some(&self.bytes_in), outcome.bytes_in);
        add(Some(&self.bytes_out), outcome.bytes_out);
        add(self.durations.get(BOUNDS.partition_point(|bound| *bound < outcome.micros)), 1);
        add(Some(&self.micros), outcome.micros);
    }

    fn write(&self, site: &str, out: &mut Text) {
        let read = |slot: &AtomicU64| slot.load(Ordering::Relaxed);
        for (decided, slot) in Decided::ALL.iter().zip(&self.decided) {
            let labels = format!("site=\"{site}\",decision=\"{}\"", decided.name());
            out.line("burgrave_requests_total", &labels, read(slot));
        }
        for (class, slot) in self.classes.iter().enumerate() {
            let labels = format!("site=\"{site}\",class=\"{class}xx\"");
            out.line("burgrave_responses_total", &labels, read(slot));
        }
        let site = format!("site=\"{site}\"");
        out.line("burgrave_received_bytes_total", &site, read(&self.bytes_in));
        out.line("burgrave_sent_bytes_total", &site, read(&self.bytes_out));
        let mut sum = 0;
        let bounds = BOUNDS.iter().map(|bound| seconds(*bound)).chain(["+Inf".to_owned()]);
        for (bound, slot) in bounds.zip(&self.durations) {
            sum += read(slot);
            let labels = format!("{site},le=\"{bound}\"");
            out.line("burgrave_request_duration_seconds_bucket", &labels, sum);
        }
        out.line("burgrave_request_duration_seconds_sum", &site, seconds(read(&self.micros)));
        out.line("burgrave_request_duration_seconds_count", &site, sum);
    }
}

/// Microseconds as seconds, exactly.
fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// Lines, with a help and a type in front of each family.
struct Text {
    families: Vec<(&'static str, String)>,
}

const FAMILIES: [(&str, &str, &str); 12] = [
    ("burgrave_requests_total", "counter", "Requests by what was decided."),
    ("burgrave_responses_total", "counter", "Answers by the class of their status; 0xx is none."),
    ("burgrave_received_bytes_total", "counter", "Bytes of request bodies."),
    ("burgrave_sent_bytes_total", "counter", "Bytes of answers' bodies."),
    ("burgrave_request_duration_seconds", "histogram", "From the header to the end of the answer."),
    ("burgrave_connections_total", "counter", "Connections admitted."),
    ("burgrave_connections", "gauge", "Connections that are open."),
    ("burgrave_refused_total", "counter", "Requests and connections refused, blocked or limited."),
    (
        "burgrave_log_lines_lost_total",
        "counter",
        "Lines of the access log that could not be written.",
    ),
    ("burgrave_loop_delay_seconds", "gauge", "How far an event loop is behind."),
    ("burgrave_upstream_up", "gauge", "Whether checks say that an upstream is well."),
    ("burgrave_rules", "gauge", "Rules that are loaded."),
];

impl Text {
    fn new() -> Self {
        Self { families: FAMILIES.iter().map(|(name, _, _)| (*name, String::new())).collect() }
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let family = name
            .strip_suffix("_bucket")
            .or(name.strip_suffix("_sum"))
            .or(name.strip_suffix("_count"))
            .unwrap_or(name);
        let Some((_, text)) = self.families.iter_mut().find(|(own, _)| *own == family) else {
            return;
        };
        // Writing to a `String` does not fail.
        if labels.is_empty() {
            writeln!(text, "{name} {value}").ok();
        } else {
            writeln!(text, "{name}{{{labels}}} {value}").ok();
        }
    }

    fn finish(self) -> String {
        let mut out = String::new();
        for ((name, lines), (_, kind, help)) in self.families.iter().zip(FAMILIES) {
            if !lines.is_empty() {
                writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}").ok();
                out.push_str(lines);
            }
        }
        out
    }
}

/// A label's value: hosts and upstreams hold nothing else that is special.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn text(worker: &Worker) -> String {
    let plan = worker.plan();
    let mut out = Text::new();
    for site in &plan.sites {
        site.numbers.write(&label(&site.site.name), &mut out);
        for route in &site.routes {
            if route.route.balance.health.is_none() {
                continue;
            }
            for (upstream, target) in route.route.upstream.iter().zip(&route.targets.all) {
                let name = worker.pool(upstream, route.verify.as_ref()).name.clone();
                let (site, route) = (label(&site.site.name), label(&route.route.path));
                let labels =
                    format!("site=\"{site}\",route=\"{route}\",upstream=\"{}\"", label(&name));
                out.line("burgrave_upstream_up", &labels, u8::from(!target.is_down()));
            }
        }
    }
    let counts = worker.counters.counts(worker.log_lines_lost());
    out.line("burgrave_connections_total", "", counts.connections);
    out.line("burgrave_connections", "", worker.admissions.open());
    out.line("burgrave_refused_total", "", counts.refused);
    out.line("burgrave_log_lines_lost_total", "", counts.log_lines_lost);
    let delay = u64::try_from(worker.load.delay().as_micros()).unwrap_or(u64::MAX);
    out.line("burgrave_loop_delay_seconds", "", seconds(delay));
    out.line("burgrave_rules", "", plan.rules.as_ref().map_or(0, |rules| rules.count()));
    out.finish()
}

/// Serves a connection of an operator's program.
pub(crate) async fn serve(worker: Rc<Worker>, stream: TcpStream) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = answer(&worker, &request);
        async move { Ok::<_, Infallible>(response) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(READER_TIME).keep_alive(false);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    // A reader that goes away, or takes too long, has had its chance.
    drop(timeout(READER_TIME, connection).await);
}

fn answer(worker: &Worker, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let (status, kind, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => {
            (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text(worker))
        }
        (&Method::GET, "/live") => (StatusCode::OK, "text/plain", "live\n".to_owned()),
        (&Method::GET, "/ready") if worker.draining() => {
            (StatusCode::SERVICE_UNAVAILABLE, "text/plain", "leaving\n".to_owned())
        }
        (&Method::GET, "/ready") => (StatusCode::OK, "text/plain", "ready\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, "text/plain", "/metrics, /live or /ready\n".to_owned()),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Counts a request whose site is known.
pub(crate) fn count(exchange: &Exchange, outcome: Outcome) {
    if let Some(site) = exchange.site.and_then(|site| exchange.plan.sites.get(site)) {
        site.numbers.count(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_counts_by_decision_class_and_duration() {
        let numbers = SiteNumbers::default();
        for (decided, status, micros) in [
            (Decided::File, 200, 900),
            (Decided::File, 200, 1_000),
            (Decided::Block, 403, 1_001),
            (Decided::Forward, 504, 60_000_000),
        ] {
            numbers.count(Outcome { decided, status, bytes_in: 1, bytes_out: 10, micros });
        }
        let mut out = Text::new();
        numbers.write(&label("a\"b"), &mut out);
        let text = out.finish();
        for line in [
            "# TYPE burgrave_requests_total counter",
            "burgrave_requests_total{site=\"a\\\"b\",decision=\"file\"} 2",
            "burgrave_requests_total{site=\"a\\\"b\",decision=\"block\"} 1",
            "burgrave_responses_total{site=\"a\\\"b\",class=\"2xx\"} 2",
            "burgrave_responses_total{site=\"a\\\"b\",class=\"5xx\"} 1",
            "burgrave_sent_bytes_total{site=\"a\\\"b\"} 40",
            "burgrave_request_duration_seconds_bucket{site=\"a\\\"b\",le=\"0.001000\"} 2",
            "burgrave_request_duration_seconds_bucket{site=\"a\\\"b\",le=\"10.000000\"} 3",
            "burgrave_request_duration_seconds_bucket{site=\"a\\\"b\",le=\"+Inf\"} 4",
            "burgrave_request_duration_seconds_sum{site=\"a\\\"b\"} 60.002901",
            "burgrave_request_duration_seconds_count{site=\"a\\\"b\"} 4",
        ] {
            assert!(text.lines().any(|own| own == line), "{line}\n{text}");
        }
        assert!(!text.contains("burgrave_upstream_up"), "what there is none of is not there");
    }
}
