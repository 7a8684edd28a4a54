//! A page that asks the client's browser for some work before it is served: for a site under attack.
//!
//! Without third parties and without state: the question is a keyed digest of the client and of the
//! time, the answer is a number that makes the digest of both begin with zero bits, and the pass is a
//! cookie with a keyed digest of its own. Invariants: a pass is for one client and one site and ends by
//! itself; checking costs one digest, whatever was sent; the page names no product and works with a
//! screen reader.

use crate::answer;
use crate::body::OutBody;
use crate::exchange::Exchange;
use crate::limit::client_key;
use crate::log::json::hex_text;
use crate::log::line::Decided;
use crate::route::path_and_query;
use aws_lc_rs::hmac;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, SET_COOKIE};
use http::{HeaderValue, Response, StatusCode};
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Where the page's script and its answers go; no application's path.
const PLACE: &[u8] = b"/.well-known/challenge";
const SCRIPT_PLACE: &[u8] = b"/.well-known/challenge.js";
const SCRIPT: &str = include_str!("challenge.js");
const COOKIE: &str = "clearance";
/// Zero bits that the digest must begin with: some 260,000 tries, up to a second or two in a browser.
const ZERO_BITS: u32 = 18;
/// Seconds for which a question is asked; it is taken for twice as long.
const QUESTION_SECONDS: u64 = 300;
/// Seconds for which a pass is good.
const PASS_SECONDS: u64 = 4 * 3600;
/// Longest answer.
const NUMBER_DIGITS_MAX: usize = 16;

/// The key of all questions and passes of this process.
#[derive(Clone)]
pub(crate) struct Challenges {
    key: hmac::Key,
    /// Seconds by which it is later here than elsewhere: none but in a rehearsal.
    ahead: Arc<AtomicU64>,
}

impl Challenges {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &seed), ahead: Arc::default() }
    }

    /// Lets time pass for questions and passes. It never goes back, so it ends them, and makes none longer.
    pub(crate) fn advance(&self, time: Duration) {
        self.ahead.fetch_add(time.as_secs(), Ordering::Relaxed);
    }

    fn later(&self, seconds: u64) -> u64 {
        seconds.saturating_add(self.ahead.load(Ordering::Relaxed))
    }

    fn sign(&self, what: &str, client: IpAddr, site: &str, number: u64) -> String {
        let text = format!("{what}\n{}\n{site}\n{number}", client_key(client));
        hex_text(hmac::sign(&self.key, text.as_bytes()).as_ref())
    }

    fn question(&self, client: IpAddr, site: &str, seconds: u64) -> String {
        self.sign("question", client, site, seconds / QUESTION_SECONDS)
    }

    /// A pass from now on.
    fn pass(&self, client: IpAddr, site: &str, seconds: u64) -> String {
        let end = seconds.saturating_add(PASS_SECONDS);
        format!("{end}.{}", self.sign("pass", client, site, end))
    }

    fn is_pass(&self, pass: &[u8], client: IpAddr, site: &str, seconds: u64) -> bool {
        let Some((end, tag)) = std::str::from_utf8(pass).ok().and_then(|pass| pass.split_once('.'))
        else {
            return false;
        };
        let Ok(end) = end.parse::<u64>() else { return false };
        let text = format!("pass\n{}\n{site}\n{end}", client_key(client));
        let tag = unhex(tag);
        end > seconds && hmac::verify(&self.key, text.as_bytes(), &tag).is_ok()
    }

    /// Whether the number answers the question of now or the one before it.
    fn is_answer(&self, number: &[u8], client: IpAddr, site: &str, seconds: u64) -> bool {
        let plain = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
        if !plain || number.len() > NUMBER_DIGITS_MAX {
            return false;
        }
        let before = seconds.saturating_sub(QUESTION_SECONDS);
        [seconds, before].into_iter().any(|at| {
            let question = self.question(client, site, at);
            zero_bits(&[question.as_bytes(), b":", number].concat()) >= ZERO_BITS
        })
    }
}

