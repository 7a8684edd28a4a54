//! Which rules of a phase may match at all, group by group, when the first rule of a group is reached.
//!
//! Holds only while a phase is evaluated: the groups' variables stay as they are for so long.

use super::memo::Tables;
use super::{Fault, Transaction};
use crate::ruleset::RuleSet;
use crate::stage::{Gate, Holds, Quick, QuickKind, Unit, is_set, set};
use crate::strings::StrId;
use crate::transaction::values::Value;

/// The values of a target.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// How many.
    count: usize,
    /// What they hold as they are, all together.
    all: Holds,
    /// The transformations that may change one of them, as bits.
    reacts: u64,
    /// What those hold that no transformation changes.
    plain: Holds,
    /// Where the others stand.
    others: (usize, usize),
}

/// The values of a list of targets.
#[derive(Clone, Copy, Debug, Default)]
struct Together {
    all: Holds,
    reacts: u64,
}

/// A value that some transformation may change.
#[derive(Clone, Copy, Debug)]
struct Other {
    value: StrId,
    /// Which, as bits.
    reacts: u64,
    /// As it is.
    holds: Holds,
}

/// What the groups hold, as far as somebody asked.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    targets: Vec<Known>,
    targets_known: Vec<u64>,
    others: Vec<Other>,
    lists: Vec<Together>,
    lists_known: Vec<u64>,
    units: Vec<Holds>,
    units_known: Vec<u64>,
    groups: Vec<Holds>,
    groups_known: Vec<u64>,
    /// Room for the values of one target.
    room: Vec<Value>,
}

impl Candidates {
    /// Forgets everything, and has room for the rule set's groups.
    pub(super) fn begin(&mut self, rules: &RuleSet) {
        let groups = &rules.stage.groups;
        self.others.clear();
        self.targets.resize(groups.targets.len(), Known::default());
        self.units.resize(groups.units.len(), Holds::default());
        self.lists.resize(groups.lists.len(), Together::default());
        self.groups.resize(groups.all.len(), Holds::default());
        for (known, count) in [
            (&mut self.targets_known, groups.targets.len()),
            (&mut self.units_known, groups.units.len()),
            (&mut self.lists_known, groups.lists.len()),
            (&mut self.groups_known, groups.all.len()),
        ] {
            known.clear();
            known.resize(count.div_ceil(64), 0);
        }
    }
}

