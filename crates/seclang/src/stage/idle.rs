//! Matches that come to nothing.
//!
//! Some rules note each value that matches under a name made of it (`setvar:tx.seen_%{tx.0}=…`), and the second line of their
//! chain looks at what was noted. Where that line says no to what a value leaves behind, and nobody else looks at a name like
//! that, nothing is ever seen of the match but what it captured. That is known of a value once and for all, as both
//! follow from its bytes.
//!
//! It must not say so of a name that anything else may read: neither a rule's target, nor a text's hole, nor a sum.

use super::Question;
use crate::macros::{Macro, Part};
use crate::plan::{Change, Effect, Link, Rule};
use crate::regex::NamePattern;
use crate::strings::{StrId, Strings};
use crate::variable::{Selector, Target, Variable};
use std::sync::Arc;

/// First lines of such rules, as bits.
pub(crate) type IdleSet = u32;

/// What follows the first line of such a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sequel {
    /// The first line's bit.
    pub(crate) bit: IdleSet,
    /// What the second asks of each value that the first has noted.
    pub(crate) question: Question,
}

/// Who reads members of `TX` by names that the rule set does not know.
#[derive(Debug, Default)]
pub(crate) struct Readers(Vec<(usize, Reader)>);

#[derive(Debug)]
enum Reader {
    /// A target.
    Pattern(Arc<NamePattern>),
    /// A sum with a member whose name begins so, in lower case.
    Sum(Vec<u8>),
}

impl Readers {
    /// Those of a rule set; `None` where there are some of which nothing can be said.
    fn of(rules: &[Rule]) -> Option<Self> {
        let mut readers = Vec::new();
        for rule in rules {
            let reads_any = |text: &Macro| {
                text.parts().iter().any(|part| matches!(part, Part::Matching(Variable::Tx, _)))
            };
            if rule.texts().any(reads_any) {
                return None;
            }
            for target in rule.links.iter().flat_map(|link| &link.targets) {
                match &target.selector {
                    _ if target.variable != Variable::Tx => {}
                    Selector::Key(_) => {}
                    Selector::Pattern(name) => {
                        readers.push((rule.index, Reader::Pattern(Arc::clone(name))));
                    }
                    Selector::All | Selector::XPath(_) => return None,
                }
            }
            let effects = rule.links.iter().flat_map(|link| &link.effects);
            let sums = effects.filter_map(|effect| match effect.change_of_tx()? {
                (key, Change::Add(_) | Change::Subtract(_)) if key.id().is_none() => {
                    Some(key.lead().to_ascii_lowercase())
                }
                (_, Change::Add(_) | Change::Subtract(_) | Change::To(_) | Change::Remove) => None,
            });
            readers.extend(sums.map(|lead| (rule.index, Reader::Sum(lead))));
        }
        Some(Self(readers))
    }

    /// Whether another rule than this may read the member of `TX` with this name, in lower case.
    pub(crate) fn read(&self, rule: usize, name: &[u8]) -> bool {
        self.0.iter().filter(|(own, _)| *own != rule).any(|(_, reader)| match reader {
            // What cannot be answered may be a yes.
            Reader::Pattern(pattern) => pattern.is_match(name).unwrap_or(true),
            Reader::Sum(lead) => name.starts_with(lead),
        })
    }
}

/// Gives the first lines of such rules what follows them. Their questions are known.
pub(super) fn find(rules: &mut [Rule], constants: &Strings, captures: &[StrId]) -> Readers {
    let Some(readers) = Readers::of(rules) else { return Readers::default() };
    let mut bits = (0..IdleSet::BITS).map(|place| 1 << place);
    for rule in rules {
        let [first, second] = rule.links.as_mut_slice() else { continue };
        if !notes(first, captures) || !looks_at_notes(second, constants) {
            continue;
        }
        let Some((bit, question)) = bits.next().zip(second.question) else { continue };
        first.sequel = Some(Sequel { bit, question });
    }
    readers
}

