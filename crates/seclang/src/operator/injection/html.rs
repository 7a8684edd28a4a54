//! HTML as browsers read it, cut into the tokens that can carry script.
//!
//! The states are those of WHATWG HTML, "12.2.5 Tokenization", with the liberties of old browsers that
//! attackers live on: NUL and vertical tab are white space, a back-tick quotes a value, `<%` opens a comment.
//! Text and the ends of tags are passed over, since nobody asks about them. Invariants: every byte is looked at
//! a bounded number of times, nothing is allocated, and a token is always a part of the input. It must not
//! judge; that is the detector's.

use memchr::{memchr, memchr_iter, memmem};

/// Where in a page a value may land.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    /// Between tags.
    Text,
    /// Within a tag, where an unquoted value ends and attributes follow.
    Tag,
    /// Within an attribute's value, quoted by this byte.
    Quoted(u8),
}

impl Context {
    /// Each place that a value is tried in.
    pub(super) const ALL: [Self; 5] =
        [Self::Text, Self::Tag, Self::Quoted(b'\''), Self::Quoted(b'"'), Self::Quoted(b'`')];
}

/// A piece of HTML that can carry script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// The name of an opening tag, or of a closing one with something after the name.
    Tag(&'a [u8]),
    /// An attribute's name.
    Name(&'a [u8]),
    /// An attribute's value without its quotes, undecoded.
    Value(&'a [u8]),
    /// What stands in a comment or in anything that browsers take for one.
    Comment(&'a [u8]),
    /// `<!DOCTYPE`.
    Doctype,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Text,
    BeforeName,
    AfterName,
    BeforeValue,
    Quoted(u8),
    End,
}

/// What one step found: a token, or only another state.
type Step<'a> = Option<Token<'a>>;

/// The tokens of a value in one context.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    rest: &'a [u8],
    state: State,
    /// A closing tag was begun. Like the original's, it outlives a tag such as `</a >` and `</>`, so that the next
    /// name directly before `>` counts as a closing one too: `</a ><b>` gives no tag `b`.
    closing: bool,
}

impl<'a> Tokens<'a> {
    /// Starts in `context`.
    pub(super) fn new(value: &'a [u8], context: Context) -> Self {
        let state = match context {
            Context::Text => State::Text,
            Context::Tag => State::BeforeName,
            Context::Quoted(quote) => State::Quoted(quote),
        };
        Self { rest: value, state, closing: false }
    }

    /// Takes all before `at`, drops `gap` bytes after it and goes on in `next`; without a place takes the rest and
    /// ends.
    fn cut(&mut self, at: Option<usize>, gap: usize, next: State) -> &'a [u8] {
        let split = at.and_then(|at| self.rest.split_at_checked(at));
        let (taken, after) = split.unwrap_or((self.rest, &[]));
        self.rest = after.get(gap..).unwrap_or_default();
        self.state = if split.is_some() { next } else { State::End };
        taken
    }

    /// Drops leading bytes that satisfy `unwanted` and shows the next one.
    fn skip(&mut self, unwanted: impl Fn(u8) -> bool) -> Option<u8> {
        let at = self.rest.iter().position(|byte| !unwanted(*byte)).unwrap_or(self.rest.len());
        self.rest = self.rest.get(at..).unwrap_or_default();
        self.rest.first().copied()
    }

    /// Drops the next byte and goes on in `next`.
    fn advance(&mut self, next: State) -> Step<'a> {
        self.cut(Some(0), 1, next);
        None
    }

    fn end(&mut self) -> Step<'a> {
        self.state = State::End;
        None
    }

    fn text(&mut self) -> Step<'a> {
        self.cut(memchr(b'<', self.rest), 1, State::Text);
        match self.rest {
            [b'!', after @ ..] => self.declaration(after),
            [b'/', after @ ..] => self.closing_tag(after),
            [b'?', after @ ..] => Some(self.comment(after, b">")),
            [b'%', after @ ..] => Some(self.comment(after, b"%>")),
            [first, ..] if first.is_ascii_alphabetic() || *first == 0 => self.tag(),
            _ => None,
        }
    }

    fn closing_tag(&mut self, after: &'a [u8]) -> Step<'a> {
        self.rest = after;
        self.closing = true;
        match after {
            [] | [b'>', ..] => None,
            [first, ..] if first.is_ascii_alphabetic() => self.tag(),
            _ => {
                self.closing = false;
                Some(self.comment(after, b">"))
            }
        }
    }

    fn tag(&mut self) -> Step<'a> {
        let ends = |byte: &u8| matches!(byte, b'/' | b'>') || (is_white(*byte) && *byte != 0);
        let at = self.rest.iter().position(ends);
        if at.and_then(|at| self.rest.get(at)) != Some(&b'>') {
            return Some(Token::Tag(self.cut(at, 1, State::BeforeName)));
        }
        let name = self.cut(at, 1, State::Text);
        (!std::mem::take(&mut self.closing)).then_some(Token::Tag(name))
    }

    fn declaration(&mut self, after: &'a [u8]) -> Step<'a> {
        match after {
            [b'-', b'-', after @ ..] => {
                self.rest = after;
                let (length, mark) = comment_end(after).unzip();
                Some(Token::Comment(self.cut(length, mark.unwrap_or(0), State::Text)))
            }
            [b'[', b'C', b'D', b'A', b'T', b'A', b'[', after @ ..] => {
                self.comment(after, b"]]>");
                None
            }
            _ if after.get(..7).is_some_and(|word| word.eq_ignore_ascii_case(b"doctype")) => {
                self.comment(after, b">");
                Some(Token::Doctype)
            }
            _ => Some(self.comment(after, b">")),
        }
    }

    /// What stands before `mark`.
    fn comment(&mut self, after: &'a [u8], mark: &[u8]) -> Token<'a> {
        self.rest = after;
        Token::Comment(self.cut(memmem::find(after, mark), mark.len(), State::Text))
    }

    fn before_name(&mut self) -> Step<'a> {
        match self.skip(|byte| is_white(byte) || byte == b'/') {
            None => self.end(),
            Some(b'>') => self.advance(State::Text),
            Some(_) => Some(self.name()),
        }
    }

    /// The first byte belongs to the name whatever it is.
    fn name(&mut self) -> Token<'a> {
        let ends = |byte: &u8| matches!(byte, b'/' | b'=' | b'>') || is_white(*byte);
        let at = self.rest.iter().skip(1).position(ends).map(|at| at + 1);
        let next = match at.and_then(|at| self.rest.get(at)) {
            Some(b'/') => State::BeforeName,
            Some(b'=') => State::BeforeValue,
            Some(b'>') => self.tag_ends(),
            Some(_) | None => State::AfterName,
        };
        Token::Name(self.cut(at, 1, next))
    }

    fn after_name(&mut self) -> Step<'a> {
        match self.skip(is_white) {
            None => self.end(),
            Some(b'/') => self.advance(State::BeforeName),
            Some(b'=') => self.advance(State::BeforeValue),
            Some(b'>') => {
                let next = self.tag_ends();
                self.advance(next)
            }
            Some(_) => Some(self.name()),
        }
    }

    fn before_value(&mut self) -> Step<'a> {
        match self.skip(is_white) {
            None => self.end(),
            Some(quote @ (b'"' | b'\'' | b'`')) => self.advance(State::Quoted(quote)),
            Some(_) => Some(self.unquoted()),
        }
    }

    fn quoted(&mut self, quote: u8) -> Token<'a> {
        Token::Value(self.cut(memchr(quote, self.rest), 1, State::BeforeName))
    }

    fn unquoted(&mut self) -> Token<'a> {
        let at = self.rest.iter().position(|byte| *byte == b'>' || is_white(*byte));
        let next = match at.and_then(|at| self.rest.get(at)) {
            Some(b'>') => self.tag_ends(),
            Some(_) | None => State::BeforeName,
        };
        Token::Value(self.cut(at, 1, next))
    }

    fn tag_ends(&mut self) -> State {
        self.closing = false;
        State::Text
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    /// Every turn without a token shortens the rest or leaves the text, so the turns are bounded by its length.
    fn next(&mut self) -> Step<'a> {
        loop {
            let found = match self.state {
                State::Text => self.text(),
                State::BeforeName => self.before_name(),
                State::AfterName => self.after_name(),
                State::BeforeValue => self.before_value(),
                State::Quoted(quote) => Some(self.quoted(quote)),
                State::End => return None,
            };
            if found.is_some() {
                return found;
            }
        }
    }
}

