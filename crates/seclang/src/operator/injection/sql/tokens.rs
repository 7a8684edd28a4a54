//! SQL cut into tokens, as the most permissive databases read it.
//!
//! The rules are those of libinjection 3.9, oddities included, for its fingerprints were collected with them.
//! Invariants: a token is found by looking at its own bytes and a bounded number of others, and nothing is
//! allocated. It must not judge; that is the verdict's.

use super::quoted;
use super::token::{Kind, Quote, Token};
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
        if matches!(byte, b'.' | b'`') {
            let (before, _) = plain(Kind::Word, rest, length);
            if let Some(kind) = words::find(before.text).filter(|kind| *kind != Kind::Word) {
                return plain(kind, rest, length);
            }
        }
        length += 1;
    }
    let (token, _) = plain(Kind::Word, rest, length);
    (Token { kind: words::find(token.text).unwrap_or(Kind::Word), ..token }, length)
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
    WORD_ENDS.get(usize::from(byte)).copied().unwrap_or(false)
}

fn ends_variable(byte: u8) -> bool {
    VARIABLE_ENDS.get(usize::from(byte)).copied().unwrap_or(false)
}

static WORD_ENDS: [bool; 256] = set(b" []{}<>:\\?=@!#~+-*/&|^%(),';\t\n\x0b\x0c\r\"\xa0\0");

static VARIABLE_ENDS: [bool; 256] = set(b" <>:\\?=@!#~+-*/&|^%(),';\t\n\x0b\x0c\r\"`\0");

#[expect(clippy::as_conversions, clippy::indexing_slicing, reason = "runs in the compiler")]
const fn set(mut members: &[u8]) -> [bool; 256] {
    let mut set = [false; 256];
    while let [member, rest @ ..] = members {
        set[*member as usize] = true;
        members = rest;
    }
    set
}

#[cfg(test)]
mod tests {
    use super::super::token::TEXT_BYTES_MAX;
    use super::*;
    use proptest::prelude::*;

    /// Tokens as `letter:text`, between bars.
    fn read(value: &[u8], dialect: Dialect) -> String {
        let tokens = Tokens::new(value, None, dialect).map(|token| {
            format!("{}:{}", char::from(token.kind.letter()), token.text.escape_ascii())
        });
        tokens.collect::<Vec<_>>().join("|")
    }

    fn check(cases: &[(&str, &str)]) {
        for (value, expected) in cases {
            assert_eq!(read(value.as_bytes(), Dialect::Ansi), *expected, "{value:?}");
        }
    }

    #[test]
    fn white_space() {
        check(&[("", ""), (" \t\r\n\u{b}\u{c}\0\u{1}\u{7f}", ""), (" a\0b\nc ", "n:a|n:b|n:c")]);
        assert_eq!(read(b"a\xa0b\xc3\xa0c\x80d", Dialect::Ansi), "n:a|n:b\\xc3|n:c\\x80d");
        assert_eq!(read(b"a\x01b\x7fc", Dialect::Ansi), "n:a\\x01b\\x7fc");
    }

    #[test]
    fn signs() {
        check(&[
            ("(){},;", "(:(|):)|{:{|}:}|,:,|;:;"),
            ("?]", "?:?|?:]"),
            ("%+^~/", "o:%|o:+|o:^|o:~|o:/"),
            ("= == => =! =*", "o:=|o:=|o:=|o:=|o:>|o:=|o:!|o:=|o:*"),
            ("!!!=!<!>", "o:!!|o:!=|o:!<|o:!>"),
            ("<=><=<><<<@<", "o:<=>|o:<=|o:<>|o:<<|o:<@|o:<"),
            (">=>>>", "o:>=|o:>>|o:>"),
            ("&&&=&", "&:&&|o:&=|o:&"),
            ("|||/|=|", "&:|||o:|/|o:|=|o:|"),
            ("*=* /", "o:*=|o:*|o:/"),
            ("::::=: x", "o:::|o:::|o:=|::: |n:x".replace(":: |", "::|").as_str()),
            (":", "o::"),
            ("+=%=", "o:+|o:=|o:%|o:="),
            ("\\ \\N\\n", "\\:\\\\|1:\\\\N|\\:\\\\|n:n"),
        ]);
    }

    #[test]
    fn comments_by_dialect() {
        for (value, ansi, mysql) in [
            ("1--", "1:1|c:--", "1:1|c:--"),
            ("1-- a\nb", "1:1|c:-- a|n:b", "1:1|c:-- a|n:b"),
            ("1--a\nb", "1:1|c:--a|n:b", "1:1|o:-|o:-|n:a|n:b"),
            ("1-a", "1:1|o:-|n:a", "1:1|o:-|n:a"),
            ("1#a\nb", "1:1|o:#|n:a|n:b", "1:1|c:#a|n:b"),
            ("/**/1/*a*/b", "c:/**/|1:1|c:/*a*/|n:b", "c:/**/|1:1|c:/*a*/|n:b"),
        ] {
            assert_eq!(read(value.as_bytes(), Dialect::Ansi), ansi, "{value:?}");
            assert_eq!(read(value.as_bytes(), Dialect::MySql), mysql, "{value:?}");
            let mut tokens = Tokens::new(value.as_bytes(), None, Dialect::Ansi);
            tokens.by_ref().for_each(drop);
            assert_eq!(tokens.is_ambiguous, ansi != mysql, "{value:?}");
        }
    }

