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

/// Literals of which every match of this piece contains one.
pub(super) fn needed(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    if let Some(all) = spelt_out(hir).filter(|all| all.iter().all(|text| !text.is_empty())) {
        return Some(all);
    }
    needed_by_parts(hir)
}

/// The same of a piece that cannot be spelt out, or that may be empty.
fn needed_by_parts(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Repetition(repetition) if repetition.min > 0 => needed(&repetition.sub),
        HirKind::Empty
        | HirKind::Look(_)
        | HirKind::Literal(_)
        | HirKind::Class(_)
        | HirKind::Repetition(_) => None,
        HirKind::Capture(capture) => needed(&capture.sub),
        HirKind::Alternation(pieces) => {
            let mut all = Vec::new();
            for piece in pieces {
                all.extend(needed(piece)?);
                if all.len() > LITERALS_MAX {
                    return None;
                }
            }
            Some(all)
        }
        HirKind::Concat(pieces) => best_of(pieces),
    }
}

/// Of several pieces in a row, those that tell most: neighbours that can be spelt out are joined.
fn best_of(pieces: &[Hir]) -> Option<Vec<Vec<u8>>> {
    let mut best: Option<Vec<Vec<u8>>> = None;
    let mut run = vec![Vec::new()];
    let mut consider = |candidate: Vec<Vec<u8>>| {
        if worth(&candidate) > best.as_deref().map_or(0, worth) {
            best = Some(candidate);
        }
    };
    for piece in pieces {
        let spelt = spelt_out(piece);
        if let Some(joined) = spelt.as_deref().and_then(|next| joined(&run, next)) {
            run = joined;
            continue;
        }
        consider(std::mem::replace(&mut run, vec![Vec::new()]));
        match spelt {
            Some(alone) => run = alone,
            None => {
                if let Some(inner) = needed_by_parts(piece) {
                    consider(inner);
                }
            }
        }
    }
    consider(run);
    best
}

/// How much a set of literals tells: the length of its shortest, then how few they are.
fn worth(literals: &[Vec<u8>]) -> usize {
    let shortest = literals.iter().map(Vec::len).min().unwrap_or(0).min(LITERAL_BYTES);
    if shortest == 0 { 0 } else { shortest * 10_000 + 9_999_usize.saturating_sub(literals.len()) }
}

/// Every string that a piece stands for, in lower case, where they are few.
fn spelt_out(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(vec![Vec::new()]),
        HirKind::Literal(literal) => Some(vec![literal.0.to_ascii_lowercase()]),
        HirKind::Class(class) => members(class),
        HirKind::Capture(capture) => spelt_out(&capture.sub),
        HirKind::Repetition(repetition) => match (repetition.min, repetition.max) {
            (0, Some(1)) => {
                let mut all = spelt_out(&repetition.sub)?;
                all.push(Vec::new());
                Some(all)
            }
            (1, Some(1)) => spelt_out(&repetition.sub),
            _ => None,
        },
        HirKind::Concat(pieces) => {
            pieces.iter().try_fold(vec![Vec::new()], |run, piece| joined(&run, &spelt_out(piece)?))
        }
        HirKind::Alternation(pieces) => {
            let mut all = Vec::new();
            for piece in pieces {
                all.extend(spelt_out(piece)?);
                if all.len() > SPELT_OUT_MAX {
                    return None;
                }
            }
            Some(all)
        }
    }
}

/// Each of the first followed by each of the second, where those are few.
fn joined(first: &[Vec<u8>], second: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    if first.len() * second.len() > SPELT_OUT_MAX {
        return None;
    }
    let mut all: Vec<Vec<u8>> = Vec::with_capacity(first.len() * second.len());
    for start in first {
        all.extend(second.iter().map(|end| [&start[..], end].concat()));
    }
    all.sort();
    all.dedup();
    Some(all)
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
