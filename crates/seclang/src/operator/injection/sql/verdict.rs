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
