//! The parser by tables, by cutting its input anywhere, and beside another parser.

use super::*;
use proptest::prelude::*;

const LIMITS: HeadLimits = HeadLimits { bytes_max: 32 * 1024, fields_max: 100 };

/// Feeds `input` in pieces; the header and its length, or `None` when more is needed.
fn run(input: &[u8], piece: usize) -> Result<Option<(Head, usize)>, Reason> {
    let mut parser = HeadParser::default();
    let mut upto = 0;
    loop {
        upto = (upto + piece.max(1)).min(input.len());
        if let Some(end) = parser.advance(&input[..upto], LIMITS)? {
            let raw = Bytes::copy_from_slice(&input[..end]);
            return Ok(parser.finish(raw).map(|head| (head, end)));
        }
        if upto == input.len() {
            return Ok(None);
        }
    }
}

fn parse(text: &str) -> Result<Head, Reason> {
    let (head, end) = run(text.as_bytes(), text.len())?.expect("complete");
    assert_eq!(end, text.len());
    Ok(head)
}

fn reason(lines: &str) -> Reason {
    parse(&format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n")).unwrap_err()
}

#[test]
fn the_original_is_kept() {
    let head =
        parse("GET /a?b HTTP/1.1\r\nhOsT: A.b:80\r\nX-Y:  two words \t\r\nX-Y:\r\n\r\n").unwrap();
    assert_eq!((head.method(), head.target()), (&b"GET"[..], &b"/a?b"[..]));
    assert_eq!(head.host(), Some(&b"A.b:80"[..]));
    let fields: Vec<_> = head.fields().collect();
    assert_eq!(fields, [(&b"hOsT"[..], &b"A.b:80"[..]), (b"X-Y", b"two words"), (b"X-Y", b"")]);
    assert_eq!(head.field(b"x-y"), Some(&b"two words"[..]));
    assert_eq!((head.framing, head.close, head.upgrade), (Framing::None, false, false));
}

#[test]
fn framing_and_connection_options_are_read() {
    let head =
        |lines: &str| parse(&format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n")).unwrap();
    assert_eq!(head("Content-Length: 0012").framing, Framing::Length(12));
    assert_eq!(head("Content-Length: 0").framing, Framing::None);
    assert_eq!(head("Transfer-Encoding:CHUNKED").framing, Framing::Open);
    assert!(head("Connection: x, Close").close);
    assert!(head("Connection: keep-alive, Upgrade").upgrade);
    assert!(head("Expect: 100-Continue").expects_continue);
    assert!(parse("GET / HTTP/1.0\r\n\r\n").unwrap().close);
    assert!(!parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").unwrap().close);
}

#[test]
fn each_rule_has_its_reason() {
    for (lines, wanted) in [
        ("Content-Length: 1\r\nContent-Length: 1", Reason::LengthTwice),
        ("Content-Length: 1,1", Reason::LengthInvalid),
        ("Content-Length: 1234567890123456789", Reason::LengthInvalid),
        ("Content-Length:", Reason::LengthInvalid),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked", Reason::LengthAndCoding),
        ("Transfer-Encoding: gzip, chunked", Reason::Coding),
        ("Host: b", Reason::HostTwice),
        (" X: y", Reason::Folded),
        ("X", Reason::NoColon),
        ("X y: z", Reason::FieldName),
        ("X: \x7f", Reason::FieldValue),
        ("X: a\rb", Reason::FieldValue),
        ("X: a\nY: b", Reason::BareLf),
        ("Expect: x", Reason::Expect),
    ] {
        assert_eq!(reason(lines), wanted, "{lines:?}");
    }
    let many = "X: y\r\n".repeat(100);
    assert_eq!(reason(many.trim_end()), Reason::HeaderMany);
    assert_eq!(reason(&format!("X: {}", "y".repeat(40_000))), Reason::HeaderLarge);
    for (text, wanted) in [
        ("\r\n\r\n\r\nGET / HTTP/1.1\r\n", Reason::BlankLines),
        ("\nGET / HTTP/1.1\r\n", Reason::BareLf),
        ("GET / HTTP/1.1\r\n\r\n", Reason::HostMissing),
        ("GET  / HTTP/1.1\r\n", Reason::RequestLine),
        ("GET /\x00 HTTP/1.1\r\n", Reason::Target),
        ("GET / HTTP/2.1\r\n", Reason::Version),
        ("GET / HTTP/0.9\r\n", Reason::Protocol),
        ("CONNECT site.test:443 HTTP/1.1\r\n", Reason::MethodForbidden),
        ("CONNECT site.test HTTP/1.1\r\n", Reason::Target),
        ("CONNECT site.test: HTTP/1.1\r\n", Reason::Target),
        ("CONNECT site.test:0 HTTP/1.1\r\n", Reason::Target),
        ("CONNECT site.test:65536 HTTP/1.1\r\n", Reason::Target),
        ("CONNECT :443 HTTP/1.1\r\n", Reason::Target),
        ("CONNECT /path HTTP/1.1\r\n", Reason::Target),
        ("GET / HTTPS/1.1\r\n", Reason::Protocol),
        ("Get\t/ HTTP/1.1\r\n", Reason::RequestLine),
        ("G{T / HTTP/1.1\r\n", Reason::Method),
        ("TRACE / HTTP/1.1\r\n", Reason::MethodForbidden),
        ("trace / HTTP/1.1\r\n", Reason::Method),
        ("get / HTTP/1.1\r\n", Reason::Method),
        ("GeT / HTTP/1.1\r\n", Reason::Method),
    ] {
        assert_eq!(run(text.as_bytes(), text.len()).unwrap_err(), wanted, "{text:?}");
    }
}

#[test]
fn limits_hold_before_the_line_is_whole() {
    let long = vec![b'a'; 9000];
    assert_eq!(run(&long, 1000).unwrap_err(), Reason::TargetLong);
    let header = [b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'a'; 40_000]].concat();
    assert_eq!(run(&header, 1000).unwrap_err(), Reason::HeaderLarge);
}

#[test]
fn http2_fields_follow_the_same_rules() {
    let build = |name: &str, value: &str| {
        let mut builder = HeadBuilder::new(b"GET", b"/", Version::Http2).unwrap();
        builder.field(b"Host", b"a").unwrap();
        builder.field(name.as_bytes(), value.as_bytes())
    };
    assert_eq!(build("x", "y"), Ok(()));
    for (name, value, wanted) in [
        ("connection", "close", Reason::FieldHttp2),
        ("transfer-encoding", "chunked", Reason::FieldHttp2),
        ("te", "gzip", Reason::FieldHttp2),
        ("X", "y", Reason::FieldName),
        ("x y", "z", Reason::FieldName),
        ("x", " y", Reason::FieldValue),
        ("x", "y\r\nz: a", Reason::FieldValue),
        ("content-length", "x", Reason::LengthInvalid),
        ("host", "b", Reason::HostTwice),
    ] {
        assert_eq!(build(name, value), Err(wanted), "{name}: {value}");
    }
    for target in ["", "x", "*", "http://a/", "/ x", "/#"] {
        assert!(HeadBuilder::new(b"GET", target.as_bytes(), Version::Http2).is_err(), "{target}");
    }
    let mut builder = HeadBuilder::new(b"POST", b"/p?q", Version::Http2).unwrap();
    builder.field(b"x", b"y").unwrap();
    let head = builder.finish(true).unwrap();
    assert_eq!((head.method(), head.target()), (&b"POST"[..], &b"/p?q"[..]));
    assert_eq!((head.version, head.framing), (Version::Http2, Framing::Open));
}

/// Headers that are nearly right: the bytes that decide, in any order.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"GET / HTTP/1.1\r\n".to_vec()),
        Just(b"Host: a\r\n".to_vec()),
        Just(b"Content-Length: 5\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
        Just(b"X: y\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b" ".to_vec()),
        Just(b":".to_vec()),
        proptest::collection::vec(any::<u8>(), 1..3),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn where_the_input_is_cut_does_not_matter(tail in nearly(), piece in 1_usize..40) {
        let input = [b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec(), tail].concat();
        let key = |result: Result<Option<(Head, usize)>, Reason>| {
            result.map(|found| found.map(|(head, end)| (end, head.framing, head.raw)))
        };
        prop_assert_eq!(key(run(&input, piece)), key(run(&input, input.len())));
    }

    #[test]
    fn what_passes_is_read_alike_by_another_parser(tail in nearly()) {
        let input = [b"GET /x HTTP/1.1\r\nHost: a\r\n".to_vec(), tail].concat();
        if let Ok(Some((head, end))) = run(&input, input.len()) {
            let mut fields = [httparse::EMPTY_HEADER; 128];
            let mut other = httparse::Request::new(&mut fields);
            let parsed = other.parse(&input);
            prop_assert_eq!(parsed, Ok(httparse::Status::Complete(end)));
            prop_assert_eq!(other.path.unwrap().as_bytes(), head.target());
            let theirs: Vec<_> =
                other.headers.iter().map(|field| (field.name.as_bytes(), field.value)).collect();
            let ours: Vec<_> = head.fields().collect();
            prop_assert_eq!(theirs, ours);
        }
    }
}
