//! SQL cut into tokens, as the most permissive databases read it.
//!
//! The rules are those of libinjection 3.9, oddities included, for its fingerprints were collected with them.
//! Invariants: a token is found by looking at its own bytes and a bounded number of others, and nothing is
//! allocated. It must not judge; that is the verdict's.

use super::quoted;
use super::token::{Kind, Quote, TEXT_BYTES_MAX, Token};
use super::words;
use memchr::{memchr, memmem};

/// How comments are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `--` begins a comment, `#` is an operator.
    Ansi,
    /// `--` begins a comment before white space only, `#` always.
    MySql,
}

/// The tokens of a value.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    rest: &'a [u8],
    dialect: Dialect,
    /// The quote that is thought to stand before the value.
    before: Option<Quote>,
    /// How many there were so far.
    pub(super) count: usize,
    /// One of them is read in another way by the other dialect.
    pub(super) is_ambiguous: bool,
}

/// A token and how many bytes it took.
pub(super) type Read<'a> = (Token<'a>, usize);

/// One that is written as it is meant.
pub(super) fn plain(kind: Kind, rest: &[u8], length: usize) -> Read<'_> {
    (Token::new(kind, rest.get(..length).unwrap_or(rest)), length)
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let (token, length) = if let Some(quote) = self.before.take() {
            quoted::string(self.rest, 0, None, quote)
        } else {
            let begin = self.rest.iter().position(|byte| !is_passed_over(*byte))?;
            self.rest = self.rest.get(begin..)?;
            self.read()
        };
        self.rest = self.rest.get(length..).unwrap_or_default();
        self.count += 1;
        Some(token)
    }
}

impl<'a> Tokens<'a> {
    /// Reads `value` as if the quote stood before it.
    pub(super) fn new(value: &'a [u8], before: Option<Quote>, dialect: Dialect) -> Self {
        Self { rest: value, dialect, before, count: 0, is_ambiguous: false }
    }

    fn read(&mut self) -> Read<'a> {
        let rest = self.rest;
        let single = |kind| plain(kind, rest, 1);
        match rest {
            [b'0'..=b'9' | b'.', ..] => number(rest),
            [b'(', ..] => single(Kind::Open),
            [b')', ..] => single(Kind::Close),
            [b'{', ..] => single(Kind::OpenBrace),
            [b'}', ..] => single(Kind::CloseBrace),
            [b',', ..] => single(Kind::Comma),
            [b';', ..] => single(Kind::Semicolon),
            [b'?' | b']', ..] => single(Kind::Unknown),
            [b'!' | b'&' | b'*' | b':' | b'<' | b'=' | b'>' | b'|', ..] => operator(rest),
            [b'\'', ..] => quoted::string(rest, 1, Some(Quote::Single), Quote::Single),
            [b'"', ..] => quoted::string(rest, 1, Some(Quote::Double), Quote::Double),
            [b'`', ..] => quoted::tick(rest),
            [b'[', ..] => quoted::bracket(rest),
            [b'-', ..] => self.dash(),
            [b'#', ..] => self.hash(),
            [b'/', b'*', ..] => block_comment(rest),
            [b'/' | b'%' | b'+' | b'^' | b'~', ..] => single(Kind::Operator),
            [b'\\', b'N', ..] => plain(Kind::Number, rest, 2),
            [b'\\', ..] => single(Kind::Backslash),
            [b'@', ..] => variable(rest),
            [b'$', ..] => dollar(rest),
            _ => quoted::prefixed(rest).unwrap_or_else(|| word(rest)),
        }
    }

    fn dash(&mut self) -> Read<'a> {
        match self.rest {
            [b'-', b'-'] => line_comment(self.rest),
            [b'-', b'-', next, ..] if is_white(*next) => line_comment(self.rest),
            [b'-', b'-', ..] if self.dialect == Dialect::Ansi => {
                self.is_ambiguous = true;
                line_comment(self.rest)
            }
            _ => plain(Kind::Operator, self.rest, 1),
        }
    }

    fn hash(&mut self) -> Read<'a> {
        self.is_ambiguous = true;
        match self.dialect {
            Dialect::Ansi => plain(Kind::Operator, self.rest, 1),
            Dialect::MySql => line_comment(self.rest),
        }
    }
}

fn line_comment(rest: &[u8]) -> Read<'_> {
    let text = memchr(b'\n', rest).and_then(|at| rest.get(..at)).unwrap_or(rest);
    (Token::new(Kind::Comment, text), text.len() + 1)
}

/// What stands in `/*!…*/` is run by `MySQL`, and PostgreSQL alone nests comments, so nobody can say where such a one ends.
fn block_comment(rest: &[u8]) -> Read<'_> {
    let inner = rest.get(2..).unwrap_or_default();
    let end = memmem::find(inner, b"*/");
    // The star that ends the comment may begin another.
    let is_nested = end
        .and_then(|end| inner.get(..=end))
        .is_some_and(|within| memmem::find(within, b"/*").is_some());
    let is_evil = is_nested || inner.starts_with(b"!");
    let kind = if is_evil { Kind::Evil } else { Kind::Comment };
    plain(kind, rest, end.map_or(rest.len(), |end| end + 4))
}

/// A sign alone or with those after it.
fn operator(rest: &[u8]) -> Read<'_> {
    match rest {
        [b'<', b'=', b'>', ..] => plain(Kind::Operator, rest, 3),
        [b'&', b'&', ..] | [b'|', b'|', ..] => plain(Kind::Logic, rest, 2),
        [b'!', b'!' | b'<' | b'=' | b'>', ..]
        | [b'&' | b'*' | b'|', b'=', ..]
        | [b':', b':' | b'=', ..]
        | [b'<', b'<' | b'=' | b'>' | b'@', ..]
        | [b'>', b'=' | b'>', ..]
        | [b'|', b'/', ..] => plain(Kind::Operator, rest, 2),
        [b':', _, ..] => plain(Kind::Colon, rest, 1),
        _ => plain(Kind::Operator, rest, 1),
    }
}

