//! Tokens folded into the few that a fingerprint has.
//!
//! What changes nothing about a statement's shape is left out: `1+1` is a number, `a.b` a word, `((` one
//! parenthesis. A window of six tokens is read from left to right, two or three at a time, and begins again where
//! something was folded. The rules, their order and their oddities are libinjection's, for fingerprints were
//! collected with them; two of them are easily overlooked:
//!
//! - What is dropped is the *newest* token of the window, also where the pair or triple stands further left.
//! - Once the input has ended, the tokens that are there stay as they are.
//!
//! Invariant: each step reads a token, drops one, gives one a kind that it keeps, or moves to the right.

use super::fingerprints::SYMBOLS_MAX;
use super::rules;
use super::token::{Kind, Quote, Token};
use super::tokens::Tokens;

/// One more than a fingerprint has: the sixth tells what the fifth is.
const WINDOW: usize = SYMBOLS_MAX + 1;

/// The tokens of a fingerprint.
#[derive(Debug)]
pub(super) struct Folded<'a> {
    window: [Token<'a>; WINDOW],
    length: usize,
}

impl<'a> Folded<'a> {
    /// In their order.
    pub(super) fn tokens(&self) -> &[Token<'a>] {
        self.window.get(..self.length).unwrap_or_default()
    }

    /// PHP with `MySQL` takes a back-tick at the end for a comment.
    fn read_last_tick(&mut self) {
        if let Some([_, _, .., last]) = self.window.get_mut(..self.length)
            && last.kind == Kind::Word
            && last.text.is_empty()
            && (last.opened, last.closed) == (Some(Quote::Tick), None)
        {
            last.kind = Kind::Comment;
        }
    }
}

/// Folds all tokens that a fingerprint needs.
pub(super) fn fold<'a>(tokens: &mut Tokens<'a>) -> Folded<'a> {
    let is_opening = |token: &Token<'_>| {
        matches!(token.kind, Kind::Comment | Kind::Open | Kind::Type) || token.is_unary()
    };
    let mut folding = Folding {
        window: [Token::new(Kind::Unknown, b""); WINDOW],
        length: 0,
        at: 0,
        comment: None,
        has_ended: false,
        tokens,
    };
    if let Some(first) = folding.tokens.find(|token| !is_opening(token)) {
        folding.push(first);
        folding.run();
    }
    let mut folded = Folded { window: folding.window, length: folding.length };
    folded.read_last_tick();
    folded
}

struct Folding<'t, 'a> {
    tokens: &'t mut Tokens<'a>,
    window: [Token<'a>; WINDOW],
    /// How many tokens are in the window.
    length: usize,
    /// Where the pair or triple that is looked at begins; what stands before it is done.
    at: usize,
    /// The comment after the newest token.
    comment: Option<Token<'a>>,
    has_ended: bool,
}

/// What a look at a pair or triple came to.
enum Step {
    /// Something changed: look again.
    Again,
    /// Nothing to fold here.
    Further,
    /// No need to look at any more.
    Done,
}

impl<'a> Folding<'_, 'a> {
    fn run(&mut self) {
        loop {
            if self.window.get(..self.length).is_some_and(rules::is_list) {
                self.begin_anew();
            }
            if self.has_ended || self.at >= SYMBOLS_MAX {
                break;
            }
            match self.step() {
                Step::Again => {}
                Step::Further => self.at += 1,
                Step::Done => return,
            }
        }
        if let (true, Some(comment)) = (self.length < SYMBOLS_MAX, self.comment) {
            self.push(comment);
        }
        self.length = self.length.min(SYMBOLS_MAX);
    }

    fn step(&mut self) -> Step {
        if !self.fill(2) {
            self.at = self.length;
            return Step::Again;
        }
        match self.pair() {
            Step::Further => {}
            settled @ (Step::Again | Step::Done) => return settled,
        }
        if !self.fill(3) {
            self.at = self.length;
            return Step::Again;
        }
        self.triple()
    }

    /// Reads until there are as many tokens to look at, or no more or no room for them.
    fn fill(&mut self, wanted: usize) -> bool {
        while self.length < self.at + wanted && self.length < WINDOW && !self.has_ended {
            match self.tokens.next() {
                None => self.has_ended = true,
                Some(token) if token.kind == Kind::Comment => self.comment = Some(token),
                Some(token) => {
                    self.comment = None;
                    self.push(token);
                }
            }
        }
        self.length >= self.at + wanted
    }

    fn push(&mut self, token: Token<'a>) {
        if let Some(free) = self.window.get_mut(self.length) {
            *free = token;
            self.length += 1;
        }
    }

    /// Puts another token at a place of the pair or triple.
    fn set(&mut self, place: usize, token: Token<'a>) {
        if let Some(old) = self.window.get_mut(self.at + place) {
            *old = token;
        }
    }

    /// Gives a token of the pair or triple another kind.
    fn turn(&mut self, place: usize, kind: Kind) -> Step {
        if let Some(token) = self.window.get_mut(self.at + place) {
            token.kind = kind;
        }
        Step::Again
    }

