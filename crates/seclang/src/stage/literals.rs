//! Literals that a pattern needs: whatever it matches contains one of them.
//!
//! May say too much (`None`: nothing is known), never too little. Idea after `Hyperscan`'s and
//! `rust-lang/regex`'s literal factoring.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Bytes of a literal that count; the rest is left to the pattern.
const LITERAL_BYTES: usize = super::finder::LITERAL_BYTES_MAX;
/// Literals of one pattern.
const LITERALS_MAX: usize = 4_000;
/// Strings that a piece of a pattern may stand for before it is no longer written out.
const SPELT_OUT_MAX: usize = 48;
/// Members of a class that is written out.
const CLASS_MAX: usize = 4;

/// Literals as they are looked for: in lower case, cut, none twice. `None` where one is empty or
/// they are too many.
pub(super) fn shortened(literals: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    let mut short: Vec<Vec<u8>> = literals
        .iter()
        .map(|text| {
            text.get(..text.len().min(LITERAL_BYTES)).unwrap_or_default().to_ascii_lowercase()
        })
        .collect();
    short.sort();
    short.dedup();
    let usable = !short.is_empty()
        && short.len() <= LITERALS_MAX
        && short.iter().all(|text| !text.is_empty());
    usable.then_some(short)
}

/// What is known of a piece of a pattern.
enum Piece {
    /// Every string that it stands for, in lower case, as they are few; one may be empty.
    SpeltOut(Vec<Vec<u8>>),
    /// Literals of which every match contains one, where any are known.
    Needs(Option<Vec<Vec<u8>>>),
}

impl Piece {
    fn empty() -> Self {
        Self::SpeltOut(vec![Vec::new()])
    }

    /// Of which literals every match contains one.
    fn needed(self) -> Option<Vec<Vec<u8>>> {
        match self {
            Self::SpeltOut(all) => all.iter().all(|text| !text.is_empty()).then_some(all),
            Self::Needs(literals) => literals,
        }
    }
}

/// Literals of which every match of this piece contains one.
pub(super) fn needed(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    piece(hir).needed()
}

/// Looks at each part of a pattern once.
fn piece(hir: &Hir) -> Piece {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Piece::empty(),
        HirKind::Literal(literal) => Piece::SpeltOut(vec![literal.0.to_ascii_lowercase()]),
        HirKind::Class(class) => members(class).map_or(Piece::Needs(None), Piece::SpeltOut),
        HirKind::Capture(capture) => piece(&capture.sub),
        HirKind::Repetition(repetition) => match (repetition.min, repetition.max) {
            (0, Some(1)) => match piece(&repetition.sub) {
                Piece::SpeltOut(mut all) => {
                    all.push(Vec::new());
                    Piece::SpeltOut(all)
                }
                Piece::Needs(_) => Piece::Needs(None),
            },
            (0, _) => Piece::Needs(None),
            (1, Some(1)) => piece(&repetition.sub),
            _ => Piece::Needs(needed(&repetition.sub)),
        },
        HirKind::Concat(pieces) => in_a_row(pieces),
        HirKind::Alternation(pieces) => one_of(pieces),
    }
}

fn one_of(pieces: &[Hir]) -> Piece {
    let (mut all, mut is_spelt_out) = (Vec::new(), true);
    for each in pieces.iter().map(piece) {
        is_spelt_out &= matches!(each, Piece::SpeltOut(_));
        let literals = match each {
            Piece::SpeltOut(texts) => Some(texts),
            Piece::Needs(literals) => literals,
        };
        let Some(literals) = literals else { return Piece::Needs(None) };
        all.extend(literals);
        is_spelt_out &= all.len() <= SPELT_OUT_MAX;
        if all.len() > LITERALS_MAX {
            return Piece::Needs(None);
        }
    }
    let all = Piece::SpeltOut(all);
    if is_spelt_out { all } else { Piece::Needs(all.needed()) }
}

/// Of several pieces in a row, those that tell most: neighbours that can be spelt out are joined.
fn in_a_row(pieces: &[Hir]) -> Piece {
    let mut best: Option<Vec<Vec<u8>>> = None;
    let (mut run, mut is_all) = (vec![Vec::new()], true);
    let mut consider = |candidate: Vec<Vec<u8>>| {
        if worth(&candidate) > best.as_deref().map_or(0, worth) {
            best = Some(candidate);
        }
    };
    for each in pieces.iter().map(piece) {
        let next = match each {
            Piece::SpeltOut(next) if run.len() * next.len() <= SPELT_OUT_MAX => {
                run = joined(run, next);
                continue;
            }
            Piece::SpeltOut(alone) => alone,
            Piece::Needs(literals) => {
                literals.into_iter().for_each(&mut consider);
                vec![Vec::new()]
            }
        };
        is_all = false;
        consider(std::mem::replace(&mut run, next));
    }
    if is_all {
        return Piece::SpeltOut(run);
    }
    consider(run);
    Piece::Needs(best)
}

