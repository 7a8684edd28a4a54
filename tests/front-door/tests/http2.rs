//! HTTP/2 frame by frame: malformed requests and floods.

use crate::support::tls::{Secure, client, open};
use crate::support::{self, Bed, start_with};
use burgrave_config::{Limits, Tls};
use std::io::{Read, Write};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn bed() -> Bed {
    start_with(&Limits::default(), |settings| {
        settings.listeners[0].tls = true;
        settings.sites[0].tls = Some(Tls::SelfSigned);
    })
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut out = length[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

/// Literal fields without indexing (RFC 7541 §6.2.2).
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        for part in [name, value] {
            let length = part.len();
            assert!(length < 127 + 128);
            if length < 127 {
                out.push(u8::try_from(length).unwrap());
            } else {
                out.extend([127, u8::try_from(length - 127).unwrap()]);
            }
            out.extend(part.as_bytes());
        }
    }
    out
}

const GOOD: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "https"), (":path", "/api/f"), (":authority", "site.test")];

fn greet(bed: &Bed) -> Secure {
    let config = client(&rustls::version::TLS13, &[b"h2"]);
    let mut stream = open(&config, bed.address, "site.test");
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).unwrap();
    stream
}

/// What the server says first about a stream: its status byte, a reset, or the connection's end.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Status(u8),
    Reset,
    End,
}

fn listen(stream: &mut Secure) -> Said {
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).is_err() {
            return Said::End;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        if stream.read_exact(&mut payload).is_err() {
            return Said::End;
        }
        match head[3] {
            HEADERS => return Said::Status(payload[0]),
            RST_STREAM => return Said::Reset,
            GOAWAY => return Said::End,
            _ => {}
        }
    }
}

fn ask(bed: &Bed, fields: &[(&str, &str)]) -> Said {
    let mut stream = greet(bed);
    stream.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(fields))).unwrap();
    listen(&mut stream)
}

/// `:status: 200` of the static table.
const OK: Said = Said::Status(0x88);

#[test]
fn a_body_that_is_waited_for_is_asked_for() {
    let bed = bed();
    let mut fields = [&GOOD[..], &[("expect", "100-continue")]].concat();
    fields[0].1 = "POST";
    for (stream_number, spelled) in [(1, "100-continue"), (3, "100-Continue")] {
        fields[4].1 = spelled;
        let mut stream = greet(&bed);
        stream.write_all(&frame(HEADERS, END_HEADERS, stream_number, &block(&fields))).unwrap();
        assert_eq!(listen(&mut stream), Said::Status(0x08), "100, by its name's place");
        stream.write_all(&frame(DATA, END_STREAM, stream_number, b"abc")).unwrap();
        assert_eq!(listen(&mut stream), OK);
        assert_eq!(support::text(&bed.backend.last().body), "abc");
        assert!(bed.backend.last().header("expect").is_empty());
    }
    // Nothing is to be waited for, or it is here already: no client is told so behind its answer.
    let mut stream = greet(&bed);
    stream.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&fields))).unwrap();
    assert_eq!(listen(&mut stream), OK);
    stream.write_all(&frame(PING, 0, 0, b"so far .")).unwrap();
    let mut head = [0; 9];
    while (head[3], head[4]) != (PING, 1) {
        stream.read_exact(&mut head).unwrap();
        assert_ne!(head[3], HEADERS, "more than the answer");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; usize::try_from(length).unwrap()]).unwrap();
    }
    // The library's own table stays right for all that comes after.
    let mut stream = greet(&bed);
    for number in [1, 3, 5, 7] {
        stream.write_all(&frame(HEADERS, END_HEADERS, number, &block(&fields))).unwrap();
        assert_eq!(listen(&mut stream), Said::Status(0x08));
        stream.write_all(&frame(DATA, END_STREAM, number, b"abc")).unwrap();
        assert_eq!(listen(&mut stream), OK);
    }
}

