//! Which rules of a phase may match at all: put together from the questions to which the values of the phase may say
//! yes, when the first rule is reached that begins with one.
//!
//! Holds only while a phase is evaluated: the variables that are looked at stay as they are for so long.

use super::memo::{Memo, Tables};
use super::values::{Value, stored};
use super::{Fault, Transaction};
use crate::plan::Link;
use crate::ruleset::RuleSet;
use crate::stage::{Look, Quick, QuickKind, is_set};
use crate::strings::{StrId, Strings};
use crate::variable::{Selector, Shape, Target, Variable};

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

    /// A string may say yes to all questions of a look.
    fn open_all(&mut self, look: &Look) {
        self.questions.iter_mut().zip(&look.questions).for_each(|(open, asked)| *open |= asked);
    }

    /// Finds out to which questions of a look a string may say yes; most say no to all, and have said so before.
    #[inline]
    fn ask(
        &mut self,
        tables: Tables<'_>,
        look: &Look,
        value: StrId,
        memo: &mut Memo,
        strings: &mut Strings,
    ) {
        if !memo.denies(tables, value, look, strings) {
            self.put(tables, look, value, memo, strings);
        }
    }

    #[inline(never)]
    fn put(
        &mut self,
        tables: Tables<'_>,
        look: &Look,
        value: StrId,
        memo: &mut Memo,
        strings: &mut Strings,
    ) {
        if memo.is_denied_at_once(tables, value, look, strings) {
            return memo.deny_all(value, look);
        }
        let row = memo.open_to(tables, value, look, strings);
        let row = row.and_then(|row| row.get(tables.stage.questions.words_of(self.phase)));
        let Some(row) = row else { return self.open_all(look) };
        let mut any = 0;
        for ((open, asked), own) in self.questions.iter_mut().zip(&look.questions).zip(row) {
            *open |= asked & own;
            any |= asked & own;
        }
        if any == 0 {
            memo.deny_all(value, look);
        }
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
                let Some(target) = rules.stage.questions.target(target) else { return Ok(true) };
                let room = self.values_of(target)?;
                let count = room.len();
                self.desk.candidates.room = room;
                i64::try_from(count).unwrap_or(i64::MAX)
            }
        };
        Ok(quick.holds(number))
    }

    /// The values of a target. The room that they are in wants to be given back.
    fn values_of(&mut self, target: &Target) -> Result<Vec<Value>, Fault> {
        let mut room = std::mem::take(&mut self.desk.candidates.room);
        room.clear();
        self.select(target, &mut room)?;
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
            let Some(target) = target.filter(|target| !self.has_no_members(target.variable)) else {
                continue;
            };
            self.look_at(rules, look, target);
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
    fn look_at(&mut self, rules: &RuleSet, look: &Look, target: &Target) {
        let tables = Tables { chains: &rules.chains, stage: &rules.stage };
        let has_forms = self.derived.may_have(target.variable);
        if !has_forms && shows_all_as_stored(target) {
            let Self { state, desk, strings, .. } = self;
            for value in stored(state, target.variable).shown() {
                desk.candidates.ask(tables, look, value, &mut desk.memo, strings);
            }
            return;
        }
        let Ok(room) = self.values_of(target) else {
            return self.desk.candidates.open_all(look);
        };
        let Self { derived, desk, strings, .. } = self;
        for Value { value, .. } in &room {
            desk.candidates.ask(tables, look, *value, &mut desk.memo, strings);
            for form in derived.of(*value).filter(|_| has_forms) {
                desk.candidates.ask(tables, look, form, &mut desk.memo, strings);
            }
        }
        self.desk.candidates.room = room;
    }
}

/// Whether a target is a whole collection, as it is kept.
fn shows_all_as_stored(target: &Target) -> bool {
    matches!(target.selector, Selector::All)
        && target.variable.shape() == Shape::Collection
        && target.variable != Variable::Xml
}

#[cfg(test)]
mod tests {
    use crate::interface::Options;
    use crate::transaction::tests::{GET, Request, rules_with, run};

    /// There are more targets than bits, and what was said of one is no answer for another; nor is it of a string that is
    /// long, or too long to be remembered.
    #[test]
    fn a_string_may_say_no_to_one_target_and_yes_to_another() {
        let rules: String = (0..100)
            .map(|n| {
                format!(
                    "SecRule ARGS:a{n} \"@rx ^z*x{n}$\" \"id:{n},phase:2,pass,t:none,t:lowercase\"\n"
                )
            })
            .collect();
        let rules = rules_with(&rules.replace("id:0,", "id:100,"), Options::default());
        for padding in [0, 1, 1, 1, 200, 200, 200, 2_100, 2_100].map(|bytes| "Z".repeat(bytes)) {
            for n in (1..100).step_by(1 + padding.len() / 50) {
                let target = format!("/?a{n}={padding}x{}&a{}={padding}x{n}", n - 1, n - 1);
                let (record, _) = run(&rules, &Request { target: &target, ..GET });
                assert!(record.matches.is_empty());
                let target = format!("/?a{n}={padding}x{n}&a{}={padding}x{n}", n - 1);
                let (record, _) = run(&rules, &Request { target: &target, ..GET });
                let ids: Vec<u32> = record.matches.iter().map(|found| found.id).collect();
                assert_eq!(ids, [n]);
            }
        }
    }
}
