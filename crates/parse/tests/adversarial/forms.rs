//! Urlencoded forms and cookies.

use crate::linear;
use burgrave_parse::{cookies, form};
use proptest::prelude::*;

#[test]
fn names_values_and_escapes_of_forms() {
    type Pairs<'a> = &'a [(&'a [u8], &'a [u8])];
    let cases: [(&[u8], Pairs<'_>); 10] = [
        (b"=", &[(b"", b"")]),
        (b"==", &[(b"", b"=")]),
        (b"&&&", &[]),
        (b"a", &[(b"a", b"")]),
        (b"a=&a=&a", &[(b"a", b""), (b"a", b""), (b"a", b"")]),
        (b"a=1;b=2", &[(b"a", b"1;b=2")]),
        (b"a\0=\xff", &[(b"a\0", b"\xff")]),
        (b"a=b\r\n", &[(b"a", b"b\r\n")]),
        (b"%26=%3d", &[(b"%26", b"%3d")]),
        (b"a=b?c=d", &[(b"a", b"b?c=d")]),
    ];
    for (input, expected) in cases {
        let found = form::pairs(input, b'&', 10);
        assert_eq!(found, (expected.to_vec(), false), "{}", input.escape_ascii());
    }
    for (input, bad) in [
        (&b"%"[..], true),
        (b"%%41", true),
        (b"%4", true),
        (b"%G0", true),
        (b"%0G", true),
        (b"a%41%", true),
        (b"%u0041", true),
        (b"%41%fF", false),
        (b"", false),
        (b"+", false),
    ] {
        assert_eq!(form::has_bad_escape(input), bad, "{}", input.escape_ascii());
    }
}

#[test]
fn bounds_say_that_something_was_left_out() {
    for (input, most, pairs, more) in [
        (&b""[..], 0, 0, false),
        (b"&&", 0, 0, false),
        (b"a", 0, 0, true),
        (b"a&b", 1, 1, true),
        (b"a&b&", 2, 2, false),
    ] {
        let (found, left_out) = form::pairs(input, b'&', most);
        assert_eq!((found.len(), left_out), (pairs, more), "{}", input.escape_ascii());
    }
    let many = b"a=b;".repeat(10_000);
    assert_eq!(cookies::pairs(&many, 100).len(), 100);
}

#[test]
fn cookies_as_applications_read_them() {
    type Pairs<'a> = &'a [(&'a [u8], &'a [u8])];
    let cases: [(&[u8], Pairs<'_>); 9] = [
        (b";;;", &[]),
        (b"=", &[(b"", b"")]),
        (b"=x", &[(b"", b"x")]),
        (b"a", &[(b"a", b"")]),
        (b"a==b", &[(b"a", b"=b")]),
        (b" a=b", &[(b"a", b"b")]),
        (b"a=1; a=2", &[(b"a", b"1"), (b"a", b"2")]),
        (b"a=\"b;c\"", &[(b"a", b"\"b"), (b"c\"", b"")]),
        (b"a=\0\xff,b=c", &[(b"a", b"\0\xff,b=c")]),
    ];
    for (input, expected) in cases {
        assert_eq!(cookies::pairs(input, 10), expected, "{}", input.escape_ascii());
    }
}

#[test]
fn cost_grows_with_the_input() {
    let forms = |input: &[u8]| {
        let _found = form::pairs(input, b'&', usize::MAX);
        let _bad = form::has_bad_escape(input);
    };
    linear("pairs", |n| b"a=b&".repeat(n), forms);
    linear("equals", |n| b"=".repeat(n * 8), forms);
    linear("percent signs", |n| b"%".repeat(n * 8), forms);
    let jar = |input: &[u8]| drop(cookies::pairs(input, usize::MAX));
    linear("cookies", |n| b"a=b;".repeat(n), jar);
    linear("blanks", |n| b" ".repeat(n * 8), jar);
}

proptest! {
    #[test]
    fn no_byte_is_lost(input in proptest::collection::vec(
        prop::sample::select(&b"a=&;% \0\xff"[..]), 0..40)) {
        let (pairs, more) = form::pairs(&input, b'&', usize::MAX);
        prop_assert!(!more);
        let joined: Vec<Vec<u8>> = pairs
            .iter()
            .map(|(name, value)| [*name, *value].concat())
            .collect();
        let plain = |text: &[u8]| -> Vec<u8> {
            text.iter().copied().filter(|byte| !matches!(byte, b'&' | b'=')).collect()
        };
        prop_assert_eq!(plain(&joined.concat()), plain(&input));
        prop_assert!(pairs.len() <= input.len());
    }
}