fn zero_bits(bytes: &[u8]) -> u32 {
    let digest = Sha256::digest(bytes);
    let first = digest.first_chunk::<8>().map_or(u64::MAX, |bytes| u64::from_be_bytes(*bytes));
    first.leading_zeros()
}

/// Empty where it is not 32 bytes in hexadecimal digits.
fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: &u8| crate::route::digit(*byte);
    let pairs = text.as_bytes().chunks_exact(2);
    let bytes = pairs.map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    if text.len() == 64 { bytes.collect::<Option<_>>().unwrap_or_default() } else { Vec::new() }
}

/// Stands in the way of a request without a pass; `None`: it goes on.
pub(crate) fn stand(exchange: &mut Exchange) -> Option<Response<OutBody>> {
    let client = exchange.client.address.ip();
    let challenges = exchange.worker.challenges.clone();
    let seconds = challenges.later(exchange.time.seconds().unsigned_abs());
    let site = exchange.host.clone();
    if exchange
        .head
        .cookie(COOKIE)
        .is_some_and(|pass| challenges.is_pass(pass, client, &site, seconds))
    {
        return None;
    }
    exchange.decide(Decided::Challenge);
    let (path, query) = path_and_query(exchange.head.target());
    if path == SCRIPT_PLACE {
        return Some(own(StatusCode::OK, "text/javascript; charset=utf-8", SCRIPT.to_owned()));
    }
    if path == PLACE {
        let number = query.and_then(|query| query.strip_prefix(b"answer="));
        let (number, back) = number.map_or((&b""[..], None), split);
        if challenges.is_answer(number, client, &site, seconds) {
            return Some(let_in(exchange, &challenges.pass(client, &site, seconds), back));
        }
    }
    Some(page(&challenges.question(client, &site, seconds)))
}

/// The number, and where to go back to.
fn split(rest: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memmem::find(rest, b"&back=") {
        Some(at) => (rest.get(..at).unwrap_or_default(), rest.get(at + 6..)),
        None => (rest, None),
    }
}

fn let_in(exchange: &Exchange, pass: &str, back: Option<&[u8]>) -> Response<OutBody> {
    // A path of this site, and nothing that a browser would take for another one.
    let back = back.map(crate::route::decode).filter(|back| {
        let graphic = back.iter().all(u8::is_ascii_graphic);
        graphic
            && back.first() == Some(&b'/')
            && !back.contains(&b'\\')
            && back.get(1) != Some(&b'/')
    });
    let location = back.and_then(|back| HeaderValue::from_bytes(&back).ok());
    let location = location.unwrap_or(HeaderValue::from_static("/"));
    let mut response = answer::redirect(StatusCode::SEE_OTHER, location);
    let secure = if exchange.client.tls.is_some() { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={pass}; Path=/; Max-Age={PASS_SECONDS}; HttpOnly; SameSite=Lax{secure}");
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    debug_assert!(response.headers().contains_key(LOCATION), "it leads somewhere");
    response
}

fn page(question: &str) -> Response<OutBody> {
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>One moment</title>\
         <script src=\"/.well-known/challenge.js\" defer></script></head>\
         <body><main><h1>One moment</h1>\
         <p>This site has very many visitors just now. Your browser is working out a short sum, to show that \
         it is one of them. Nothing is asked of you, and nothing is kept about you.</p>\
         <p id=\"state\" role=\"status\" aria-live=\"polite\" data-question=\"{question}\" \
         data-bits=\"{ZERO_BITS}\">Working …</p>\
         <noscript><p>This needs JavaScript. Without it, please come back later.</p></noscript>\
         </main></body></html>\n"
    );
    let mut response = own(StatusCode::SERVICE_UNAVAILABLE, "text/html; charset=utf-8", text);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("30"));
    response
}

