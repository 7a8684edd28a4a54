//! Which rules of a phase may match at all, group by group, when the first rule of a group is reached.
//!
//! Holds only while a phase is evaluated: the groups' variables stay as they are for so long.

use super::memo::Tables;
use super::recall::Reach;
use super::{Fault, Transaction};
use crate::plan::{ChainNode, Link};
use crate::ruleset::RuleSet;
use crate::stage::{Holds, Questions, Quick, QuickKind, Unit, Wish, is_set, set};
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
}

/// What the groups hold, as far as somebody asked.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    targets: Vec<Known>,
    targets_known: Vec<u64>,
    /// Those that have a value at all; of the others nothing is noted.
    targets_filled: Vec<u64>,
    others: Vec<Other>,
    lists: Vec<Together>,
    lists_known: Vec<u64>,
    units: Vec<Holds>,
    units_known: Vec<u64>,
    /// Of groups that may hold something else than their list does as it is.
    groups: Vec<Holds>,
    groups_differ: Vec<u64>,
    groups_known: Vec<u64>,
    /// The phase, and its rules that are not ruled out.
    phase: u8,
    open: Vec<u64>,
    /// Room for the values of one target.
    room: Vec<Value>,
}

impl Candidates {
    /// Forgets everything, and has room for the rule set's groups.
    pub(super) fn begin(&mut self, rules: &RuleSet, phase: u8) {
        let groups = &rules.stage.groups;
        self.phase = phase;
        self.open.clear();
        self.open.extend_from_slice(groups.open(phase));
        self.others.clear();
        self.targets.resize(groups.targets.len(), Known::default());
        self.units.resize(groups.units.len(), Holds::default());
        self.lists.resize(groups.lists.len(), Together::default());
        self.groups.resize(groups.all.len(), Holds::default());
        for (known, count) in [
            (&mut self.targets_known, groups.targets.len()),
            (&mut self.targets_filled, groups.targets.len()),
            (&mut self.units_known, groups.units.len()),
            (&mut self.lists_known, groups.lists.len()),
            (&mut self.groups_differ, groups.all.len()),
            (&mut self.groups_known, groups.all.len()),
        ] {
            known.clear();
            known.resize(count.div_ceil(64), 0);
        }
    }

    /// What is known of a target that has values.
    fn target(&self, number: usize) -> Option<&Known> {
        let filled = is_set(&self.targets_filled, number);
        self.targets.get(number).filter(|_| filled)
    }

    /// What the values of a group that is known hold, and the questions that all have said no to.
    fn of_group(&self, rules: &RuleSet, number: usize) -> Option<(&Holds, &Questions)> {
        let list = self.lists.get(rules.stage.groups.all.get(number)?.list)?;
        let differs = is_set(&self.groups_differ, number);
        let holds = if differs { self.groups.get(number)? } else { &list.all };
        Some((holds, &list.denied))
    }
}

