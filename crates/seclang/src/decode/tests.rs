//! What is decoded, what is not, and the bounds.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

const LIMITS: Limits = Limits { depth_max: 3, forms_max: 64, bytes_max: 1 << 20 };

fn shown(found: &[Form]) -> Vec<String> {
    found.iter().map(|form| format!("{}: {}", form.taken, form.text.escape_ascii())).collect()
}

#[test]
fn what_is_plainly_encoded_is_decoded() {
    for (value, expected) in [
        ("PHNjcmlwdD4=", &["base64: <script>"][..]),
        ("PHNjcmlwdD4", &["base64: <script>"]),
        ("PD9waHAgPz8-Pz8_", &["base64: <?php ??>???"]),
        ("PD9waHAgPz8+Pz8/", &["base64: <?php ??>???"]),
        ("PD9waHAgPz8 Pz8/", &["base64: <?php ??>???"]),
        ("PHNjcmlwdD5==", &["base64: <script>"]),
        ("Ij4gPGI+ICJ+fj4 ", &["base64: \"> <b> \"~~>>"]),
        ("\n  PHNjcmlwdD4=\r\n ", &["base64: <script>"]),
        ("PHNjcmlw\r\ndD4=", &["base64: <script>"]),
        ("3c7363726970743e", &["hex: <script>"]),
        ("%3Cscript%3e", &["url: <script>"]),
        ("%u003cb%uff1e", &["url: <b>"]),
        ("..%c0%af..%c1%9cetc", &["url: ../..\\\\etc"]),
        ("&lt;b&#62;&#x00028;&rpar;", &["html: <b>()"]),
        (r"\x3cb\u003e\u{28}", &["js: <b>("]),
        ("%253Cb%253E", &["url: %3Cb%3E", "url+url: <b>"]),
        ("&amp;lt;b&amp;gt;", &["html: &lt;b&gt;", "html+html: <b>"]),
        ("JTNDYiUzRQ==", &["base64: %3Cb%3E", "base64+url: <b>"]),
        (
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiInIG9yIDE9MSJ9.c2lnbmF0dXJl",
            &[
                "base64: {\"alg\":\"none\"}",
                "base64: {\"sub\":\"\\' or 1=1\"}",
                "base64: signature",
            ],
        ),
        ("data:text/html;base64,PHNjcmlwdD4=", &["base64: <script>"]),
        ("PABzAGMAcgBpAHAAdAA+AA==", &["base64: <script>"]),
        ("R3LDvMOfZSE=", &["base64: Gr\\xc3\\xbc\\xc3\\x9fe!"]),
    ] {
        let found = shown(&forms(value.as_bytes(), LIMITS).unwrap());
        let found: Vec<_> = found.iter().map(|text| text.replace("\\\"", "\"")).collect();
        assert_eq!(found, expected, "{value}");
    }
}

#[test]
fn what_is_not_plainly_encoded_has_no_form() {
    for value in [
        "",
        "AAPL",
        "dashboard",
        "password",
        "portfolio",
        "quarterly report",
        "limit order",
        "8f14e45fceea167a5a36dedd4bea2543",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "550e8400-e29b-41d4-a716-446655440000",
        "20240131093000123456",
        "4111111111111111",
        "100% of 50 %",
        "5 %, 10 %zz",
        "Marks & Spencer",
        "AT&T;",
        "a&b=c;d",
        "&unknown;",
        "C:\\new\\table",
        "\\u12",
        "\\u{}",
        "\\u{110000}",
        "&#;&#x;",
        "&#xffffffff;",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAABAAAAAQ",
        "data:text/plain,hello",
        "www.example.com",
        "eyJ.eyJ.eyJ",
        "PHNjcmlwdD4===",
        "PHNjcmlwdD5=PHNj",
        "PHNjcmlwdD4=x",
        "GA1.2.1283912.1718000000",
        "Zk3bQx9vTn2LrYw8",
    ] {
        assert_eq!(
            shown(&forms(value.as_bytes(), LIMITS).unwrap()),
            Vec::<String>::new(),
            "{value}"
        );
    }
}