#[test]
fn malformed_requests_are_not_forwarded() {
    let bed = bed();
    assert_eq!(ask(&bed, &GOOD), OK, "the control");
    assert_eq!(bed.backend.seen().len(), 1);
    for (name, value) in [
        ("X-Upper", "a"),
        ("connection", "close"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("x", "a\r\nb: c"),
        ("x", "a\0b"),
        ("x y", "a"),
        ("x:y", "a"),
        ("x", " a"),
        (":unknown", "a"),
        (":status", "200"),
        (":path", "/again"),
        ("content-length", "x"),
        ("content-length", "5"),
        ("host", "other.test"),
        ("expect", "200-ok"),
    ] {
        let fields = [&GOOD[..], &[(name, value)]].concat();
        assert_ne!(ask(&bed, &fields), OK, "{name}: {value}");
    }
    for (at, value) in [
        (0, "G T"),
        (0, "GET / HTTP/1.1\r\nX: y"),
        (0, "TRACE"),
        (2, ""),
        (2, "api/f"),
        (2, "/api/ f"),
        (2, "/api/f#x"),
        (1, "ftp"),
        (2, "https://site.test/api/f"),
        (3, "site.test\r\nx: y"),
        (3, "unknown.test"),
        (3, "a@site.test"),
    ] {
        let mut fields = GOOD;
        fields[at].1 = value;
        assert_ne!(ask(&bed, &fields), OK, "{}: {value}", fields[at].0);
    }
    for missing in &GOOD[..3] {
        let fields: Vec<_> = GOOD.into_iter().filter(|field| field != missing).collect();
        assert_ne!(ask(&bed, &fields), OK, "without {missing:?}");
    }
    let mut stream = greet(&bed);
    let short = [&GOOD[..], &[("content-length", "500")]].concat();
    stream.write_all(&frame(HEADERS, END_HEADERS, 1, &block(&short))).unwrap();
    stream.write_all(&frame(DATA, END_STREAM, 1, b"hello")).unwrap();
    assert_ne!(listen(&mut stream), OK, "a body shorter than announced");
    let hosts = [&GOOD[..], &[("host", "site.test"), ("host", "site.test")]].concat();
    assert_ne!(ask(&bed, &hosts), OK, "two hosts");
    assert_eq!(bed.backend.seen().len(), 1, "{:?}", bed.backend.seen());
}

/// RFC 9113 §8.1: the library drops them and would call the request complete.
#[test]
fn trailers_with_pseudo_headers_complete_no_request() {
    let bed = bed();
    let with_trailers = |trailers: &[(&str, &str)]| {
        let mut stream = greet(&bed);
        let mut open = GOOD;
        open[0].1 = "POST";
        let frames = [
            frame(HEADERS, END_HEADERS, 1, &block(&open)),
            frame(DATA, 0, 1, b"hello"),
            frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(trailers)),
        ];
        stream.write_all(&frames.concat()).unwrap();
        listen(&mut stream)
    };
    assert_eq!(with_trailers(&[("x-sum", "1")]), OK, "the control");
    assert_eq!(bed.backend.seen().len(), 1);
    assert_eq!(with_trailers(&[("x-sum", "1"), (":path", "/evil")]), Said::End);
    assert_eq!(bed.backend.seen().len(), 1, "{:?}", bed.backend.seen());
}

/// What the library answers by itself leaves its line as well, and only one.
#[test]
fn whatever_is_refused_leaves_a_record() {
    let bed = bed();
    let asked = |fields: &[(&str, &str)]| assert_ne!(ask(&bed, fields), OK, "{fields:?}");
    let mut expected = Vec::new();
    for (at, value, reason) in [
        (2, "/?x=<script>", "malformed http/2 request"),
        (2, "/api/ f", "malformed http/2 request"),
        (2, "/api/f#x", "http/2 protocol error"),
        (0, "G T", "http/2 protocol error"),
        (3, "unknown.test", "unknown host"),
        (0, "TRACE", "method not allowed"),
        (0, "get", "invalid method"),
    ] {
        let mut fields = GOOD;
        fields[at].1 = value;
        asked(&fields);
        expected.push(reason);
    }
    for (name, value, reason) in [
        ("X-Upper", "a", "http/2 protocol error"),
        ("connection", "close", "malformed http/2 request"),
        ("x", "a\r\nb: c", "http/2 protocol error"),
    ] {
        asked(&[&GOOD[..], &[(name, value)]].concat());
        expected.push(reason);
    }
    let mut stream = greet(&bed);
    stream.write_all(&frame(SETTINGS, 0, 0, &[0; 5])).unwrap();
    assert_eq!(listen(&mut stream), Said::End);
    expected.push("http/2 protocol error");
    assert_eq!(ask(&bed, &GOOD), OK, "the control");
    let lines = bed.log(expected.len() + 1);
    let mut reasons: Vec<_> = lines.iter().filter_map(|line| line["reason"].as_str()).collect();
    // Event loops write their lines in turn.
    reasons.sort_unstable();
    expected.sort_unstable();
    assert_eq!(reasons, expected);
    assert_eq!(lines.len(), expected.len() + 1, "one line each");
    for line in &lines {
        assert_eq!(line["http.version"], "HTTP/2.0", "{line}");
        assert!(line["client.ip"].is_string() && line["request.id"].is_string(), "{line}");
    }
    assert_eq!(bed.gateway.counts().requests, u64::try_from(lines.len()).unwrap());
}

