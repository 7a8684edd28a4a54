//! Questions whose answer follows from a string alone, and which of them a string may say yes to.
//!
//! A question is a line of a rule: its operator, asked of values after its transformations. Each has a bit in a row of
//! words that is kept for each string ([`crate::transaction`]'s memo): set, the string may say yes. So what all values of
//! a phase may match is put together with a few words a value, whatever they hold and however they are transformed.
//! Questions of one phase lie side by side: first those of the first lines of rules, by their position in the phase, so
//! that they are the rules that may match; then those of later lines.
//!
//! Only lines whose variables stay as they are while a phase is evaluated are looked at so. What a rule leaves out
//! (`!ARGS:x`, `ctl:ruleRemoveTarget…`) is not taken out here: too much may be open, never too little.

use super::rough::Rough;
use super::rows::{Asked, Rows};
use super::{Gate, Holds, Marks, set};
use crate::plan::{ChainId, ChainStep, Chains, Link};
use crate::variable::{Selector, Target, Variable};
use std::collections::BTreeMap;
use std::ops::Range;

/// Ways, as bits.
pub(crate) type WaySet = u128;
/// Ways that have a bit. Lines beyond have no question, and are always asked.
pub(super) const WAYS_MAX: usize = 128;
/// Lengths of texts for which it is kept which ways are too short for them.
const LENGTHS: usize = 64;
/// Looks, as bits.
pub(crate) type LookSet = u64;

/// What a line asks of each of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// The word of its bit in a string's row.
    pub(crate) word: usize,
    /// The bit.
    pub(crate) bit: u64,
    /// The way by which values come to it.
    pub(crate) way: WaySet,
    /// Whether it is found out of all values of its phase at once whether they may say yes.
    pub(crate) is_looked_at: bool,
}

/// How values come to questions.
#[derive(Debug)]
pub(crate) struct Way {
    /// How they are transformed.
    pub(crate) chain: ChainId,
    /// `multiMatch`: after each of the chain's steps too.
    pub(crate) every_step: bool,
    /// The questions, as bits of a row.
    pub(crate) questions: Vec<u64>,
    /// The shortest value, transformed, to which one of them may say yes, in bytes.
    pub(crate) bytes_min: usize,
}

impl Way {
    /// The shortest value that may come to a yes, in bytes: any step may be the last that is made where all are asked after.
    fn input_bytes_min(&self, chains: &Chains) -> usize {
        let steps = chains.node(self.chain).map_or(&[][..], |node| &node.steps);
        let before = |bytes, step: &ChainStep| step.transformation.input_bytes_min(bytes);
        let of_first = |count: usize| steps.iter().take(count).rev().fold(self.bytes_min, before);
        let least = if self.every_step { 0 } else { steps.len() };
        (least..=steps.len()).map(of_first).min().unwrap_or(0)
    }
}

/// The questions of a phase that are put to the values of a target: those of first lines, and those of later lines
/// that are no more work.
#[derive(Debug)]
pub(crate) struct Look {
    /// The target, by its number.
    pub(crate) target: usize,
    /// Its own bit; none, of those for which there is none left.
    pub(crate) bit: LookSet,
    /// The ways by which its values come to them.
    pub(crate) ways: WaySet,
    /// The questions, as bits of the phase's words.
    pub(crate) questions: Vec<u64>,
    /// A first look at long values, where they are few.
    pub(crate) rough: Option<Rough>,
}

/// What there is of a phase.
#[derive(Debug, Default)]
struct Part {
    words: Range<usize>,
    looks: Vec<Look>,
}

/// All questions of a rule set.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    /// Distinct targets, by number.
    targets: Vec<Target>,
    /// By number, which is the place of their bit.
    ways: Vec<Way>,
    /// For each transformation's bit the ways that it is part of.
    reacting: Vec<WaySet>,
    /// For each length of a short text, in bytes, the ways by which it may come to a yes.
    open_to_length: Vec<WaySet>,
    /// Of phases 1 to 5.
    parts: [Part; 5],
    gates: Gates,
}

/// What the questions' gates ask for.
#[derive(Debug, Default)]
struct Gates {
    /// The questions that need nothing.
    without: Vec<u64>,
    /// Those that need no literal, but bytes.
    bytes: ByClasses,
    /// For each set of literals those that need one of it, and perhaps bytes as well.
    literals: Vec<ByClasses>,
}

