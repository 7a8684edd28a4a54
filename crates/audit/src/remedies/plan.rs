//! From what fails to a plan: remedies are tried on a draft of the host until the checks say that it helps.

use super::Remedy;
use super::draft::{Draft, Edits, Refusal};
use crate::check::{Check, Finding};
use crate::facts::{Facts, Ground};
use crate::{ALL, look, remedies};
use burgrave_model::{Mend, Plan, Safeguard, Verdict};
use burgrave_sys::System;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// How often a remedy is tried on what it has left, and a plan made anew without what does not help.
const ROUNDS_MAX: usize = 24;

/// Whether what could lock out an operator is planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaysIn {
    /// Nobody can be locked out: it is a tree.
    Open,
    /// They are left to the operator, which is said.
    Kept,
}

/// What is looked at, and for what.
#[derive(Clone, Copy)]
pub struct Wanted<'w> {
    /// The host.
    pub system: &'w dyn System,
    /// What can be asked of it.
    pub ground: Ground,
    /// Folders that a configuration of ours serves.
    pub served: &'w [PathBuf],
    /// Only these.
    pub safeguards: &'w [Safeguard],
    /// And only these checks; both empty: all.
    pub checks: &'w [&'static str],
    /// Whether sshd and sudo are changed.
    pub ways_in: WaysIn,
}

impl std::fmt::Debug for Wanted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wanted").field("safeguards", &self.safeguards).finish_non_exhaustive()
    }
}

/// A plan, and what the checks will say once it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// Of each check that is mended the faults that are left.
    left: BTreeMap<&'static str, BTreeSet<String>>,
}

/// A check that fails and has a remedy.
struct Case {
    remedy: &'static Remedy,
    check: &'static Check,
    faults: Vec<Finding>,
}

/// What is to be done so that as many checks as can be pass.
pub fn plan(wanted: Wanted<'_>) -> Planned {
    let facts = facts(wanted.system, wanted);
    let cases: Vec<Case> = remedies()
        .filter_map(|remedy| {
            let check: &'static Check = ALL.iter().find(|check| check.id == remedy.id)?;
            let all = wanted.safeguards.is_empty() && wanted.checks.is_empty();
            let meant = all
                || wanted.safeguards.contains(&check.safeguard)
                || wanted.checks.contains(&check.id);
            let faults = if meant { faults(check, &facts) } else { Vec::new() };
            (!faults.is_empty()).then_some(Case { remedy, check, faults })
        })
        .collect();
    let mut useless = BTreeMap::new();
    for _ in 0..ROUNDS_MAX {
        match attempt(wanted, &cases, &mut useless) {
            Ok(Some(planned)) => return planned,
            Ok(None) => {}
            Err(Refusal(why)) => return nothing(&cases, &why),
        }
    }
    nothing(&cases, "no plan was found that helps")
}

fn facts<'s>(system: &'s dyn System, wanted: Wanted<'_>) -> Facts<'s> {
    let mut facts = Facts::new(system, wanted.ground);
    facts.served = wanted.served.to_vec();
    facts
}

fn nothing(cases: &[Case], why: &str) -> Planned {
    let refused = cases.iter().map(|case| (case.check.id, why.to_owned())).collect();
    Planned { plan: Plan { refused, ..Plan::default() }, ..Planned::default() }
}

fn faults(check: &Check, facts: &Facts<'_>) -> Vec<Finding> {
    let mut all = look(check, facts);
    all.retain(|finding| finding.verdict == Verdict::Fail);
    all
}

