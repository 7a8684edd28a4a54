//! Which rules of a phase may match at all: put together from the questions to which the values of the phase may say
//! yes, when the first rule is reached that begins with one.
//!
//! Holds only while a phase is evaluated: the variables that are looked at stay as they are for so long.

use super::memo::{Open, Tables};
use super::{Fault, Transaction};
use crate::plan::Link;
use crate::ruleset::RuleSet;
use crate::stage::{Look, Quick, QuickKind, is_set};
use crate::transaction::values::Value;

/// What may match, as far as somebody asked.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    phase: u8,
    /// The phase's rules that are not ruled out.
    open: Vec<u64>,
    /// The phase's questions to which a value may say yes, once they are known.
    questions: Vec<u64>,
    are_known: bool,
    /// Room for the values of one target.
    room: Vec<Value>,
}

impl Candidates {
    /// Forgets everything, and has room for a phase of the rule set.
    pub(super) fn begin(&mut self, rules: &RuleSet, phase: u8) {
        self.phase = phase;
        self.open.clear();
        self.open.extend_from_slice(rules.stage.phases.open(phase));
        self.questions.clear();
        self.questions.resize(rules.stage.questions.words_of(phase).len(), 0);
        self.are_known = false;
    }
}

/// The first bit from a place on that is set.
fn next_set(words: &[u64], from: usize) -> Option<usize> {
    let mut at = from / 64;
    let mut word = words.get(at)? & (u64::MAX << (from % 64));
    while word == 0 {
        at += 1;
        word = *words.get(at)?;
    }
    Some(at * 64 + usize::try_from(word.trailing_zeros()).ok()?)
}

impl Transaction {
    /// The first rule of the phase from a position on that is not ruled out yet.
    pub(super) fn next_open(&self, from: usize) -> Option<usize> {
        next_set(&self.desk.candidates.open, from)
    }

    /// Whether a rule that asks a question may match, by its position in the phase.
    pub(super) fn is_candidate(&mut self, rules: &RuleSet, position: usize) -> Result<bool, Fault> {
        self.learn_questions(rules)?;
        Ok(is_set(&self.desk.candidates.open, position))
    }

    /// Whether a later line of a rule may match, as far as that is known without asking each value.
    pub(super) fn may_match(&mut self, rules: &RuleSet, link: &Link) -> Result<bool, Fault> {
        let Some(question) = link.question.filter(|question| question.is_looked_at) else {
            return Ok(true);
        };
        self.learn_questions(rules)?;
        let own = &self.desk.candidates;
        let word = question.word.checked_sub(rules.stage.questions.words_of(own.phase).start);
        let word = word.and_then(|word| own.questions.get(word));
        Ok(word.is_none_or(|word| word & question.bit != 0))
    }

    /// Whether a question of numbers can have yes for an answer.
    pub(super) fn quick(&mut self, rules: &RuleSet, quick: Quick) -> Result<bool, Fault> {
        let number = match quick.kind {
            QuickKind::Value(key) => {
                let Some(value) = self.state.tx(key) else { return Ok(false) };
                crate::operator::parse_integer(self.strings.get(value))
            }
            QuickKind::IsSet(key) => i64::from(self.state.tx(key).is_some()),
            QuickKind::Count(target) => {
                let room = self.values_of(rules, target)?;
                let count = room.len();
                self.desk.candidates.room = room;
                i64::try_from(count).unwrap_or(i64::MAX)
            }
        };
        Ok(quick.holds(number))
    }

    /// The values of a target. The room that they are in wants to be given back.
    fn values_of(&mut self, rules: &RuleSet, target: usize) -> Result<Vec<Value>, Fault> {
        let mut room = std::mem::take(&mut self.desk.candidates.room);
        room.clear();
        if let Some(target) = rules.stage.questions.target(target) {
            self.select(target, &mut room)?;
        }
        Ok(room)
    }

    /// Finds out to which questions of the phase a value may say yes, once, and rules out the other rules.
    fn learn_questions(&mut self, rules: &RuleSet) -> Result<(), Fault> {
        if self.desk.candidates.are_known {
            return Ok(());
        }
        self.desk.candidates.are_known = true;
        let phase = self.desk.candidates.phase;
        for look in rules.stage.questions.looks(phase) {
            let target = rules.stage.questions.target(look.target);
            if target.is_some_and(|target| self.has_no_members(target.variable)) {
                continue;
            }
            self.look_at(rules, look);
            let read = self.desk.memo.take_read_bytes();
            if let Err(fault) = self.spend(read) {
                self.desk.candidates.questions.fill(u64::MAX);
                return Err(fault);
            }
        }
        let own = &mut self.desk.candidates;
        let candidates = rules.stage.phases.candidates(phase);
        for ((open, candidates), may_match) in
            own.open.iter_mut().zip(candidates).zip(&own.questions)
        {
            *open &= !candidates | may_match;
        }
        Ok(())
    }

    /// The questions to which the values of a target may say yes. What cannot be looked at may say yes to all: the rules
    /// that ask for it find the same fault.
    fn look_at(&mut self, rules: &RuleSet, look: &Look) {
        let Ok(mut room) = self.values_of(rules, look.target) else {
            let open = self.desk.candidates.questions.iter_mut();
            open.zip(&look.questions).for_each(|(open, asked)| *open |= asked);
            return;
        };
        if !self.derived.is_empty() {
            for index in 0..room.len() {
                let Some(value) = room.get(index).copied() else { break };
                room.extend(self.derived.of(&value).map(|form| Value { value: form, ..value }));
            }
        }
        let tables = Tables { chains: &rules.chains, stage: &rules.stage };
        let words = rules.stage.questions.words_of(self.desk.candidates.phase);
        for Value { value, .. } in &room {
            let row = match self.desk.memo.open_of(tables, *value, look.ways, &mut self.strings) {
                Some(Open::None) => continue,
                Some(Open::Some(row)) => row.get(words.clone()),
                None => None,
            };
            let open = self.desk.candidates.questions.iter_mut().zip(&look.questions);
            match row {
                Some(row) => open.zip(row).for_each(|((open, asked), own)| *open |= asked & own),
                None => open.for_each(|(open, asked)| *open |= asked),
            }
        }
        self.desk.candidates.room = room;
    }
}
