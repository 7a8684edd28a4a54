//! The interpreter.

use super::values::Value;
use super::{Decision, Fault, Interruption, Transaction};
use crate::interface::Disruption;
use crate::operator::{Hit, Operator};
use crate::plan::{AllowScope, ChainId, Flow, Link, Rule, RuleDisruption};
use crate::strings::StrId;
use burgrave_model::Mode;
use std::sync::Arc;

/// Rules between two looks at the clock.
const RULES_PER_LOOK: usize = 8;
/// Bytes given to operators between two looks at the clock: one rule may have many values.
const BYTES_PER_LOOK: usize = 256 * 1024;
/// Bytes of values that one transaction may hold.
const BYTES_HELD_MAX: usize = 256 * 1024 * 1024;

impl Transaction {
    /// Evaluates a phase (1 to 5).
    pub(super) fn phase(&mut self, phase: u8) -> Decision {
        if self.mode == Mode::Off {
            return Decision::Continue;
        }
        match self.allowed {
            Some(AllowScope::Transaction) if phase < 5 => return Decision::Continue,
            Some(AllowScope::Request) if phase < 3 => return Decision::Continue,
            _ => {}
        }
        self.looked = (self.clock)();
        let rules = Arc::clone(&self.rules);
        let list = rules.phase(phase);
        let mut position = 0;
        while let Some(&index) = list.get(position) {
            position += 1;
            let Some(rule) = rules.rules.get(index) else { continue };
            let looked = if position.is_multiple_of(RULES_PER_LOOK) { self.look() } else { Ok(()) };
            match looked.and_then(|()| self.rule(index, rule)) {
                Ok(false) => {}
                Ok(true) => {
                    if let Some(decision) = self.full_match(rule) {
                        return decision;
                    }
                    if self.mode == Mode::Off {
                        return Decision::Continue;
                    }
                    match rule.flow {
                        Flow::Next => {}
                        Flow::Skip(count) => position = position.saturating_add(count),
                        Flow::SkipTo(order) => {
                            position = list.partition_point(|&index| {
                                rules.rules.get(index).is_some_and(|rule| rule.order < order)
                            });
                        }
                    }
                }
                Err(fault) => return self.fault(fault),
            }
        }
        match self.look() {
            Ok(()) => Decision::Continue,
            Err(fault) => self.fault(fault),
        }
    }

    /// Looks at the clock: the time since the last look is used up.
    fn look(&mut self) -> Result<(), Fault> {
        let now = (self.clock)();
        self.used += now.saturating_sub(self.looked);
        self.looked = now;
        self.asked_bytes = 0;
        if self.used > self.settings.budget { Err(Fault::Budget) } else { Ok(()) }
    }

