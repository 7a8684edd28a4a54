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

#[cfg(test)]
mod tests {
    use super::*;
    use Quote::{Custom, Dollar, Double, Single, Tick, Unicode};

    fn check(read: Read<'_>, kind: Kind, text: &str, quotes: [Option<Quote>; 2], length: usize) {
        let (token, bytes) = read;
        assert_eq!(bstr::BStr::new(token.text), bstr::BStr::new(text));
        assert_eq!((token.kind, [token.opened, token.closed], bytes), (kind, quotes, length));
    }

    fn check_prefixed(
        rest: &str,
        kind: Kind,
        text: &str,
        quotes: [Option<Quote>; 2],
        length: usize,
    ) {
        check(prefixed(rest.as_bytes()).unwrap(), kind, text, quotes, length);
    }

    #[test]
    fn a_string_ends_at_a_quote_that_stands_alone() {
        for (rest, text, length) in [
            ("'a'b", "a", 3),
            ("''", "", 2),
            ("'a''b'", "a''b", 6),
            ("'a\\'b'c", "a\\'b", 6),
            ("'a\\\\'b", "a\\\\", 5),
            ("'\\'' x", "\\'", 4),
            ("'\\\\\\' '", "\\\\\\' ", 7),
        ] {
            let read = string(rest.as_bytes(), 1, Some(Single), Single);
            check(read, Kind::Text, text, [Some(Single), Some(Single)], length);
        }
        for rest in ["'", "'a", "'a\\'", "'a''", "'a\""] {
            let read = string(rest.as_bytes(), 1, Some(Single), Single);
            check(read, Kind::Text, rest.split_at(1).1, [Some(Single), None], rest.len());
        }
        check(string(b"a'b", 0, None, Single), Kind::Text, "a", [None, Some(Single)], 2);
        check(string(b"'b", 0, None, Single), Kind::Text, "", [None, Some(Single)], 1);
        check(string(b"\\'b", 0, None, Single), Kind::Text, "\\'b", [None, None], 3);
        let read = string(b"\"a'\"", 1, Some(Double), Double);
        check(read, Kind::Text, "a'", [Some(Double), Some(Double)], 4);
    }

    #[test]
    fn names() {
        let closed = [Some(Tick), Some(Tick)];
        check(tick(b"`a`b"), Kind::Word, "a", closed, 3);
        check(tick(b"`sleep`("), Kind::Function, "sleep", closed, 7);
        check(tick(b"`select`"), Kind::Word, "select", closed, 8);
        check(tick(b"`"), Kind::Word, "", [Some(Tick), None], 1);
        check(bracket(b"[a b]c"), Kind::Word, "[a b]", [None, None], 5);
        check(bracket(b"[a"), Kind::Word, "[a", [None, None], 2);
    }

    #[test]
    fn literals_with_a_letter() {
        let (plain, closed) = ([None, None], [Some(Single), Some(Single)]);
        check_prefixed("b'01'1", Kind::Number, "b'01'", plain, 5);
        check_prefixed("B''", Kind::Number, "B''", plain, 3);
        check_prefixed("b'\0'", Kind::Number, "b'\0'", plain, 4);
        check_prefixed("x'aF'", Kind::Number, "x'aF'", plain, 5);
        check_prefixed("e'a'b", Kind::Text, "a", closed, 4);
        check_prefixed("N'a", Kind::Text, "a", [Some(Single), None], 3);
        check_prefixed("E'a''b'", Kind::Text, "a''b", closed, 7);
        check_prefixed("u&'a'", Kind::Text, "a", [Some(Unicode), Some(Unicode)], 5);
        check_prefixed("U&'", Kind::Text, "", [Some(Unicode), None], 3);
        for word in
            ["b", "b'", "b'2'", "b'01", "x'g'", "e", "e'", "n'", "u&", "u'a'", "q'", "a'a'", "nq"]
        {
            assert_eq!(prefixed(word.as_bytes()), None, "{word}");
        }
    }

    #[test]
    fn strings_with_marks_of_their_own() {
        let closed = [Some(Custom), Some(Custom)];
        for (rest, text, length) in [
            ("q'(a)'b", "a", 6),
            ("Q'[a]b]'", "a]b", 8),
            ("q'{}'", "", 5),
            ("q'<<>'", "<", 6),
            ("q'!a'!'", "a'", 7),
            ("nq'xax'", "a", 7),
            ("NQ'''x''y", "'x", 8),
        ] {
            check_prefixed(rest, Kind::Text, text, closed, length);
        }
        check_prefixed("q'(a)", Kind::Text, "a)", [Some(Custom), None], 5);
        assert_eq!(prefixed(b"q' a '"), None);
        assert_eq!(prefixed(b"q'\xffa\xff'"), None);
    }

    #[test]
    fn strings_between_dollars() {
        let closed = [Some(Dollar), Some(Dollar)];
        check(dollar(b"$$a$b$$c").unwrap(), Kind::Text, "a$b", closed, 7);
        check(dollar(b"$ab$x$a$$ab$").unwrap(), Kind::Text, "x$a$", closed, 12);
        check(dollar(b"$a\0$x$a\0$").unwrap(), Kind::Text, "x", closed, 9);
        check(dollar(b"$$a$").unwrap(), Kind::Text, "a$", [Some(Dollar), None], 4);
        check(dollar(b"$a$").unwrap(), Kind::Text, "", [Some(Dollar), None], 3);
        for word in ["$", "$a", "$a1$", "$ "] {
            assert_eq!(dollar(word.as_bytes()), None, "{word}");
        }
    }
}
