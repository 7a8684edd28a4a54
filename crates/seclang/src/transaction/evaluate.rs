//! The interpreter.

use super::memo::Tables;
use super::spare::Desk;
use super::state::Matched;
use super::values::Value;
use super::{Decision, Fault, Interruption, Transaction};
use crate::interface::Disruption;
use crate::operator::{Hit, Operator};
use crate::plan::{AllowScope, ChainId, Flow, Link, Rule, RuleDisruption};
use crate::ruleset::RuleSet;
use crate::stage::{Entrance, Question, Step};
use crate::strings::StrId;
use crate::trace::{Event, LeftOut, shown};
use crate::variable::Variable;
use burgrave_model::Mode;
use std::sync::Arc;

/// What evaluating a rule or asking a value costs at least, in bytes of a value: also the empty ones do.
const BYTES_OF_A_STEP: usize = 64;
/// Bytes given to operators and transformations between two looks at the clock: one rule may have many
/// values.
const BYTES_PER_LOOK: usize = 64 * 1024;
/// Bytes of values that one transaction may hold.
const BYTES_HELD_MAX: usize = 256 * 1024 * 1024;

/// What follows a full match.
enum Next {
    /// The rule at this position of the phase.
    At(usize),
    /// Nothing: the phase has its answer.
    End(Decision),
}

/// What a value says to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Yes,
    /// Which follows from the value and the question alone, where that has a number.
    No,
    /// It would have been yes, but for what else is known of the value.
    Spared,
}

impl Transaction {
    /// Evaluates a phase (1 to 5).
    pub(super) fn phase(&mut self, phase: u8) -> Decision {
        self.tell(|own| Event::Phase(phase, own.mode));
        self.typed.forget();
        if self.mode == Mode::Off {
            return Decision::Continue;
        }
        let allowed = match self.allowed {
            Some(AllowScope::Transaction) => phase < 5,
            Some(AllowScope::Request) => phase < 3,
            Some(AllowScope::Phase) | None => false,
        };
        if allowed {
            let rules = Arc::clone(&self.rules);
            self.tell_skipped(&rules, rules.stage.phases.rules(phase), LeftOut::Allow);
            return Decision::Continue;
        }
        self.looked = (self.clock)();
        let rules = Arc::clone(&self.rules);
        let desk = self.sit_down(&rules);
        let empty = std::mem::replace(&mut self.desk, desk);
        self.desk.candidates.begin(&rules, phase);
        let decision = self.rules_of(phase, &rules);
        std::mem::replace(&mut self.desk, empty).leave();
        decision
    }

    /// The thread's desk, for a while.
    pub(super) fn sit_down(&self, rules: &RuleSet) -> Box<Desk> {
        let mut desk = Desk::take(self.number);
        desk.memo.serve(&rules.stage, !self.is_traced());
        desk
    }

    /// Walks the rules of a phase.
    fn rules_of(&mut self, phase: u8, rules: &RuleSet) -> Decision {
        let list = rules.stage.phases.rules(phase);
        if phase == 1 {
            self.state.start_tx(&rules.prelude.members);
        }
        let mut position = 0;
        while let Some(at) = self.next_open(position)
            && let Some(step) = list.get(at)
        {
            position = at + 1;
            // What cannot be said without the rule is left to it.
            let entered = self.enters(rules, at, &step.entrance);
            if matches!(entered, Ok(false)) {
                continue;
            }
            let Some(rule) = rules.rules.get(step.rule) else { continue };
            if let (Ok(true), Entrance::Jump(_, to)) = (entered, &step.entrance)
                && !self.is_changed(rule)
            {
                position = *to;
                continue;
            }
            match self.rule(rules, step.rule, rule) {
                Ok(false) => {}
                Ok(true) => match self.after_match(rule, list, position) {
                    Next::At(place) => {
                        let over = list.get(position..place).unwrap_or_default();
                        self.tell_skipped(rules, over, LeftOut::Skip);
                        position = place;
                    }
                    Next::End(decision) => {
                        if decision == Decision::Continue {
                            let rest = list.get(position..).unwrap_or_default();
                            self.tell_skipped(rules, rest, LeftOut::Allow);
                        }
                        return decision;
                    }
                },
                Err(fault) => return self.fault(fault),
            }
        }
        match self.look() {
            Ok(()) => Decision::Continue,
            Err(fault) => self.fault(fault),
        }
    }