#[test]
fn a_failed_handshake_leaves_a_record() {
    let bed = bed();
    let mut stream = std::net::TcpStream::connect(bed.address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n").unwrap();
    drop(stream.read_to_end(&mut Vec::new()));
    let lines = bed.log(1);
    assert_eq!((lines.len(), &lines[0]["reason"]), (1, &"tls handshake failed".into()));
    assert_eq!(lines[0]["decision"], "refuse");
}

/// Sends pieces until the server ends the connection or `most` have gone; then a good client must
/// be served at once.
fn flood(bed: &Bed, most: u32, mut piece: impl FnMut(u32) -> Vec<u8>) {
    let mut stream = greet(bed);
    let begin = Instant::now();
    for number in 0..most {
        if stream.write_all(&piece(number)).is_err() || begin.elapsed() > Duration::from_secs(5) {
            break;
        }
    }
    support::within_a_second(|| assert_eq!(ask(bed, &GOOD), OK));
}

#[test]
fn floods_do_not_hurt_the_next_client() {
    let bed = bed();
    let file = block(&[GOOD[0], GOOD[1], (":path", "/1k.txt"), GOOD[3]]);
    let open = |number: u32| frame(HEADERS, END_STREAM | END_HEADERS, number * 2 + 1, &file);
    flood(&bed, 10_000, |number| {
        let reset = frame(RST_STREAM, 0, number * 2 + 1, &8_u32.to_be_bytes());
        [open(number), reset].concat()
    });
    flood(&bed, 10_000, |number| {
        [open(number), frame(WINDOW_UPDATE, 0, number * 2 + 1, &[0; 4])].concat()
    });
    flood(&bed, 10_000, |number| match number {
        0 => frame(HEADERS, 0, 1, &file),
        _ => frame(CONTINUATION, 0, 1, &block(&[("x", &"y".repeat(200))]).repeat(5)),
    });
    flood(&bed, 50_000, |number| match number {
        0 => frame(HEADERS, END_HEADERS, 1, &block(&GOOD)),
        _ => frame(DATA, 0, 1, &[]),
    });
    flood(&bed, 50_000, |number| frame(PRIORITY, 0, number * 2 + 1, &[0, 0, 0, 0, 1]));
    flood(&bed, 20_000, |_| frame(PING, 0, 0, &[0; 8]));
    flood(&bed, 20_000, |_| frame(0xee, 0, 0, &[0; 8]));
}

#[test]
fn a_reset_without_an_error_completes_no_request() {
    for code in [0_u32, 8] {
        let bed = bed();
        let open = || bed.backend.open.load(Ordering::SeqCst);
        let mut stream = greet(&bed);
        let post = block(&[(":method", "POST"), GOOD[1], (":path", "/api/cut"), GOOD[3]]);
        stream.write_all(&frame(HEADERS, END_HEADERS, 1, &post)).unwrap();
        stream.write_all(&frame(DATA, 0, 1, b"abc")).unwrap();
        support::until("the upstream is asked", || open() > 0);
        stream.write_all(&frame(RST_STREAM, 0, 1, &code.to_be_bytes())).unwrap();
        support::until("the upstream is left", || open() == 0);
        let seen = bed.backend.seen();
        assert!(seen.is_empty(), "{code}: complete to the upstream: {seen:?}");
        stream.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 3, &block(&GOOD))).unwrap();
        assert_eq!(listen(&mut stream), OK);
    }
}

