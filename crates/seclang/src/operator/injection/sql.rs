//! Whether a value would change a statement of SQL: `@detectSQLi`.
//!
//! A value is read as SQL in each place that it may land in: bare, after a single quote and after a double one, and
//! by both dialects where they differ. Its tokens, folded, are a fingerprint of up to five letters; some thousands
//! are those of injections, and a few of them count only with further signs. The algorithm and its data are those of
//! libinjection 3.9, on which the Core Rule Set is tuned, and so are verdicts and fingerprints, misses included.
//! Invariants: linear time, no allocation, no state between values.

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
    if value.iter().all(|byte| is_of_words(*byte)) {
        return None;
    }
    injection_anywhere(value)
}

/// A value of these bytes alone is one word, or a number and a word: no injection, as the tests show. Bytes above
/// ASCII are letters, but for the white space of Latin-1.
fn is_of_words(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || (byte >= 128 && byte != 160)
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
