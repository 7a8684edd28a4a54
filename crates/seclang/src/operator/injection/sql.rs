//! Whether a value would change a statement of SQL: `@detectSQLi`.
//!
//! A value is read as SQL in each place that it may land in: bare, after a single quote and after a double one, and
//! by both dialects where they differ. Its tokens, folded, are a fingerprint of up to five letters; some thousands
//! are those of injections, and a few of them count only with further signs. The algorithm and its data are those of
//! libinjection 3.9, on which the Core Rule Set is tuned, and so are verdicts and fingerprints, misses included.
//! Invariants: linear time, no allocation, no state between values.

#[cfg(test)]
mod agreement;
mod fingerprints;
mod fold;
mod list;
mod quoted;
mod rules;
mod token;
mod tokens;
mod verdict;
mod words;

use fold::{Folded, fold};
use memchr::memchr;
use token::{Kind, Quote};
use tokens::{Dialect, Tokens};

/// The fingerprint of an injection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint {
    letters: [u8; fingerprints::SYMBOLS_MAX],
    length: usize,
}

impl Fingerprint {
    fn of(kinds: impl IntoIterator<Item = Kind>) -> Self {
        let mut print = Self { letters: [0; fingerprints::SYMBOLS_MAX], length: 0 };
        for (letter, kind) in print.letters.iter_mut().zip(kinds) {
            *letter = kind.letter();
            print.length += 1;
        }
        print
    }

    /// A letter for each token.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.letters.get(..self.length).unwrap_or_default()
    }
}

/// The fingerprint of the injection that a value is, if it is one.
pub(super) fn injection(value: &[u8]) -> Option<Fingerprint> {
    if value.iter().all(|byte| is_of_words(*byte)) || value.iter().all(|byte| is_of_decimals(*byte))
    {
        return None;
    }
    injection_anywhere(value)
}

/// Every injection holds a byte of each of these kinds.
pub(crate) const NEEDS: [fn(u8) -> bool; 2] =
    [|byte| !is_of_words(byte), |byte| !is_of_decimals(byte)];

/// A value of these bytes alone is one word, or a number and a word: no injection, as the tests show. Bytes above
/// ASCII are letters, but for the white space of Latin-1.
fn is_of_words(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || (byte >= 128 && byte != 160)
}

/// Nor is one of these alone: it is one number or a few in a row.
fn is_of_decimals(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'.'
}

fn injection_anywhere(value: &[u8]) -> Option<Fingerprint> {
    let has = |quote| memchr(quote, value).is_some();
    injection_in_any_dialect(value, None)
        .or_else(|| {
            has(b'\'').then(|| injection_in_any_dialect(value, Some(Quote::Single))).flatten()
        })
        .or_else(|| {
            let read = || Reading::of(value, Some(Quote::Double), Dialect::MySql).injection(value);
            has(b'"').then(read).flatten()
        })
}

fn injection_in_any_dialect(value: &[u8], before: Option<Quote>) -> Option<Fingerprint> {
    let reading = Reading::of(value, before, Dialect::Ansi);
    reading.injection(value).or_else(|| {
        let other = reading.is_ambiguous.then(|| Reading::of(value, before, Dialect::MySql))?;
        other.injection(value)
    })
}

/// A value's tokens, read in one way.
struct Reading<'a> {
    folded: Folded<'a>,
    count: usize,
    is_ambiguous: bool,
}

impl<'a> Reading<'a> {
    fn of(value: &'a [u8], before: Option<Quote>, dialect: Dialect) -> Self {
        let mut tokens = Tokens::new(value, before, dialect);
        let folded = fold(&mut tokens);
        Self { folded, count: tokens.count, is_ambiguous: tokens.is_ambiguous }
    }

