//! The first stage: which rules cannot match, said without asking them.
//!
//! Of most operators it can be said what a value must hold for them to match: one of a few literals
//! ([`literals`]) and bytes of certain classes ([`classes`]). All literals of a rule set are looked for at
//! once, in one pass over each distinct string ([`finder`]), case ignored; the bytes of a string are
//! looked at once, in a table. From what a string holds follows to which lines of rules it may say yes
//! ([`questions`]), and from that of all values which rules of a phase are entered ([`phases`]).
//!
//! Where the transformations of all those lines lead a string is followed together ([`paths`]), and what is asked by each set
//! of them put together once ([`rows`]). Long texts that few rules ask are first looked at on behalf of those alone
//! ([`rough`]); and where all that a match leaves behind is looked at by nobody who says yes to it, that is noted
//! ([`idle`]).
//!
//! The stage may only say "perhaps" too often, never "no" wrongly: the interpreter decides all else.

mod classes;
mod finder;
mod holds;
mod idle;
mod literals;
mod paths;
mod phases;
mod plain;
mod questions;
mod quick;
mod rough;
mod rows;
mod settled;

pub(crate) use classes::{MarkTable, Marks};
pub(crate) use holds::{Gate, Holds, PlainGate};
pub(crate) use idle::{IdleSet, Readers, Sequel};
pub(crate) use paths::{Crowd, Map, Paths};
pub(crate) use phases::{Entrance, Phases, Step};
#[cfg(test)]
pub(crate) use questions::Way;
pub(crate) use questions::{Look, LookSet, Question, Questions, WaySet, is_stable};
pub(crate) use quick::{Quick, QuickKind};
pub(crate) use rows::Rows;
pub(crate) use settled::fill_settled;

use crate::operator::Operator;
use crate::plan::{Chains, Link, Rule};
use crate::prelude::Prelude;
use crate::strings::{StrId, Strings};
use crate::transform::ByteSet;
use classes::Classes;
use finder::Finder;
use plain::Plain;
use regex_syntax::hir::Hir;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// All literals of a rule set, and the table of byte classes.
#[derive(Debug)]
pub(crate) struct Stage {
    /// No two in a process have the same.
    pub(crate) number: u64,
    finder: Option<Finder>,
    /// What the bytes of a string say about it.
    pub(crate) marks: MarkTable,
    /// The rules of each phase.
    pub(crate) phases: Phases,
    /// What lines of rules ask of strings.
    pub(crate) questions: Questions,
    /// Who reads members of `TX` by names that are made at run time.
    pub(crate) readers: Readers,
}

/// What an operator needs of a value: one of these literals, where any are known, and a byte of each class.
#[derive(Clone, Debug, Default)]
pub(crate) struct Need {
    literals: Option<Vec<Vec<u8>>>,
    classes: Vec<ByteSet>,
    /// Common classes, for what has no literal.
    common: Vec<ByteSet>,
    /// What it needs besides of a value that is plain text, where it has no literal.
    plain: Plain,
    /// The shortest value that it may match, in bytes.
    bytes_min: usize,
}

impl Need {
    /// What every match of a pattern holds.
    pub(crate) fn of(hir: &Hir) -> Self {
        let literals = literals::needed(hir).and_then(|all| literals::shortened(&all));
        let classes = classes::rarest(classes::every(hir));
        // Where each match has a literal of some length, the other literals would tell nothing more.
        let tells = |literals: &Vec<Vec<u8>>| literals.iter().all(|text| text.len() > 1);
        let plain = if literals.as_ref().is_some_and(tells) { Plain::Any } else { Plain::of(hir) };
        let bytes_min = hir.properties().minimum_len().unwrap_or(0);
        Self { literals, classes, plain, bytes_min, ..Self::default() }
    }
}

impl Stage {
    /// Without the stage every rule is asked.
    pub(crate) fn plain(rules: &[Rule]) -> Self {
        let (marks, phases) = (MarkTable::new(&[]), Phases::plain(rules));
        let (questions, readers) = (Questions::default(), Readers::default());
        Self { number: number(), marks, phases, questions, readers, finder: None }
    }

    /// Without the rules whose outcome is known. Gives every link its gate that can have one. `captures` are the names of
    /// `TX:0`… `TX:9`.
    pub(crate) fn build(
        rules: &mut [Rule],
        known: &Prelude,
        (constants, captures): (&Strings, &[StrId]),
        chains: &Chains,
    ) -> Self {
        let mut wanted: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        let mut sets: BTreeMap<Vec<Vec<u8>>, usize> = BTreeMap::new();
        let mut needs: Vec<Option<Need>> = links(rules).map(|link| need(link)).collect();
        let wishes = needs.iter().flatten();
        let wishes = wishes.map(|need| (need.classes.as_slice(), need.literals.is_none()));
        let outside = [plain::outside()];
        let has_plain = needs.iter().flatten().any(|need| matches!(need.plain, Plain::Literals(_)));
        let classes = Classes::choose(wishes.chain(has_plain.then_some((&outside[..], true))));
        let outside = classes.bits(&outside);
        for (link, need) in links(rules).zip(&mut needs) {
            let Some(need) = need else { continue };
            let mut number = |literals: Vec<Vec<u8>>| {
                let count = sets.len();
                let number = *sets.entry(literals.clone()).or_insert(count);
                if number == count {
                    for literal in literals {
                        wanted.entry(literal).or_default().push(number);
                    }
                }
                number
            };
            let set = need.literals.take().map(&mut number);
            let gate = Gate::new(classes.bits(&need.classes), set);
            link.gate = (!gate.is_always_open()).then_some(gate);
            link.bytes_min = need.bytes_min;
            link.plain_gate = match std::mem::take(&mut need.plain) {
                Plain::Literals(literals) if outside != 0 => {
                    Some(PlainGate { outside, literals: Gate::new(0, Some(number(literals))) })
                }
                Plain::Literals(_) | Plain::Nothing | Plain::Any => None,
            };
        }
        let literals = wanted.into_iter().map(|(literal, sets)| {
            let mut holds = Holds::default();
            for set in sets {
                holds.add(&Holds::literal(set));
            }
            (literal, holds)
        });
        let finder = Finder::new(literals);
        let (phases, questions) = Phases::build(rules, known, constants, chains);
        let readers = idle::find(rules, constants, captures);
        let marks = MarkTable::new(classes.sets());
        Self { number: number(), finder: Some(finder), marks, phases, questions, readers }
    }

