//! Numbers for operators, on an address of their own.

use crate::support::{Bed, body, send, start_with, status};
use burgrave_config::Limits;

fn ask(bed: &Bed, target: &str) -> String {
    let address = bed.gateway.address_of("127.0.0.4:0".parse().unwrap()).unwrap();
    send(address, format!("GET {target} HTTP/1.1\r\nHost: metrics\r\n\r\n").as_bytes())
}

#[test]
fn requests_are_counted_by_site_and_nothing_that_clients_choose() {
    let bed = start_with(&Limits::default(), |settings| {
        settings.metrics = Some("127.0.0.4:0".parse().unwrap());
    });
    for line in ["GET /1k.txt HTTP/1.1", "GET /none HTTP/1.1", "GET /api/x HTTP/1.1"] {
        bed.ask(line);
    }
    let odd = "GET / HTTP/1.1\r\nHost: x\"} 1\r\nConnection: close\r\n\r\n";
    send(bed.address, odd.as_bytes());
    bed.log(4);
    let text = ask(&bed, "/metrics");
    assert_eq!(status(&text), 200);
    for line in [
        "burgrave_requests_total{site=\"site.test\",decision=\"file\"} 1",
        "burgrave_requests_total{site=\"site.test\",decision=\"refuse\"} 1",
        "burgrave_requests_total{site=\"site.test\",decision=\"forward\"} 1",
        "burgrave_responses_total{site=\"site.test\",class=\"4xx\"} 1",
        "burgrave_request_duration_seconds_count{site=\"site.test\"} 3",
        "burgrave_refused_total 2",
    ] {
        assert!(body(&text).lines().any(|own| own == line), "{line}\n{text}");
    }
    assert_eq!(body(&text).matches("burgrave_responses_total{").count(), 6, "one site");
    for (target, wanted, said) in
        [("/ready", 200, "ready\n"), ("/live", 200, "live\n"), ("/", 404, "")]
    {
        let answer = ask(&bed, target);
        assert_eq!(status(&answer), wanted, "{target}");
        assert!(body(&answer).starts_with(said), "{answer}");
    }
    assert_eq!(bed.log(4).len(), 4, "the operators' own requests are not in the log");
}