    /// Whether a rule may match.
    fn enters(
        &mut self,
        rules: &RuleSet,
        position: usize,
        entrance: &Entrance,
    ) -> Result<bool, Fault> {
        match entrance {
            Entrance::Ask => Ok(true),
            Entrance::Candidate => self.is_candidate(rules, position),
            Entrance::Quick(quick) | Entrance::Jump(quick, _) => self.quick(rules, *quick),
        }
    }

    /// Whether an earlier rule has taken something out of this one.
    fn is_changed(&self, rule: &Rule) -> bool {
        self.removed.iter().any(|rules| rules.selects(rule))
            || self.removed_targets.iter().any(|(rules, _)| rules.selects(rule))
    }

    /// What a full match does, and where evaluation goes on.
    fn after_match(&mut self, rule: &Rule, list: &[Step], position: usize) -> Next {
        if let Some(decision) = self.full_match(rule) {
            return Next::End(decision);
        }
        if self.mode == Mode::Off {
            return Next::End(Decision::Continue);
        }
        Next::At(match rule.flow {
            Flow::Next => position,
            Flow::Skip(count) => position.saturating_add(count),
            Flow::SkipTo(order) => list.partition_point(|step| step.order < order),
        })
    }

    /// Looks at the clock: the time since the last look is used up.
    fn look(&mut self) -> Result<(), Fault> {
        let now = (self.clock)();
        self.used += now.saturating_sub(self.looked);
        self.looked = now;
        self.asked_bytes = 0;
        if self.used > self.rules.settings.budget { Err(Fault::Budget) } else { Ok(()) }
    }