/// White space between attributes, for some browser.
fn is_white(byte: u8) -> bool {
    matches!(byte, 0 | b'\t'..=b'\r' | b' ')
}

/// Length of a comment's text and of the mark after it: a dash, any NULs, a dash or an exclamation mark, `>`.
fn comment_end(comment: &[u8]) -> Option<(usize, usize)> {
    memchr_iter(b'>', comment).find_map(|at| {
        let [before @ .., b'-' | b'!'] = comment.get(..at)? else { return None };
        let length = before.iter().rposition(|byte| *byte != 0)?;
        (before.get(length) == Some(&b'-')).then_some((length, at + 1 - length))
    })
}

#[cfg(test)]
mod tests {
    use super::Token::{Comment, Doctype, Name, Tag, Value};
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(context: Context, value: &str, expected: &[Token]) {
        let found: Vec<_> = Tokens::new(value.as_bytes(), context).collect();
        assert_eq!(found, expected, "{value:?} as {context:?}");
    }

    #[test]
    fn tags_and_attributes() {
        for value in ["<a b=c>", "<a\tb = 'c'>", "<a/b\0=\0\"c\">", "<a/\x0B/b=`c`/>", "x<a b=c y"]
        {
            let mut expected = vec![Tag(b"a"), Name(b"b"), Value(b"c")];
            if value.ends_with('y') {
                expected.push(Name(b"y"));
            }
            check(Context::Text, value, &expected);
        }
        check(Context::Text, "<a b c/d>e", &[Tag(b"a"), Name(b"b"), Name(b"c"), Name(b"d")]);
        check(Context::Text, "<a =b=c>", &[Tag(b"a"), Name(b"=b"), Value(b"c")]);
        check(Context::Text, "<a b=><c", &[Tag(b"a"), Name(b"b"), Value(b""), Tag(b"c")]);
        check(Context::Text, "<a b='>' c", &[Tag(b"a"), Name(b"b"), Value(b">"), Name(b"c")]);
        check(Context::Text, "<a b='<c", &[Tag(b"a"), Name(b"b"), Value(b"<c")]);
        check(Context::Text, "<\0s\0>", &[Tag(b"\0s\0")]);
    }