/// One plan; `None`: something in it does not help, and was written down as useless.
fn attempt(
    wanted: Wanted<'_>,
    cases: &[Case],
    useless: &mut BTreeMap<&'static str, String>,
) -> Result<Option<Planned>, Refusal> {
    let draft = Draft::new(wanted.system);
    let mut why = useless.clone();
    for case in cases.iter().filter(|case| !useless.contains_key(case.check.id)) {
        if wanted.ways_in == WaysIn::Kept && case.remedy.way.is_a_way_in() {
            let text = "it could lock you out of a running machine: `burgrave apply --confirm-within 5m` takes it back unless you confirm it";
            why.insert(case.check.id, text.to_owned());
            continue;
        }
        draft.begin(case.check.id);
        if let Err(Refusal(text)) = try_one(wanted, &draft, case) {
            why.insert(case.check.id, text);
        }
    }
    let (steps, programs) = draft.steps()?;
    let after = facts(&draft, wanted);
    let mut planned = Planned::default();
    let mut is_whole = true;
    for case in cases {
        let id = case.check.id;
        let left: BTreeSet<String> =
            faults(case.check, &after).into_iter().map(|fault| fault.title).collect();
        let before: BTreeSet<&String> = case.faults.iter().map(|fault| &fault.title).collect();
        let acts = steps.iter().any(|step| step.checks.contains(&id));
        if left.len() < before.len() {
            planned.plan.mends.push(mend(case));
            if let Some(first) = left.first() {
                let rest = why.get(id).cloned().unwrap_or_else(|| first.clone());
                planned
                    .plan
                    .refused
                    .push((id, format!("{} fault(s) are left: {rest}", left.len())));
            }
            planned.left.insert(id, left);
        } else if acts {
            let text = why.get(id).cloned().unwrap_or_else(|| {
                format!("what could be done does not help: {}", left.first().map_or("", |l| l))
            });
            useless.insert(id, text);
            is_whole = false;
        } else {
            let text = why
                .get(id)
                .cloned()
                .unwrap_or_else(|| "no way was found to mend it here".to_owned());
            planned.plan.refused.push((id, text));
        }
    }
    planned.plan.programs = if steps.is_empty() { Vec::new() } else { programs };
    planned.plan.stops = draft.stops();
    planned.plan.steps = steps;
    Ok(is_whole.then_some(planned))
}

/// Tries a remedy until nothing more comes of it.
fn try_one(wanted: Wanted<'_>, draft: &Draft<'_>, case: &Case) -> Result<(), Refusal> {
    let way = &case.remedy.way;
    let mut found = case.faults.clone();
    let first: Edits = draft.mark();
    for round in 0..ROUNDS_MAX {
        let facts = facts(draft, wanted);
        if round > 0 || !way.is_by_path() {
            found = faults(case.check, &facts);
        }
        let before = draft.mark();
        let tried = if found.is_empty() { Ok(()) } else { way.mend(draft, &facts, &found) };
        drop(facts);
        let is_more = found.iter().any(|fault| fault.evidence.is_empty());
        if let Err(refusal) = tried {
            // What was done for some of it stays only where it is whole for each path.
            if !way.is_by_path() {
                draft.go_back(first);
            }
            return Err(refusal);
        }
        if draft.mark() == before || way.is_by_path() && !is_more {
            return Ok(());
        }
    }
    Ok(())
}

fn mend(case: &Case) -> Mend {
    let first = case.faults.first().map_or("", |fault| fault.title.as_str());
    let fault = match case.faults.len() {
        0 | 1 => first.to_owned(),
        many => format!("{first} (and {} more)", many - 1),
    };
    Mend { id: case.check.id, fault, risk: case.remedy.risk }
}

/// Whether the checks say what the plan promised; what else they say where not.
pub fn as_planned(planned: &Planned, wanted: Wanted<'_>) -> Result<(), String> {
    let facts = facts(wanted.system, wanted);
    let mut wrong = Vec::new();
    for (id, left) in &planned.left {
        let Some(check) = ALL.iter().find(|check| check.id == *id) else { continue };
        let now = faults(check, &facts);
        let more = now.into_iter().find(|fault| !left.contains(&fault.title));
        wrong.extend(more.map(|fault| format!("{id} still fails: {}", fault.title)));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}