    #[test]
    fn block_comments() {
        check(&[
            ("/*a", "c:/*a"),
            ("/*", "c:/*"),
            ("/*a/*b", "c:/*a/*b"),
            ("/*a/*b*/c", "X:/*a/*b*/|n:c"),
            ("/*/*/c", "X:/*/*/|n:c"),
            ("/*/ */c", "c:/*/ */|n:c"),
            ("/*!a*/b", "X:/*!a*/|n:b"),
            ("/*!", "X:/*!"),
            ("/ *a", "o:/|o:*|n:a"),
        ]);
    }

    #[test]
    fn numbers() {
        check(&[
            ("1 12 007", "1:1|1:12|1:007"),
            ("1.5 .5 1. .", "1:1.5|1:.5|1:1.|.:."),
            ("..", ".:.|.:."),
            ("1.2.3", "1:1.2|1:.3"),
            ("1e5 1E-5 1.e+5", "1:1e5|1:1E-5|1:1.e+5"),
            ("1e 1e+ .5e", "n:1e|n:1e+|n:.5e"),
            ("0x1f 0XG 0b01 0B2", "1:0x1f|n:0X|n:G|1:0b01|n:0B|1:2"),
            ("0x\u{0}1", "1:0x\\x001"),
            ("0x", "n:0x"),
            ("1d 1f;1fu 1DU 1fx 1d", "1:1d|1:1f|;:;|1:1f|n:u|1:1D|n:U|1:1|n:fx|1:1d"),
            ("1e5d 1ed", "1:1e5d|n:1ed"),
            ("1a 1union", "1:1|n:a|1:1|U:union"),
        ]);
        let long = "1".repeat(40);
        assert_eq!(read(long.as_bytes(), Dialect::Ansi), format!("1:{}", "1".repeat(31)));
    }

    #[test]
    fn amounts_of_money() {
        check(&[
            ("$1,000.00 $,", "1:$1,000.00|1:$,"),
            ("$.", "n:$."),
            ("$.a", "n:$.a"),
            ("$..", "1:$.."),
            ("$", "n:$"),
            ("$a", "n:$|n:a"),
            ("$ $%", "n:$|n:$|o:%"),
            ("$$a$$b", "s:a|n:b"),
            ("$a$b", "s:b"),
            ("$\u{0}a", "1:$\\x00|n:a"),
        ]);
    }

    #[test]
    fn variables() {
        check(&[
            ("@a @@b", "v:a|v:b"),
            ("@", "v:"),
            ("@@@", "v:|v:"),
            ("@ a", "v:|n:a"),
            ("@a[b]{c}d`e`", "v:a[b]{c}d|n:e"),
            ("@`a b`c", "v:a b|n:c"),
            ("@@'a'\"b\"", "v:a|s:b"),
            ("@\"a", "v:a"),
        ]);
    }

    #[test]
    fn words() {
        check(&[
            ("select SelecT selects", "E:select|E:SelecT|n:selects"),
            ("_utf8 a_b $x", "t:_utf8|n:a_b|n:$|n:x"),
            ("a.b select.b", "n:a.b|E:select|.:.|n:b"),
            ("sys.stragg sys.a table.a", "f:sys.stragg|n:sys.a|n:table.a"),
            ("select`a` a`b`c", "E:select|n:a|n:a`b`c"),
            ("a[b]", "n:a|n:[b]"),
            ("a'b'", "n:a|s:b"),
            ("b'01' b'2'", "1:b\\'01\\'|n:b|s:2"),
            ("nq'(a)'c", "s:a|n:c"),
            ("u&'a' u& 'a'", "s:a|n:u|o:&|s:a"),
            ("'a\"b' \"c'd\" `e`", "s:a\"b|s:c\\'d|n:e".replace("a\"b", "a\\\"b").as_str()),
        ]);
        for length in [31, 32, 33] {
            let word = "a".repeat(length - 7) + ".select";
            let texts = format!("n:{}", word.split_at(31).0);
            assert_eq!(read(word.as_bytes(), Dialect::Ansi), texts);
            let word = "select.".to_owned() + &"a".repeat(length);
            let texts = format!("E:select|.:.|n:{}", "a".repeat(31));
            assert_eq!(read(word.as_bytes(), Dialect::Ansi), texts);
        }
    }

    #[test]
    fn a_quote_before_the_value() {
        let mut tokens = Tokens::new(b"a' or 1", Some(Quote::Single), Dialect::Ansi);
        assert_eq!(tokens.by_ref().map(|token| token.kind.letter()).collect::<Vec<_>>(), b"s&1");
        assert_eq!((tokens.count, tokens.is_ambiguous), (3, false));
    }

    proptest! {
        /// Tokens are parts of the input, in order and apart, each with something of it.
        #[test]
        fn tokens_stand_apart(
            value in proptest::collection::vec(
                prop_oneof![
                    proptest::sample::select(b"'\"`()[]{}.,;:-/*#$@\\=<>!&|0129axbenuqXBENUQ \n\0\xa0\xff".to_vec()),
                    any::<u8>(),
                ],
                0..60,
            ),
            mysql in any::<bool>(),
            before in proptest::option::of(Just(Quote::Double)),
        ) {
            let dialect = if mysql { Dialect::MySql } else { Dialect::Ansi };
            let mut tokens = Tokens::new(&value, before, dialect);
            let mut from = value.as_ptr_range().start;
            while let Some(token) = tokens.next() {
                let part = token.text.as_ptr_range();
                prop_assert!(from <= part.start && part.end <= tokens.rest.as_ptr_range().start || tokens.rest.is_empty());
                prop_assert!(part.end <= value.as_ptr_range().end && token.text.len() <= TEXT_BYTES_MAX);
                from = part.end;
            }
            prop_assert!(tokens.count <= value.len() + usize::from(before.is_some()));
            prop_assert!(tokens.next().is_none());
        }
    }
}
