//! Collects what is wrong while the reading goes on.

use crate::error::{ConfigError, ConfigErrors, quoted};
use crate::place::Lines;
use std::collections::BTreeSet;
use std::ops::Range;

/// Errors held while reading; a text of nothing but errors must not grow without bound.
const HELD_MAX: usize = 5_000;

/// A value's place in the text and its path in the configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spot {
    pub(crate) span: Range<usize>,
    pub(crate) path: String,
}

impl Spot {
    /// A key of the table at this spot.
    pub(crate) fn key(&self, name: &str, span: Range<usize>) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self { span, path: format!("{}{dot}{name}", self.path) }
    }

    /// An element of the list at this spot.
    pub(crate) fn element(&self, index: usize, span: Range<usize>) -> Self {
        Self { span, path: format!("{}[{index}]", self.path) }
    }
}

/// A value that knows where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) spot: Spot,
}

/// An error whose line is not looked up yet: of thousands only the first are shown.
#[derive(Debug)]
struct Raw {
    spot: Spot,
    message: String,
    allowed: Option<String>,
    nearest: Option<&'static str>,
}

/// The errors of one text.
#[derive(Debug)]
pub(crate) struct Sink<'a> {
    lines: Lines<'a>,
    errors: Vec<Raw>,
    more: usize,
    /// Lines that are no TOML. What was made of them is a guess, so nothing else is said of them.
    broken: BTreeSet<usize>,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { lines: Lines::new(text), errors: Vec::new(), more: 0, broken: BTreeSet::new() }
    }

    /// The line, from 1, that a spot begins in.
    pub(crate) fn line(&self, spot: &Spot) -> usize {
        self.lines.index(spot.span.start) + 1
    }

    fn push(&mut self, spot: &Spot, message: String, allowed: Option<String>) -> bool {
        if self.errors.len() >= HELD_MAX {
            self.more = self.more.saturating_add(1);
            return false;
        }
        self.errors.push(Raw { spot: spot.clone(), message, allowed, nearest: None });
        true
    }

    /// The text is no TOML here. Said once a line: what follows is confusion.
    pub(crate) fn syntax(&mut self, span: Range<usize>, message: &str) {
        if !self.broken.insert(self.lines.index(span.start)) {
            return;
        }
        let spot = Spot { span, path: String::new() };
        self.push(&spot, format!("this is not TOML: {message}"), None);
    }

    /// A value or a combination that cannot stay.
    pub(crate) fn wrong(
        &mut self,
        spot: &Spot,
        message: impl Into<String>,
        allowed: impl Into<Option<String>>,
    ) {
        if !self.broken.contains(&self.lines.index(spot.span.start)) {
            self.push(spot, message.into(), allowed.into());
        }
    }

    /// A key that nobody knows.
    pub(crate) fn unknown(
        &mut self,
        spot: &Spot,
        name: &str,
        allowed: String,
        nearest: Option<&'static str>,
    ) {
        if self.broken.contains(&self.lines.index(spot.span.start)) {
            return;
        }
        if self.push(spot, format!("unknown key {}", quoted(name)), Some(allowed))
            && let Some(error) = self.errors.last_mut()
        {
            error.nearest = nearest;
        }
    }

    /// Something needed is not there. Not said of a text that is no TOML: it may be there.
    pub(crate) fn missing(
        &mut self,
        spot: &Spot,
        message: impl Into<String>,
        allowed: impl Into<Option<String>>,
    ) {
        if self.broken.is_empty() {
            self.push(spot, message.into(), allowed.into());
        }
    }

    /// All that was found, in the order of the text; `None` when nothing was.
    pub(crate) fn into_errors(mut self) -> Option<ConfigErrors> {
        self.errors.sort_by_key(|error| error.spot.span.start);
        let dropped = self.errors.len().saturating_sub(ConfigErrors::SHOWN_MAX);
        let lines = self.lines;
        let located = |raw: Raw| ConfigError {
            place: lines.place(&raw.spot.span),
            path: raw.spot.path,
            message: raw.message,
            allowed: raw.allowed,
            nearest: raw.nearest,
        };
        let shown = self.errors.into_iter().take(ConfigErrors::SHOWN_MAX);
        let errors: Vec<ConfigError> = shown.map(located).collect();
        (!errors.is_empty()).then_some(ConfigErrors { errors, more: self.more + dropped })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(span: Range<usize>) -> Spot {
        Spot { span, path: String::new() }
    }

    #[test]
    fn nothing_wrong_is_no_error() {
        assert_eq!(Sink::new("x").into_errors(), None);
    }

    #[test]
    fn errors_come_in_the_order_of_the_text() {
        let mut sink = Sink::new("a\nb\nc\n");
        sink.wrong(&at(4..5), "third", None);
        sink.missing(&at(0..1), "first", None);
        sink.unknown(&at(2..3), "b", String::new(), Some("bb"));
        let errors = sink.into_errors().unwrap().errors;
        let messages: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
        assert_eq!(messages, ["first", "unknown key `b`", "third"]);
        assert_eq!(errors[1].nearest, Some("bb"));
    }

    #[test]
    fn a_broken_line_is_said_once_and_hides_guesses() {
        let mut sink = Sink::new("a\nb\n");
        sink.syntax(0..1, "no value");
        sink.syntax(0..1, "confusion");
        sink.wrong(&at(0..1), "guess", None);
        sink.unknown(&at(0..1), "guess", String::new(), None);
        sink.missing(&at(2..3), "may be there", None);
        sink.wrong(&at(2..3), "real", None);
        let errors = sink.into_errors().unwrap().errors;
        let messages: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
        assert_eq!(messages, ["this is not TOML: no value", "real"]);
    }

    #[test]
    fn errors_without_number_are_counted_and_not_kept() {
        let mut sink = Sink::new("a");
        for _ in 0..HELD_MAX + 7 {
            sink.unknown(&at(0..1), "a", String::new(), None);
        }
        let errors = sink.into_errors().unwrap();
        assert_eq!(errors.errors.len(), ConfigErrors::SHOWN_MAX);
        assert_eq!(errors.more, HELD_MAX + 7 - ConfigErrors::SHOWN_MAX);
    }
}