/// Questions by the classes of bytes that they need.
#[derive(Debug, Default, Clone)]
pub(super) struct ByClasses(Vec<(u64, Vec<(usize, u64)>)>);

impl ByClasses {
    /// A question needs these classes: its word and its bit.
    fn add(&mut self, classes: u64, word: usize, bit: u64) {
        let at = self.0.iter().position(|(own, _)| *own == classes).unwrap_or_else(|| {
            self.0.push((classes, Vec::new()));
            self.0.len() - 1
        });
        let Some((_, list)) = self.0.get_mut(at) else { return };
        match list.iter_mut().find(|(own, _)| *own == word) {
            Some((_, bits)) => *bits |= bit,
            None => list.push((word, bit)),
        }
    }

    /// Those of these questions.
    fn of(&self, questions: &[u64]) -> Self {
        let mut own = Self::default();
        for (classes, list) in &self.0 {
            for (word, bits) in list {
                let bits = bits & questions.get(*word).copied().unwrap_or_default();
                if bits != 0 {
                    own.add(*classes, *word, bits);
                }
            }
        }
        own
    }

    /// Opens those whose classes are all held.
    pub(super) fn open_to(&self, holds: &Holds, open: &mut [u64]) {
        let held = self.0.iter().filter(|(classes, _)| holds.have_classes(*classes));
        for (word, bits) in held.flat_map(|(_, questions)| questions) {
            if let Some(word) = open.get_mut(*word) {
                *word |= bits;
            }
        }
    }
}

impl Questions {
    /// Words of a string's row.
    pub(crate) fn words(&self) -> usize {
        self.gates.without.len()
    }

    /// Those of a phase (1 to 5).
    pub(crate) fn words_of(&self, phase: u8) -> Range<usize> {
        self.part(phase).map_or(0..0, |part| part.words.clone())
    }

    /// What is looked at in a phase (1 to 5).
    pub(crate) fn looks(&self, phase: u8) -> &[Look] {
        self.part(phase).map_or(&[], |part| part.looks.as_slice())
    }

    fn part(&self, phase: u8) -> Option<&Part> {
        self.parts.get(usize::from(phase).checked_sub(1)?)
    }

    /// A target by its number.
    pub(crate) fn target(&self, number: usize) -> Option<&Target> {
        self.targets.get(number)
    }

    /// All ways, by number.
    pub(crate) fn all_ways(&self) -> &[Way] {
        &self.ways
    }

    /// These ways, each with its bit.
    pub(crate) fn ways(&self, set: WaySet) -> impl Iterator<Item = (WaySet, &Way)> {
        let rests = std::iter::successors(Some(set), |rest| Some(rest & rest.wrapping_sub(1)));
        rests.take_while(|rest| *rest != 0).filter_map(|rest| {
            let at = usize::try_from(rest.trailing_zeros()).ok()?;
            Some((1 << at, self.ways.get(at)?))
        })
    }

    /// The ways by which a text of this length may come to a question that says yes to it.
    pub(crate) fn open_to_length(&self, bytes: usize) -> WaySet {
        self.open_to_length.get(bytes).copied().unwrap_or(WaySet::MAX)
    }

    /// The ways by which a string with these marks may be changed.
    pub(crate) fn changing(&self, marks: Marks) -> WaySet {
        let (mut rest, mut changing) = (marks.reacts, 0);
        while rest != 0 {
            let at = usize::try_from(rest.trailing_zeros()).unwrap_or(usize::MAX);
            changing |= self.reacting.get(at).copied().unwrap_or(WaySet::MAX);
            rest &= rest - 1;
        }
        changing
    }

    /// The questions to which a text that holds this may say yes, of those that it comes to by these ways, as bits of a
    /// row.
    pub(crate) fn open_to<'a>(&self, holds: &Holds, ways: WaySet, rows: &'a mut Rows) -> &'a [u64] {
        let (asked, row) = rows.asked(ways, || self.asked_by(ways));
        if !holds.has_literals() {
            return asked.open_to_bytes(holds);
        }
        row.clone_from(asked.open_to_bytes(holds));
        for questions in holds.literals().filter_map(|set| self.gates.literals.get(set)) {
            questions.open_to(holds, row);
        }
        row.iter_mut().zip(&asked.questions).for_each(|(open, asked)| *open &= *asked);
        row
    }

    /// What texts are asked that come by these ways.
    fn asked_by(&self, ways: WaySet) -> Asked {
        let mut questions = vec![0; self.words()];
        for (_, way) in self.ways(ways) {
            questions.iter_mut().zip(&way.questions).for_each(|(asked, own)| *asked |= own);
        }
        let both = self.gates.without.iter().zip(&questions);
        let without = both.map(|(without, asked)| without & asked).collect();
        let bytes = self.gates.bytes.of(&questions);
        Asked { questions, without, bytes, ..Asked::default() }
    }
}

