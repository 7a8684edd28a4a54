//! Answers of applications in Brotli, zstd or gzip, where a route asks for it.

use crate::support::{self, Bed, connect, start_with};
use burgrave_config::Limits;
use std::io::{Read, Write};

const GZIP: &str = "Accept-Encoding: gzip";

fn bed(compress: bool) -> Bed {
    start_with(&Limits::default(), |settings| settings.sites[0].routes[0].compress = compress)
}

/// The header in lower case, and the body as it came.
fn ask(bed: &Bed, line: &str, field: &str) -> (String, Vec<u8>) {
    let mut stream = connect(bed.address);
    let request = format!("{line} HTTP/1.0\r\nHost: site.test\r\n{field}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let at = all.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
    (support::text(&all[..at]).to_ascii_lowercase(), all[at + 4..].to_vec())
}

fn unzipped(body: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(body).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn texts_are_compressed_for_those_who_take_it() {
    let bed = bed(true);
    let (_, plain) = ask(&bed, "GET /api/text", "X: y");
    let (head, body) = ask(&bed, "GET /api/text", GZIP);
    assert!(
        head.contains("\r\ncontent-encoding: gzip") && head.contains("vary: accept-encoding"),
        "{head}"
    );
    assert!(head.contains("\r\netag: w/\"1\"") && !head.contains("content-length"), "{head}");
    assert!(!head.contains("accept-ranges"), "{head}");
    assert!(body.len() * 10 < plain.len(), "{} of {}", body.len(), plain.len());
    assert_eq!(unzipped(&body), support::text(&plain));
    for (line, field) in [
        ("GET /api/text", "Accept-Encoding: identity"),
        ("GET /api/text", "Accept-Encoding: gzip;q=0"),
        ("HEAD /api/text", GZIP),
        ("GET /api/x", GZIP),
    ] {
        let (head, _) = ask(&bed, line, field);
        assert!(!head.contains("content-encoding"), "{line} {field}: {head}");
    }
    let lines = bed.log(6);
    assert!(lines[1]["bytes.out"].as_u64().unwrap() < 500, "{}", lines[1]);
}

/// What a client reads of a coding, as far as it goes.
fn read(coding: &str, body: &[u8]) -> String {
    let mut plain = Vec::new();
    let read = match coding {
        "br" => brotli::Decompressor::new(body, 4096).read_to_end(&mut plain),
        "zstd" => zstd::stream::read::Decoder::new(body).unwrap().read_to_end(&mut plain),
        other => panic!("{other}"),
    };
    assert!(read.is_ok() && !plain.is_empty(), "{coding}");
    support::text(&plain)
}

#[test]
fn the_best_coding_that_the_client_takes_is_made() {
    let bed = bed(true);
    let (_, plain) = ask(&bed, "GET /api/text", "X: y");
    for (accepted, coding) in
        [("gzip, deflate, br, zstd", "br"), ("gzip, zstd", "zstd"), ("br;q=0.5, zstd", "zstd")]
    {
        let (head, body) = ask(&bed, "GET /api/text", &format!("Accept-Encoding: {accepted}"));
        assert!(head.contains(&format!("\r\ncontent-encoding: {coding}")), "{accepted}: {head}");
        assert!(body.len() * 10 < plain.len(), "{coding}: {} of {}", body.len(), plain.len());
        assert_eq!(read(coding, &body), support::text(&plain));
    }
}

#[test]
fn nothing_is_compressed_unasked() {
    let (head, body) = ask(&bed(false), "GET /api/text", GZIP);
    assert!(!head.contains("content-encoding") && !head.contains("vary"), "{head}");
    assert!(body.starts_with(b"the same"));
}

#[test]
fn what_an_application_says_before_a_pause_comes_before_it() {
    let bed = bed(true);
    let mut stream = connect(bed.address);
    let request = format!("GET /api/drip HTTP/1.0\r\nHost: site.test\r\n{GZIP}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "ended");
        all.extend_from_slice(&piece[..count]);
        let at = all.windows(4).position(|end| end == b"\r\n\r\n");
        let mut text = Vec::new();
        // What is there of it so far; that it is not whole is no matter here.
        drop(
            flate2::read::GzDecoder::new(&all[at.map_or(0, |at| at + 4)..]).read_to_end(&mut text),
        );
        if text == b"first" {
            break;
        }
    }
    bed.backend.go_on();
    stream.read_to_end(&mut all).unwrap();
    let at = all.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
    assert_eq!(unzipped(&all[at + 4..]), "firstsecond");
}
