//! Which rules a profile narrows.

use crate::macros::Macro;
use crate::plan::{Rule, TAG_OF_FORM};
use crate::variable::{Selector, Target, Variable};

/// Decides which questions do not count for an argument that is of its declared type: those by which a
/// rule about attacks looks for something within all arguments. A rule that names an argument was written
/// for it, and is asked as ever. Of a chain it is the first line, and only where the others go on with what
/// that has found: another line could be about something else of the request.
pub(crate) fn narrow(rules: &mut [Rule]) {
    for rule in rules.iter_mut().filter(|rule| rule.phase <= 2 && is_about_attacks(rule)) {
        let Some((link, rest)) = rule.links.split_first_mut() else { continue };
        let goes_on = |target: &Target| {
            matches!(
                target.variable,
                Variable::MatchedVar
                    | Variable::MatchedVarName
                    | Variable::MatchedVars
                    | Variable::MatchedVarsNames
                    | Variable::Tx
            )
        };
        let follow = rest.iter().all(|link| link.targets.iter().all(goes_on));
        let all = link.targets.iter().filter(|target| target.variable.holds_arguments());
        let whole = all.clone().all(|target| matches!(target.selector, Selector::All));
        link.spares_types =
            follow && whole && all.count() > 0 && !link.negated && link.operator.looks_within();
    }
}

/// By its tags: `attack-…` of the Core Rule Set, but what it says of the form of a request; or the weakness
/// that it is about, as our own rules have it.
fn is_about_attacks(rule: &Rule) -> bool {
    let tags = || rule.meta.tags.iter().filter_map(Macro::constant);
    !tags().any(|tag| tag == TAG_OF_FORM)
        && tags().any(|tag| tag.starts_with(b"attack-") || tag.starts_with(b"CWE-"))
}