/// The places of the bits that are set.
fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros())?;
        word &= word - 1;
        usize::try_from(bit).ok()
    })
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
    /// The first rule of the phase from a position on that is not ruled out yet.
    pub(super) fn next_open(&self, from: usize) -> Option<usize> {
        next_set(&self.desk.candidates.open, from)
    }

    /// Whether a rule of a group may match, by its position in the phase.
    pub(super) fn is_candidate(
        &mut self,
        rules: &RuleSet,
        group: usize,
        position: usize,
    ) -> Result<bool, Fault> {
        if is_set(&self.desk.candidates.groups_known, group) {
            // Whoever came here was not ruled out then.
            return Ok(true);
        }
        self.learn_group(rules, group)?;
        Ok(is_set(&self.desk.candidates.open, position))
    }

    /// Whether a later line of a rule may match.
    pub(super) fn may_match(&mut self, rules: &RuleSet, link: &Link) -> Result<bool, Fault> {
        let Some(group) = link.group else { return Ok(true) };
        if !is_set(&self.desk.candidates.groups_known, group) {
            self.learn_group(rules, group)?;
        }
        let all = self.desk.candidates.of_group(rules, group);
        Ok(all.is_none_or(|(holds, denied)| Wish::of(link).may_match(holds, denied)))
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
                let count = self.desk.candidates.target(target).map_or(0, |known| known.count);
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
        self.rule_out(rules, number);
        Ok(())
    }

    /// Rules out what a group that is known cannot match.
    fn rule_out(&mut self, rules: &RuleSet, number: usize) {
        let traced = self.is_traced();
        let own = &mut self.desk.candidates;
        let mut open = std::mem::take(&mut own.open);
        if let Some((holds, denied)) = own.of_group(rules, number) {
            let denied = if traced { &Questions::default() } else { denied };
            for member in rules.stage.groups.members(own.phase, number) {
                if let Some(word) = open.get_mut(member.position / 64) {
                    let closed = u64::from(!member.wish.may_match(holds, denied));
                    *word &= !(closed << (member.position % 64));
                }
            }
        }
        own.open = open;
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
        let list = rules.stage.groups.lists.get(number).map_or(&[][..], Vec::as_slice);
        for (at, word) in list.iter().enumerate() {
            let known = self.desk.candidates.targets_known.get(at);
            for bit in bits(word & !known.copied().unwrap_or(0)) {
                self.learn_target(rules, at * 64 + bit)?;
            }
            let own = &self.desk.candidates;
            let filled = own.targets_filled.get(at).copied().unwrap_or(0);
            for known in bits(word & filled).filter_map(|bit| own.targets.get(at * 64 + bit)) {
                together.all.add(&known.all);
                together.denied.keep(&known.denied);
                // What nothing reacts to adds nothing to what chains can make.
                if known.reacts != 0 {
                    together.reacts |= known.reacts;
                    together.reach.add(&known.reach);
                }
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
        let node = rules.chains.node(unit.chain);
        let sum = match self.desk.candidates.target(unit.target) {
            None => Holds::NOTHING,
            Some(known) => {
                let Known { all, reacts, reach, plain, others, .. } = known;
                match held_after(node, unit.every_step, all, *reacts, reach) {
                    After::AsBefore => *all,
                    After::Holds(sum) => sum,
                    After::Unknown => {
                        let (plain, others) = (*plain, *others);
                        self.transformed(rules, *unit, node, plain, others)
                    }
                }
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
            let Some(&Other { value, reacts }) = self.desk.candidates.others.get(at) else { break };
            let tables = Tables { chains: &rules.chains, stage: &rules.stage };
            let Some((facts, holds)) = self.desk.memo.facts(tables, value, &self.strings) else {
                return Holds::ALL;
            };
            let after = held_after(node, unit.every_step, holds, reacts, &facts.reach);
            if unit.every_step || matches!(after, After::AsBefore) {
                sum.add(holds);
            }
            match after {
                After::AsBefore => {}
                After::Holds(after) => sum.add(&after),
                After::Unknown => self.add_value(rules, unit, value, &mut sum),
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
        if room.is_empty() || selected.is_err() {
            self.desk.candidates.room = room;
        } else {
            self.learn_values(rules, number, room);
        }
        selected?;
        set(&mut self.desk.candidates.targets_known, number);
        Ok(())
    }

    /// What these values of a target hold.
    fn learn_values(&mut self, rules: &RuleSet, number: usize, mut room: Vec<Value>) {
        let tables = Tables { chains: &rules.chains, stage: &rules.stage };
        let start = self.desk.candidates.others.len();
        let mut known = Known {
            count: room.len(),
            reach: Reach::NOTHING,
            denied: Questions::ALL,
            ..Known::default()
        };
        if !self.derived.is_empty() {
            for index in 0..room.len() {
                let Some(value) = room.get(index).copied() else { break };
                room.extend(self.derived.of(&value).map(|form| Value { value: form, ..value }));
            }
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
                known.reach.add(&facts.reach);
                self.desk.candidates.others.push(Other { value: *value, reacts });
            }
        }
        known.others = (start, self.desk.candidates.others.len());
        self.desk.candidates.room = room;
        if let Some(place) = self.desk.candidates.targets.get_mut(number) {
            *place = known;
            set(&mut self.desk.candidates.targets_filled, number);
        }
    }
}