/// A selector by what it says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    All,
    Key(crate::strings::StrId),
    Pattern(String),
}

/// Gathers questions.
#[derive(Default)]
pub(super) struct Builder {
    questions: Questions,
    targets: BTreeMap<(usize, Said), usize>,
    ways: BTreeMap<(ChainId, bool), usize>,
    looks: BTreeMap<(u8, usize), Look>,
}

impl Builder {
    /// Whether a line has a question that can be looked at.
    pub(super) fn can_be_looked_at(&mut self, link: &Link) -> bool {
        super::is_of_the_string_alone(&link.operator)
            && !link.targets.is_empty()
            && link.targets.iter().all(|target| !target.count && self.target(target).is_some())
            && self.way(link).is_some()
    }

    /// The number of a target that stays the same within a phase.
    pub(super) fn target(&mut self, target: &Target) -> Option<usize> {
        if !is_stable(target.variable) {
            return None;
        }
        let targets = &mut self.questions.targets;
        let said = match &target.selector {
            Selector::All => Said::All,
            Selector::Key(key) => Said::Key(*key),
            Selector::Pattern(regex) => Said::Pattern(regex.pattern().to_owned()),
            Selector::XPath(path) => {
                let same =
                    |other: &Target| matches!(&other.selector, Selector::XPath(own) if own == path);
                return targets.iter().position(same).or_else(|| {
                    targets.push(target.clone());
                    Some(targets.len() - 1)
                });
            }
        };
        Some(*self.targets.entry((target.variable.index(), said)).or_insert_with(|| {
            targets.push(target.clone());
            targets.len() - 1
        }))
    }

    /// The way of a line; `None` where there are more than have a bit.
    fn way(&mut self, link: &Link) -> Option<usize> {
        let (chain, every_step) = (link.chain, link.multi_match);
        let ways = &mut self.questions.ways;
        let number = *self.ways.entry((chain, every_step)).or_insert_with(|| {
            ways.push(Way { chain, every_step, questions: Vec::new(), bytes_min: usize::MAX });
            ways.len() - 1
        });
        (number < WAYS_MAX).then_some(number)
    }

    /// Begins the questions of a phase (1 to 5), of which so many are of first lines.
    pub(super) fn begin(&mut self, phase: u8, first_lines: usize) {
        let start = self.questions.words();
        self.questions.gates.without.resize(start + first_lines.div_ceil(64), 0);
        if let Some(part) = self.part(phase) {
            part.words = start..start + first_lines.div_ceil(64);
        }
    }

    fn part(&mut self, phase: u8) -> Option<&mut Part> {
        self.questions.parts.get_mut(usize::from(phase).checked_sub(1)?)
    }

