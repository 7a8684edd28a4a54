//! The rules with which a rule set begins that only set members of `TX`, the same for every request.
//!
//! The Core Rule Set opens with dozens of lines such as "if the threshold is not set, set it to 5". Their
//! outcome is known when the rules are loaded; a transaction starts with it and goes on behind them.
//! Only rules of phase 1 that look at nothing but `TX` and change nothing else take part, before the first
//! one of any other kind; between them may stand rules that have nothing to do with `TX`, such as those that
//! choose how a body is read. It must not fold what a request can influence.

use crate::macros::{Macro, Part};
use crate::operator::{Expand, Operator, parse_integer};
use crate::plan::{ChainId, Change, Control, Effect, Flow, Link, Rule, RuleDisruption};
use crate::strings::{StrId, Strings, write_number};
use crate::variable::{Selector, Target, Variable};
use std::borrow::Cow;

/// Known outcomes.
#[derive(Debug, Default)]
pub(crate) struct Prelude {
    /// Positions of the rules that it stands for.
    pub(crate) rules: Vec<usize>,
    /// The members of `TX` that they leave, in the order in which they were first set.
    pub(crate) members: Vec<(StrId, StrId)>,
}

impl Prelude {
    /// What the first of these rules come to.
    pub(crate) fn of(rules: &[Rule], strings: &mut Strings) -> Self {
        let mut outcome = Outcome { members: Vec::new(), strings };
        let mut folded = Vec::new();
        for (position, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.phase == 1) {
            if outcome.takes(rule).is_some() {
                folded.push(position);
            } else if !is_apart(rule) {
                break;
            }
        }
        Self { rules: folded, members: outcome.members }
    }
}

/// What is known of a target when rules load.
enum Known {
    /// Its only value.
    Value(Vec<u8>),
    /// It has none.
    NoValue,
    /// Nothing: it is no member of `TX`.
    No,
}

struct Outcome<'a> {
    members: Vec<(StrId, StrId)>,
    strings: &'a mut Strings,
}

impl Expand for Outcome<'_> {
    fn expand<'a>(&'a self, text: &'a Macro) -> Cow<'a, [u8]> {
        let mut out = Vec::new();
        for part in text.parts() {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                // Texts with members by pattern are not folded.
                Part::Matching(..) => {}
                Part::Value(_, key) => {
                    let value = key.and_then(|key| self.member(key));
                    out.extend_from_slice(value.map_or(&[][..], |value| self.strings.get(value)));
                }
            }
        }
        out.into()
    }
}