/// How much a set of literals tells: the length of its shortest, then how few they are.
fn worth(literals: &[Vec<u8>]) -> usize {
    let shortest = literals.iter().map(Vec::len).min().unwrap_or(0).min(LITERAL_BYTES);
    if shortest == 0 { 0 } else { shortest * 10_000 + 9_999_usize.saturating_sub(literals.len()) }
}

/// Each of the first followed by each of the second.
fn joined(mut first: Vec<Vec<u8>>, mut second: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if first == [b""] {
        second.sort_unstable();
        second.dedup();
        return second;
    }
    if let [end] = second.as_slice() {
        for start in &mut first {
            start.extend_from_slice(end);
        }
        return first;
    }
    let ends = |start: &Vec<u8>| second.iter().map(|end| [&start[..], end].concat()).collect();
    let mut all: Vec<Vec<u8>> = first.iter().flat_map(|start| -> Vec<_> { ends(start) }).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The members of a class, letters of either case as one.
fn members(class: &Class) -> Option<Vec<Vec<u8>>> {
    let Class::Bytes(class) = class else { return None };
    let mut all: Vec<Vec<u8>> = Vec::new();
    for range in class.ranges() {
        for byte in range.start()..=range.end() {
            let member = vec![byte.to_ascii_lowercase()];
            if !all.contains(&member) {
                all.push(member);
            }
            if all.len() > CLASS_MAX {
                return None;
            }
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regex::{Regex, parse};
    use proptest::prelude::*;

    fn of_pattern(pattern: &str) -> Option<Vec<Vec<u8>>> {
        needed(&parse(Regex::new(pattern.as_bytes(), false).unwrap().pattern(), false).ok()?)
    }

    fn shown(pattern: &str) -> Option<String> {
        let mut literals = of_pattern(pattern)?;
        literals.sort();
        Some(
            literals
                .iter()
                .map(|text| text.escape_ascii().to_string())
                .collect::<Vec<_>>()
                .join(" "),
        )
    }

    #[test]
    fn literals_of_patterns() {
        for (pattern, expected) in [
            ("(?i)union.{1,10}?select", Some("select")),
            ("(?i)sleep\\s*\\(", Some("sleep")),
            ("abc|def", Some("abc def")),
            ("ab?c", Some("abc ac")),
            ("x(?:ab|cd)y", Some("xaby xcdy")),
            ("^foo$", Some("foo")),
            ("[ab]x", Some("ax bx")),
            ("\\bcat\\b", Some("cat")),
            ("(?:ab)+", Some("ab")),
            ("(?:ab)*", None),
            ("a|", None),
            (".*", None),
            ("[a-z]+", None),
            ("[^a]", None),
            ("(?:a|b+)c", Some("c")),
            ("\\xff[\\x00]", Some("\\xff\\x00")),
        ] {
            assert_eq!(shown(pattern).as_deref(), expected, "{pattern}");
        }
    }

    const PATTERNS: &[&str] = &[
        "(?i)union.{1,10}?select",
        "(?i)\\b(?:and|or)\\b\\s*\\d+=",
        "<script[^>]*>",
        "ab?c",
        "(?:ab)+c|d?e",
        "x(?:ab|cd)*y",
        "^a|b$",
        "[ab][cd]x?",
        "(?i)a[^b]c",
        "(a|b)\\w(c|)",
        "\\x00?b",
        "a{2,3}b",
        "(?:a?b?)c",
    ];

    proptest! {
        #[test]
        fn no_match_is_without_its_literal(
            text in proptest::collection::vec(prop::sample::select(
                &b"abcdexyABCDXY01 =<>s\0\xff"[..]), 0..12),
            word in prop::sample::select(vec!["", "UNION select", "<script>", "or 1=", "unionxselect", "aab"]),
        ) {
            let text = [&text[..], word.as_bytes()].concat();
            let lower = text.to_ascii_lowercase();
            for pattern in PATTERNS {
                let regex = Regex::new(pattern.as_bytes(), false).unwrap();
                let Some(literals) = of_pattern(pattern) else { continue };
                let has = literals.iter().any(|literal| memchr::memmem::find(&lower, literal).is_some());
                let matches = regex.is_match(&text).unwrap();
                prop_assert!(has || !matches, "{pattern} matches {:?} without any of {:?}", text, literals);
            }
        }
    }
}