    /// Drops the newest tokens and looks again from `at`.
    fn drop(&mut self, count: usize, at: usize) -> Step {
        self.length = self.length.saturating_sub(count);
        self.at = at;
        Step::Again
    }

    fn pair(&mut self) -> Step {
        let Some(&[first, second, ..]) = self.window.get(self.at..self.length) else {
            return Step::Further;
        };
        let before = self.at.saturating_sub(1);
        match (first.kind, second.kind) {
            (Kind::Text, Kind::Text) | (Kind::Semicolon, Kind::Semicolon) => self.drop(1, self.at),
            (Kind::Operator | Kind::Logic, kind) if kind == Kind::Type || second.is_unary() => {
                self.drop(1, 0)
            }
            (Kind::Open, _) if second.is_unary() => self.drop(1, before),
            _ => match rules::phrase(&first, &second) {
                Some(phrase) => {
                    self.set(0, phrase);
                    self.drop(1, before)
                }
                None => self.by_context(first, second),
            },
        }
    }

    /// Words that mean another thing by what is beside them.
    fn by_context(&mut self, first: Token<'a>, second: Token<'a>) -> Step {
        match (first.kind, second.kind) {
            (Kind::Semicolon, Kind::Function) if rules::begins_with_if(second.text) => {
                self.turn(1, Kind::Statement)
            }
            (Kind::Word | Kind::Variable, Kind::Open) if rules::is_callable(&first) => {
                self.turn(0, Kind::Function)
            }
            (Kind::Keyword, next) if first.is(b"IN") || first.is(b"NOT IN") => {
                self.turn(0, if next == Kind::Open { Kind::Operator } else { Kind::Word })
            }
            (Kind::Operator, next) if first.is(b"LIKE") || first.is(b"NOT LIKE") => {
                if next == Kind::Open {
                    self.turn(0, Kind::Function);
                }
                Step::Further
            }
            (Kind::Collate, Kind::Word) => {
                if rules::names_collation(second.text) {
                    self.turn(1, Kind::Type);
                    self.at = 0;
                }
                Step::Further
            }
            _ => self.without_meaning(first, second),
        }
    }

    /// Pairs of which one means nothing.
    fn without_meaning(&mut self, first: Token<'a>, second: Token<'a>) -> Step {
        match (first.kind, second.kind) {
            // SQL Server reads `\%1` as `0 % 1`, and `\1` as `1`.
            (Kind::Backslash, _) if second.is_arithmetic() => {
                self.turn(0, Kind::Number);
                self.drop(0, 0)
            }
            (Kind::Backslash, _)
            | (
                Kind::Type,
                Kind::Word
                | Kind::Number
                | Kind::Type
                | Kind::Open
                | Kind::Function
                | Kind::Variable
                | Kind::Text,
            ) => {
                self.set(0, second);
                self.drop(1, 0)
            }
            (Kind::Open, Kind::Open) | (Kind::Close, Kind::Close) | (_, Kind::CloseBrace) => {
                self.drop(1, 0)
            }
            // MySQL takes `{``.``.id}` for a column; nobody else writes that.
            (Kind::OpenBrace, Kind::Word) if second.text.is_empty() => {
                self.turn(1, Kind::Evil);
                self.length = self.at + 2;
                Step::Done
            }
            // In `{name expression}` the name is nothing.
            (Kind::OpenBrace, Kind::Word) => self.drop(2, 0),
            _ => Step::Further,
        }
    }

    fn triple(&mut self) -> Step {
        let Some(&[first, second, third, ..]) = self.window.get(self.at..self.length) else {
            return Step::Further;
        };
        if rules::is_one_value(&first, &second, &third) {
            return self.drop(2, 0);
        }
        if rules::is_signed_item(&first, &second, &third) {
            // `1, -1` is as good as `1`.
            self.set(1, third);
            return self.drop(3, 0);
        }
        if rules::is_second_nothing(&first, &second, &third) {
            self.set(1, third);
            return self.drop(1, 0);
        }
        // Called with something, it is somebody's own function or none.
        if (first.kind, second.kind) == (Kind::Function, Kind::Open)
            && third.kind != Kind::Close
            && first.is(b"USER")
        {
            self.turn(0, Kind::Word);
        }
        Step::Further
    }