impl Outcome<'_> {
    fn member(&self, name: StrId) -> Option<StrId> {
        self.members.iter().find(|(own, _)| *own == name).map(|(_, value)| *value)
    }

    /// Evaluates a rule; `None` for one that does not belong here.
    fn takes(&mut self, rule: &Rule) -> Option<()> {
        let link = rule.links.first()?;
        if !link.exclusions.is_empty() || link.chain != ChainId::NONE {
            return None;
        }
        // A rule that does not match does nothing, whatever else it says.
        if self.hits(link)? == 0 {
            return Some(());
        }
        let is_plain = rule.links.len() == 1 && link.confirmations.is_empty();
        let changes = (is_quiet(rule) && is_plain).then(|| changes(link))??;
        for (key, change) in &changes {
            self.change(*key, change);
        }
        Some(())
    }

    /// How many values match: none or one.
    fn hits(&mut self, link: &Link) -> Option<usize> {
        if link.targets.is_empty() {
            return Some(1);
        }
        let [target] = link.targets.as_slice() else { return None };
        let value = match self.value(target) {
            Known::Value(value) => value,
            Known::NoValue => return Some(0),
            Known::No => return None,
        };
        let knows = match &link.operator {
            Operator::Text(_, text) | Operator::Number(_, text) => is_of_tx(text),
            Operator::Regex(_)
            | Operator::RegexMacro(_)
            | Operator::RegexGlobal(_)
            | Operator::Phrases(_)
            | Operator::Addresses(_)
            | Operator::ByteRange(_)
            | Operator::UrlEncoding
            | Operator::Utf8Encoding
            | Operator::SqlInjection
            | Operator::CrossSiteScripting
            | Operator::Verify(..)
            | Operator::Always
            | Operator::Never
            | Operator::Listed(_)
            | Operator::Unavailable(_) => false,
        };
        let hit = knows.then(|| link.operator.evaluate(&value, false, self))?.ok()?.is_some();
        Some(usize::from(hit != link.negated))
    }

    fn value(&self, target: &Target) -> Known {
        let Selector::Key(key) = target.selector else { return Known::No };
        if target.variable != Variable::Tx {
            return Known::No;
        }
        match (self.member(key), target.count) {
            (member, true) => Known::Value(vec![b'0' + u8::from(member.is_some())]),
            (Some(value), false) => Known::Value(self.strings.get(value).to_vec()),
            (None, false) => Known::NoValue,
        }
    }

    fn change(&mut self, key: StrId, change: &Change) {
        let old = self.member(key).map_or(0, |old| parse_integer(self.strings.get(old)));
        let number = |text: &Macro| parse_integer(&self.expand(text));
        let new = match change {
            Change::Remove => {
                self.members.retain(|(name, _)| *name != key);
                return;
            }
            Change::To(text) => self.expand(text).into_owned(),
            Change::Add(amount) => decimal(old.saturating_add(number(amount))),
            Change::Subtract(amount) => decimal(old.saturating_sub(number(amount))),
        };
        let new = self.strings.intern(&new);
        match self.members.iter_mut().find(|(name, _)| *name == key) {
            Some((_, value)) => *value = new,
            None => self.members.push((key, new)),
        }
    }
}

/// Whether a match of the rule is seen nowhere but in what its effects change.
fn is_quiet(rule: &Rule) -> bool {
    rule.disruption == RuleDisruption::Pass
        && rule.flow == Flow::Next
        && !rule.log
        && rule.meta.severity.is_none()
        && rule.links.iter().all(|link| !link.capture)
}

/// Whether a rule neither reads nor changes `TX`, nor what later rules do.
fn is_apart(rule: &Rule) -> bool {
    let reads_request = |target: &Target| target.variable == Variable::RequestHeaders;
    let asks_plainly = |operator: &Operator| matches!(operator, Operator::Regex(_));
    let chooses_reader = |effect: &Effect| matches!(effect, Effect::Control(Control::Processor(_)));
    is_quiet(rule)
        && rule.links.iter().all(|link| {
            link.targets.iter().all(reads_request)
                && asks_plainly(&link.operator)
                && link.effects.iter().all(chooses_reader)
        })
}

fn decimal(number: i64) -> Vec<u8> {
    let mut out = Vec::new();
    write_number(number, &mut out);
    out
}

/// The changes of a link that changes nothing but `TX`, by what `TX` holds.
fn changes(link: &Link) -> Option<Vec<(StrId, Change)>> {
    let change = |effect: &Effect| match effect {
        Effect::Set { collection: Variable::Tx, key, change } => {
            let knows = match change {
                Change::Remove => true,
                Change::To(text) | Change::Add(text) | Change::Subtract(text) => is_of_tx(text),
            };
            knows.then(|| Some((key.id()?, change.clone())))?
        }
        Effect::Set { .. }
        | Effect::Expire { .. }
        | Effect::Open { .. }
        | Effect::Environment { .. }
        | Effect::Control(_)
        | Effect::Sanitise(_)
        | Effect::SanitiseMatched => None,
    };
    link.effects.iter().map(change).collect()
}

/// Whether a text depends on nothing but members of `TX`.
fn is_of_tx(text: &Macro) -> bool {
    text.parts().iter().all(|part| match part {
        Part::Text(_) => true,
        Part::Value(variable, key) => *variable == Variable::Tx && key.is_some(),
        Part::Matching(..) => false,
    })
}

#[cfg(test)]
mod tests {
    use crate::interface::Options;
    use crate::transaction::tests::rules_with;