/// The code of the `GOAWAY` that ends the connection; `None`: there was none.
fn end_code(stream: &mut Secure) -> Option<u32> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).ok()?;
        if head[3] == GOAWAY {
            return Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
    }
}

#[test]
fn an_end_says_which_error_it_was() {
    let bed = bed();
    let request = || frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&GOOD));
    let (flow, closed, size, compression) = (Some(3), Some(5), Some(6), Some(9));
    for (what, bytes, wanted) in [
        ("settings of seven bytes", frame(SETTINGS, 0, 0, &[0; 7]), size),
        ("an acknowledgement with more", frame(SETTINGS, 1, 0, &[0; 6]), size),
        ("a short ping", frame(PING, 0, 0, &[0; 6]), size),
        ("a short window", frame(WINDOW_UPDATE, 0, 0, &[0; 3]), size),
        ("a large window", frame(SETTINGS, 0, 0, &[0, 4, 0x80, 0, 0, 0]), flow),
        ("no block", frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0x80]), compression),
        (
            "an index that is none",
            frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0xff; 4]),
            compression,
        ),
        ("content behind the end", [request(), frame(DATA, 0, 1, b"x")].concat(), closed),
        ("even streams", frame(HEADERS, END_STREAM | END_HEADERS, 2, &block(&GOOD)), Some(1)),
    ] {
        let mut stream = greet(&bed);
        stream.write_all(&bytes).unwrap();
        assert_eq!(end_code(&mut stream), wanted, "{what}");
    }
}

#[test]
fn settings_come_before_requests() {
    let bed = bed();
    let request = frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&GOOD));
    for first in [vec![], frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 1, 0, &[])] {
        let config = client(&rustls::version::TLS13, &[b"h2"]);
        let mut stream = open(&config, bed.address, "site.test");
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        stream.write_all(&[&preface[..], &first, &request].concat()).unwrap();
        assert_eq!(listen(&mut stream), Said::End, "{first:?}");
    }
    let lines = bed.log(3);
    assert!(lines.iter().all(|line| line["reason"] == "http/2 protocol error"), "{lines:?}");
    assert!(bed.backend.seen().is_empty());
    assert_eq!(ask(&bed, &GOOD), OK, "the control");
}

#[test]
fn a_header_that_does_not_end_is_cut() {
    let time = Duration::from_millis(300);
    let bed = start_with(&Limits { header_time: time, ..Limits::default() }, |settings| {
        settings.listeners[0].tls = true;
        settings.sites[0].tls = Some(Tls::SelfSigned);
    });
    let config = client(&rustls::version::TLS13, &[b"h2"]);
    let mut silent = open(&config, bed.address, "site.test");
    silent.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    assert_eq!(listen(&mut silent), Said::End, "nothing behind the preface");
    for part in [
        frame(HEADERS, END_STREAM, 1, &block(&GOOD)),
        frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&GOOD))[..20].to_vec(),
    ] {
        let mut stream = greet(&bed);
        stream.write_all(&part).unwrap();
        let begun = Instant::now();
        assert_eq!(listen(&mut stream), Said::End);
        assert!(begun.elapsed() < support::SOON * 2, "{:?}", begun.elapsed());
    }
    bed.logged("http/2 header too slow");
    // A connection that is merely silent has more time.
    let mut idle = greet(&bed);
    std::thread::sleep(time * 2);
    idle.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&GOOD))).unwrap();
    assert_eq!(listen(&mut idle), OK);
}

#[test]
fn rapid_resets_end_the_connection() {
    let bed = bed();
    let mut stream = greet(&bed);
    let file = block(&[GOOD[0], GOOD[1], (":path", "/1k.txt"), GOOD[3]]);
    let mut ended = false;
    for number in 0..5000 {
        let open = frame(HEADERS, END_STREAM | END_HEADERS, number * 2 + 1, &file);
        let zero = frame(WINDOW_UPDATE, 0, number * 2 + 1, &[0; 4]);
        if stream.write_all(&[open, zero].concat()).is_err() {
            ended = true;
            break;
        }
    }
    let mut said = Said::Reset;
    while !ended && said != Said::End {
        said = listen(&mut stream);
    }
    assert!(bed.gateway.counts().requests < 5000, "{:?}", bed.gateway.counts());
}
