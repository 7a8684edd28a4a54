//! Plain text: letters, digits and the marks of numbers, of which nearly all values are made.
//!
//! Patterns of attacks allow for evasions, a quote between two letters of a command, and so have no literals. Of a text
//! that holds no quotes it can be said all the same: what a pattern matches of plain text is matched by the pattern
//! without all that is no plain text, and that has literals, or nothing is left of it.

use super::literals;
use crate::transform::ByteSet;
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Hir, HirKind, Repetition};

/// What every match within plain text holds.
#[derive(Clone, Debug, Default)]
pub(super) enum Plain {
    /// Nothing is known.
    #[default]
    Any,
    /// One of these literals, of at least two bytes.
    Literals(Vec<Vec<u8>>),
    /// There is none.
    Nothing,
}

impl Plain {
    /// Of a pattern.
    pub(super) fn of(hir: &Hir) -> Self {
        let Some(rest) = within(hir) else { return Self::Nothing };
        let literals = literals::needed(&rest).and_then(|all| literals::shortened(&all));
        let literals = literals.filter(|all| all.iter().all(|text| text.len() > 1));
        literals.map_or(Self::Any, Self::Literals)
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" _.,:+-".contains(&byte)
}

/// All bytes of which plain text has none.
pub(super) fn outside() -> ByteSet {
    (0..=u8::MAX).filter(|byte| !is_plain(*byte)).collect()
}

/// What is left of a pattern without all that plain text has not; `None` where nothing can match.
fn within(hir: &Hir) -> Option<Hir> {
    Some(match hir.kind() {
        HirKind::Literal(literal) if !literal.0.iter().all(|byte| is_plain(*byte)) => return None,
        HirKind::Empty
        | HirKind::Look(_)
        | HirKind::Literal(_)
        | HirKind::Class(Class::Unicode(_)) => hir.clone(),
        HirKind::Class(Class::Bytes(class)) => {
            let bytes = class.ranges().iter().flat_map(|range| range.start()..=range.end());
            let plain = bytes.filter(|byte| is_plain(*byte));
            let class = ClassBytes::new(plain.map(|byte| ClassBytesRange::new(byte, byte)));
            if class.ranges().is_empty() {
                return None;
            }
            Hir::class(Class::Bytes(class))
        }
        HirKind::Capture(capture) => within(&capture.sub)?,
        HirKind::Repetition(Repetition { min, max, greedy, sub }) => match within(sub) {
            Some(sub) => Hir::repetition(Repetition {
                min: *min,
                max: *max,
                greedy: *greedy,
                sub: Box::new(sub),
            }),
            None if *min == 0 => Hir::empty(),
            None => return None,
        },
        HirKind::Concat(pieces) => {
            Hir::concat(pieces.iter().map(within).collect::<Option<Vec<Hir>>>()?)
        }
        HirKind::Alternation(pieces) => {
            let left: Vec<Hir> = pieces.iter().filter_map(within).collect();
            if left.is_empty() {
                return None;
            }
            Hir::alternation(left)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regex::{Regex, parse};
    use proptest::prelude::*;

    const PATTERNS: &[&str] = &[
        "(?i)(?:^|[;|])(?:l[\"']*s|c[\"']*a[\"']*t)(?:[ ;]|$)",
        "(?:sh|[\"'](?:a|b)+)",
        "<[a-z]+",
        "a[\"']*|bc",
        "(?:ab){2}|(?:;x)*cd",
        "(?:;x)*",
        "[^a-z]+",
        "[^ -~]",
        "a.b[,;]c",
        "(?i)\\bor\\b",
    ];

    fn of_pattern(pattern: &str) -> Plain {
        let regex = Regex::new(pattern.as_bytes(), false).unwrap();
        Plain::of(&parse(regex.pattern(), false).unwrap())
    }

    #[test]
    fn what_is_left_of_patterns() {
        let shown = |pattern: &str| match of_pattern(pattern) {
            Plain::Any => "any".to_owned(),
            Plain::Nothing => "nothing".to_owned(),
            Plain::Literals(all) => String::from_utf8(all.join(&b'|')).unwrap(),
        };
        let all: Vec<String> = PATTERNS.iter().map(|pattern| shown(pattern)).collect();
        let expected = [
            "cat|cat |ls|ls ",
            "sh",
            "nothing",
            "any",
            "ab|cd",
            "any",
            "any",
            "nothing",
            "b,c",
            "or",
        ];
        assert_eq!(all, expected);
    }

    proptest! {
        #[test]
        fn no_match_within_plain_text_is_without_its_literals(
            text in proptest::collection::vec(prop::sample::select(&b"abcdlstoORhx,;<\"' "[..]), 0..8),
        ) {
            let is_plain_text = text.iter().all(|byte| is_plain(*byte));
            prop_assert_eq!(is_plain_text, !text.iter().any(|byte| outside().contains(*byte)));
            for pattern in PATTERNS.iter().filter(|_| is_plain_text) {
                let regex = Regex::new(pattern.as_bytes(), false).unwrap();
                let lower = text.to_ascii_lowercase();
                let may_match = match of_pattern(pattern) {
                    Plain::Any => true,
                    Plain::Nothing => false,
                    Plain::Literals(all) => {
                        all.iter().any(|own| memchr::memmem::find(&lower, own).is_some())
                    }
                };
                prop_assert!(may_match || !regex.is_match(&text).unwrap(), "{pattern} on {text:?}");
            }
        }
    }
}