/// Whether a line does nothing but capture what matches, and note something that follows from that under a name that does.
fn notes(link: &Link, captures: &[StrId]) -> bool {
    let follows = |text: &Macro| {
        text.parts().iter().all(|part| match part {
            Part::Text(_) => true,
            Part::Value(variable, Some(key)) => *variable == Variable::Tx && captures.contains(key),
            Part::Value(_, None) | Part::Matching(..) => false,
        })
    };
    let is_note = |effect: &Effect| match effect.change_of_tx() {
        Some((key, Change::To(text))) => key.id().is_none() && follows(key) && follows(text),
        Some((_, Change::Add(_) | Change::Subtract(_) | Change::Remove)) | None => false,
    };
    link.question.is_some_and(|question| question.is_looked_at)
        && link.capture
        && !link.negated
        && !link.multi_match
        && link.confirmations.is_empty()
        && !link.effects.is_empty()
        && link.effects.iter().all(is_note)
}

/// Whether a line looks at members of `TX` by a name that is none of those that the rule set knows.
fn looks_at_notes(link: &Link, constants: &Strings) -> bool {
    let [Target { variable: Variable::Tx, selector: Selector::Pattern(name), count: false }] =
        link.targets.as_slice()
    else {
        return false;
    };
    link.question.is_some() && !constants.iter().any(|text| name.is_match(text).unwrap_or(true))
}

#[cfg(test)]
mod tests {
    use crate::interface::Options;
    use crate::transaction::tests::rules_with;

    const NOTES: &str = "SecRule ARGS \"@rx ^.*$\" \"id:1,phase:2,pass,capture,msg:'%{tx.0}',setvar:'tx.seen_%{tx.0}=/%{tx.0}/',chain\"\n\
        SecRule TX:/^seen_/ \"@contains bad\" \"t:none\"\n";

    #[test]
    fn only_notes_that_nobody_else_reads_come_to_nothing() {
        let notes = |from: &str, to: &str| NOTES.replace(from, to);
        for (rules, expected) in [
            (NOTES.to_owned(), true),
            (notes("capture,", ""), false),
            (notes("@rx", "!@rx"), false),
            (notes("seen_%{tx.0}=", "seen_one="), false),
            (notes("=/%{tx.0}/", "=+1"), false),
            (notes("=/%{tx.0}/", "=%{MATCHED_VAR_NAME}"), false),
            (notes("chain", "setvar:tx.a=1,chain"), false),
            (notes("chain", "multiMatch,chain"), false),
            (notes("TX:/^seen_/", "&TX:/^seen_/"), false),
            (notes("TX:/^seen_/", "TX:/^seen_/|ARGS"), false),
            (notes("@contains bad", "@contains %{tx.1}"), false),
            (format!("{NOTES}SecRule TX:seen_x \"@rx a\" \"id:2,phase:2,pass\""), false),
            (format!("{NOTES}SecRule TX \"@rx a\" \"id:2,phase:2,pass\""), false),
            (format!("{NOTES}SecRule &TX \"@eq 9\" \"id:2,phase:2,pass\""), false),
            (format!("{NOTES}SecAction \"id:2,phase:2,pass,msg:'%{{tx./^s/}}'\""), false),
            (format!("{NOTES}SecRule TX:/^other_/ \"@rx a\" \"id:2,phase:2,pass\""), true),
        ] {
            let compiled = rules_with(&rules, Options::default());
            let rule = compiled.rules.iter().find(|rule| rule.id == 1).unwrap();
            assert_eq!(rule.links[0].sequel.is_some(), expected, "{rules}");
        }
    }

    #[test]
    fn whoever_adds_to_a_member_reads_it() {
        let adds = "SecRule ARGS \"@rx a\" \"id:2,phase:2,pass,setvar:tx.se%{tx.0}=+1\"";
        let compiled = rules_with(&format!("{NOTES}{adds}\n"), Options::default());
        let [notes, adds] =
            [1, 2].map(|id| compiled.rules.iter().position(|rule| rule.id == id).unwrap());
        let readers = &compiled.stage.readers;
        assert!(readers.read(notes, b"seen_x") && !readers.read(notes, b"other"));
        assert!(!readers.read(adds, b"other"));
    }
}
