//! Rules that look at the same values after the same transformations, and in what way each rule of a phase
//! is entered.
//!
//! Only variables that stay as they are while a phase is evaluated take part; what a rule leaves out
//! (`!ARGS:x`, `ctl:ruleRemoveTarget…`) is not taken out here: a group may hold too much, never too little.

use super::questions::Asked;
use super::settled::Settled;
use super::{Gate, Holds, Questions, Quick, is_set, set};
use crate::plan::{ChainId, Flow, Link, Rule};
use crate::prelude::Prelude;
use crate::strings::Strings;
use crate::variable::{Selector, Target, Variable};
use std::collections::BTreeMap;

/// Values of a target after a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unit {
    /// By its number.
    pub(crate) target: usize,
    /// How they are transformed.
    pub(crate) chain: ChainId,
    /// `multiMatch`: after each of the chain's steps too.
    pub(crate) every_step: bool,
}

/// Rules that look at the same values.
#[derive(Debug)]
pub(crate) struct Group {
    /// The targets, by the number of their list.
    pub(crate) list: usize,
    /// How their values are transformed.
    pub(crate) chain: ChainId,
    /// `multiMatch`: after each of the chain's steps too.
    pub(crate) every_step: bool,
    /// The units: the targets with the chain.
    pub(crate) units: Vec<usize>,
}

/// How a rule is entered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entrance {
    /// It is always asked.
    Ask,
    /// Only where the group of this number may match it, of which it is a [`Member`].
    Candidate(usize),
    /// Not where a question of numbers says no.
    Quick(Quick),
    /// A question of numbers says whether to go on at this position of the phase; nothing else happens.
    Jump(Quick, usize),
}

/// What a line of a rule asks of its group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    /// What the group must hold.
    gate: Gate,
    /// The line's question, if it has one: not all of the group may have said no to it.
    question: Asked,
}

impl Wish {
    /// Of this line.
    pub(crate) fn of(link: &Link) -> Self {
        Self { gate: link.gate.unwrap_or(Gate::OPEN), question: Asked::new(link.question) }
    }

    /// Whether a group that holds this, and of which all values have said no to those, may match the line.
    pub(crate) fn may_match(&self, holds: &Holds, denied: &Questions) -> bool {
        self.gate.is_open(holds) && !denied.answer(self.question)
    }
}

/// A rule of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    /// The rule's position in its phase.
    pub(crate) position: usize,
    /// What its first line asks.
    pub(crate) wish: Wish,
}

/// What there is of a phase (1 to 5).
fn of_phase<T>(all: &[T; 5], phase: u8) -> Option<&T> {
    all.get(usize::from(phase).checked_sub(1)?)
}

/// A rule of a phase.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Position among all rules.
    pub(crate) rule: usize,
    /// Position among all rules and markers.
    pub(crate) order: usize,
    /// How it is entered.
    pub(crate) entrance: Entrance,
}

/// All targets, units and groups of a rule set, and the rules of its phases.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// Distinct targets, by number.
    pub(crate) targets: Vec<Target>,
    /// Distinct units, by number.
    pub(crate) units: Vec<Unit>,
    /// Distinct lists of targets, by number; each as bits by the targets' numbers.
    pub(crate) lists: Vec<Vec<u64>>,
    /// All groups, by number.
    pub(crate) all: Vec<Group>,
    /// Rules of phases 1 to 5 in file order.
    phases: [Vec<Step>; 5],
    /// Those of each that may be entered, as bits.
    open: [Vec<u64>; 5],
    /// For each phase the members of each group, as far as they may be entered.
    members: [Vec<Vec<Member>>; 5],
}

impl Groups {
    /// Every rule is asked.
    pub(super) fn plain(rules: &[Rule]) -> Self {
        let mut groups = Self::default();
        groups.enter(rules, |_| Some(Entrance::Ask));
        for (open, list) in groups.open.iter_mut().zip(&groups.phases) {
            open.resize(list.len().div_ceil(64), u64::MAX);
        }
        groups
    }

    /// Without the rules that the prelude stands for.
    pub(super) fn build(rules: &mut [Rule], prelude: &Prelude, constants: &Strings) -> Self {
        let mut builder = Builder::default();
        let entrances: Vec<Entrance> = rules.iter().map(|rule| builder.entrance(rule)).collect();
        for link in rules.iter_mut().flat_map(|rule| rule.links.iter_mut().skip(1)) {
            link.group = builder.group(link);
        }
        let mut groups = builder.groups;
        groups.enter(rules, |index| {
            let asked = !prelude.rules.contains(&index);
            asked.then(|| entrances.get(index).copied().unwrap_or(Entrance::Ask))
        });
        let settled = Settled::new(rules, prelude, constants);
        for (open, list) in groups.open.iter_mut().zip(&groups.phases) {
            *open = settled.open(list);
        }
        groups.file(rules);
        groups
    }

    /// The rules of a phase (1 to 5) that may be entered, as bits by their position.
    pub(crate) fn open(&self, phase: u8) -> &[u64] {
        of_phase(&self.open, phase).map_or(&[], Vec::as_slice)
    }

