//! In what way each rule of a phase is entered.

use super::questions::{Builder, Questions};
use super::settled::Settled;
use super::{Quick, is_set};
use crate::plan::{Chains, Flow, Rule};
use crate::prelude::Prelude;
use crate::strings::Strings;

/// How a rule is entered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entrance {
    /// It is always asked.
    Ask,
    /// Only where a value may say yes to the question of its first line.
    Candidate,
    /// Not where a question of numbers says no.
    Quick(Quick),
    /// A question of numbers says whether to go on at this position of the phase; nothing else happens.
    Jump(Quick, usize),
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

/// The rules of all phases.
#[derive(Debug, Default)]
pub(crate) struct Phases {
    /// Rules of phases 1 to 5 in file order.
    rules: [Vec<Step>; 5],
    /// Those of each that may be entered, as bits.
    open: [Vec<u64>; 5],
    /// Those of each that may be entered only if a value may say yes to them, as bits.
    candidates: [Vec<u64>; 5],
}

impl Phases {
    /// Every rule is asked.
    pub(super) fn plain(rules: &[Rule]) -> Self {
        let mut phases = Self::default();
        phases.enter(rules, |_| Some(Entrance::Ask));
        for (open, list) in phases.open.iter_mut().zip(&phases.rules) {
            open.resize(list.len().div_ceil(64), u64::MAX);
        }
        phases
    }

    /// Without the rules that the prelude stands for; and the questions of those that may be entered.
    pub(super) fn build(
        rules: &mut [Rule],
        prelude: &Prelude,
        constants: &Strings,
        chains: &Chains,
    ) -> (Self, Questions) {
        let mut builder = Builder::default();
        let entrances: Vec<Entrance> =
            rules.iter().map(|rule| entrance(&mut builder, rule)).collect();
        let mut phases = Self::default();
        phases.enter(rules, |index| {
            let asked = !prelude.rules.contains(&index);
            asked.then(|| entrances.get(index).copied().unwrap_or(Entrance::Ask))
        });
        let settled = Settled::new(rules, prelude, constants);
        for (open, list) in phases.open.iter_mut().zip(&phases.rules) {
            *open = settled.open(list);
        }
        phases.question(rules, chains, &mut builder);
        (phases, builder.finish(chains))
    }

    /// The rules of a phase (1 to 5) that may be entered, as bits by their position.
    pub(crate) fn open(&self, phase: u8) -> &[u64] {
        of_phase(&self.open, phase).map_or(&[], Vec::as_slice)
    }

    /// Those of them that may be entered only if a value may say yes to their first question.
    pub(crate) fn candidates(&self, phase: u8) -> &[u64] {
        of_phase(&self.candidates, phase).map_or(&[], Vec::as_slice)
    }

    /// The rules of a phase (1 to 5).
    pub(crate) fn rules(&self, phase: u8) -> &[Step] {
        of_phase(&self.rules, phase).map_or(&[], Vec::as_slice)
    }

    /// The rules by phase.
    fn enter(&mut self, rules: &[Rule], entrance: impl Fn(usize) -> Option<Entrance>) {
        for (index, rule) in rules.iter().enumerate() {
            let phase = usize::from(rule.phase).checked_sub(1);
            if let Some(list) = phase.and_then(|phase| self.rules.get_mut(phase))
                && let Some(entrance) = entrance(index)
            {
                list.push(Step { rule: index, order: rule.order, entrance });
            }
        }
        for list in &mut self.rules {
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

    /// Gives the lines of those rules that may be entered their questions.
    fn question(&mut self, rules: &mut [Rule], chains: &Chains, builder: &mut Builder) {
        let all = self.rules.iter().zip(&self.open).zip(&mut self.candidates);
        for (phase, ((list, open), candidates)) in (1..).zip(all) {
            builder.begin(phase, list.len());
            candidates.resize(list.len().div_ceil(64), 0);
            let entered = || list.iter().enumerate().filter(|(at, _)| is_set(open, *at));
            for (position, step) in entered() {
                let link = rules.get_mut(step.rule).and_then(|rule| rule.links.first_mut());
                if let (Entrance::Candidate, Some(link)) = (step.entrance, link)
                    && builder.give(link, chains, (phase, position), true)
                {
                    super::set(candidates, position);
                }
            }
            let mut later = list.len().next_multiple_of(64);
            for (_, step) in entered() {
                let had = usize::from(matches!(step.entrance, Entrance::Candidate));
                let links = rules.get_mut(step.rule).map(|rule| rule.links.iter_mut().skip(had));
                for link in links.into_iter().flatten() {
                    later += usize::from(builder.give(link, chains, (phase, later), false));
                }
            }
        }
    }
}

/// How a rule is entered.
fn entrance(builder: &mut Builder, rule: &Rule) -> Entrance {
    let Some(link) = rule.links.first() else { return Entrance::Ask };
    match Quick::of(link, |target| builder.target(target)) {
        Some(quick) if Quick::decides(rule) => Entrance::Jump(quick, usize::MAX),
        Some(quick) => Entrance::Quick(quick),
        None if builder.can_be_looked_at(link) => Entrance::Candidate,
        None => Entrance::Ask,
    }
}