    #[test]
    fn what_is_no_tag() {
        for value in
            ["", "<", "text", "a < b > c", "<1", "<<", "</", "</>", "</a>", "<![CDATA[<a>]]>"]
        {
            check(Context::Text, value, &[]);
        }
        check(Context::Text, "<<a>", &[Tag(b"a")]);
        check(Context::Text, "<![CDATA[]>]]><a>", &[Tag(b"a")]);
    }

    #[test]
    fn closing_tags() {
        check(Context::Text, "</a><b>", &[Tag(b"b")]);
        check(Context::Text, "</a b><c>", &[Tag(b"a"), Name(b"b"), Tag(b"c")]);
        check(Context::Text, "</a ><c><d>", &[Tag(b"a"), Tag(b"d")]);
        check(Context::Text, "</1><c>", &[Comment(b"1"), Tag(b"c")]);
    }

    #[test]
    fn comments() {
        for value in
            ["<!--a--><b>", "<!--a-!><b>", "<!--a-\0\0-><b>", "<!a><b>", "<?a><b>", "<%a%><b>"]
        {
            check(Context::Text, value, &[Comment(b"a"), Tag(b"b")]);
        }
        check(Context::Text, "<!--a--->", &[Comment(b"a-")]);
        for value in ["a>-->>", "->", "->-", "a-", "a--", "a-\0", "a--\0>", ">", ""] {
            let comment = if value == "a>-->>" { b"a>" } else { value.as_bytes() };
            check(Context::Text, &format!("<!--{value}"), &[Comment(comment)]);
        }
        check(Context::Text, "<%a>%", &[Comment(b"a>%")]);
        check(Context::Text, "<!doctYPE a><b>", &[Doctype, Tag(b"b")]);
        check(Context::Text, "<!doctyp>", &[Comment(b"doctyp")]);
    }

    #[test]
    fn inside_a_tag() {
        check(Context::Tag, "a b=c", &[Name(b"a"), Name(b"b"), Value(b"c")]);
        check(Context::Tag, "><a", &[Tag(b"a")]);
        check(Context::Tag, "'><a", &[Name(b"'"), Tag(b"a")]);
        for quote in ['\'', '"', '`'] {
            let context = Context::Quoted(u8::try_from(quote).unwrap());
            check(context, &format!("{quote}a=b"), &[Value(b""), Name(b"a"), Value(b"b")]);
            check(context, &format!("x{quote}/><b"), &[Value(b"x"), Tag(b"b")]);
            check(context, "x=y", &[Value(b"x=y")]);
        }
    }

    proptest! {
        /// Tokens are parts of the input, in order and apart.
        #[test]
        fn tokens_stand_apart(value in proptest::collection::vec(
            prop_oneof![Just(b'<'), Just(b'>'), Just(b'-'), Just(b'!'), Just(b'/'), Just(b'='), Just(b'"'),
                Just(b'\0'), Just(b' '), Just(b'a'), any::<u8>()], 0..80,
        )) {
            for context in Context::ALL {
                let mut from = value.as_ptr_range().start;
                for token in Tokens::new(&value, context) {
                    let (Tag(part) | Name(part) | Value(part) | Comment(part)) = token else { continue };
                    prop_assert!(from <= part.as_ptr_range().start || part.is_empty());
                    prop_assert!(part.as_ptr_range().end <= value.as_ptr_range().end || part.is_empty());
                    from = if part.is_empty() { from } else { part.as_ptr_range().end };
                }
            }
        }
    }
}
