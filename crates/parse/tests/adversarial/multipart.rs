//! Multipart forms.

use crate::linear;
use burgrave_parse::multipart::{Form, Limits, parse};
use proptest::prelude::*;

const LIMITS: Limits = Limits { parts_max: 100, headers_max: 8, header_bytes_max: 1_000 };
const WIDE: Limits = Limits { parts_max: 1_000_000, headers_max: 32, header_bytes_max: 8 * 1024 };
const TYPE: &[u8] = b"multipart/form-data; boundary=B";

/// `~` is a line end.
fn read(text: &str) -> Form {
    parse(TYPE, text.replace('~', "\r\n").as_bytes(), LIMITS)
}

fn part(disposition: &str, content: &str) -> String {
    format!("--B~Content-Disposition: {disposition}~~{content}~")
}

/// Why a body of one part is refused; empty where it is not.
fn refusal(disposition: &str) -> String {
    let form = read(&(part(disposition, "1") + "--B--~"));
    form.error.map(|error| error.0).unwrap_or_default()
}

#[test]
fn dispositions_that_readers_understand_differently_are_refused() {
    for (disposition, why) in [
        ("form-data; name=\"a\"", ""),
        ("form-data; name=\"a\"; filename=\"b\"", ""),
        ("form-data; name=\"a;b\"", ""),
        ("form-data; name=\"a\" ; filename=\"b\" ", ""),
        ("form-data; name=\"a\"; name=\"b\"", "twice"),
        ("form-data; name=\"a\"; filename=x; filename=y", "twice"),
        ("form-data; name=\"a\"; filename*=UTF-8''x", "without `filename`"),
        ("form-data; name=\"a\"; FILENAME=\"x\"", "unknown parameter"),
        ("form-data; name*=UTF-8''a", "unknown parameter"),
        ("form-data; name=\"a\"; size=3", "unknown parameter"),
        ("Form-Data; name=a", "not form-data"),
        ("form-dataname=a", "malformed"),
        ("form-data; name=\"a\"b", "malformed"),
        ("form-data; name=\"a", "open quote"),
        ("form-data; ; name=a", "unknown parameter"),
        ("form-data; name=", "has no name"),
        ("form-data", "has no name"),
    ] {
        let found = refusal(disposition);
        assert!(
            found.contains(why) && found.is_empty() == why.is_empty(),
            "{disposition}: {found}"
        );
    }
}

#[test]
fn names_of_several_parts_are_all_kept() {
    let form = read(&(part("form-data; name=a", "1") + &part("form-data; name=a", "2") + "--B--~"));
    assert_eq!(form.error, None);
    assert_eq!(form.parts.len(), 2);
    assert!(form.parts.iter().all(|part| part.name == b"a"));
}

#[test]
fn line_ends_and_boundaries_that_are_not() {
    let body = |text: &str| parse(TYPE, text.as_bytes(), LIMITS);
    let head = "Content-Disposition: form-data; name=a";
    // The boundary in the middle of a line is content.
    let form = body(&format!("--B\r\n{head}\r\n\r\nx--B--\r\n--B--\r\n"));
    assert_eq!((form.error.is_none(), form.parts.len()), (true, 1));
    assert_eq!(form.parts[0].content.len(), 6);
    // A carriage return alone ends no line.
    let form = body(&format!("--B\r{head}\r\rx\r--B--\r"));
    assert!(form.error.is_some());
    let form = body(&format!("--B\n{head}\n\nx\n--B--\n"));
    assert!(form.error.is_none() && form.oddities.lf_line && form.oddities.strict_error());
    let form = body(&format!("--B\r\n{head}\r\n\r\n\r\n--B--\r\n"));
    assert!(form.parts[0].content.is_empty());
    let form = body(&format!("--B\r\n{head}\r\n\r\n--B--\r\n"));
    assert!(form.error.is_none() && form.parts[0].content.is_empty());
    for tail in ["--B \r\n", "--B-\r\n", "--Bx--\r\n", "--B\0\r\n"] {
        let form = body(&format!("--B\r\n{head}\r\n\r\nx\r\n{tail}--B--\r\n"));
        assert!(form.error.is_some(), "{tail:?}");
        assert!(form.oddities.unmatched_boundary, "{tail:?}");
    }
    for close in ["--B--x\r\n", "--B---\r\n", "--B--\r\nmore"] {
        let form = body(&format!("--B\r\n{head}\r\n\r\nx\r\n{close}"));
        assert!(form.oddities.data_after && form.oddities.strict_error(), "{close:?}");
    }
}

