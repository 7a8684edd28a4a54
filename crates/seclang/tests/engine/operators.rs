//! Operators at their edges: nothing, macros without a value, values of a megabyte, bytes that are no text.

use crate::{Request, ids};
use burgrave_seclang::probe;
use std::time::{Duration, Instant};

fn asked(name: &str, parameter: &[u8], value: &[u8]) -> Result<bool, String> {
    probe::operator(name, parameter, value, &|path| match path.to_str() {
        Some("words.data") => Ok(b"# none\r\nunion\r\n\r\n  select  \n".to_vec()),
        Some("nets.data") => Ok(b"192.0.2.0/24 # office\n\n# all\n2001:db8::/32\n".to_vec()),
        Some("empty.data") => Ok(b"# nothing\n".to_vec()),
        _ => Err("there is no such file".to_owned()),
    })
}

/// Operator, parameter, value, whether it holds.
type Case = (&'static str, &'static [u8], &'static [u8], bool);

const CASES: &[Case] = &[
    ("contains", b"", b"", true),
    ("contains", b"\0", b"a\0b", true),
    ("contains", b"\xff", b"\xfe\xff", true),
    ("contains", b"ab", b"a", false),
    ("containsWord", b"", b"x", true),
    ("containsWord", b"or", b"1 or 2", true),
    ("containsWord", b"or", b"order or", true),
    ("containsWord", b"or", b"order", false),
    ("containsWord", b"or", b"for", false),
    ("containsWord", b"or", b"or", true),
    ("containsWord", b"or", b"\xffor\xff", true),
    ("beginsWith", b"abc", b"ab", false),
    ("endsWith", b"", b"x", true),
    ("endsWith", b"abc", b"bc", false),
    ("streq", b"", b"", true),
    ("streq", b"a", b"A", false),
    ("streq", b"a", b"a\0", false),
    ("within", b"", b"", true),
    ("within", b"", b"a", false),
    ("within", b"abc", b"abcd", false),
    ("strmatch", b"b", b"abc", true),
    ("eq", b"", b"", true),
    ("eq", b"0", b"", true),
    ("eq", b"1", b" 1", true),
    ("eq", b"1", b"1.9", true),
    ("eq", b"-1", b"-1", true),
    ("eq", b"1", b"0x1", false),
    ("eq", b"9223372036854775807", b"99999999999999999999999", true),
    ("lt", b"0", b"-99999999999999999999999", true),
    ("gt", b"5", b"10", true),
    ("ge", b"5", b"five", false),
    ("le", b"", b"0", true),
    ("validateByteRange", b"0-255", b"\0\xff", false),
    ("validateByteRange", b"32-126", b"", false),
    ("validateByteRange", b"32-126", b"\x7f", true),
    ("validateByteRange", b"9, 10,13 ,32-126", b"\t\n\r", false),
    ("validateUrlEncoding", b"", b"%", true),
    ("validateUrlEncoding", b"", b"%41%4", true),
    ("validateUrlEncoding", b"", b"%%41", true),
    ("validateUrlEncoding", b"", b"100", false),
    ("validateUtf8Encoding", b"", b"", false),
    ("validateUtf8Encoding", b"", b"\xc3", true),
    ("validateUtf8Encoding", b"", b"\xc0\x80", true),
    ("validateUtf8Encoding", b"", b"\xf4\x90\x80\x80", true),
    ("validateUtf8Encoding", b"", b"\xed\xa0\x80", true),
    ("validateUtf8Encoding", b"", b"\xf0\x9f\x98\x80", false),
    ("pm", b"a", b"", false),
    ("pm", b"union select", b"xSELECTx", true),
    ("pm", b"|00| x", b"a\0", true),
    ("pm", b"\xff", b"\xff", true),
    ("pmFromFile", b"words.data", b"UNION", true),
    ("pmFromFile", b"words.data", b"sel ect", false),
    ("pmFromFile", b"words.data", b"none", false),
    ("ipMatch", b"::ffff:10.0.0.0/104", b"10.1.2.3", true),
    ("ipMatch", b"::ffff:10.0.0.0/104", b"11.1.2.3", false),
    ("ipMatch", b"::ffff:10.0.0.1", b"::ffff:10.0.0.1", true),
    ("ipMatch", b"10.0.0.0/8", b"", false),
    ("ipMatch", b"10.0.0.0/8", b"10.0.0.1/8", false),
    ("ipMatch", b"10.0.0.0/8", b"010.0.0.1", false),
    ("ipMatch", b"2001:db8::/33", b"2001:db8:8000::1", false),
    ("ipMatch", b"0.0.0.0/0, ::/0", b"::1", true),
    ("ipMatchFromFile", b"nets.data", b"2001:db8:1::", true),
    ("ipMatchFromFile", b"nets.data", b"192.0.3.1", false),
    ("rx", b"", b"", true),
    ("rx", b"^$", b"", true),
    ("rx", b"\\x00", b"a\0", true),
    ("rx", b"\\xff", b"\xff", true),
    ("rx", b"\xff", b"\xff", true),
    ("rx", b"^a$", b"x\na\ny", true),
    ("rx", b"a.b", b"a\nb", true),
    ("rx", b"(?i)K", "\u{212a}".as_bytes(), false),
    ("rx", b"\\bor\\b", b"1 or 2", true),
    ("rx", b"a{0,2}b", b"aab", true),
    ("rx", b"(?:a|b)++c", b"abc", true),
    ("verifyCC", b"\\d{13,16}", b"4111111111111111", true),
    ("verifyCC", b"^\\d{16}$", b"4111111111111112", false),
    ("verifyCC", b"\\d{13,16}", b"", false),
    ("unconditionalMatch", b"", b"", true),
    ("noMatch", b"", b"x", false),
];

#[test]
fn texts_numbers_and_bytes() {
    for (name, parameter, value, holds) in CASES {
        let shown = format!("{name} {} {}", parameter.escape_ascii(), value.escape_ascii());
        assert_eq!(asked(name, parameter, value), Ok(*holds), "{shown}");
    }
}

#[test]
fn parameters_that_mean_nothing_are_refused() {
    for (name, parameter, part) in [
        ("pm", &b""[..], "no phrases"),
        ("pm", b"a|4", "hexadecimal"),
        ("pm", b"%{tx.words}", "takes no macros"),
        ("rxGlobal", b"%{tx.words}", "takes no macros"),
        ("verifyCC", b"%{tx.x}", "takes no macros"),
        ("pmFromFile", b"absent.data", "no such file"),
        ("pmFromFile", b"empty.data", "no phrases"),
        ("ipMatch", b"%{tx.net}", "is no address"),
        ("ipMatch", b"10.0.0.0/8,", "is no address"),
        ("ipMatch", b"10.0.0.0/-1", "is no address"),
        ("ipMatch", b"10.0.0.0/8/8", "is no address"),
        ("ipMatchFromFile", b"words.data", "is no address"),
        ("validateByteRange", b"1-", "range of bytes"),
        ("validateByteRange", b"-1", "range of bytes"),
        ("validateByteRange", b"1-2-3", "range of bytes"),
        ("validateByteRange", b"%{tx.x}", "range of bytes"),
        ("rx", b"(", "does not compile"),
        ("rx", b"a{2,1}", "does not compile"),
        ("contains", b"%{nope}", "names no variable"),
        ("eq", b"%{tx}", "say which member"),
        ("eq", b"%{tx.}", "say which member"),
        ("streq", b"%{tx.%{tx.x}}", "within another"),
        ("inspectFile", b"x", "is refused"),
        ("containz", b"x", "unknown operator"),
        ("", b"x", "unknown operator"),
    ] {
        let why = asked(name, parameter, b"x").unwrap_err();
        assert!(why.contains(part), "{name}: {why}");
    }
}

#[test]
fn macros_in_parameters() {
    let request = Request::get("/?a=b&c=").header("Host", "h.test").header("X-Host", "h.test");
    let start =
        "SecAction \"id:9,phase:1,pass,nolog,setvar:tx.b=b,setvar:tx.n=1,setvar:tx.dot=.\"\n";
    for (targets, question, holds) in [
        ("ARGS:a", "@streq %{tx.b}", true),
        ("ARGS:a", "@streq %{tx.none}", false),
        ("ARGS:c", "@streq %{tx.none}", true),
        ("ARGS:a", "@contains %{tx.none}", true),
        ("ARGS:a", "@within a%{tx.b}c", true),
        ("ARGS:a", "!@within %{tx.none}", true),
        ("ARGS:a", "@beginsWith %{ARGS.a}", true),
        ("ARGS:a", "@endsWith %{args.C}", true),
        ("&ARGS", "@eq %{tx.n}", false),
        ("&ARGS", "@gt %{tx.n}", true),
        ("&ARGS", "@ge %{tx.none}", true),
        ("REQUEST_HEADERS:X-Host", "@streq %{REQUEST_HEADERS.Host}", true),
        ("REQUEST_HEADERS:X-Host", "@streq %{request_headers:host}", true),
        ("ARGS:a", "@rx ^%{tx.b}$", true),
        ("ARGS:a", "@rx ^%{tx.dot}$", true),
        ("ARGS:a", "@rx ^%{tx.none}$", false),
        ("ARGS:a", "@streq %{tx.b", false),
    ] {
        let text = format!("{start}SecRule {targets} \"{question}\" \"id:1,phase:1,pass\"");
        assert_eq!(!ids(&text, &request).is_empty(), holds, "{targets} {question}");
    }
}

#[test]
fn a_value_of_a_megabyte_is_answered_soon() {
    let values: Vec<Vec<u8>> =
        [&b"a"[..], b"' or 1=1 -- ", b"<", b"%", b"\0", b"1234 ", b"\xff", b"a/*"]
            .iter()
            .map(|seed| seed.repeat(1_000_000 / seed.len()))
            .collect();
    for (name, parameter) in [
        ("contains", &b"needle"[..]),
        ("containsWord", b"a"),
        ("pm", b"needle pin"),
        ("rx", b"(?i)(?:a|b)*c\\d+$"),
        ("validateByteRange", b"32-126"),
        ("validateUrlEncoding", b""),
        ("validateUtf8Encoding", b""),
        ("verifyCC", b"\\d{4} \\d{4} \\d{4} \\d{4}"),
        ("within", b"needle"),
        ("eq", b"1"),
        ("ipMatch", b"10.0.0.0/8"),
        ("detectXSS", b""),
    ] {
        for value in &values {
            let began = Instant::now();
            let _answer = asked(name, parameter, value);
            let start = value[..8].escape_ascii();
            assert!(began.elapsed() < Duration::from_secs(5), "{name} of {start}…");
        }
    }
}