    /// Keeps of a list its first token, and the sixth if there is one.
    fn begin_anew(&mut self) {
        let sixth = self.window.get(SYMBOLS_MAX..self.length).and_then(<[_]>::first).copied();
        self.length = 1;
        self.at = 0;
        if let Some(sixth) = sixth {
            self.push(sixth);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokens::Dialect;
    use super::*;
    use proptest::prelude::*;

    fn letters(value: &[u8], before: Option<Quote>) -> String {
        let mut tokens = Tokens::new(value, before, Dialect::Ansi);
        let folded = fold(&mut tokens);
        folded.tokens().iter().map(|token| char::from(token.kind.letter())).collect()
    }

    fn check(cases: &[(&str, &str)]) {
        for (value, expected) in cases {
            assert_eq!(letters(value.as_bytes(), None), *expected, "{value:?}");
        }
    }

    #[test]
    fn what_opens_a_value_says_nothing() {
        check(&[
            ("", ""),
            ("((", ""),
            ("-- a", ""),
            ("/*a*/(not int -1", "1"),
            (")1", ")1"),
            ("*1", "o1"),
        ]);
    }

    #[test]
    fn pairs() {
        check(&[
            ("'a' 'b' 'c'", "s"),
            ("a ;; b", "n;n"),
            ("a = - b", "n"),
            ("a and not b", "n&n"),
            ("a and int b", "n&n"),
            ("f(-1 2", "n(11"),
            ("1 union all distinct select", "1UE"),
            ("1 union sum", "1Uf"),
            ("a ; if (", "n;T("),
            ("a ; sum (", "n;f("),
            ("1 user (", "1f("),
            ("1 @user (", "1f("),
            ("1 usher (", "1n("),
            ("a in (1", "no(1"),
            ("a in b", "nnn"),
            ("a not in b", "nnn"),
            ("a like (1", "nf(1"),
            ("a not like (1", "nf(1"),
            ("a like b", "n"),
            ("1 create or replace", "1T"),
            ("1 select int b", "1En"),
            ("1 collate a_b c", "1An"),
            ("1 collate ab c", "1Ann"),
            ("1 collate `a\u{0}_` c", "1Ann"),
            ("a \\ + 1", "n1"),
            ("a ; \\ b", "n;n"),
            ("a ((((b", "n(n"),
            ("(a)))) b", "n)n"),
            ("a {b c", "nn"),
            ("a {`` c", "n{X"),
            ("a }} b", "nn"),
        ]);
    }

    #[test]
    fn triples() {
        check(&[
            ("1 + 2 * 3", "1"),
            ("a = 1", "n"),
            ("@a = @b = c", "v"),
            ("'a' = 'b'", "sos"),
            ("a = * = b", "n"),
            ("a and 1 or b and", "n&"),
            ("1::int", "1"),
            ("'a'::int", "s"),
            ("'a'*int", "so"),
            ("1, a, 'b', @c", "1"),
            ("1, sum", "1,f"),
            ("a.b", "n"),
            ("[a].[b] . [c]", "n"),
            ("select -1", "E1"),
            ("1 limit -(", "1B("),
            ("1 case -sum (", "1Ef("),
            ("1 for update - (", "1ko("),
            ("1 for update -1", "1k1"),
            ("(1, -2, 3", "1"),
            ("sum(1), -(2", "f(1),"),
            ("1 select .[a]", "1En"),
            ("1 user (a", "1n(n"),
            ("1 user ()", "1f()"),
        ]);
    }

    /// A window that is read again from its beginning, where another rule has its turn by now.
    #[test]
    fn the_newest_token_is_dropped() {
        check(&[
            (". int in collate a_b", ".nnA"),
            ("1 + in ) collate a_b", "1o"),
            ("user + in ) collate a_b 's' )", "nos)"),
            ("int in like in collate [a_b] ( [a_b]", "n(n"),
        ]);
    }

    #[test]
    fn lists_are_begun_anew() {
        check(&[
            ("1 + (2) union", "1U"),
            ("1, (2) union select", "1UE"),
            ("a = (1) or", "n&"),
            ("1), (2 union", "1U"),
            ("a) = (b or", "n&"),
            ("a) = (1 or", "n)o(1"),
        ]);
    }

    #[test]
    fn a_comment_counts_at_the_end_only() {
        check(&[
            ("1 -- a", "1c"),
            ("1 /*a*/ 2", "11"),
            ("1 /*a*/ /*b*/", "1c"),
            ("a b c d -- a", "nnnnc"),
            ("a b c d e -- a", "nnnnn"),
        ]);
        let mut tokens = Tokens::new(b"1 /*a*/ --b", None, Dialect::Ansi);
        assert_eq!(fold(&mut tokens).tokens().last().unwrap().text, b"--b");
    }

    #[test]
    fn a_last_tick_is_a_comment() {
        check(&[("a b `", "nnc"), ("a `", "nn"), ("a b ``", "nnn"), ("a b `c", "nnn")]);
    }

    proptest! {
        #[test]
        fn there_are_five_at_most(
            pieces in proptest::collection::vec(proptest::sample::select(vec![
                "1", "a", "'b'", "@c", "+", "-", "=", "and", "in", "like", "union", "all", "select", "sum", "user", "int",
                "collate", "a_b", "(", ")", "{", "}", ",", ";", ".", "\\", "::", "/*d*/", "-- ", "``", "if", "limit", "into",
            ]), 0..40),
        ) {
            let value = pieces.join(" ");
            for before in [None, Some(Quote::Single), Some(Quote::Double)] {
                let letters = letters(value.as_bytes(), before);
                prop_assert!(letters.len() <= SYMBOLS_MAX || letters.contains('X'), "{}", letters);
            }
        }
    }
}
