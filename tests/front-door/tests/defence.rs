//! When there is too much: buckets of requests, and the page that asks browsers for work.

use crate::support::{Bed, body, header, start_with, status};
use burgrave_config::{Challenge, Limits, RateBy, RequestRate};
use sha2::{Digest as _, Sha256};

#[test]
fn a_bucket_belongs_to_whom_the_route_says() {
    let bed = start_with(&Limits::default(), |settings| {
        let by = RateBy::Header("x-api-key".to_owned());
        settings.sites[0].routes[0].limit = Some(RequestRate { per_second: 0.01, burst: 2, by });
    });
    let ask = |key: &str| status(&bed.ask(&format!("GET /api/x HTTP/1.1\r\n{key}")));
    for key in ["X-Api-Key: one", "X-Api-Key: two", "X-Other: none"] {
        assert_eq!([ask(key), ask(key), ask(key)], [200, 200, 429], "{key}");
    }
}

fn challenging(challenge: Challenge) -> Bed {
    start_with(&Limits::default(), |settings| settings.sites[0].challenge = challenge)
}

/// The number that answers a page's question, as its script finds it.
fn solve(page: &str) -> String {
    let data = |name: &str| {
        let after = page.split_once(&format!("data-{name}=\"")).unwrap().1;
        after.split_once('"').unwrap().0.to_owned()
    };
    let (question, bits) = (data("question"), data("bits").parse::<u32>().unwrap());
    let numbers = (0..10_000_000_u64).map(|number| number.to_string());
    let right = |number: &String| {
        let digest = Sha256::digest(format!("{question}:{number}"));
        u64::from_be_bytes(digest[..8].try_into().unwrap()).leading_zeros() >= bits
    };
    numbers.into_iter().find(right).unwrap()
}

#[test]
fn a_stranger_gets_the_page_and_nothing_else() {
    let bed = challenging(Challenge::On);
    for line in ["GET /1k.txt?a=b HTTP/1.1", "GET /api/x HTTP/1.1", "POST /api/x HTTP/1.1"] {
        let page = bed.ask(line);
        assert_eq!(status(&page), 503, "{line}");
        assert_eq!(header(&page, "cache-control"), Some("no-store"));
        assert!(header(&page, "retry-after").is_some() && body(&page).contains("One moment"));
    }
    assert!(bed.backend.seen().is_empty());
    assert_eq!(bed.log(3)[0]["decision"], "challenge");
}

#[test]
fn the_script_is_ours_alone() {
    let bed = challenging(Challenge::On);
    let script = bed.ask("GET /.well-known/challenge.js HTTP/1.1");
    assert_eq!(status(&script), 200);
    assert!(header(&script, "content-type").unwrap().starts_with("text/javascript"));
    assert!(header(&script, "content-security-policy").unwrap().contains("default-src 'self'"));
}

#[test]
fn an_answer_is_worth_a_pass_and_leads_back_to_the_site() {
    let bed = challenging(Challenge::On);
    let number = solve(body(&bed.ask("GET / HTTP/1.1")));
    let answer =
        |rest: &str| bed.ask(&format!("GET /.well-known/challenge?answer={rest} HTTP/1.1"));
    assert_eq!(status(&answer("1&back=%2F")), 503, "a guess");
    let right = answer(&format!("{number}&back=%2F1k.txt%3Fa%3Db"));
    assert_eq!((status(&right), header(&right, "location")), (303, Some("/1k.txt?a=b")));
    let pass = header(&right, "set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let inside = bed.ask(&format!("GET /1k.txt HTTP/1.1\r\nCookie: x=y; {pass}"));
    assert_eq!(status(&inside), 200);
    assert_eq!(status(&bed.ask("GET /1k.txt HTTP/1.1\r\nCookie: clearance=1.2")), 503);
    for away in ["%2F%2Fevil.test", "https%3A%2F%2Fevil.test", "%2F%5Cevil.test", "%0d%0aX%3A1"] {
        let answer = answer(&format!("{number}&back={away}"));
        assert_eq!(header(&answer, "location"), Some("/"), "{away}");
        assert_eq!(header(&answer, "x"), None);
    }
}

#[test]
fn without_load_nobody_is_asked() {
    for challenge in [Challenge::Off, Challenge::Load] {
        let bed = challenging(challenge);
        assert_eq!(status(&bed.ask("GET /1k.txt HTTP/1.1")), 200);
    }
}
