//! Requests that two readers would read in two ways: refused, and nothing of them upstream.

use crate::support::{self, Bed, connect, read_all, start, status, statuses};
use std::io::{Read, Write};

const HEAD: &str = "POST /api/x HTTP/1.1\r\nHost: site.test\r\n";

/// Sends, wants the status, and nothing upstream; a plain request afterwards must succeed.
fn refused(bed: &Bed, name: &str, request: &[u8], wanted: u16) {
    let before = bed.backend.seen().len();
    let answer = bed.send(request);
    assert_eq!(status(&answer), wanted, "{name}: {answer}");
    assert_eq!(statuses(&answer).len(), 1, "{name}: {answer}");
    assert_eq!(bed.backend.seen().len(), before, "{name}: {:?}", bed.backend.seen().last());
    assert_eq!(status(&bed.ask("GET /1k.txt HTTP/1.1")), 200, "{name}: afterwards");
}

fn with_header(bed: &Bed, name: &str, lines: &str, wanted: u16) {
    let request = format!(
        "{HEAD}{lines}\r\n\r\n0\r\n\r\nGET /api/smuggled HTTP/1.1\r\n\
        Host: site.test\r\n\r\n"
    );
    refused(bed, name, request.as_bytes(), wanted);
}

#[test]
fn framing_that_has_two_readings_is_refused() {
    let bed = start();
    for (name, lines) in [
        ("cl_te", "Content-Length: 5\r\nTransfer-Encoding: chunked"),
        ("te_cl", "Transfer-Encoding: chunked\r\nContent-Length: 5"),
        ("te_vtab", "Transfer-Encoding: \x0bchunked"),
        ("te_identity_first", "Transfer-Encoding: identity, chunked"),
        ("te_xchunked", "Transfer-Encoding: xchunked"),
        ("te_quoted", "Transfer-Encoding: \"chunked\""),
        ("te_semicolon", "Transfer-Encoding: chunked;a=b"),
        ("te_only_identity", "Transfer-Encoding: identity"),
        ("te_gzip_last", "Transfer-Encoding: chunked, gzip"),
        ("te_empty", "Transfer-Encoding:"),
        ("te_double_cow", "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow"),
        ("te_twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        ("te_space_colon", "Transfer-Encoding : chunked"),
        ("te_fold", "X: y\r\n Transfer-Encoding: chunked"),
        ("te_fold_value", "Transfer-Encoding:\r\n chunked"),
        ("cl_negative", "Content-Length: -5"),
        ("cl_plus", "Content-Length: +5"),
        ("cl_overflow64", "Content-Length: 18446744073709551621"),
        ("cl_overflow_huge", "Content-Length: 99999999999999999999999999999999"),
        ("cl_inner_space", "Content-Length: 1 0"),
        ("cl_nul", "Content-Length: 5\0"),
        ("cl_hex", "Content-Length: 0x5"),
        ("cl_list", "Content-Length: 5, 6"),
        ("cl_list_same", "Content-Length: 5, 5"),
        ("cl_twice_same", "Content-Length: 5\r\nContent-Length: 5"),
        ("cl_twice", "Content-Length: 5\r\nContent-Length: 0"),
        ("nul_value", "X: a\0b"),
        ("cr_value", "X: a\rb"),
        ("bare_lf", "X: y\nTransfer-Encoding: chunked"),
        ("space_colon", "X : y"),
        ("tab_colon", "X\t: y"),
        ("no_colon", "nonsense"),
        ("empty_name", ": y"),
        ("bad_name", "X(y): z"),
        ("host_twice", "Host: site.test"),
    ] {
        with_header(&bed, name, lines, 400);
    }
    with_header(&bed, "expect_odd", "Expect: 200-ok", 417);
    refused(
        &bed,
        "te_http10",
        b"POST /api/x HTTP/1.0\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    );
}

#[test]
fn malformed_request_lines_are_refused() {
    let bed = start();
    let long = "a".repeat(100_000);
    for (name, line, wanted) in [
        ("http09", "GET /api/x", 400),
        ("http09_static", "GET /1k.txt", 400),
        ("tab", "GET\t/api/x\tHTTP/1.1", 400),
        ("two_spaces", "GET  /api/x HTTP/1.1", 400),
        ("version_3", "GET /api/x HTTP/3.0", 505),
        ("version_2", "GET /api/x HTTP/2.0", 505),
        ("version_01", "GET /api/x HTTP/1.01", 400),
        ("version_12", "GET /api/x HTTP/1.2", 505),
        ("version_junk", "GET /api/x HTTP/1.1x", 400),
        ("version_lower", "GET /api/x http/1.1", 400),
        ("fragment", "GET /api/x#y HTTP/1.1", 400),
        ("nul_target", "GET /api/\0x HTTP/1.1", 400),
        ("control_target", "GET /api/\x01x HTTP/1.1", 400),
        ("trace", "TRACE /api/x HTTP/1.1", 405),
        ("track", "TRACK /api/x HTTP/1.1", 405),
        ("connect", "CONNECT site.test:443 HTTP/1.1", 405),
        ("method_long", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA /api/x HTTP/1.1", 400),
        ("method_odd", "GE(T /api/x HTTP/1.1", 400),
        ("method_lower", "get /api/x HTTP/1.1", 400),
        ("method_mixed", "Get /api/x HTTP/1.1", 400),
        ("no_slash", "GET api/x HTTP/1.1", 400),
        ("star", "GET * HTTP/1.1", 400),
        ("other_scheme", "GET ftp://site.test/ HTTP/1.1", 400),
        ("line_100k", &format!("GET /{long} HTTP/1.1"), 414),
    ] {
        let request = format!("{line}\r\nHost: site.test\r\n\r\n");
        refused(&bed, name, request.as_bytes(), wanted);
    }
}

#[test]
fn the_header_is_bounded() {
    let bed = start();
    let many = "X: y\r\n".repeat(5000);
    with_header(&bed, "headers_5000", many.trim_end(), 431);
    with_header(&bed, "header_100k", &format!("X: {}", "a".repeat(100_000)), 431);
    let blank = format!("{}GET /api/x HTTP/1.1\r\nHost: site.test\r\n\r\n", "\r\n".repeat(200_000));
    refused(&bed, "leading_crlf_flood", blank.as_bytes(), 400);
    let two = b"\r\n\r\nGET /1k.txt HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&bed.send(two)), 200);
}

#[test]
fn hosts_are_exact() {
    let bed = start();
    for (name, head, wanted) in [
        ("missing", "GET /api/x HTTP/1.1", 400),
        ("empty", "GET /api/x HTTP/1.1\r\nHost:", 400),
        ("slash", "GET /api/x HTTP/1.1\r\nHost: site.test/x", 400),
        ("at", "GET /api/x HTTP/1.1\r\nHost: a@site.test", 400),
        ("space", "GET /api/x HTTP/1.1\r\nHost: site.test x", 400),
        ("comma", "GET /api/x HTTP/1.1\r\nHost: site.test,evil", 400),
        ("quote", "GET /api/x HTTP/1.1\r\nHost: \"site.test\"", 400),
        ("unknown", "GET /api/x HTTP/1.1\r\nHost: evil.test", 421),
        ("absform_evil", "GET http://evil.test/api/x HTTP/1.1\r\nHost: site.test", 421),
        ("absform_at", "GET http://site.test@evil.test/api/x HTTP/1.1\r\nHost: site.test", 400),
        ("http10_without", "GET /api/x HTTP/1.0", 421),
    ] {
        refused(&bed, name, format!("{head}\r\nConnection: close\r\n\r\n").as_bytes(), wanted);
    }
    let answer = bed.send(
        b"GET http://SITE.test./api/x HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(status(&answer), 200, "{answer}");
    assert_eq!(bed.backend.last().header("host"), ["site.test"]);
    assert!(bed.backend.last().head.starts_with("GET /api/x HTTP/1.1\r\n"));
}

#[test]
fn ambiguous_chunks_are_refused() {
    let bed = start();
    let trailer = "A: b\r\n".repeat(2000);
    for (name, body) in [
        ("ext_flood_many", "1;aaaaaaaaaaaaaaaaaaaa\r\nx\r\n".repeat(2000)),
        ("ext_long", format!("1;{}\r\nx\r\n0\r\n\r\n", "a".repeat(300))),
        ("size_ffff", "ffffffffffffffff\r\nx\r\n0\r\n\r\n".to_owned()),
        ("size_negative", "-1\r\nx\r\n0\r\n\r\n".to_owned()),
        ("size_0x", "0x1\r\nx\r\n0\r\n\r\n".to_owned()),
        ("size_plus", "+1\r\nx\r\n0\r\n\r\n".to_owned()),
        ("size_junk", "1z\r\nx\r\n0\r\n\r\n".to_owned()),
        ("size_empty", "\r\n\r\n".to_owned()),
        ("lf_size", "1\nx\r\n0\r\n\r\n".to_owned()),
        ("lf_ext", "1;a\nx\r\n0\r\n\r\n".to_owned()),
        ("cr_ext", "1;a\rb\r\nx\r\n0\r\n\r\n".to_owned()),
        ("data_lf", "1\r\nx\n0\r\n\r\n".to_owned()),
        ("data_long", "1\r\nxy\r\n0\r\n\r\n".to_owned()),
        ("good_then_bad", "1\r\nx\r\nzz\r\n".to_owned()),
        ("trailer_bad", "1\r\nx\r\n0\r\nno colon\r\n\r\n".to_owned()),
        ("trailer_long", format!("1\r\nx\r\n0\r\n{trailer}\r\n")),
    ] {
        let request = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{body}");
        refused(&bed, name, request.as_bytes(), 400);
    }
}

#[test]
fn trailers_are_not_merged() {
    let bed = start();
    let request = format!(
        "{HEAD}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\n\
         Host: evil\r\nX-Forwarded-For: 6.6.6.6\r\nContent-Length: 50\r\nX-T: t\r\n\r\n"
    );
    assert_eq!(status(&bed.send(request.as_bytes())), 200);
    let seen = bed.backend.last();
    assert_eq!(seen.header("host"), ["site.test"]);
    assert_eq!(seen.header("x-forwarded-for"), ["127.0.0.1"]);
    assert!(seen.header("content-length").is_empty() && seen.header("x-t").is_empty());
    assert_eq!(seen.body, b"x");
}

#[test]
fn legal_requests_pass_unchanged() {
    let bed = start();
    let plain = bed.ask("GET /api/get?a=%20b HTTP/1.1");
    assert_eq!(status(&plain), 200);
    assert!(bed.backend.last().head.starts_with("GET /api/get?a=%20b HTTP/1.1\r\n"));
    let length = format!("{HEAD}Content-Length: 5\r\nConnection: close\r\n\r\nhello");
    assert_eq!(status(&bed.send(length.as_bytes())), 200);
    assert_eq!(bed.backend.last().body, b"hello");
    let chunks = format!(
        "{HEAD}tRANSFER-eNCODING: Chunked\r\nConnection: close\r\n\r\n\
         005 ;a=\"b\"\r\nhello\r\nB\r\n, big world\r\n000\r\n\r\n"
    );
    assert_eq!(status(&bed.send(chunks.as_bytes())), 200);
    assert_eq!(bed.backend.last().body, b"hello, big world");
    let mut stream = connect(bed.address);
    let head =
        format!("{HEAD}Content-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    // The body comes when it is asked for.
    let (mut asked, mut byte) = (Vec::new(), [0]);
    while !asked.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        asked.extend(byte);
    }
    stream.write_all(b"ok").unwrap();
    let answers = support::text(&asked) + &read_all(&mut stream);
    assert_eq!(statuses(&answers), [100, 200]);
    assert_eq!(bed.backend.last().body, b"ok");
    assert!(bed.backend.last().header("expect").is_empty());
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let bed = start();
    let mut requests = String::new();
    for number in 0..20 {
        let path = if number % 2 == 0 { "/api/n" } else { "/none" };
        requests.extend([
            "GET ",
            path,
            &number.to_string(),
            " HTTP/1.1\r\nHost: site.test\r\n\r\n",
        ]);
    }
    let answers = bed.send(requests.as_bytes());
    assert_eq!(statuses(&answers), [200, 404].repeat(10));
    let order: Vec<_> = bed
        .backend
        .seen()
        .iter()
        .map(|seen| seen.head.split(' ').nth(1).unwrap().to_owned())
        .collect();
    let wanted: Vec<_> = (0..10).map(|number| format!("/api/n{}", number * 2)).collect();
    assert_eq!(order, wanted);
}

#[test]
fn what_follows_a_request_is_judged_by_itself() {
    let bed = start();
    let answers = bed.send(b"GET /api/good HTTP/1.1\r\nHost: site.test\r\n\r\nGARBAGE\r\n\r\n");
    assert_eq!(statuses(&answers), [200, 400]);
    assert_eq!(bed.backend.seen().len(), 1);
    let closed = bed.send(
        b"GET /api/last HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n\
          GET /api/never HTTP/1.1\r\nHost: site.test\r\n\r\n",
    );
    assert_eq!(statuses(&closed), [200]);
    let surplus = format!("{HEAD}Content-Length: 1\r\n\r\nxGET /api/y HTTP/1.1\r\n");
    let answers = bed.send(surplus.as_bytes());
    assert_eq!(statuses(&answers), [200]);
    assert_eq!(bed.backend.last().body, b"x");
}

#[test]
fn each_refusal_has_its_record() {
    let bed = start();
    bed.send(b"GET /a HTTP/1.1\r\nHost: site.test\r\nX : y\r\n\r\n");
    bed.send(format!("{HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n").as_bytes());
    let lines = bed.log(2);
    assert_eq!(lines.len(), 2);
    for (line, target, reason) in
        [(&lines[0], "/a", "invalid header name"), (&lines[1], "/api/x", "invalid chunk size")]
    {
        assert_eq!(line["http.status"], 400, "{line}");
        assert_eq!(line["decision"], "refuse", "{line}");
        assert_eq!(line["reason"], reason, "{line}");
        assert_eq!(line["http.target"], target, "{line}");
    }
}