    fn check(text: &str, rules: usize, members: &str) {
        let compiled = rules_with(text, Options::default());
        let shown: Vec<String> = compiled
            .prelude
            .members
            .iter()
            .map(|(name, value)| {
                let text = |id| compiled.constants.get(id).escape_ascii().to_string();
                format!("{}={}", text(*name), text(*value))
            })
            .collect();
        assert_eq!(
            (compiled.prelude.rules.len(), shown.join(" ").as_str()),
            (rules, members),
            "{text}"
        );
    }

    #[test]
    fn settings_are_known_when_rules_load() {
        check(
            "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.A=2,setvar:tx.b=x%{tx.a}\"\n\
             SecRule &TX:a \"@eq 0\" \"id:2,phase:1,pass,nolog,setvar:tx.a=9\"\n\
             SecRule &TX:c \"@eq 0\" \"id:3,phase:1,pass,nolog,setvar:tx.c=+%{tx.a}\"\n\
             SecRule TX:c \"@gt 1\" \"id:4,phase:1,pass,nolog,setvar:!tx.b,setvar:tx.d=-1\"\n\
             SecRule &TX:c \"@eq 0\" \"id:6,phase:1,deny,log,setvar:tx.e=1\"\n\
             SecRule TX:absent \"!@eq 1\" \"id:5,phase:1,pass,nolog,setvar:tx.e=1\"\n",
            6,
            "a=2 c=2 d=-1",
        );
    }

    #[test]
    fn rules_that_have_nothing_to_do_with_it_may_stand_between() {
        check(
            "SecRule REQUEST_HEADERS:Content-Type \"@rx json\" \"id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\n\
             SecAction \"id:2,phase:1,pass,nolog,setvar:tx.a=1\"\n",
            1,
            "a=1",
        );
        check(
            "SecRule REQUEST_HEADERS:X \"@rx a\" \"id:1,phase:1,pass,nolog,ctl:ruleEngine=Off\"\n\
             SecAction \"id:2,phase:1,pass,nolog,setvar:tx.a=1\"\n",
            0,
            "",
        );
    }

    #[test]
    fn it_ends_where_a_request_is_looked_at_or_something_else_is_done() {
        for second in [
            "SecRule ARGS:x \"@eq 0\" \"id:2,phase:1,pass,nolog,setvar:tx.b=1\"",
            "SecRule &TX:b \"@eq 0\" \"id:2,phase:1,pass,log,setvar:tx.b=1\"",
            "SecRule &TX:b \"@eq 0\" \"id:2,phase:1,deny,nolog\"",
            "SecRule &TX:b \"@eq 0\" \"id:2,phase:1,pass,nolog,ctl:ruleEngine=Off\"",
            "SecRule &TX:b \"@eq 0\" \"id:2,phase:1,pass,nolog,setvar:tx.b=%{REMOTE_ADDR}\"",
            "SecRule &TX:b \"@eq 0\" \"id:2,phase:1,pass,nolog,setvar:tx.%{tx.a}=1\"",
            "SecRule &TX:b \"@eq 0\" \"id:2,phase:1,pass,nolog,skip:1\"",
            "SecRule &TX:b \"@eq 0\" \"id:2,phase:1,pass,nolog,chain\"\nSecRule TX:a \"@eq 1\" \"setvar:tx.b=1\"",
            "SecRule TX:/a/ \"@eq 1\" \"id:2,phase:1,pass,nolog,setvar:tx.b=1\"",
            "SecRule TX:a \"@rx 1\" \"id:2,phase:1,pass,nolog,setvar:tx.b=1\"",
            "SecRule TX:a \"@eq 1\" \"id:2,phase:1,pass,nolog,t:length,setvar:tx.b=1\"",
            "SecAction \"id:2,phase:1,pass,nolog,initcol:ip=x\"",
        ] {
            let text = format!(
                "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.a=1\"\n{second}\nSecAction \"id:3,phase:1,pass,nolog,setvar:tx.c=1\"\n"
            );
            check(&text, 1, "a=1");
        }
    }
}