    /// Whether every link matches.
    fn rule(&mut self, index: usize, rule: &Rule) -> Result<bool, Fault> {
        if rule.links.is_empty() || self.removed.iter().any(|selector| selector.selects(rule)) {
            return Ok(false);
        }
        self.current_rule = Some(index);
        self.state.matched.clear();
        self.derived.forget_match();
        for link in &rule.links {
            if !self.link(rule, link)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a value matches; every one that does acts.
    fn link(&mut self, rule: &Rule, link: &Link) -> Result<bool, Fault> {
        if link.targets.is_empty() {
            self.act_all(link, None)?;
            return Ok(true);
        }
        let values = self.values(rule, link)?;
        let mut any = false;
        for value in &values {
            any |= self.ask_value(link, value)?;
        }
        self.selected = values;
        self.check_memory()?;
        Ok(any)
    }

    /// Whether a value, or a decoded form in its place, matches.
    pub(super) fn ask_as_it_is(&mut self, link: &Link, value: &Value) -> Result<bool, Fault> {
        if link.multi_match {
            return self.at_every_step(link, value);
        }
        let transformed = self.transform(link.chain, value.value);
        self.ask(link, value, transformed)
    }

    /// `multiMatch`: after each transformation that changed the value.
    fn at_every_step(&mut self, link: &Link, value: &Value) -> Result<bool, Fault> {
        let mut any = false;
        let mut last = None;
        for chain in self.rules.chains.prefixes(link.chain) {
            let transformed = self.transform(chain, value.value);
            if last != Some(transformed) {
                any |= self.ask(link, value, transformed)?;
            }
            last = Some(transformed);
        }
        Ok(any)
    }

    fn ask(&mut self, link: &Link, value: &Value, transformed: StrId) -> Result<bool, Fault> {
        if matches!(link.operator, Operator::Unavailable(_)) {
            return Err(Fault::Unavailable);
        }
        if let Some(gate) = link.gate
            && !self.memo.may_match(&self.rules.stage, gate, transformed, &self.strings)
        {
            return Ok(false);
        }
        // A value costs something even when it is empty.
        self.asked_bytes += self.strings.get(transformed).len() + 64;
        if self.asked_bytes > BYTES_PER_LOOK {
            self.look()?;
        }
        let text = self.strings.get(transformed);
        let hit = link
            .operator
            .evaluate(text, &|text| self.expand(text))
            .map_err(|_ignored| Fault::Regex)?;
        let hit = match (hit, link.negated) {
            (Some(hit), false) => hit,
            (None, true) => Hit::default(),
            (Some(_), true) | (None, false) => return Ok(false),
        };
        if !self.is_confirmed(link, value)? {
            return Ok(false);
        }
        let name = self.full_name(value);
        self.state.matched.push((name, transformed));
        if link.capture {
            self.capture(&hit, transformed);
        }
        self.act_all(link, Some(value))?;
        Ok(true)
    }

    /// What a value's match does. Texts may grow with each, so the bound is watched here.
    fn act_all(&mut self, link: &Link, value: Option<&Value>) -> Result<(), Fault> {
        for effect in &link.effects {
            self.act(effect, value);
            self.check_memory()?;
        }
        Ok(())
    }

    /// `TX:0` … `TX:9`; what the match did not set is removed.
    fn capture(&mut self, hit: &Hit, value: StrId) {
        for number in 0..10_usize {
            let key = self.strings.intern(number.to_string().as_bytes());
            let group = hit.groups.get(number).cloned().flatten();
            let text = match (&hit.text, group) {
                (Some(text), _) if number == 0 => Some(text.clone()),
                (_, Some(range)) => self.strings.get(value).get(range).map(<[u8]>::to_vec),
                (_, None) => None,
            };
            let text = text.map(|text| self.strings.intern(&text));
            self.state.set_tx(key, text);
        }
    }

    /// `ARGS:name`, or the variable's name alone.
    pub(super) fn full_name(&mut self, value: &Value) -> StrId {
        let mut name = value.variable.name().as_bytes().to_vec();
        if let Some(key) = value.key {
            name.push(b':');
            name.extend_from_slice(self.strings.get(key));
        }
        self.strings.intern(&name)
    }

    /// The value after a chain of transformations.
    fn transform(&mut self, chain: ChainId, value: StrId) -> StrId {
        self.memo.transform(&self.rules.chains, chain, value, &mut self.strings)
    }

    pub(super) fn check_memory(&self) -> Result<(), Fault> {
        if self.strings.bytes_held() > BYTES_HELD_MAX { Err(Fault::Memory) } else { Ok(()) }
    }

    /// What a full match does; `Some` ends the phase.
    fn full_match(&mut self, rule: &Rule) -> Option<Decision> {
        if let Some(severity) = rule.meta.severity {
            self.state.highest_severity = self.state.highest_severity.min(severity);
        }
        if rule.log {
            self.record(rule);
        }
        let action = match &rule.disruption {
            RuleDisruption::Pass => return None,
            RuleDisruption::Allow(scope) => {
                if self.mode == Mode::Block {
                    self.allowed = Some(*scope);
                    return Some(Decision::Continue);
                }
                return None;
            }
            RuleDisruption::Deny(status) => Disruption::Deny(*status),
            RuleDisruption::Drop => Disruption::Drop,
            RuleDisruption::Redirect(status, to) => {
                Disruption::Redirect { status: *status, location: self.expand(to) }
            }
        };
        let message =
            rule.meta.message.as_ref().map(|message| self.expand(message)).unwrap_or_default();
        let reason = bstr::BStr::new(&message).to_string();
        let interruption = Interruption { action, rule: Some(rule.id), reason };
        self.interruption.get_or_insert_with(|| interruption.clone());
        (self.mode == Mode::Block).then_some(Decision::Interrupt(interruption))
    }
}
