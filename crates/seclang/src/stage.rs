//! The first stage: what a value must hold for a rule to match it at all.
//!
//! Of most patterns it can be said that whatever they match contains one of a few literals. All literals
//! of a rule set are looked for at once, in one pass of an automaton over each distinct string, case
//! ignored; a pattern is asked only where one of its own was found. The stage may only say "perhaps" too
//! often, never "no" wrongly: the pattern itself decides. Idea after `Hyperscan`'s and
//! `rust-lang/regex`'s literal factoring.

use crate::operator::Operator;
use crate::plan::Rule;
use crate::transform::ByteSet;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex_syntax::hir::{Class, Hir, HirKind};
use std::collections::BTreeMap;

/// Bytes of a literal that count; the rest is left to the pattern.
const LITERAL_BYTES: usize = 8;
/// Literals of one pattern.
const LITERALS_MAX: usize = 4_000;
/// Strings that a piece of a pattern may stand for before it is no longer written out.
const SPELT_OUT_MAX: usize = 48;
/// Members of a class that is written out.
const CLASS_MAX: usize = 4;

/// What is asked of a string before a link's operator is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gate {
    /// One of the literals with this number.
    Literals(usize),
    /// One of these bytes.
    Bytes(ByteSet),
}

/// The automaton over all literals of a rule set.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    automaton: Option<AhoCorasick>,
    /// Literal × word: the gates that it opens, as bits.
    opens: Vec<u64>,
    words: usize,
}

impl Stage {
    /// Gives every link its gate that can have one, and builds the automaton. Without memory for the
    /// automaton there are no gates, and every rule is asked.
    pub(crate) fn build(rules: &mut [Rule]) -> Self {
        let mut wanted: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        let mut gates = 0;
        for link in rules.iter_mut().flat_map(|rule| &mut rule.links).filter(|link| !link.negated) {
            let Some(literals) = required(&link.operator) else { continue };
            if literals.iter().any(|literal| literal.len() < 2) {
                link.gate = Some(Gate::Bytes(ByteSet::either_case_of(&literals)));
                continue;
            }
            for literal in literals {
                wanted.entry(literal).or_default().push(gates);
            }
            link.gate = Some(Gate::Literals(gates));
            gates += 1;
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(wanted.keys());
        let Ok(automaton) = automaton else {
            rules.iter_mut().flat_map(|rule| &mut rule.links).for_each(|link| link.gate = None);
            return Self::default();
        };
        let words = gates.div_ceil(64);
        let mut opens = vec![0; wanted.len() * words];
        for (literal, gates) in wanted.values().enumerate() {
            for gate in gates {
                set(&mut opens, literal * words, *gate);
            }
        }
        Self { automaton: Some(automaton), opens, words }
    }

    /// Words of a string's open gates.
    pub(crate) fn words(&self) -> usize {
        self.words
    }

    /// Opens the gates of a string: `open` has [`Self::words`] words.
    pub(crate) fn scan(&self, text: &[u8], open: &mut [u64]) {
        let Some(automaton) = &self.automaton else { return };
        for found in automaton.find_overlapping_iter(text) {
            let from = found.pattern().as_usize() * self.words;
            let opens = self.opens.get(from..from + self.words).unwrap_or_default();
            for (word, bits) in open.iter_mut().zip(opens) {
                *word |= bits;
            }
        }
    }
}

fn set(words: &mut [u64], from: usize, bit: usize) {
    if let Some(word) = words.get_mut(from + bit / 64) {
        *word |= 1 << (bit % 64);
    }
}

/// Whether a bit is set.
pub(crate) fn is_set(words: &[u64], bit: usize) -> bool {
    words.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
}

/// The literals, in lower case, of which any value that the operator matches holds at least one;
/// `None` when nothing can be said.
#[expect(clippy::wildcard_enum_match_arm, reason = "of the other operators nothing can be said")]
fn required(operator: &Operator) -> Option<Vec<Vec<u8>>> {
    let literals = match operator {
        Operator::Regex(regex) | Operator::RegexGlobal(regex) => of_pattern(regex.pattern())?,
        Operator::Phrases(phrases) => phrases.texts().to_vec(),
        _ => return None,
    };
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

/// The same of a pattern; one that needs another engine cannot be read here, and has no gate.
fn of_pattern(pattern: &str) -> Option<Vec<Vec<u8>>> {
    let hir = regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .multi_line(true)
        .dot_matches_new_line(true)
        .build()
        .parse(pattern)
        .ok()?;
    needed(&hir)
}

/// Literals of which every match of this piece contains one.
fn needed(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    if let Some(all) = spelt_out(hir).filter(|all| all.iter().all(|text| !text.is_empty())) {
        return Some(all);
    }
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
        let joined = spelt_out(piece).and_then(|next| joined(&run, &next));
        if let Some(joined) = joined {
            run = joined;
            continue;
        }
        consider(std::mem::replace(&mut run, vec![Vec::new()]));
        match spelt_out(piece) {
            Some(alone) => run = alone,
            None => {
                if let Some(inner) = needed(piece) {
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
    use crate::regex::Regex;
    use proptest::prelude::*;

    fn shown(pattern: &str) -> Option<String> {
        let mut literals = of_pattern(Regex::new(pattern.as_bytes(), false).unwrap().pattern())?;
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
                let Some(literals) = of_pattern(regex.pattern()) else { continue };
                let has = literals.iter().any(|literal| memchr::memmem::find(&lower, literal).is_some());
                let matches = regex.is_match(&text).unwrap();
                prop_assert!(has || !matches, "{pattern} matches {:?} without any of {:?}", text, literals);
            }
        }
    }
}
