//! Which rules of a phase may match at all, group by group, when the first rule of a group is reached.
//!
//! Holds only while a phase is evaluated: the groups' variables stay as they are for so long.

use super::memo::Tables;
use super::recall::Reach;
use super::{Fault, Transaction};
use crate::plan::ChainNode;
use crate::ruleset::RuleSet;
use crate::stage::{Gate, Holds, Questions, Quick, QuickKind, Unit, is_set, set};
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
    /// What chains can make of those.
    reach: Reach,
    /// The questions that all have said no to.
    denied: Questions,
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
    reach: Reach,
    denied: Questions,
}

/// A value that some transformation may change.
#[derive(Clone, Copy, Debug)]
struct Other {
    value: StrId,
    /// Which, as bits.
    reacts: u64,
    /// As it is.
    holds: Holds,
    /// What chains can make of it, as far as that was known when it was met.
    reach: Reach,
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
    /// Of groups that may hold something else than their list does as it is.
    groups: Vec<Holds>,
    groups_differ: Vec<u64>,
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
            (&mut self.groups_differ, groups.all.len()),
            (&mut self.groups_known, groups.all.len()),
        ] {
            known.clear();
            known.resize(count.div_ceil(64), 0);
        }
    }
}

/// What values hold after a chain. It may be too much.
enum After {
    /// No more than before.
    AsBefore,
    Holds(Holds),
    /// That cannot be said without trying.
    Unknown,
}

/// What values hold after a chain, by what they hold before, the transformations that they react to and what is known
/// of chains.
fn held_after(
    node: Option<&ChainNode>,
    every_step: bool,
    all: &Holds,
    reacts: u64,
    reach: &Reach,
) -> After {
    let Some(node) = node.filter(|node| node.bits & reacts != 0) else { return After::AsBefore };
    let chains = if every_step { node.through } else { Some(node.own).filter(|own| *own != 0) };
    match chains {
        Some(chains) if reach.tame & chains == chains => After::AsBefore,
        Some(chains) if reach.tried & chains == chains => After::Holds(reach.beyond.and(all)),
        Some(_) | None => After::Unknown,
    }
}

impl Transaction {
    /// Whether a group holds what a rule of it needs.
    pub(super) fn may_match(
        &mut self,
        rules: &RuleSet,
        group: usize,
        gate: Gate,
        question: Option<usize>,
    ) -> Result<bool, Fault> {
        if !is_set(&self.desk.candidates.groups_known, group) {
            self.learn_group(rules, group)?;
        }
        let Candidates { lists, groups, groups_differ, .. } = &self.desk.candidates;
        let list = rules.stage.groups.all.get(group).and_then(|group| lists.get(group.list));
        let Some(list) = list else { return Ok(true) };
        let holds = if is_set(groups_differ, group) { groups.get(group) } else { Some(&list.all) };
        let denies = |question| !self.is_traced() && list.denied.have(question);
        Ok(holds.is_none_or(|holds| gate.is_open(holds)) && !question.is_some_and(denies))
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
        self.learn_list(rules, group.list)?;
        let Some(list) = self.desk.candidates.lists.get(group.list) else { return Ok(()) };
        let node = rules.chains.node(group.chain);
        let sum = match held_after(node, group.every_step, &list.all, list.reacts, &list.reach) {
            After::AsBefore => None,
            After::Holds(sum) => Some(sum),
            After::Unknown => Some(self.learn_units(rules, &group.units)?),
        };
        let own = &mut self.desk.candidates;
        if let Some((sum, row)) = sum.zip(own.groups.get_mut(number)) {
            *row = sum;
            set(&mut own.groups_differ, number);
        }
        set(&mut own.groups_known, number);
        Ok(())
    }

    fn learn_units(&mut self, rules: &RuleSet, units: &[usize]) -> Result<Holds, Fault> {
        let mut sum = Holds::default();
        for &unit in units {
            if !is_set(&self.desk.candidates.units_known, unit) {
                self.learn_unit(rules, unit)?;
            }
            sum.add(self.desk.candidates.units.get(unit).unwrap_or(&Holds::ALL));
        }
        Ok(sum)
    }

