//! What stands in quotes, in any dialect's way of quoting.
//!
//! Each function reads one token at the beginning of `rest`. Invariant: what is not closed goes on to the end of the
//! input, so that a search for an end happens once.

use super::token::{Kind, Quote, Token};
use super::tokens::{Read, plain, span};
use super::words;
use memchr::{memchr, memmem};

/// A string whose text begins after `skipped` bytes. A quote that is doubled or stands after an odd number of
/// backslashes does not end it.
pub(super) fn string(rest: &[u8], skipped: usize, opened: Option<Quote>, quote: Quote) -> Read<'_> {
    let body = rest.get(skipped..).unwrap_or_default();
    match end(body, quote.byte()).and_then(|at| body.get(..at)) {
        Some(text) => {
            let token = Token::quoted(Kind::Text, text, opened, Some(quote));
            (token, skipped + text.len() + 1)
        }
        None => (Token::quoted(Kind::Text, body, opened, None), rest.len()),
    }
}

fn end(body: &[u8], quote: u8) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr(quote, body.get(from..)?)?;
        let before = body.get(..at)?;
        let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
        from = if backslashes % 2 == 1 {
            at + 1
        } else if body.get(at + 1) == Some(&quote) {
            at + 2
        } else {
            return Some(at);
        };
    }
}

/// A quoted name in `MySQL`, which may be a function's.
pub(super) fn tick(rest: &[u8]) -> Read<'_> {
    let (token, length) = string(rest, 1, Some(Quote::Tick), Quote::Tick);
    let kind = words::find(token.text).filter(|kind| *kind == Kind::Function);
    (Token { kind: kind.unwrap_or(Kind::Word), ..token }, length)
}

/// SQL Server's quoted name.
pub(super) fn bracket(rest: &[u8]) -> Read<'_> {
    plain(Kind::Word, rest, memchr(b']', rest).map_or(rest.len(), |at| at + 1))
}

/// A literal that a letter announces; none if it is a word.
pub(super) fn prefixed(rest: &[u8]) -> Option<Read<'_>> {
    match rest {
        [b'b' | b'B', b'\'', ..] => literal(rest, |byte| matches!(byte, 0 | b'0' | b'1')),
        [b'x' | b'X', b'\'', ..] => literal(rest, |byte| byte == 0 || byte.is_ascii_hexdigit()),
        [b'e' | b'E' | b'n' | b'N', b'\'', _, ..] => {
            Some(string(rest, 2, Some(Quote::Single), Quote::Single))
        }
        [b'u' | b'U', b'&', b'\'', ..] => {
            let (token, length) = string(rest, 3, Some(Quote::Unicode), Quote::Single);
            let closed = token.closed.map(|_| Quote::Unicode);
            Some((Token { closed, ..token }, length))
        }
        [b'q' | b'Q', b'\'', first, ..] => custom(rest, 3, *first),
        [b'n' | b'N', b'q' | b'Q', b'\'', first, ..] => custom(rest, 4, *first),
        _ => None,
    }
}

/// Digits in quotes, which are a number.
fn literal(rest: &[u8], is_digit: impl Fn(u8) -> bool) -> Option<Read<'_>> {
    let end = 2 + span(rest.get(2..)?, is_digit);
    (rest.get(end) == Some(&b'\'')).then(|| plain(Kind::Number, rest, end + 1))
}

/// Oracle's string with a mark of its own after the quote. The original compares bytes with a sign, so that one above
/// ASCII is no mark.
fn custom(rest: &[u8], begin: usize, mark: u8) -> Option<Read<'_>> {
    let mark = match mark {
        b'(' => b')',
        b'[' => b']',
        b'{' => b'}',
        b'<' => b'>',
        33..=127 => mark,
        _ => return None,
    };
    Some(enclosed(rest, begin, &[mark, b'\''], Quote::Custom))
}

/// PostgreSQL's string between two equal marks, `$$` or `$tag$`; none if that is no mark.
pub(super) fn dollar(rest: &[u8]) -> Option<Read<'_>> {
    // A NUL counts as a letter, though not as the first one.
    let tag = span(rest.get(1..)?, |byte| byte == 0 || byte.is_ascii_alphabetic());
    let mark = rest.get(..tag + 2).filter(|mark| mark.ends_with(b"$"))?;
    Some(enclosed(rest, mark.len(), mark, Quote::Dollar))
}

fn enclosed<'a>(rest: &'a [u8], begin: usize, mark: &[u8], quote: Quote) -> Read<'a> {
    let body = rest.get(begin..).unwrap_or_default();
    match memmem::find(body, mark).and_then(|at| body.get(..at)) {
        Some(text) => {
            let token = Token::quoted(Kind::Text, text, Some(quote), Some(quote));
            (token, begin + text.len() + mark.len())
        }
        None => (Token::quoted(Kind::Text, body, Some(quote), None), rest.len()),
    }
}