    /// The members of a group in a phase (1 to 5).
    pub(crate) fn members(&self, phase: u8, group: usize) -> &[Member] {
        let groups = of_phase(&self.members, phase);
        groups.and_then(|groups| groups.get(group)).map_or(&[], Vec::as_slice)
    }

    /// The rules of a phase (1 to 5).
    pub(crate) fn phase(&self, phase: u8) -> &[Step] {
        of_phase(&self.phases, phase).map_or(&[], Vec::as_slice)
    }

    /// The rules by phase.
    fn enter(&mut self, rules: &[Rule], entrance: impl Fn(usize) -> Option<Entrance>) {
        for (index, rule) in rules.iter().enumerate() {
            let phase = usize::from(rule.phase).checked_sub(1);
            if let Some(list) = phase.and_then(|phase| self.phases.get_mut(phase))
                && let Some(entrance) = entrance(index)
            {
                list.push(Step { rule: index, order: rule.order, entrance });
            }
        }
        for list in &mut self.phases {
            let orders: Vec<usize> = list.iter().map(|step| step.order).collect();
            for step in list {
                if let Entrance::Jump(_, to) = &mut step.entrance
                    && let Some(Flow::SkipTo(order)) = rules.get(step.rule).map(|rule| rule.flow)
                {
                    *to = orders.partition_point(|own| *own < order);
                }
            }
        }
    }

    /// Files those rules of each phase that may be entered with their groups.
    fn file(&mut self, rules: &[Rule]) {
        for ((list, open), groups) in self.phases.iter().zip(&self.open).zip(&mut self.members) {
            groups.resize_with(self.all.len(), Vec::new);
            for (position, step) in list.iter().enumerate().filter(|(at, _)| is_set(open, *at)) {
                let link = rules.get(step.rule).and_then(|rule| rule.links.first());
                if let Entrance::Candidate(group) = step.entrance
                    && let Some((members, link)) = groups.get_mut(group).zip(link)
                {
                    members.push(Member { position, wish: Wish::of(link) });
                }
            }
        }
    }
}

/// A selector by what it says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    All,
    Key(crate::strings::StrId),
    Pattern(String),
}

#[derive(Default)]
struct Builder {
    groups: Groups,
    targets: BTreeMap<(usize, Said), usize>,
    units: BTreeMap<Unit, usize>,
    lists: BTreeMap<Vec<usize>, usize>,
    sets: BTreeMap<Vec<usize>, usize>,
}

impl Builder {
    fn entrance(&mut self, rule: &Rule) -> Entrance {
        let Some(link) = rule.links.first() else { return Entrance::Ask };
        if let Some(quick) = Quick::of(link, |target| self.target(target)) {
            return if Quick::decides(rule) {
                Entrance::Jump(quick, usize::MAX)
            } else {
                Entrance::Quick(quick)
            };
        }
        self.group(link).map_or(Entrance::Ask, Entrance::Candidate)
    }

    /// The group of a link whose targets all stay as they are, where there is something to ask of it.
    fn group(&mut self, link: &Link) -> Option<usize> {
        if link.gate.is_none() && link.question.is_none() {
            return None;
        }
        if link.targets.is_empty() || link.targets.iter().any(|target| target.count) {
            return None;
        }
        let targets: Option<Vec<usize>> =
            link.targets.iter().map(|target| self.target(target)).collect();
        let mut targets = targets?;
        targets.sort_unstable();
        targets.dedup();
        let mut units = Vec::with_capacity(targets.len());
        for &target in &targets {
            let unit = Unit { target, chain: link.chain, every_step: link.multi_match };
            units.push(*self.units.entry(unit).or_insert_with(|| {
                self.groups.units.push(unit);
                self.groups.units.len() - 1
            }));
        }
        let lists = &mut self.groups.lists;
        let list = *self.lists.entry(targets.clone()).or_insert_with(|| {
            let last = targets.last().copied().unwrap_or(0);
            let mut bits = vec![0; last / 64 + 1];
            for target in &targets {
                set(&mut bits, *target);
            }
            lists.push(bits);
            lists.len() - 1
        });
        let all = &mut self.groups.all;
        Some(*self.sets.entry(units.clone()).or_insert_with(|| {
            all.push(Group { list, chain: link.chain, every_step: link.multi_match, units });
            all.len() - 1
        }))
    }

    fn target(&mut self, target: &Target) -> Option<usize> {
        if !is_stable(target.variable) {
            return None;
        }
        let said = match &target.selector {
            Selector::All => Said::All,
            Selector::Key(key) => Said::Key(*key),
            Selector::Pattern(regex) => Said::Pattern(regex.pattern().to_owned()),
            Selector::XPath(path) => {
                let same =
                    |other: &Target| matches!(&other.selector, Selector::XPath(own) if own == path);
                let known = self.groups.targets.iter().position(same);
                return known.or_else(|| {
                    self.groups.targets.push(target.clone());
                    Some(self.groups.targets.len() - 1)
                });
            }
        };
        let targets = &mut self.groups.targets;
        Some(*self.targets.entry((target.variable.index(), said)).or_insert_with(|| {
            targets.push(target.clone());
            targets.len() - 1
        }))
    }
}

/// Whether nothing that a rule does changes the variable before the next phase.
fn is_stable(variable: Variable) -> bool {
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