#[test]
fn headers_of_a_part_have_bounds() {
    let with = |headers: &str| {
        read(&format!("--B~Content-Disposition: form-data; name=a~{headers}~1~--B--~"))
    };
    let many = |count: usize| (0..count).map(|n| format!("X-{n}: y~")).collect::<String>();
    assert_eq!(with(&many(7)).error, None);
    assert!(with(&many(8)).error.is_some());
    assert!(with(&format!("X: {}~", "y".repeat(1_000))).error.is_some());
    let folded = format!("X: y~{}", format!(" {}~", "z".repeat(100)).repeat(20));
    assert!(with(&folded).error.is_some(), "continuations count as well");
    assert!(with("content-disposition: form-data; name=b~").error.is_some());
    assert!(with("X: \0~").error.is_some());
    for odd in ["X : y~", "X\u{e9}: y~", ": y~", "X~"] {
        let form = with(odd);
        assert!(form.error.is_some() && form.oddities.invalid_part, "{odd:?}");
        assert!(form.incomplete.is_some(), "what was seen of the part is kept: {odd:?}");
    }
}

#[test]
fn the_number_of_parts_is_bounded() {
    let parts = |count: usize| read(&(part("form-data; name=a", "1").repeat(count) + "--B--~"));
    assert_eq!(parts(100).error, None);
    let form = parts(101);
    assert!(form.error.is_some() && form.parts.len() == 100);
}

#[test]
fn boundaries_of_the_content_type() {
    let long = format!("multipart/form-data; boundary={}", "b".repeat(129));
    for (content_type, error) in [
        ("multipart/form-data; boundary=B", false),
        ("MULTIPART/FORM-DATA; boundary=B", false),
        ("multipart/form-data; BOUNDARY=B", true),
        ("multipart/form-data; charset=x; boundary=B", false),
        ("multipart/form-data; boundary=B; boundary=C", true),
        ("multipart/form-data; boundary=C, boundary=B", true),
        ("multipart/form-data; boundary=\"B", true),
        ("multipart/form-data; boundary=", true),
        ("multipart/form-data; boundary=\"\"", true),
        ("multipart/form-data; boundary=B\u{e9}", true),
        ("multipart/form-data; x=boundary; boundary=B", true),
        ("multipart/form-data", true),
        ("multipart/mixed; boundary=B", true),
        ("", true),
        (&long, true),
    ] {
        let body = (part("form-data; name=a", "1") + "--B--~").replace('~', "\r\n");
        let form = parse(content_type.as_bytes(), body.as_bytes(), LIMITS);
        assert_eq!(form.error.is_some(), error, "{content_type}: {:?}", form.error);
    }
}

#[test]
fn cost_grows_with_the_input() {
    let run = |input: &[u8]| drop(parse(TYPE, input, WIDE));
    let one =
        |content: String| (part("form-data; name=a", &content) + "--B--~").replace('~', "\r\n");
    linear("parts", |n| part("form-data; name=a", "").repeat(n).replace('~', "\r\n").into(), run);
    linear("line feeds", |n| one("\n".repeat(n * 8)).into_bytes(), run);
    linear("dashes", |n| one("--".repeat(n * 8)).into_bytes(), run);
    linear("near boundaries", |n| one("~--C".repeat(n)).into_bytes(), run);
    linear("preamble", |n| "x\n".repeat(n * 4).into_bytes(), run);
    linear("quotes", |n| format!("--B\r\nA: {}", "\"".repeat(n * 8)).into_bytes(), run);
    let folded = |n: usize| format!("--B\r\nA: b\r\n{}", " c\r\n".repeat(n)).into_bytes();
    linear("continuations", folded, run);
    let backslashes = |n: usize| {
        let name = "\\".repeat(n.min(7_000));
        part(&format!("form-data; name=\"{name}\""), "").replace('~', "\r\n").into_bytes()
    };
    linear("backslashes", backslashes, run);
}

proptest! {
    /// What is written plainly is read back byte by byte, whatever the content is.
    #[test]
    fn what_is_written_is_read(contents in proptest::collection::vec(
        proptest::collection::vec(prop::sample::select(&b"ab\r\n-B \0\xff\""[..]), 0..12), 1..5)) {
        let mut body = Vec::new();
        for (at, content) in contents.iter().enumerate() {
            let head = format!("--BOUND\r\nContent-Disposition: form-data; name=\"n{at}\"\r\n\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--BOUND--\r\n");
        let form = parse(b"multipart/form-data; boundary=BOUND", &body, LIMITS);
        prop_assert_eq!(&form.error, &None);
        prop_assert!(!form.oddities.strict_error(), "{:?}", form.oddities);
        let read: Vec<&[u8]> = form.parts.iter().map(|part| &body[part.content.clone()]).collect();
        prop_assert_eq!(read, contents.iter().map(Vec::as_slice).collect::<Vec<_>>());
        for end in 0..body.len().saturating_sub(4) {
            prop_assert!(parse(TYPE, &body[..end], LIMITS).error.is_some());
        }
    }
}