#[test]
fn depth_number_and_length_are_bounded() {
    let four = "%25252526lt;";
    let count = |limits| forms(four.as_bytes(), limits).map(|found| found.len());
    assert_eq!(count(LIMITS), Some(3));
    assert_eq!(count(Limits { depth_max: 1, ..LIMITS }), Some(1));
    assert_eq!(count(Limits { bytes_max: 12, ..LIMITS }), Some(3));
    assert_eq!(count(Limits { bytes_max: 11, ..LIMITS }), None);
    assert_eq!(path_forms(four.as_bytes(), Limits { bytes_max: 11, ..LIMITS }), None);
    let token = |parts: usize| vec!["eyJhbGciOiJub25lIn0"; parts].join(".");
    let path = |parts: usize| "/eyJhbGciOiJub25lIn0".repeat(parts);
    for (parts, expected) in [(3, Some(3)), (64, Some(64)), (65, None), (1000, None)] {
        let found = forms(token(parts).as_bytes(), LIMITS).map(|found| found.len());
        assert_eq!(found, expected, "{parts} parts");
    }
    for (segments, expected) in [(3, true), (60, true), (70, false), (1000, false)] {
        let found = path_forms(path(segments).as_bytes(), LIMITS);
        assert_eq!(found.is_some(), expected, "{segments} segments");
    }
}

#[test]
fn paths_are_taken_apart() {
    for (path, expected) in [
        ("/a/PHNjcmlwdD4=", &["base64: <script>"][..]),
        ("/PHNjcmlwdD4/x", &["base64: <script>"]),
        // Base64 of its own that holds a slash.
        ("/PD9waHAgPz8+Pz8/", &["base64: <?php ??>???", "base64: <?php ??>??"]),
        ("/a/%2e%2e/b", &["url: /a/../b", "url: a/../b", "url: .."]),
        ("/markets/equities/AAPL", &[]),
    ] {
        assert_eq!(shown(&path_forms(path.as_bytes(), LIMITS).unwrap()), expected, "{path}");
    }
}

#[test]
fn names_of_taken_encodings() {
    let taken = Taken::default();
    assert!(taken.is_none());
    let taken = taken.then(Encoding::Hex).then(Encoding::JavaScript).then(Encoding::Html);
    assert_eq!(taken.to_string(), "hex+js+html");
    assert_eq!(taken.then(Encoding::Url), taken, "no more than it has room for");
}

proptest! {
    /// Whatever comes, the bounds hold: no form is longer than the value, and they are few.
    #[test]
    fn forms_are_few_and_short(value in prop::collection::vec(any::<u8>(), 0..200)) {
        for found in [forms(&value, LIMITS), path_forms(&value, LIMITS)].into_iter().flatten() {
            prop_assert!(found.len() <= LIMITS.forms_max);
            prop_assert!(found.iter().all(|form| form.text.len() < value.len()));
        }
    }

    /// The same of texts made of escapes.
    #[test]
    fn escapes_are_undone(text in "[a-z<>()'%&;#\\\\u0-9]{0,40}") {
        let found = forms(text.as_bytes(), LIMITS).unwrap();
        prop_assert!(found.len() <= LIMITS.depth_max);
        prop_assert!(found.iter().all(|form| form.text.len() < text.len()));
    }

    /// Text of a few bytes is found whichever way it is encoded.
    #[test]
    fn encoded_text_is_found(text in "[ -~]{8,60}") {
        let bytes = text.as_bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let url: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
        let html: String = bytes.iter().map(|byte| format!("&#{byte};")).collect();
        let js: String = bytes.iter().map(|byte| format!("\\u{byte:04x}")).collect();
        let base64 = [STANDARD.encode(bytes), STANDARD_NO_PAD.encode(bytes), URL_SAFE_NO_PAD.encode(bytes)];
        let all = base64.into_iter().chain([url, html, js]);
        let hex = hex.bytes().any(|byte| byte.is_ascii_alphabetic()).then_some(hex);
        for encoded in all.chain(hex) {
            let found = forms(encoded.as_bytes(), LIMITS).unwrap();
            prop_assert!(found.iter().any(|form| form.text == bytes), "{encoded}: {:?}", shown(&found));
        }
    }
}
