//! Whether a value would run script in a page: `@detectXSS`.
//!
//! A value is read as HTML in each of five places that it may land in, and its tags, attributes, addresses and
//! comments are held against the lists. The verdicts are those of libinjection 3.9, on which the Core Rule Set is
//! tuned, misses included. One difference: where C's `char` is signed, libinjection takes the byte 255 for the end of
//! the input wherever it passes over white space in a tag, which hides what follows; here, as in libinjection on
//! other machines, it is a byte like any other. Invariants: linear time, no allocation, no state between values.

use super::address;
use super::html::{Context, Token, Tokens};
use super::lists::{self, Kind};
use memchr::{memchr, memchr2};

/// Without one of these there is no tag, no comment and no attribute with a value, wherever it lands.
pub(crate) const BYTES: [u8; 2] = [b'<', b'='];

/// The verdict on a value.
pub(super) fn is_attack(value: &[u8]) -> bool {
    let [tag, attribute] = BYTES;
    memchr2(tag, attribute, value).is_some() && is_attack_anywhere(value)
}

fn is_attack_anywhere(value: &[u8]) -> bool {
    Context::ALL.iter().any(|context| is_attack_in(value, *context))
}

fn is_attack_in(value: &[u8], context: Context) -> bool {
    let mut kind = None;
    Tokens::new(value, context).any(|token| match token {
        Token::Doctype => true,
        Token::Tag(name) => lists::is_active_tag(name),
        Token::Comment(text) => is_active_comment(text),
        Token::Name(name) => {
            kind = lists::attribute(name);
            false
        }
        // A value follows its own name at once, or opens the input and has none.
        Token::Value(text) => kind.is_some_and(|kind| is_active_value(kind, text)),
    })
}

fn is_active_value(kind: Kind, value: &[u8]) -> bool {
    match kind {
        Kind::Code => true,
        Kind::Address => address::is_script(value),
        Kind::Naming => lists::attribute(value).is_some(),
    }
}