    /// What the values of all targets of a list hold as they are.
    fn learn_list(&mut self, rules: &RuleSet, number: usize) -> Result<(), Fault> {
        if is_set(&self.desk.candidates.lists_known, number) {
            return Ok(());
        }
        let mut together =
            Together { reach: Reach::NOTHING, denied: Questions::ALL, ..Together::default() };
        for &target in rules.stage.groups.lists.get(number).map_or(&[][..], Vec::as_slice) {
            self.learn_target(rules, target)?;
            if let Some(known) = self.desk.candidates.targets.get(target) {
                together.all.add(&known.all);
                together.reacts |= known.reacts;
                together.reach.add(&known.reach);
                together.denied.keep(&known.denied);
            }
        }
        if let Some(place) = self.desk.candidates.lists.get_mut(number) {
            *place = together;
            set(&mut self.desk.candidates.lists_known, number);
        }
        let read = self.desk.memo.take_read_bytes();
        self.spend(read)
    }

    fn learn_unit(&mut self, rules: &RuleSet, number: usize) -> Result<(), Fault> {
        let Some(unit) = rules.stage.groups.units.get(number) else { return Ok(()) };
        self.learn_target(rules, unit.target)?;
        let Some(known) = self.desk.candidates.targets.get(unit.target) else { return Ok(()) };
        let node = rules.chains.node(unit.chain);
        let sum = match held_after(node, unit.every_step, &known.all, known.reacts, &known.reach) {
            After::AsBefore => known.all,
            After::Holds(sum) => sum,
            After::Unknown => {
                let (plain, others) = (known.plain, known.others);
                self.transformed(rules, *unit, node, plain, others)
            }
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
        node: Option<&ChainNode>,
        plain: Holds,
        (start, end): (usize, usize),
    ) -> Holds {
        let mut sum = plain;
        for at in start..end {
            let Some(other) = self.desk.candidates.others.get(at) else { break };
            let after = held_after(node, unit.every_step, &other.holds, other.reacts, &other.reach);
            if unit.every_step || matches!(after, After::AsBefore) {
                sum.add(&other.holds);
            }
            match after {
                After::AsBefore => {}
                After::Holds(after) => sum.add(&after),
                After::Unknown => {
                    let value = other.value;
                    self.add_value(rules, unit, value, &mut sum);
                }
            }
        }
        sum
    }

    fn add_value(&mut self, rules: &RuleSet, unit: Unit, value: StrId, sum: &mut Holds) {
        let tables = Tables { chains: &rules.chains, stage: &rules.stage };
        let mut chain = unit.chain;
        while let Some(node) = rules.chains.node(chain) {
            let own = (chain, node);
            sum.add(&self.desk.memo.holds_after(tables, own, value, &mut self.strings));
            if !unit.every_step {
                return;
            }
            chain = node.parent;
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
        let mut known = Known {
            count: room.len(),
            reach: Reach::NOTHING,
            denied: Questions::ALL,
            ..Known::default()
        };
        for index in 0..room.len() {
            let Some(value) = room.get(index).copied() else { break };
            room.extend(self.derived.of(&value).map(|form| Value { value: form, ..value }));
        }
        // The same value may have many names.
        room.sort_unstable_by_key(|value| value.value);
        room.dedup_by_key(|value| value.value);
        for Value { value, .. } in &room {
            let Some((facts, holds)) = self.desk.memo.facts(tables, *value, &self.strings) else {
                known = Known {
                    all: Holds::ALL,
                    plain: Holds::ALL,
                    count: known.count,
                    ..Known::default()
                };
                break;
            };
            let reacts = facts.marks.reacts & rules.chains.bits();
            known.all.add(holds);
            known.denied.keep(&facts.denied);
            known.reacts |= reacts;
            if reacts == 0 {
                known.plain.add(holds);
            } else {
                let (value, holds, reach) = (*value, *holds, facts.reach);
                known.reach.add(&reach);
                self.desk.candidates.others.push(Other { value, reacts, holds, reach });
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