    fn injection(&self, value: &[u8]) -> Option<Fingerprint> {
        let tokens = self.folded.tokens();
        if tokens.iter().any(|token| token.kind == Kind::Evil) {
            return Some(Fingerprint::of([Kind::Evil]));
        }
        verdict::is_injection(tokens, self.count, value)
            .then(|| Fingerprint::of(tokens.iter().map(|token| token.kind)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    fn print(value: &[u8]) -> Option<String> {
        injection(value).map(|print| String::from_utf8(print.as_bytes().to_vec()).unwrap())
    }

    #[test]
    fn attacks_and_their_fingerprints() {
        for (value, expected) in [
            ("1' OR '1'='1", "s&sos"),
            ("1 UNION SELECT 1,2--", "1UE1c"),
            ("admin'--", "sc"),
            ("admin\" --", "sc"),
            ("1' /*!union*/ select", "X"),
            ("x'; drop table users --", "s;Tnn"),
            ("1 and sleep(5)", "1&f(1"),
            ("1;waitfor delay '0:0:5'--", "1;Esc"),
            ("' or 1=1 limit 1 -- ", "s&1B1"),
            ("\" or \"\"=\"", "s&sos"),
            ("1) or (1)=(1", "1)&(1"),
            ("-1 union/**/select `a`,b from c", "1UEnk"),
            ("' into outfile '/var/www/x.php", "sks"),
            ("1 is not distinct from (select 2)", "1o(E1"),
            ("1 procedure analyse(extractvalue(1,concat(2)))", "1f(f("),
            ("1+1 /*a*/--b", "1c"),
            ("1--a\n or 1=1", "1&1"),
            ("1 #a\nunion select 1", "1UE1"),
            ("1 or 1#a\n=1", "1&1"),
        ] {
            assert_eq!(print(value.as_bytes()).as_deref(), Some(expected), "{value:?}");
        }
        assert_eq!(print(b"1\xa0union\xa0select\xa02").as_deref(), Some("1UE1"));
    }

    #[test]
    fn harmless_values() {
        for value in [
            "",
            "1",
            "union",
            "O'Brien",
            "union square",
            "select a seat",
            "it's here, isn't it",
            "\"quoted\" and 'quoted'",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
            "https://example.com/a?b=1&c=2#d",
            "1.5e3",
            "5 - 3 = 2",
            "a-b--c",
            "c# and f#",
            "(555) 123-4567",
            "{\"a\":[1,2]}",
        ] {
            assert_eq!(print(value.as_bytes()), None, "{value:?}");
        }
    }

    /// What the first look rests on: a value of the bytes of words is one token, or a number and a word, and no list has
    /// those but with `UNION`, which needs a third.
    #[test]
    fn words_alone_have_no_fingerprint() {
        let first = [Kind::Number, Kind::Word];
        let any = [
            Kind::Keyword,
            Kind::Group,
            Kind::Expression,
            Kind::Type,
            Kind::Function,
            Kind::Word,
            Kind::Number,
            Kind::Variable,
            Kind::Operator,
            Kind::Logic,
            Kind::Collate,
            Kind::Statement,
        ];
        for kind in any.into_iter().chain([Kind::Union]) {
            assert!(!fingerprints::contains([kind]), "{kind:?}");
        }
        for first in first {
            assert!(any.iter().all(|kind| !fingerprints::contains([first, *kind])), "{first:?}");
        }
        for byte in (0..=255).filter(|byte| is_of_words(*byte)) {
            for value in [&[byte][..], &[byte, b'a'], &[b'1', byte, b'1', byte], b"0x1union"] {
                let mut tokens = Tokens::new(value, None, Dialect::Ansi);
                let second = tokens.by_ref().nth(1);
                assert!(second.is_none_or(|token| token.kind != Kind::Comment), "{byte}");
                assert!(tokens.next().is_none(), "{byte}");
            }
        }
    }

    /// All digits but 0 are the same to the reader of tokens. All texts of so many bytes, which is more than five tokens;
    /// longer ones by chance.
    #[test]
    fn decimals_alone_are_no_injection() {
        for length in 0..=9 {
            for number in 0..3_usize.pow(length) {
                let digit = |place| b"01."[number / 3_usize.pow(place) % 3];
                let value: Vec<u8> = (0..length).map(digit).collect();
                assert_eq!(injection_anywhere(&value), None, "{value:?}");
            }
        }
    }

    fn time(value: &[u8], times: usize) -> Duration {
        let run = || {
            let start = Instant::now();
            for _ in 0..times {
                std::hint::black_box(injection(value));
            }
            start.elapsed()
        };
        (0..3).map(|_| run()).min().unwrap()
    }

    /// Eight times the input takes about eight times as long; were it the square, it would be 64.
    #[test]
    fn time_is_linear() {
        const LARGE: usize = 1 << 20;
        let pieces: [&[u8]; 40] = [
            b"'", b"\"", b"`", b"\\'", b"''", b"(", b")", b"[", b"{x ", b"/*", b"/*/", b"/**/",
            b"*/", b"--", b"--\n", b"#\n", b"1+#\n", b"$", b"$$", b"$a$b", b"$a\0", b"q'a", b"q'(",
            b"x'0", b"b'0", b"0x", b"1e", b"1,", b"1,-1", b"1+(1)", b"and.", b"and`", b"select.",
            b"or 1 ", b"not ", b"int ", b"@a=", b";", b"\\", b"\0",
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
        fn many_decimals_are_no_injection_either(value in "[0-9.]{9,60}") {
            prop_assert_eq!(injection_anywhere(value.as_bytes()), None);
        }

        #[test]
        fn nothing_is_lost_by_the_first_look(
            begin in "(0x|0b|[0-9]{1,3}|1e|[bxenqu])?",
            word in "(union|select|or|and|sleep|null|int|limit|[a-z_0-9]{0,8})",
            end in "[a-z0-9_\u{a1}-\u{ff}]{0,4}",
        ) {
            let value = [begin, word, end].concat();
            prop_assert_eq!(print(value.as_bytes()), None);
            prop_assert_eq!(injection_anywhere(value.as_bytes()), None);
        }

        /// An attack stays one whatever harmless text stands before its quote, and in any case of letters.
        #[test]
        fn an_attack_cannot_be_hidden_by_what_stands_before_it(
            before in "[a-z0-9 .,:;()]{0,40}",
            capital in any::<bool>(),
        ) {
            let mut value = before + "' or 1=1 -- ";
            if capital {
                value.make_ascii_uppercase();
            }
            prop_assert!(print(value.as_bytes()).is_some());
        }

        /// White space of any kind and length between tokens changes nothing.
        #[test]
        fn white_space_is_white_space(spaces in proptest::collection::vec("[ \t\n\r\u{b}\u{c}\0]{1,4}", 4)) {
            let [a, b, c, d] = &spaces[..] else { unreachable!() };
            let value = format!("1{a}union{b}all{c}select{d}2");
            prop_assert_eq!(print(value.as_bytes()), Some("1UE1".to_owned()));
        }
    }
}