    /// Counts work, and looks at the clock and at what is held when there was enough of it.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), Fault> {
        self.asked_bytes = self.asked_bytes.saturating_add(bytes).saturating_add(BYTES_OF_A_STEP);
        if self.asked_bytes > BYTES_PER_LOOK {
            self.look()?;
        }
        self.check_memory()
    }

    /// Whether every link matches.
    fn rule(&mut self, rules: &RuleSet, index: usize, rule: &Rule) -> Result<bool, Fault> {
        if rule.links.is_empty() || self.removed.iter().any(|selector| selector.selects(rule)) {
            self.tell_removed(rule);
            return Ok(false);
        }
        self.spend(0)?;
        self.current_rule = Some(index);
        self.state.matched.clear();
        self.state.names_matches = rule.names_matches;
        self.derived.forget_match();
        for (position, link) in rule.links.iter().enumerate() {
            self.tell_asks(rule, position, link);
            let matched = self.link(rules, rule, link)?;
            self.tell(|_| Event::Returned(rule.id, matched));
            if !matched {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a value matches; every one that does acts.
    fn link(&mut self, rules: &RuleSet, rule: &Rule, link: &Link) -> Result<bool, Fault> {
        if link.targets.is_empty() {
            self.act_all(link, None)?;
            return Ok(true);
        }
        if !self.is_traced() && !self.may_match(rules, link)? {
            return Ok(false);
        }
        let values = self.values(rule, link)?;
        if link.sequel.is_some() && self.comes_to_nothing(rules, link, &values)? {
            self.desk.selected = values;
            return Ok(false);
        }
        let mut any = false;
        let plainly = self.derived.is_empty();
        for value in &values {
            any |= if plainly {
                self.ask_as_it_is(rules, link, value)?
            } else {
                self.ask_value(rules, link, value)?
            };
        }
        self.desk.selected = values;
        if let Some(question) = link.question.filter(|_| !any) {
            self.foresee(rules, link, question)?;
        }
        self.check_memory()?;
        Ok(any)
    }

    /// Values that a rule leaves out are not asked, and so would never be known to say no: the rule would be entered with
    /// each request that has them. Of short ones it is found out what they would say.
    fn foresee(&mut self, rules: &RuleSet, link: &Link, question: Question) -> Result<(), Fault> {
        if self.desk.left_out.is_empty() || self.is_traced() {
            return Ok(());
        }
        let left_out = std::mem::take(&mut self.desk.left_out);
        for Value { value, .. } in &left_out {
            let tables = Tables { chains: &rules.chains, stage: &rules.stage };
            if !self.desk.memo.may_foresee(tables, question, *value, &mut self.strings) {
                continue;
            }
            if self.would_say_no(rules, link, *value)? {
                self.desk.memo.deny(tables, question, *value, &self.strings);
            } else {
                self.desk.memo.foreseen(tables, *value, &self.strings);
            }
        }
        self.desk.left_out = left_out;
        Ok(())
    }

    /// What a value would say to a line that leaves it out. What cannot be answered is no answer, and no fault: nobody
    /// asked for it.
    fn would_say_no(&mut self, rules: &RuleSet, link: &Link, value: StrId) -> Result<bool, Fault> {
        let last = [link.chain];
        let chains = if link.multi_match { rules.chains.prefixes(link.chain) } else { &last };
        for chain in chains {
            let transformed = self.transform(rules, *chain, value);
            self.spend(self.strings.get(transformed).len())?;
            let hit = link.operator.evaluate(self.strings.get(transformed), false, self).ok();
            if hit.is_none_or(|hit| hit.is_some() != link.negated) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a value, or a decoded form in its place, matches.
    pub(super) fn ask_as_it_is(
        &mut self,
        rules: &RuleSet,
        link: &Link,
        value: &Value,
    ) -> Result<bool, Fault> {
        self.tell_value(rules, link, value);
        let tables = Tables { chains: &rules.chains, stage: &rules.stage };
        if let Some(question) = link.question
            && !self.is_traced()
            && self.desk.memo.says_no(tables, question, value.value, &mut self.strings)
        {
            let read = self.desk.memo.take_read_bytes();
            self.spend(read)?;
            return Ok(false);
        }
        let answer = if link.multi_match {
            self.at_every_step(rules, link, value)?
        } else {
            let transformed = self.transform(rules, link.chain, value.value);
            self.ask(rules, link, value, transformed)?
        };
        if let Some(question) = link.question.filter(|_| answer == Answer::No) {
            self.desk.memo.deny(tables, question, value.value, &self.strings);
        }
        Ok(answer == Answer::Yes)
    }

    /// `multiMatch`: after each transformation that changed the value.
    fn at_every_step(
        &mut self,
        rules: &RuleSet,
        link: &Link,
        value: &Value,
    ) -> Result<Answer, Fault> {
        let mut all = Answer::No;
        let mut last = None;
        for &chain in rules.chains.prefixes(link.chain) {
            let transformed = self.transform(rules, chain, value.value);
            if last != Some(transformed) {
                match self.ask(rules, link, value, transformed)? {
                    Answer::Yes => all = Answer::Yes,
                    Answer::Spared if all == Answer::No => all = Answer::Spared,
                    Answer::Spared | Answer::No => {}
                }
            }
            last = Some(transformed);
        }
        Ok(all)
    }

    fn ask(
        &mut self,
        rules: &RuleSet,
        link: &Link,
        value: &Value,
        transformed: StrId,
    ) -> Result<Answer, Fault> {
        let of_others = |yes| if yes { Answer::Yes } else { Answer::Spared };
        if let Operator::Unavailable(name) = link.operator {
            return self.ask_places(name, link, value, transformed).map(of_others);
        }
        if let Operator::Listed(zone) = &link.operator {
            return self.ask_lists(zone, link, value, transformed).map(of_others);
        }
        let tables = Tables { chains: &rules.chains, stage: &rules.stage };
        if let Some(gate) = link.gate
            && !gate.is_open(self.desk.memo.holds(tables, transformed, &self.strings))
        {
            self.tell_answer(link, value, transformed, None);
            return Ok(Answer::No);
        }
        self.spend(self.strings.get(transformed).len())?;
        let text = self.strings.get(transformed);
        let hit = link
            .operator
            .evaluate(text, link.capture || self.is_traced(), self)
            .map_err(|_ignored| Fault::Regex)?;
        self.tell_answer(link, value, transformed, hit.as_ref());
        let hit = match (hit, link.negated) {
            (Some(hit), false) => hit,
            (None, true) => Hit::default(),
            (Some(_), true) | (None, false) => return Ok(Answer::No),
        };
        if !self.is_confirmed(link, value)? {
            self.tell(|_| Event::Unconfirmed);
            return Ok(Answer::Spared);
        }
        if link.spares_types && self.is_of_its_type(value, transformed)? {
            return Ok(Answer::Spared);
        }
        let name = if self.state.names_matches {
            let name = self.full_name(value.variable, value.key);
            self.strings.intern(&name)
        } else {
            StrId::EMPTY
        };
        let Value { variable, key, value: raw, .. } = *value;
        self.state.matched.push(Matched { variable, key, value: transformed, raw, name });
        if link.capture {
            self.capture(rules, &hit, transformed);
        }
        self.act_all(link, Some(value))?;
        if link.sequel.is_some() {
            self.learn_whether_idle(rules, link, value);
        }
        Ok(Answer::Yes)
    }

    /// What a value's match does. Texts may grow with each, so the bound is watched here.
    pub(super) fn act_all(&mut self, link: &Link, value: Option<&Value>) -> Result<(), Fault> {
        for effect in &link.effects {
            self.act(effect, value);
            self.check_memory()?;
        }
        Ok(())
    }

    /// `TX:0` … `TX:9`; what the match did not set is removed.
    pub(super) fn capture(&mut self, rules: &RuleSet, hit: &Hit, value: StrId) {
        let all = hit.groups.len().max(1);
        let before = std::mem::replace(&mut self.state.captured, all);
        for (number, key) in rules.names.digits.iter().enumerate().take(all.max(before)) {
            let group = hit.groups.get(number).cloned().flatten();
            let text = match (&hit.text, group) {
                (Some(text), _) if number == 0 => Some(self.strings.intern(text)),
                (_, Some(range)) => self.intern_part(value, range),
                (_, None) => None,
            };
            if let Some(text) = text {
                self.tell(|own| Event::Captured(number, shown(own.strings.get(text))));
            }
            self.state.set_tx(*key, text);
        }
    }

    fn intern_part(&mut self, value: StrId, range: std::ops::Range<usize>) -> Option<StrId> {
        if range == (0..self.strings.get(value).len()) {
            return Some(value);
        }
        let mut room = std::mem::take(&mut self.room);
        room.clear();
        let part = self.strings.get(value).get(range).map(|part| room.extend_from_slice(part));
        let id = part.map(|()| self.strings.intern(&room));
        self.room = room;
        id
    }

    /// `ARGS:name`, or the variable's name alone.
    pub(super) fn full_name(&self, variable: Variable, key: Option<StrId>) -> Vec<u8> {
        let mut name = variable.name().as_bytes().to_vec();
        if let Some(key) = key {
            name.push(b':');
            name.extend_from_slice(self.strings.get(key));
        }
        name
    }

    /// The value after a chain of transformations.
    pub(super) fn transform(&mut self, rules: &RuleSet, chain: ChainId, value: StrId) -> StrId {
        let tables = Tables { chains: &rules.chains, stage: &rules.stage };
        self.desk.memo.transform(tables, chain, value, &mut self.strings)
    }

    pub(super) fn check_memory(&self) -> Result<(), Fault> {
        if self.strings.bytes_held() > BYTES_HELD_MAX { Err(Fault::Memory) } else { Ok(()) }
    }

    /// What a full match does; `Some` ends the phase.
    fn full_match(&mut self, rule: &Rule) -> Option<Decision> {
        if let Some(severity) = rule.meta.severity {
            self.state.highest_severity = self.state.highest_severity.min(severity);
        }
        self.tell_matched(rule);
        if rule.log || rule.audit {
            self.record(rule);
        }
        let action = match &rule.disruption {
            RuleDisruption::Pass => return None,
            RuleDisruption::Allow(scope) => {
                if self.mode == Mode::Block {
                    self.allowed = Some(*scope);
                    self.tell(|_| Event::Allowed(rule.id, scope.name()));
                    return Some(Decision::Continue);
                }
                return None;
            }
            RuleDisruption::Deny(status) => Disruption::Deny(*status),
            RuleDisruption::Drop => Disruption::Drop,
            RuleDisruption::Redirect(status, to) => {
                Disruption::Redirect { status: *status, location: self.expand(to).into_owned() }
            }
        };
        let message =
            rule.meta.message.as_ref().map(|message| self.expand(message)).unwrap_or_default();
        let reason = bstr::BStr::new(&message).to_string();
        self.tell(|own| match own.mode {
            Mode::Block => Event::Ended(rule.id, action.clone()),
            Mode::Detect | Mode::Off => Event::WouldEnd(rule.id, action.clone()),
        });
        let interruption = Interruption { action, rule: Some(rule.id), reason };
        self.interruption.get_or_insert_with(|| interruption.clone());
        (self.mode == Mode::Block).then_some(Decision::Interrupt(interruption))
    }
}
