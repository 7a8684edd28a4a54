//! Questions about numbers that rule sets ask of their own settings at every turn: is this member of `TX`
//! set, is it above that. They are answered without the interpreter where the answer is no.

use crate::operator::{NumberComparison, Operator};
use crate::plan::{Flow, Link, Rule, RuleDisruption};
use crate::strings::StrId;
use crate::variable::{Selector, Target, Variable};

/// A question with its answer's condition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quick {
    /// Of what.
    pub(crate) kind: QuickKind,
    comparison: NumberComparison,
    number: i64,
    negated: bool,
}

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub(crate) enum QuickKind {
    /// `TX:name`; without a value there is nothing that could match.
    Value(StrId),
    /// `&TX:name`
    IsSet(StrId),
    /// `&` of another target, by its number among those of the questions.
    Count(usize),
}

impl Quick {
    /// Of a rule's first line; `number` gives a target's number, if it stays the same within a phase.
    pub(super) fn of(link: &Link, number: impl FnOnce(&Target) -> Option<usize>) -> Option<Self> {
        let ([target], Operator::Number(comparison, text)) =
            (link.targets.as_slice(), &link.operator)
        else {
            return None;
        };
        if link.chain != crate::plan::ChainId::NONE {
            return None;
        }
        let kind = match (&target.selector, target.count) {
            (Selector::Key(key), false) if target.variable == Variable::Tx => {
                QuickKind::Value(*key)
            }
            (Selector::Key(key), true) if target.variable == Variable::Tx => QuickKind::IsSet(*key),
            (_, true) => QuickKind::Count(number(&Target { count: false, ..target.clone() })?),
            (_, false) => return None,
        };
        let number = crate::operator::parse_integer(text.constant()?);
        Some(Self { kind, comparison: *comparison, number, negated: link.negated })
    }

    /// Whether a value matches.
    pub(crate) fn holds(&self, value: i64) -> bool {
        self.comparison.compare(value, self.number) != self.negated
    }

    /// Whether a rule does nothing but go on elsewhere when its only question holds.
    pub(super) fn decides(rule: &Rule) -> bool {
        let [link] = rule.links.as_slice() else { return false };
        matches!(rule.flow, Flow::SkipTo(_))
            && rule.disruption == RuleDisruption::Pass
            && !rule.log
            && rule.meta.severity.is_none()
            && link.effects.is_empty()
            && link.exclusions.is_empty()
            && link.confirmations.is_empty()
            && !link.capture
    }
}
