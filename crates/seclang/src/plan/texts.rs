//! The texts of a rule that may have holes, wherever they stand.

use super::{Change, Effect, Link, Rule, RuleDisruption};
use crate::macros::Macro;
use crate::variable::Variable;

impl Rule {
    /// All of them.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Macro> {
        let own = self.meta.message.iter().chain(&self.meta.data).chain(&self.meta.tags);
        let to = match &self.disruption {
            RuleDisruption::Redirect(_, to) => Some(to),
            RuleDisruption::Pass
            | RuleDisruption::Deny(_)
            | RuleDisruption::Drop
            | RuleDisruption::Allow(_) => None,
        };
        own.chain(to).chain(self.links.iter().flat_map(of_link))
    }
}

fn of_link(link: &Link) -> impl Iterator<Item = &Macro> {
    let confirmations = link.confirmations.iter().map(|own| &*own.operator);
    let operators = std::iter::once(&link.operator).chain(confirmations);
    let parameters = operators.filter_map(|operator| operator.parameter());
    let effects = link.effects.iter().flat_map(of_effect).flatten();
    parameters.chain(&link.data).chain(&link.message).chain(effects)
}

fn of_effect(effect: &Effect) -> [Option<&Macro>; 2] {
    match effect {
        Effect::Set { key, change, .. } => [Some(key), change.text()],
        Effect::Expire { key, seconds, .. } => [Some(key), Some(seconds)],
        Effect::Open { key, .. } => [Some(key), None],
        Effect::Environment { key, value } => [Some(key), Some(value)],
        Effect::Control(_) | Effect::Sanitise(_) | Effect::SanitiseMatched => [None, None],
    }
}

impl Change {
    /// The text by which a variable is changed.
    pub(crate) fn text(&self) -> Option<&Macro> {
        match self {
            Self::Remove => None,
            Self::To(text) | Self::Add(text) | Self::Subtract(text) => Some(text),
        }
    }
}

impl Effect {
    /// The member of `TX` that is changed, and how; `None` for what changes none.
    pub(crate) fn change_of_tx(&self) -> Option<(&Macro, &Change)> {
        match self {
            Self::Set { collection: Variable::Tx, key, change } => Some((key, change)),
            Self::Set { .. }
            | Self::Expire { .. }
            | Self::Open { .. }
            | Self::Environment { .. }
            | Self::Control(_)
            | Self::Sanitise(_)
            | Self::SanitiseMatched => None,
        }
    }
}