/// A back-tick ends a comment in old browsers; conditional comments, XML, imports and entities act by themselves.
fn is_active_comment(text: &[u8]) -> bool {
    let begins = |word: &[u8]| lists::begins_with(text, word);
    memchr(b'`', text).is_some()
        || (text.len() > 3 && (begins(b"[if") || begins(b"xml")))
        || begins(b"import")
        || begins(b"entity")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    #[test]
    fn attacks() {
        for value in [
            "<script>alert(1)</script>",
            "<ScR\0ipt",
            "</script x",
            "<svg/onload=alert(1)>",
            "<x/Onpointerrawupdate=confirm",
            "\"onauxclick=alert(1)",
            "' onfocus = x",
            "`onclick=1",
            "on?address=Reader&daddr=!url=",
            "><iframe",
            "x\"/><base href=//x>",
            "<a href=&#106avascript:x>",
            "<a href='\u{1}java\nscript:x'>",
            "<form action=\"data:x",
            "<p style=x>",
            "<set attributeName=href to=x>",
            "<set attributeName=onload>",
            "<x xmlns:y=z>",
            "<x xlink:href=y>",
            "<!DOCTYPE",
            "<!--[if IE]>",
            "<!-- ` -->",
            "<!ENTITY x>",
            "<?xml-stylesheet?>",
            "<?import x>",
            "<% ` %>",
        ] {
            assert!(is_attack(value.as_bytes()), "{value:?}");
        }
    }

    #[test]
    fn harmless_values() {
        for value in [
            "",
            "O'Brien & \"sons\"",
            "a < b and c > d",
            "1<2, on average",
            "<b>bold</b> <i class=x>italic</i>",
            "<a href='https://example.com/?java=1'>x</a>",
            "</script>",
            "onclick",
            "on=1",
            "onto=1&once",
            "<!-- plain -->",
            "<!xml>",
            "<![CDATA[<script>]]>",
            "<x attributeName=fill>",
            "<a title='javascript:x'>",
            "<img alt=src>",
            "style",
        ] {
            assert!(!is_attack(value.as_bytes()), "{value:?}");
        }
    }

    #[test]
    fn an_attribute_is_active_by_its_own_value_only() {
        assert!(!is_attack(b"<a onload title=x>") && is_attack(b"<a onload title onload=x>"));
        assert!(!is_attack(b"<a href><b title=java:x>") && !is_attack(b"<a href=x title=java:>"));
    }

    #[test]
    fn the_byte_255_hides_nothing() {
        for value in [&b"<a \xffonload onload=x"[..], b"<a href=\xffjava:x", b"<a b \xff onload=x"]
        {
            assert!(is_attack(value), "{}", value.escape_ascii());
        }
    }

    fn time(value: &[u8], times: usize) -> Duration {
        let run = || {
            let start = Instant::now();
            for _ in 0..times {
                assert!(!is_attack(value), "{}", value.escape_ascii().take(20).count());
            }
            start.elapsed()
        };
        (0..3).map(|_| run()).min().unwrap()
    }

    /// Eight times the input takes about eight times as long; were it the square, it would be 64.
    #[test]
    fn time_is_linear() {
        const LARGE: usize = 1 << 20;
        let pieces: [&[u8]; 24] = [
            b"<",
            b"</",
            b"<!",
            b"<!--",
            b"<!---\0",
            b"<%",
            b"%",
            b"<?",
            b"<![CDATA[",
            b"]",
            b"-",
            b"-\0\0\0!",
            b"<a ",
            b"/",
            b"=",
            b"'",
            b"\"",
            b"a='",
            b"\0",
            b" ",
            b"&#0",
            b"x href=&#1;",
            b"href=\x80",
            b"<a\0",
        ];
        for piece in pieces {
            let large: Vec<u8> = piece.iter().copied().cycle().take(LARGE).collect();
            // Both take as long, and are interrupted alike on a busy machine. Where one comparison is not fair all the same,
            // the next one is; what is not linear is so in all.
            let is_linear = |_| {
                let few = time(&large[..LARGE / 8], 8).max(Duration::from_millis(4));
                let many = time(&large, 1);
                many < few * 4 && many < Duration::from_secs(20)
            };
            assert!((0..5).any(is_linear), "{}", piece.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_by_the_first_look(
            value in "[a-z>!'\"`/\0 -]{0,20}(=|<)?(script|href|onload|!--|!doctype)?[=> ]{0,3}java",
        ) {
            prop_assert_eq!(is_attack(value.as_bytes()), is_attack_anywhere(value.as_bytes()));
        }

        /// An attack in the text stays one after any harmless text, and whatever follows it.
        #[test]
        fn an_attack_cannot_be_hidden_by_what_surrounds_it(
            before in "[a-z0-9 .,:;()]{0,40}",
            after in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let value = [before.as_bytes(), b"<script ", &after].concat();
            prop_assert!(is_attack(&value));
        }

        /// Case means nothing to a browser in any of these; and whatever the bytes, there is an answer.
        #[test]
        fn case_does_not_matter(pieces in proptest::collection::vec(
            prop_oneof![
                proptest::sample::select(vec![
                    "<", ">", "</", "<!", "<!--", "-->", "<%", "<?", "'", "\"", "`", "=", " ", "/", "\0", "&#", "&#x",
                    "6a", ";", "a", "on", "href", "java", "style", "script", "svg", "xml", "import", "doctype",
                ]).prop_map(|piece| piece.as_bytes().to_vec()),
                proptest::collection::vec(any::<u8>(), 1..3),
            ], 0..40,
        )) {
            let value = pieces.concat();
            prop_assert_eq!(is_attack(&value), is_attack(&value.to_ascii_uppercase()));
            prop_assert_eq!(is_attack(&value), is_attack(&value.to_ascii_lowercase()));
        }
    }
}
