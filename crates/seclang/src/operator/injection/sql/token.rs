//! What a piece of SQL is: its kind, the letter that stands for it in a fingerprint, and its first bytes.
//!
//! Invariant: a token's text is a part of the input or a phrase of the list, and never longer than
//! [`TEXT_BYTES_MAX`]; what is longer is judged by its beginning, as in libinjection.

/// Most bytes of a token that anything looks at.
pub(super) const TEXT_BYTES_MAX: usize = 31;

/// The part that a token has in a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword without a kind of its own.
    Keyword,
    /// `UNION`, `EXCEPT`, `INTERSECT`.
    Union,
    /// `GROUP BY`, `ORDER BY`, `LIMIT`, `HAVING`.
    Group,
    /// `SELECT`, `INSERT` and others that begin an expression.
    Expression,
    /// A data type or a character set.
    Type,
    /// A function's name.
    Function,
    /// Any other word.
    Word,
    /// A number or what evaluates to one.
    Number,
    /// A variable or what is read like one.
    Variable,
    /// A quoted string.
    Text,
    /// An operator on values.
    Operator,
    /// `AND`, `OR`, `&&`, `||`.
    Logic,
    /// A comment.
    Comment,
    /// `COLLATE`.
    Collate,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `{`
    OpenBrace,
    /// `}`
    CloseBrace,
    /// `.`
    Dot,
    /// `,`
    Comma,
    /// `:`
    Colon,
    /// `;`
    Semicolon,
    /// A statement of Transact-SQL and its like.
    Statement,
    /// `\`
    Backslash,
    /// What no dialect knows here.
    Unknown,
    /// What dialects read in different ways: proof enough by itself.
    Evil,
}

impl Kind {
    /// The letter in a fingerprint.
    pub(super) const fn letter(self) -> u8 {
        match self {
            Self::Keyword => b'k',
            Self::Union => b'U',
            Self::Group => b'B',
            Self::Expression => b'E',
            Self::Type => b't',
            Self::Function => b'f',
            Self::Word => b'n',
            Self::Number => b'1',
            Self::Variable => b'v',
            Self::Text => b's',
            Self::Operator => b'o',
            Self::Logic => b'&',
            Self::Comment => b'c',
            Self::Collate => b'A',
            Self::Open => b'(',
            Self::Close => b')',
            Self::OpenBrace => b'{',
            Self::CloseBrace => b'}',
            Self::Dot => b'.',
            Self::Comma => b',',
            Self::Colon => b':',
            Self::Semicolon => b';',
            Self::Statement => b'T',
            Self::Backslash => b'\\',
            Self::Unknown => b'?',
            Self::Evil => b'X',
        }
    }
}

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// Its part in the statement.
    pub(super) kind: Kind,
    /// Its first bytes, without quotes.
    pub(super) text: &'a [u8],
    /// What opened a quoted one; none where the quote stands before the input.
    pub(super) opened: Option<Quote>,
    /// What closed a quoted one; none at the end of the input.
    pub(super) closed: Option<Quote>,
}

/// How something is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    /// `'`
    Single,
    /// `"`
    Double,
    /// A back-tick, for names in `MySQL`.
    Tick,
    /// `u&'…'`
    Unicode,
    /// Oracle's `q'[…]'`
    Custom,
    /// PostgreSQL's `$tag$…$tag$`
    Dollar,
}

impl Quote {
    /// The byte that ends it.
    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Single | Self::Unicode | Self::Custom => b'\'',
            Self::Double => b'"',
            Self::Tick => b'`',
            Self::Dollar => b'$',
        }
    }
}

impl<'a> Token<'a> {
    /// One without quotes.
    pub(super) fn new(kind: Kind, text: &'a [u8]) -> Self {
        Self { kind, text: beginning(text), opened: None, closed: None }
    }

    /// One with what opened and closed it.
    pub(super) fn quoted(
        kind: Kind,
        text: &'a [u8],
        opened: Option<Quote>,
        closed: Option<Quote>,
    ) -> Self {
        Self { kind, text: beginning(text), opened, closed }
    }

    /// Whether it says so, whatever the case.
    pub(super) fn is(&self, word: &[u8]) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it may stand before a single value: `-`, `NOT` and others.
    pub(super) fn is_unary(&self) -> bool {
        self.kind == Kind::Operator
            && (matches!(self.text, [b'+' | b'-' | b'!' | b'~'] | b"!!") || self.is(b"NOT"))
    }

    /// Whether it calculates.
    pub(super) fn is_arithmetic(&self) -> bool {
        self.kind == Kind::Operator && matches!(self.text, [b'*' | b'/' | b'-' | b'+' | b'%'])
    }
}

fn beginning(text: &[u8]) -> &[u8] {
    text.get(..TEXT_BYTES_MAX).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_and_compared_without_case() {
        let long = [b'a'; 40];
        assert_eq!(Token::new(Kind::Word, &long).text, &long[..31]);
        assert_eq!(Token::quoted(Kind::Text, &long[..31], None, None).text, &long[..31]);
        let not = Token::new(Kind::Operator, b"nOt");
        assert!(not.is(b"NOT") && !not.is(b"NO") && !not.is(b"NOT "));
    }

    #[test]
    fn unary_and_arithmetic_operators() {
        for (text, unary, arithmetic) in [
            ("+", true, true),
            ("-", true, true),
            ("!", true, false),
            ("~", true, false),
            ("!!", true, false),
            ("not", true, false),
            ("*", false, true),
            ("/", false, true),
            ("%", false, true),
            ("^", false, false),
            ("--", false, false),
            ("!=", false, false),
            ("note", false, false),
            ("", false, false),
        ] {
            let token = Token::new(Kind::Operator, text.as_bytes());
            assert_eq!(token.is_unary(), unary, "{text}");
            assert_eq!(token.is_arithmetic(), arithmetic, "{text}");
            let word = Token::new(Kind::Word, text.as_bytes());
            assert!(!word.is_unary() && !word.is_arithmetic(), "{text}");
        }
    }
}