impl Transaction {
    /// Whether a group holds what a rule of it needs.
    pub(super) fn may_match(
        &mut self,
        rules: &RuleSet,
        group: usize,
        gate: Gate,
    ) -> Result<bool, Fault> {
        if !is_set(&self.desk.candidates.groups_known, group) {
            self.learn_group(rules, group)?;
        }
        Ok(self.desk.candidates.groups.get(group).is_none_or(|holds| gate.is_open(holds)))
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
                self.learn_target(rules, target)?;
                let count = self.desk.candidates.targets.get(target).map_or(0, |known| known.count);
                i64::try_from(count).unwrap_or(i64::MAX)
            }
        };
        Ok(quick.holds(number))
    }

    fn learn_group(&mut self, rules: &RuleSet, number: usize) -> Result<(), Fault> {
        let Some(group) = rules.stage.groups.all.get(number) else { return Ok(()) };
        let together = self.learn_list(rules, group.list)?;
        let bits = rules.chains.node(group.chain).map_or(0, |node| node.bits);
        let mut sum = together.all;
        if together.reacts & bits != 0 {
            sum = Holds::default();
            for &unit in &group.units {
                if !is_set(&self.desk.candidates.units_known, unit) {
                    self.learn_unit(rules, unit)?;
                }
                sum.add(self.desk.candidates.units.get(unit).unwrap_or(&Holds::ALL));
            }
        }
        if let Some(row) = self.desk.candidates.groups.get_mut(number) {
            *row = sum;
            set(&mut self.desk.candidates.groups_known, number);
        }
        Ok(())
    }

    /// What the values of all targets of a list hold as they are.
    fn learn_list(&mut self, rules: &RuleSet, number: usize) -> Result<Together, Fault> {
        if is_set(&self.desk.candidates.lists_known, number)
            && let Some(known) = self.desk.candidates.lists.get(number)
        {
            return Ok(*known);
        }
        let mut together = Together::default();
        for &target in rules.stage.groups.lists.get(number).map_or(&[][..], Vec::as_slice) {
            self.learn_target(rules, target)?;
            if let Some(known) = self.desk.candidates.targets.get(target) {
                together.all.add(&known.all);
                together.reacts |= known.reacts;
            }
        }
        if let Some(place) = self.desk.candidates.lists.get_mut(number) {
            *place = together;
            set(&mut self.desk.candidates.lists_known, number);
        }
        let read = self.desk.memo.take_read_bytes();
        self.spend(read)?;
        Ok(together)
    }

    fn learn_unit(&mut self, rules: &RuleSet, number: usize) -> Result<(), Fault> {
        let Some(unit) = rules.stage.groups.units.get(number) else { return Ok(()) };
        self.learn_target(rules, unit.target)?;
        let Some(known) = self.desk.candidates.targets.get(unit.target) else { return Ok(()) };
        let bits = rules.chains.node(unit.chain).map_or(0, |node| node.bits);
        let sum = if known.reacts & bits == 0 {
            known.all
        } else {
            let (plain, others) = (known.plain, known.others);
            self.transformed(rules, *unit, bits, plain, others)
        };
        if let Some(row) = self.desk.candidates.units.get_mut(number) {
            *row = sum;
            set(&mut self.desk.candidates.units_known, number);
        }
        let read = self.desk.memo.take_read_bytes();
        self.spend(read)
    }

    /// What a target's values hold after a chain that changes some of them.
    fn transformed(
        &mut self,
        rules: &RuleSet,
        unit: Unit,
        bits: u64,
        plain: Holds,
        (start, end): (usize, usize),
    ) -> Holds {
        let mut sum = plain;
        for at in start..end {
            let Some(other) = self.desk.candidates.others.get(at) else { break };
            if unit.every_step || other.reacts & bits == 0 {
                sum.add(&other.holds);
            }
            if other.reacts & bits != 0 {
                let value = other.value;
                self.add_value(rules, unit, value, &mut sum);
            }
        }
        sum
    }

    fn add_value(&mut self, rules: &RuleSet, unit: Unit, value: StrId, sum: &mut Holds) {
        let tables = Tables { chains: &rules.chains, stage: &rules.stage };
        let mut chain = unit.chain;
        loop {
            let transformed = self.desk.memo.transform(tables, chain, value, &mut self.strings);
            sum.add(self.desk.memo.holds(tables, transformed, &self.strings));
            match rules.chains.node(chain) {
                Some(node) if unit.every_step => chain = node.parent,
                Some(_) | None => return,
            }
        }
    }

    /// Looks at the values of a target, once.
    fn learn_target(&mut self, rules: &RuleSet, number: usize) -> Result<(), Fault> {
        if is_set(&self.desk.candidates.targets_known, number) {
            return Ok(());
        }
        let mut room = std::mem::take(&mut self.desk.candidates.room);
        room.clear();
        let selected = match rules.stage.groups.targets.get(number) {
            Some(target) => self.select(target, &mut room),
            None => Ok(()),
        };
        let tables = Tables { chains: &rules.chains, stage: &rules.stage };
        let start = self.desk.candidates.others.len();
        let mut known = Known { count: room.len(), ..Known::default() };
        for index in 0..room.len() {
            let Some(value) = room.get(index).copied() else { break };
            room.extend(self.derived.of(&value).map(|form| Value { value: form, ..value }));
        }
        // The same value may have many names.
        room.sort_unstable_by_key(|value| value.value);
        room.dedup_by_key(|value| value.value);
        for Value { value, .. } in &room {
            let (reacts, holds) = self.desk.memo.facts(tables, *value, &self.strings);
            let reacts = reacts & rules.chains.bits();
            known.all.add(&holds);
            known.reacts |= reacts;
            if reacts == 0 {
                known.plain.add(&holds);
            } else {
                self.desk.candidates.others.push(Other { value: *value, reacts, holds });
            }
        }
        known.others = (start, self.desk.candidates.others.len());
        self.desk.candidates.room = room;
        selected?;
        if let Some(place) = self.desk.candidates.targets.get_mut(number) {
            *place = known;
            set(&mut self.desk.candidates.targets_known, number);
        }
        Ok(())
    }
}