    /// Gives a line of the phase that was begun last its question, if it has one; the place is counted from the phase's
    /// first. First lines are looked at; of later lines, which come after all of those, only those whose values come to
    /// others of the phase by the same way: most rules never get so far.
    pub(super) fn give(
        &mut self,
        link: &mut Link,
        chains: &Chains,
        (phase, place): (u8, usize),
        is_first: bool,
    ) -> bool {
        let is_stable = self.can_be_looked_at(link);
        if !is_stable && !super::is_worth_remembering(&link.operator) {
            return false;
        }
        let way = self.way(link);
        let Some((way, part)) = way.zip(self.part(phase)) else { return false };
        let (start, word) = (part.words.start, part.words.start + place / 64);
        part.words.end = part.words.end.max(word + 1);
        let targets: Vec<usize> =
            link.targets.iter().filter_map(|target| self.target(target)).collect();
        let comes = |target: &usize| {
            self.looks.get(&(phase, *target)).is_some_and(|look| look.ways >> way & 1 == 1)
        };
        let is_looked_at = is_stable && (is_first || targets.iter().all(comes));
        let question = Question { word, bit: 1 << (place % 64), way: 1 << way, is_looked_at };
        link.question = Some(question);
        if let Some(way) = self.questions.ways.get_mut(way) {
            way.questions.resize(way.questions.len().max(word + 1), 0);
            set(&mut way.questions, word * 64 + place % 64);
            way.bytes_min = way.bytes_min.min(link.bytes_min);
        }
        let (gate, bit) = (link.gate.unwrap_or(Gate::OPEN), question.bit);
        match link.plain_gate {
            Some(plain) => {
                self.gate(gate.literal(), gate.classes() | plain.outside, word, bit);
                self.gate(plain.literals.literal(), gate.classes(), word, bit);
            }
            None => self.gate(gate.literal(), gate.classes(), word, bit),
        }
        for target in targets.into_iter().filter(|_| is_looked_at) {
            let rough = Some(Rough::default());
            let look = Look { target, bit: 0, ways: 0, questions: Vec::new(), rough };
            let look = self.looks.entry((phase, target)).or_insert(look);
            if let Some(rough) = &mut look.rough {
                rough.add(gate, link.plain_gate, chains.node(link.chain));
            }
            look.ways |= question.way;
            look.questions.resize(look.questions.len().max(word - start + 1), 0);
            set(&mut look.questions, place);
        }
        true
    }

    /// A question is open to what holds a literal of the set, if it asks for one, and these classes.
    fn gate(&mut self, literal: Option<usize>, classes: u64, word: usize, bit: u64) {
        let gates = &mut self.questions.gates;
        gates.without.resize(gates.without.len().max(word + 1), 0);
        match literal {
            Some(literal) => {
                gates.literals.resize(gates.literals.len().max(literal + 1), ByClasses::default());
                if let Some(own) = gates.literals.get_mut(literal) {
                    own.add(classes, word, bit);
                }
            }
            None if classes != 0 => gates.bytes.add(classes, word, bit),
            None => {
                if let Some(word) = gates.without.get_mut(word) {
                    *word |= bit;
                }
            }
        }
    }

    /// All of them.
    pub(super) fn finish(mut self, chains: &Chains) -> Questions {
        let bits_of = |way: &Way| chains.node(way.chain).map_or(0, |node| node.bits);
        let ways = || (0..WAYS_MAX).zip(&self.questions.ways);
        let of_bit = |bit: u64| {
            ways().filter(|(_, way)| bits_of(way) & bit != 0).fold(0, |set, (at, _)| set | 1 << at)
        };
        self.questions.reacting = (0..u64::BITS).map(|place| of_bit(1 << place)).collect();
        let of_length = |bytes| {
            let open = ways().filter(|(_, way)| way.input_bytes_min(chains) <= bytes);
            open.fold(0, |set, (at, _)| set | 1 << at)
        };
        self.questions.open_to_length = (0..LENGTHS).map(of_length).collect();
        let targets = &self.questions.targets;
        let is_whole = |look: &Look| {
            let selector = targets.get(look.target).map(|target| &target.selector);
            matches!(selector, Some(Selector::All))
        };
        let looks = std::mem::take(&mut self.looks).into_iter();
        // Those at whole collections first, as they meet most strings.
        let (whole, others): (Vec<_>, Vec<_>) = looks.partition(|(_, look)| is_whole(look));
        for (number, ((phase, _), look)) in (0..).zip(whole.into_iter().chain(others)) {
            let Some(part) = self.part(phase) else { continue };
            let bit = LookSet::from(1_u8).checked_shl(number).unwrap_or(0);
            let rough = look.rough.and_then(Rough::finish);
            part.looks.push(Look { bit, rough, ..look });
        }
        self.questions
    }
}

/// Whether nothing that a rule does changes the variable before the next phase.
pub(crate) fn is_stable(variable: Variable) -> bool {
    let changes = matches!(
        variable,
        Variable::Tx
            | Variable::Env
            | Variable::Geo
            | Variable::Rule
            | Variable::MatchedVar
            | Variable::MatchedVarName
            | Variable::MatchedVars
            | Variable::MatchedVarsNames
            | Variable::Duration
            | Variable::HighestSeverity
            | Variable::ReqbodyProcessor
            | Variable::SessionId
            | Variable::UserId
    );
    !changes && !variable.is_persistent()
}