fn own(status: StatusCode, kind: &'static str, text: String) -> Response<OutBody> {
    let mut response = Response::new(OutBody::Whole(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_000_000;

    fn solve(question: &str) -> String {
        (0..100_000_000_u64)
            .map(|number| number.to_string())
            .find(|number| zero_bits(format!("{question}:{number}").as_bytes()) >= ZERO_BITS)
            .unwrap()
    }

    #[test]
    fn an_answer_is_for_its_client_its_site_and_its_time() {
        let (ours, client) = (Challenges::new([1; 32]), "192.0.2.1".parse().unwrap());
        let number = solve(&ours.question(client, "a.test", NOW));
        let number = number.as_bytes();
        assert!(ours.is_answer(number, client, "a.test", NOW));
        assert!(ours.is_answer(number, client, "a.test", NOW + QUESTION_SECONDS));
        let wrong = [
            ours.is_answer(number, "192.0.2.2".parse().unwrap(), "a.test", NOW),
            ours.is_answer(number, client, "b.test", NOW),
            ours.is_answer(number, client, "a.test", NOW + 2 * QUESTION_SECONDS),
            Challenges::new([2; 32]).is_answer(number, client, "a.test", NOW),
            ours.is_answer(&[b"00", number].concat(), client, "a.test", NOW),
        ];
        // Each may be right by chance, in one of 130,000 cases.
        assert!(wrong.iter().filter(|right| **right).count() <= 1, "{wrong:?}");
        for odd in [&b""[..], b"-1", b"1 ", b"12345678901234567", b"\xff"] {
            assert!(!ours.is_answer(odd, client, "a.test", NOW));
        }
    }

    #[test]
    fn a_pass_ends_and_cannot_be_carried_elsewhere() {
        let (ours, client) = (Challenges::new([1; 32]), "2001:db8::1".parse().unwrap());
        let pass = ours.pass(client, "a.test", NOW);
        let good = |pass: &str, client: &str, site, at| {
            ours.is_pass(pass.as_bytes(), client.parse().unwrap(), site, at)
        };
        assert!(good(&pass, "2001:db8::1", "a.test", NOW));
        assert!(good(&pass, "2001:db8::2", "a.test", NOW), "of the same /64");
        assert!(!good(&pass, "2001:db8:1::1", "a.test", NOW));
        assert!(!good(&pass, "2001:db8::1", "b.test", NOW));
        assert!(!good(&pass, "2001:db8::1", "a.test", NOW + PASS_SECONDS));
        let (end, tag) = pass.split_once('.').unwrap();
        let longer = format!("{}.{tag}", end.parse::<u64>().unwrap() + 1);
        for forged in [&longer, "", ".", "1.2", &format!("{end}.{}", "0".repeat(64)), end, "é.é"]
        {
            assert!(!good(forged, "2001:db8::1", "a.test", NOW), "{forged}");
        }
    }

    #[test]
    fn time_goes_on_for_all_who_share_it() {
        let (ours, client) = (Challenges::new([1; 32]), "192.0.2.1".parse().unwrap());
        let pass = ours.pass(client, "a.test", ours.later(NOW));
        let is_good =
            |own: &Challenges| own.is_pass(pass.as_bytes(), client, "a.test", own.later(NOW));
        let shared = ours.clone();
        ours.advance(Duration::from_secs(PASS_SECONDS - 1));
        assert!(is_good(&ours) && is_good(&shared));
        shared.advance(Duration::from_secs(1));
        assert!(!is_good(&ours) && !is_good(&shared));
    }

    #[test]
    fn the_page_is_accessible_and_names_nobody() {
        let response = page("0123");
        let OutBody::Whole(text) = response.body() else { panic!("a page") };
        let text = std::str::from_utf8(text).unwrap();
        for part in [
            "lang=\"en\"",
            "<title>",
            "<h1>",
            "role=\"status\"",
            "<noscript>",
            "data-question=\"0123\"",
        ] {
            assert!(text.contains(part), "{part}");
        }
        assert!(
            !text.to_lowercase().contains("burgrave")
                && !SCRIPT.to_lowercase().contains("burgrave")
        );
        assert!(!text.contains("http://") && !text.contains("https://"), "no third parties");
    }
}