/// A number in any dialect; an exponent without digits makes a word of it.
fn number(rest: &[u8]) -> Read<'_> {
    let radix_digits = match rest {
        [b'0', b'x' | b'X', digits @ ..] => Some(span(digits, |b| b == 0 || b.is_ascii_hexdigit())),
        [b'0', b'b' | b'B', digits @ ..] => Some(span(digits, |b| matches!(b, 0 | b'0' | b'1'))),
        _ => None,
    };
    match radix_digits {
        Some(0) => return plain(Kind::Word, rest, 2),
        Some(digits) => return plain(Kind::Number, rest, 2 + digits),
        None => {}
    }
    let mut length = digits(rest, 0);
    if rest.get(length) == Some(&b'.') {
        length = digits(rest, length + 1);
        if length == 1 {
            return plain(Kind::Dot, rest, 1);
        }
    }
    let mut kind = Kind::Number;
    if matches!(rest.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(rest.get(length + 1), Some(b'+' | b'-')));
        let exponent = length + 1 + sign;
        length = digits(rest, exponent);
        if length == exponent {
            kind = Kind::Word;
        }
    }
    plain(kind, rest, length + suffix(rest.get(length..).unwrap_or_default()))
}

/// Where the digits end that begin at `from`.
fn digits(rest: &[u8], from: usize) -> usize {
    from + span(rest.get(from..).unwrap_or_default(), |byte| byte.is_ascii_digit())
}

/// Oracle's `d` or `f` after a number, also directly before a `UNION`.
fn suffix(rest: &[u8]) -> usize {
    let [b'd' | b'D' | b'f' | b'F', after @ ..] = rest else { return 0 };
    let ends =
        after.first().is_none_or(|next| matches!(next, b';' | b'u' | b'U') || is_white(*next));
    usize::from(ends)
}

/// `@name`, `@@name` and quoted ones.
fn variable(rest: &[u8]) -> Read<'_> {
    let signs = if rest.starts_with(b"@@") { 2 } else { 1 };
    let name = rest.get(signs..).unwrap_or_default();
    let quote = match name {
        [b'\'', ..] => Quote::Single,
        [b'"', ..] => Quote::Double,
        [b'`', ..] => Quote::Tick,
        _ => {
            let (token, length) = plain(Kind::Variable, name, span(name, |b| !ends_variable(b)));
            return (token, signs + length);
        }
    };
    let (token, length) = quoted::string(rest, signs + 1, Some(quote), quote);
    (Token { kind: Kind::Variable, ..token }, length)
}

/// An amount of money, a string of PostgreSQL's, or a word.
fn dollar(rest: &[u8]) -> Read<'_> {
    let after = rest.get(1..).unwrap_or_default();
    match span(after, |byte| matches!(byte, 0 | b'0'..=b'9' | b'.' | b',')) {
        0 => quoted::dollar(rest).unwrap_or_else(|| plain(Kind::Word, rest, 1)),
        1 if after.starts_with(b".") => word(rest),
        amount => plain(Kind::Number, rest, amount + 1),
    }
}

/// A word by its meaning. A keyword ends at a dot or back-tick as well, as in ``select.1`` and ``select`a` ``.
fn word(rest: &[u8]) -> Read<'_> {
    let mut length = 0;
    while let Some(byte) = rest.get(length).filter(|byte| !ends_word(**byte)) {
        if length < TEXT_BYTES_MAX && matches!(byte, b'.' | b'`') {
            let (before, _) = plain(Kind::Word, rest, length);
            if let Some(kind) = words::find(before.text).filter(|kind| *kind != Kind::Word) {
                return plain(kind, rest, length);
            }
        }
        length += 1;
    }
    let (token, _) = plain(Kind::Word, rest, length);
    let kind = if length > TEXT_BYTES_MAX { None } else { words::find(token.text) };
    (Token { kind: kind.unwrap_or(Kind::Word), ..token }, length)
}

/// How many leading bytes satisfy `wanted`.
pub(super) fn span(rest: &[u8], wanted: impl Fn(u8) -> bool) -> usize {
    rest.iter().position(|byte| !wanted(*byte)).unwrap_or(rest.len())
}

/// White space between tokens, which other control characters count as.
fn is_passed_over(byte: u8) -> bool {
    matches!(byte, 0..=b' ' | 127 | 160)
}

/// White space of any database: NUL is Oracle's, the non-breaking space of Latin-1 is that of `MySQL`.
fn is_white(byte: u8) -> bool {
    matches!(byte, 0 | 9..=13 | b' ' | 160)
}

fn ends_word(byte: u8) -> bool {
    ends_variable(byte) && !matches!(byte, b'`') || matches!(byte, b'[' | b']' | b'{' | b'}' | 160)
}

fn ends_variable(byte: u8) -> bool {
    is_white(byte) && byte != 160
        || matches!(
            byte,
            b'<' | b'>'
                | b':'
                | b'\\'
                | b'?'
                | b'='
                | b'@'
                | b'!'
                | b'#'
                | b'~'
                | b'+'
                | b'-'
                | b'*'
                | b'/'
                | b'&'
                | b'|'
                | b'^'
                | b'%'
                | b'('
                | b')'
                | b','
                | b'\''
                | b';'
                | b'"'
                | b'`'
        )
}
