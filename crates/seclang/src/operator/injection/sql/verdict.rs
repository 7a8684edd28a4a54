//! Whether tokens are those of an injection.
//!
//! The list of fingerprints decides; what is also common in plain text, such as `1 and 2` or `yes --`, counts only
//! with further signs. They are libinjection's. It must not read the value anew, but for what a comment hides.

use super::fingerprints;
use super::token::{Kind, Token};
use memchr::memmem;

/// SQL Server keeps a statement with this word out of its log, which attackers put in a comment.
const UNLOGGED: &[u8] = b"sp_password";

/// The verdict on folded tokens; `count` is how many there were before, `value` what they were read from.
pub(super) fn is_injection(tokens: &[Token<'_>], count: usize, value: &[u8]) -> bool {
    fingerprints::contains(tokens.iter().map(|token| token.kind))
        && (is_hidden(tokens, value)
            || match tokens {
                [first, second] => is_injection_of_two(first, second, count, value),
                [first, second, third] => is_injection_of_three(first, second, third, count),
                _ => true,
            })
}

fn is_hidden(tokens: &[Token<'_>], value: &[u8]) -> bool {
    matches!(tokens, [_, .., last] if last.kind == Kind::Comment)
        && memmem::find(value, UNLOGGED).is_some()
}

/// Two tokens are a comment after something, or `UNION` after it.
fn is_injection_of_two(first: &Token<'_>, second: &Token<'_>, count: usize, value: &[u8]) -> bool {
    if second.kind == Kind::Union {
        // `1 union` is plain text, `(1 union` is not.
        return count != 2;
    }
    match (first.kind, second.text) {
        (_, [b'#', ..]) => false,
        (Kind::Word, text) => text.first() == Some(&b'/'),
        (Kind::Number, [b'/', ..]) => true,
        (Kind::Number, _) => count > 2 || ends_as_number(first, value),
        // `'--` ends a statement; `'-- said he` does not.
        (_, [b'-', _, _, ..]) => false,
        _ => true,
    }
}

/// Whether a number and a comment are not parts of something like `1234-ABCD--`. The original compares bytes with a
/// sign, and looks where the number would end if nothing stood before it.
fn ends_as_number(number: &Token<'_>, value: &[u8]) -> bool {
    match value.get(number.text.len()..) {
        Some([0..=32 | 128.., ..] | [b'/', b'*', ..] | [b'-', b'-', ..]) => true,
        Some(_) | None => false,
    }
}

fn is_injection_of_three(
    first: &Token<'_>,
    second: &Token<'_>,
    third: &Token<'_>,
    count: usize,
) -> bool {
    match (first.kind, second.kind, third.kind) {
        // `foo' + 'bar`: a quote that was open before the value, and one that stays open.
        (Kind::Text, Kind::Operator | Kind::Logic, Kind::Text) => {
            first.opened.is_none() && third.closed.is_none() && first.closed == third.opened
        }
        // `sexy and 17` is plain text, `sexy and 17<18` is not.
        (Kind::Text, Kind::Logic, Kind::Word)
        | (Kind::Word, Kind::Logic, Kind::Number)
        | (Kind::Number, Kind::Logic, Kind::Number | Kind::Variable | Kind::Text) => count != 3,
        // Of keywords only `INTO OUTFILE` and `INTO DUMPFILE` are no common words.
        (_, Kind::Keyword, _) => {
            second.text.len() > 4
                && second.text.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"INTO"))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fold::fold;
    use super::super::token::Quote;
    use super::super::tokens::{Dialect, Tokens};
    use super::*;

    fn check_bytes(value: &[u8], before: Option<Quote>, print: &str, expected: bool) {
        let mut tokens = Tokens::new(value, before, Dialect::Ansi);
        let folded = fold(&mut tokens);
        let letters: Vec<u8> = folded.tokens().iter().map(|token| token.kind.letter()).collect();
        assert_eq!(String::from_utf8(letters).unwrap(), print, "{}", value.escape_ascii());
        let verdict = is_injection(folded.tokens(), tokens.count, value);
        assert_eq!(verdict, expected, "{}", value.escape_ascii());
    }

    fn check(value: &str, before: Option<Quote>, print: &str, expected: bool) {
        check_bytes(value.as_bytes(), before, print, expected);
    }

    #[test]
    fn two_tokens() {
        for (value, print, expected) in [
            ("1 union", "1U", false),
            ("(1 union", "1U", true),
            ("1+1 union", "1U", true),
            ("a --", "nc", false),
            ("a /*", "nc", true),
            ("1 /*", "1c", true),
            ("1--", "1c", true),
            ("1 --", "1c", true),
            ("1-- a", "1c", true),
            (" 1--", "1c", false),
            ("-1--", "1c", true),
            ("1\u{e9}--", "1nc", false),
            ("12345-abcd--", "1c", true),
            ("@a--", "vc", true),
            ("@a-- b", "vc", false),
            ("@a /* b", "vc", true),
        ] {
            check(value, None, print, expected);
        }
        check("a'--", Some(Quote::Single), "sc", true);
        check("a'-- b", Some(Quote::Single), "sc", false);
        check_bytes(b"1\xa0--", None, "1c", true);
        check_bytes(b"1\x7f--", None, "1c", false);
        let long = "1".repeat(32);
        check(&format!("{long}--"), None, "1c", false);
        check(&format!("{}--", "1".repeat(31)), None, "1c", true);
    }

    #[test]
    fn three_tokens() {
        for (value, print, expected) in [
            ("'a' + 'b'", "sos", false),
            ("'a' and 'b'", "s&s", false),
            ("1 and 1", "1&1", false),
            ("(1 and 1", "1&1", true),
            ("1 and +1", "1&1", true),
            ("1 or @a", "1&v", false),
            ("1 or 'a'", "1&s", false),
            ("a or 1", "n&1", false),
            ("'a' or b", "s&n", false),
            ("'a' or not b", "s&n", true),
            ("@a or 1", "v&1", true),
            ("1 into outfile a", "1kn", true),
            ("1 into a", "1kn", false),
            ("1 group by a", "1Bn", true),
        ] {
            check(value, None, print, expected);
        }
        check("a' + 'b", Some(Quote::Single), "sos", true);
        check("a' + 'b'", Some(Quote::Single), "sos", false);
        check("a' + \"b", Some(Quote::Single), "sos", false);
        check("a' and 'b", Some(Quote::Single), "s&s", true);
    }

    #[test]
    fn what_a_comment_hides() {
        check("a -- sp_password", None, "nc", true);
        check("a -- SP_PASSWORD", None, "nc", false);
        check("sp_password --", None, "nc", true);
        check("sp_password", None, "n", false);
    }
}