    /// What a string with these marks holds.
    pub(crate) fn holds(&self, text: &[u8], marks: Marks) -> Holds {
        let mut holds = Holds::classes(marks.classes);
        let Some(finder) = &self.finder else { return Holds::ALL };
        finder.find(text, &mut holds);
        holds
    }
}

fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn links(rules: &mut [Rule]) -> impl Iterator<Item = &mut Link> {
    rules.iter_mut().flat_map(|rule| &mut rule.links)
}

/// Whether an operator's answer follows from a string alone.
fn is_of_the_string_alone(operator: &Operator) -> bool {
    match operator {
        Operator::Text(_, text) | Operator::Number(_, text) => text.constant().is_some(),
        Operator::Regex(_)
        | Operator::RegexGlobal(_)
        | Operator::Phrases(_)
        | Operator::SqlInjection
        | Operator::CrossSiteScripting
        | Operator::Verify(..)
        | Operator::ByteRange(_)
        | Operator::UrlEncoding
        | Operator::Utf8Encoding => true,
        Operator::RegexMacro(_)
        | Operator::Addresses(_)
        | Operator::Always
        | Operator::Never
        | Operator::Listed(_)
        | Operator::Unavailable(_) => false,
    }
}

/// Whether, besides, it costs more than to look up what a string has said.
fn is_worth_remembering(operator: &Operator) -> bool {
    let is_cheap = matches!(operator, Operator::Number(..))
        || matches!(operator, Operator::Text(comparison, _) if !comparison.searches());
    is_of_the_string_alone(operator) && !is_cheap
}

/// Sets a bit.
pub(crate) fn set(words: &mut [u64], bit: usize) {
    if let Some(word) = words.get_mut(bit / 64) {
        *word |= 1 << (bit % 64);
    }
}

/// Whether a bit is set.
pub(crate) fn is_set(words: &[u64], bit: usize) -> bool {
    words.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
}

/// What a value that the link matches holds; `None` when nothing can be said.
fn need(link: &Link) -> Option<Need> {
    if link.negated {
        return None;
    }
    let mut need = of_operator(&link.operator)?;
    if let Some(short) = need.literals.take().and_then(|all| literals::shortened(&all)) {
        if short.iter().any(|literal| literal.len() < 2) {
            // The first byte of each is enough: a text that holds the literal holds it.
            need.classes.push(ByteSet::either_case_of(&short));
        } else {
            need.literals = Some(short);
        }
    }
    need.classes = classes::rarest(need.classes);
    if need.literals.is_none() {
        need.classes.append(&mut need.common);
        if matches!(need.plain, Plain::Nothing) {
            need.classes.push(plain::outside());
        }
    } else {
        need.plain = Plain::Any;
    }
    Some(need)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "of the other operators nothing can be said")]
fn of_operator(operator: &Operator) -> Option<Need> {
    use crate::operator::{self, Comparison};
    let one_of = |texts: Vec<Vec<u8>>| {
        let bytes_min = texts.iter().map(Vec::len).min().unwrap_or(0);
        Need { literals: Some(texts), bytes_min, ..Need::default() }
    };
    let bytes = |set| Need { classes: vec![set], ..Need::default() };
    Some(match operator {
        Operator::Regex(regex) | Operator::RegexGlobal(regex) => regex.need().clone(),
        Operator::Phrases(phrases) => one_of(phrases.texts().to_vec()),
        Operator::Text(
            Comparison::BeginsWith
            | Comparison::Contains
            | Comparison::ContainsWord
            | Comparison::EndsWith
            | Comparison::Equal,
            text,
        ) => one_of(vec![text.constant().filter(|text| !text.is_empty())?.to_vec()]),
        Operator::ByteRange(allowed) => bytes(ByteSet::outside(allowed)),
        Operator::CrossSiteScripting => bytes(operator::CROSS_SITE_BYTES.iter().copied().collect()),
        Operator::SqlInjection => {
            let sets = operator::SQL_NEEDS
                .map(|needs| (0..=u8::MAX).filter(|byte| needs(*byte)).collect());
            Need { common: sets.to_vec(), ..Need::default() }
        }
        Operator::UrlEncoding => bytes(ByteSet::from_iter(*b"%")),
        Operator::Utf8Encoding => bytes((0x80..=u8::MAX).collect()),
        _ => return None,
    })
}
