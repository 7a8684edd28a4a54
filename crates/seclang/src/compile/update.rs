//! `SecRuleRemoveBy…` and `SecRuleUpdate…`: applied when all files are read, to every rule they select.

use super::draft::Draft;
use crate::action::Action;
use crate::error::LoadError;
use crate::facts::RuleChange;
use crate::plan::{Confirmation, RuleSelector};
use crate::source::Line;
use crate::target::Targets;
use crate::variable::{Selector, Target};

/// A directive that changes rules.
#[derive(Debug)]
pub(super) struct Update {
    pub(super) line: Line,
    pub(super) selector: RuleSelector,
    pub(super) change: Change,
}

/// What it does to them.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// The rule never matches.
    Remove,
    /// More targets or exclusions; with a second list, in place of these.
    Targets(Targets, Option<Targets>),
    /// Actions over the rule's own.
    Actions(Vec<Action>),
    /// A match counts only where this holds as well.
    Confirm(Confirmation),
}

impl Update {
    /// Changes the drafts. Selecting none is no error: a rule set may be loaded in part.
    pub(super) fn apply(&self, drafts: &mut [Draft]) -> Result<(), LoadError> {
        for draft in drafts.iter_mut().filter(|draft| self.selects(draft)) {
            draft.changes.push(RuleChange::of_line(&self.line));
            match &self.change {
                Change::Remove => draft.removed = Some(self.selector.removal()),
                Change::Targets(targets, replaced) => {
                    change_targets(draft, targets, replaced.as_ref());
                    if draft.links.first().is_some_and(|link| link.targets.included.is_empty()) {
                        let id = draft.id();
                        return Err(self
                            .line
                            .error(format!("the update leaves rule {id} no variable to look at")));
                    }
                }
                Change::Actions(actions) => self.actions(draft, actions)?,
                // Only the first line of a chain is meant.
                Change::Confirm(confirmation) => {
                    if let Some(link) = draft.links.first_mut() {
                        link.confirmations.push(confirmation.clone());
                    }
                }
            }
        }
        Ok(())
    }

    fn selects(&self, draft: &Draft) -> bool {
        match &self.selector {
            RuleSelector::Ids(first, last) => (*first..=*last).contains(&draft.id()),
            RuleSelector::Tag(tag) => draft.has_tag(tag),
            RuleSelector::Message(message) => draft.has_message(message),
            // Directives are resolved by these very lines.
            RuleSelector::Resolved(..) => false,
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "all other actions are added")]
    fn actions(&self, draft: &mut Draft, actions: &[Action]) -> Result<(), LoadError> {
        let Some(link) = draft.links.first_mut() else { return Ok(()) };
        for action in actions {
            match action {
                Action::Id(_) | Action::Phase(_) | Action::Chain => {
                    return Err(self.line.error("`id`, `phase` and `chain` cannot be updated"));
                }
                // A new list of transformations takes the place of the old.
                Action::Transform(None) => {
                    link.actions.retain(|old| !matches!(old, Action::Transform(_)));
                    link.actions.push(action.clone());
                }
                Action::Disrupt(_) => {
                    link.actions.retain(|old| !matches!(old, Action::Disrupt(_)));
                    link.actions.push(action.clone());
                }
                _ => link.actions.push(action.clone()),
            }
        }
        Ok(())
    }
}

/// Only the first line of a chain is meant.
fn change_targets(draft: &mut Draft, targets: &Targets, replaced: Option<&Targets>) {
    let Some(link) = draft.links.first_mut() else { return };
    if let Some(replaced) = replaced {
        let old = |target: &Target| replaced.included.iter().any(|other| same(target, other));
        link.targets.included.retain(|target| !old(target));
    }
    link.targets.included.extend(targets.included.iter().cloned());
    link.targets.excluded.extend(targets.excluded.iter().cloned());
}

fn same(left: &Target, right: &Target) -> bool {
    let selectors = match (&left.selector, &right.selector) {
        (Selector::All, Selector::All) => true,
        (Selector::Key(left), Selector::Key(right)) => left == right,
        (Selector::Pattern(left), Selector::Pattern(right)) => left.pattern() == right.pattern(),
        (Selector::XPath(left), Selector::XPath(right)) => left == right,
        _ => false,
    };
    left.variable == right.variable && left.count == right.count && selectors
}
