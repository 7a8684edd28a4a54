//! JSON.

use crate::linear;
use burgrave_parse::Malformed;
use burgrave_parse::json::{Limits, read};
use proptest::prelude::*;

const LIMITS: Limits = Limits { depth_max: 32, values_max: 100 };
const WIDE: Limits = Limits { depth_max: 512, values_max: 1_000_000 };

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Paths and values.
fn values(input: &[u8], limits: Limits) -> Result<Pairs, Malformed> {
    let mut all = Vec::new();
    read(input, limits, |path, value| all.push((path.to_vec(), value.to_vec())))?;
    Ok(all)
}

/// `path=value`, one after the other.
fn flat(input: &[u8]) -> Result<String, String> {
    let found = values(input, LIMITS).map_err(|error| error.to_string())?;
    let shown = found
        .iter()
        .map(|(path, value)| format!("{}={}", path.escape_ascii(), value.escape_ascii()));
    Ok(shown.collect::<Vec<_>>().join(" "))
}

#[test]
fn what_readers_disagree_on_is_kept_or_refused() {
    for (input, expected) in [
        // Every one of several members of a name is there: an application may take any.
        (&br#"{"a":1,"a":"2","A":3}"#[..], Ok("json.a=1 json.a=2 json.A=3")),
        (br#"{"":1}"#, Ok("json.=1")),
        (br#"{"a.b":1,"a":{"b":2}}"#, Ok("json.a.b=1 json.a.b=2")),
        (br#"{"\u0061":1}"#, Ok("json.a=1")),
        (br#""\u0000""#, Ok(r"json=\x00")),
        (b"\"\x7f\xff\xc0\xaf\"", Ok(r"json=\x7f\xff\xc0\xaf")),
        (br#""\ud83d\ude00""#, Ok(r"json=\xf0\x9f\x98\x80")),
        (br#""\ud83dx""#, Ok(r"json=\xef\xbf\xbdx")),
        (br#""\ude00\ud83d""#, Ok(r"json=\xef\xbf\xbd\xef\xbf\xbd")),
        (br#""\ud83d\u0041""#, Ok(r"json=\xef\xbf\xbdA")),
        (b"1e999999999", Ok("json=1e999999999")),
        (b"-0", Ok("json=-0")),
        (b"[[],{},[[]]]", Ok("")),
        (b"\xef\xbb\xbf1", Err("json value expected")),
        (b"\xff\xfe1\0", Err("json value expected")),
        (b"\0", Err("json value expected")),
        (b"1\0", Err("json goes on after its end")),
        (b"{}{}", Err("json goes on after its end")),
        (b"NaN", Err("json value expected")),
        (b"+1", Err("json value expected")),
        (b".5", Err("json value expected")),
        (b"0x10", Err("json goes on after its end")),
        (b"1_000", Err("json goes on after its end")),
        (b"'a'", Err("json value expected")),
        (b"// c\n1", Err("json value expected")),
        (b"[1,,2]", Err("json value expected")),
        (b"{,}", Err("json member has no name")),
        (b"{1:2}", Err("json member has no name")),
        (b"{\"a\" 1}", Err("json member has no colon")),
        (b"[1 2]", Err("json lacks a comma or a closing bracket")),
        (b"\"\t\"", Err("json string does not end")),
        (b"\"\\", Err("json escape is malformed")),
        (b"\"\\u\"", Err("json escape is malformed")),
        (b"\"\\u+041\"", Err("json escape is malformed")),
        (b"\"\\'\"", Err("json escape is malformed")),
        (b"-a", Err("json number is malformed")),
        (b"1.e1", Err("json number is malformed")),
        (b"1e+", Err("json number is malformed")),
        (b"truE", Err("json value expected")),
    ] {
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(flat(input), expected, "{}", input.escape_ascii());
    }
}

#[test]
fn depth_and_width_end_at_the_limits() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(values(nested(32).as_bytes(), LIMITS).is_ok());
    assert!(values(nested(33).as_bytes(), LIMITS).is_err());
    let open = "[".repeat(1_000_000);
    assert!(values(open.as_bytes(), LIMITS).is_err(), "never closed, far past the limit");
    let wide = |count: usize| format!("[{}]", vec!["1"; count].join(","));
    assert_eq!(values(wide(100).as_bytes(), LIMITS).unwrap().len(), 100);
    assert!(values(wide(101).as_bytes(), LIMITS).is_err());
    let long_name = format!("{{\"{}\":1}}", "n".repeat(70_000));
    assert!(values(long_name.as_bytes(), LIMITS).is_err(), "a path is bounded");
    let long_value = format!("\"{}\"", "v".repeat(1_000_000));
    assert_eq!(values(long_value.as_bytes(), LIMITS).unwrap()[0].1.len(), 1_000_000);
}

#[test]
fn cost_grows_with_the_input() {
    let run = |input: &[u8]| drop(values(input, WIDE));
    linear("numbers", |n| format!("[{}1]", "1,".repeat(n)).into_bytes(), run);
    linear("empty arrays", |n| format!("[{}1]", "[],".repeat(n)).into_bytes(), run);
    linear("open brackets", |n| "[".repeat(n).into_bytes(), run);
    linear("escapes", |n| format!("\"{}\"", "\\u0041".repeat(n)).into_bytes(), run);
    linear("half surrogates", |n| format!("\"{}\"", "\\ud83d".repeat(n)).into_bytes(), run);
    linear("an open string", |n| format!("\"{}", "a".repeat(n * 8)).into_bytes(), run);
    linear("digits", |n| "1".repeat(n * 8).into_bytes(), run);
    linear("white space", |n| " ".repeat(n * 8).into_bytes(), run);
    linear("members", |n| format!("{{{}\"z\":1}}", "\"a\":1,".repeat(n)).into_bytes(), run);
}

/// A document as the test makes it, with what it must be read as.
#[derive(Clone, Debug)]
enum Made {
    Word(&'static str, &'static str),
    Text(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Made {
    fn write(&self, out: &mut String) {
        match self {
            Self::Word(written, _) => out.push_str(written),
            Self::Text(text) => quote(text, out),
            Self::Array(elements) => {
                out.push_str("[ ");
                for (at, element) in elements.iter().enumerate() {
                    out.push_str(if at > 0 { ",\n" } else { "" });
                    element.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (at, (name, value)) in members.iter().enumerate() {
                    out.push_str(if at > 0 { " ," } else { "" });
                    quote(name, out);
                    out.push_str(" : ");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    fn read(&self, path: &str, out: &mut Vec<(String, String)>) {
        match self {
            Self::Word(_, read) => out.push((path.to_owned(), (*read).to_owned())),
            Self::Text(text) => out.push((path.to_owned(), text.clone())),
            Self::Array(elements) => {
                for (at, element) in elements.iter().enumerate() {
                    element.read(&format!("{path}.array_{at}"), out);
                }
            }
            Self::Object(members) => {
                for (name, value) in members {
                    value.read(&format!("{path}.{name}"), out);
                }
            }
        }
    }
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for (at, character) in text.chars().enumerate() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            // Spelled as units of UTF-16 now and then, surrogate pairs included.
            _ if at % 3 == 2 || character.is_control() => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04X}"));
                }
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

fn document() -> impl Strategy<Value = Made> {
    let text = || {
        proptest::collection::vec(
            prop::sample::select(vec!['a', '"', '\\', '\n', '\0', 'é', '😀']),
            0..6,
        )
        .prop_map(|characters| characters.into_iter().collect::<String>())
    };
    let word = prop::sample::select(vec![("true", "true"), ("null", ""), ("-1.5e+3", "-1.5e+3")]);
    let leaf = prop_oneof![
        word.prop_map(|(written, read)| Made::Word(written, read)),
        text().prop_map(Made::Text),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Made::Array),
            proptest::collection::vec((text(), inner), 0..4).prop_map(Made::Object),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(made in document()) {
        let (mut text, mut expected) = (String::new(), Vec::new());
        made.write(&mut text);
        made.read("json", &mut expected);
        let found = values(text.as_bytes(), WIDE).map_err(|error| TestCaseError::fail(error.0))?;
        let found: Vec<_> = found
            .into_iter()
            .map(|(path, value)| (String::from_utf8(path).unwrap(), String::from_utf8(value).unwrap()))
            .collect();
        prop_assert_eq!(found, expected, "{}", text);
        // No beginning of a document in brackets is a document.
        if text.starts_with(['[', '{', '"']) {
            for end in 0..text.len() {
                prop_assert!(values(&text.as_bytes()[..end], WIDE).is_err(), "cut at {}: {}", end, text);
            }
        }
    }
}
