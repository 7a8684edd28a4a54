//! The rules with which a rule set begins that only set members of `TX`, the same for every request.
//!
//! The Core Rule Set opens with dozens of lines such as "if the threshold is not set, set it to 5". Their
//! outcome is known when the rules are loaded; a transaction starts with it and goes on behind them.
//! Only rules of phase 1 that look at nothing but `TX` and change nothing else take part, before the first
//! one of any other kind. Between them may stand rules that are left to each request and that those have nothing to do
//! with, such as one that chooses how a body is read, or adds to a member that no later rule reads or sets: whether they
//! come before or after is then the same. It must not fold what a request can influence.

use crate::macros::{Macro, Part};
use crate::operator::{Expand, Operator, parse_integer};
use crate::plan::{ChainId, Change, Control, Effect, Flow, Link, Rule, RuleDisruption};
use crate::stage::is_stable;
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
    /// What the first of these rules come to. `captures` are the names of `TX:0`… `TX:9`.
    pub(crate) fn of(rules: &[Rule], captures: &[StrId], strings: &mut Strings) -> Self {
        let mut outcome = Outcome {
            members: Vec::new(),
            changed: Vec::new(),
            read: Vec::new(),
            captures,
            strings,
        };
        let mut folded = Vec::new();
        for (position, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.phase == 1) {
            if outcome.takes(rule).is_some() {
                folded.push(position);
            } else if outcome.stands_apart(rule).is_none() {
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
    /// Members of those, and captures, to which rules that are left to each request give another value.
    changed: Vec<StrId>,
    /// Members that such rules read.
    read: Vec<StrId>,
    captures: &'a [StrId],
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
        let changes = (is_quiet(rule) && !link.capture && is_plain).then(|| changes(link))??;
        let is_left = |key: &StrId| self.changed.contains(key) || self.read.contains(key);
        let read = changes.iter().filter_map(|(_, change)| change.text()).flat_map(members_in);
        if changes.iter().any(|(key, _)| is_left(key))
            || read.into_iter().any(|key| self.changed.contains(&key))
        {
            return None;
        }
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
            Operator::Text(_, text) | Operator::Number(_, text) => {
                is_of_tx(text) && !members_in(text).any(|key| self.changed.contains(&key))
            }
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
            // A member stays one.
            (None, true) | (_, false) if self.changed.contains(&key) => Known::No,
            (member, true) => Known::Value(vec![b'0' + u8::from(member.is_some())]),
            (Some(value), false) => Known::Value(self.strings.get(value).to_vec()),
            (None, false) => Known::NoValue,
        }
    }

    /// Leaves a rule to each request that looks at nothing of `TX`, and of it changes nothing but what is there; `None`
    /// where what comes after it may hang on it.
    fn stands_apart(&mut self, rule: &Rule) -> Option<()> {
        if !is_quiet(rule) {
            return None;
        }
        let (mut changed, mut read) = (Vec::new(), Vec::new());
        for link in &rule.links {
            let looks_elsewhere = link.targets.iter().all(|target| {
                is_stable(target.variable) || target.variable == Variable::ReqbodyProcessor
            });
            if !looks_elsewhere || !matches!(link.operator, Operator::Regex(_)) {
                return None;
            }
            if link.capture {
                changed.extend(self.captures);
            }
            for effect in &link.effects {
                if let Some((key, change)) = effect.change_of_tx() {
                    let key = key.id().filter(|key| self.member(*key).is_some())?;
                    let text = change.text().filter(|text| is_of_tx(text))?;
                    changed.push(key);
                    read.extend(members_in(text));
                } else if !is_about_other_things(effect) {
                    return None;
                }
            }
        }
        self.changed.append(&mut changed);
        self.read.append(&mut read);
        Some(())
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

/// Whether a match of the rule is seen nowhere but in what its effects change, and in what it captures.
fn is_quiet(rule: &Rule) -> bool {
    rule.disruption == RuleDisruption::Pass
        && rule.flow == Flow::Next
        && !rule.log
        && rule.meta.severity.is_none()
}

/// The members of `TX` in the holes of a text.
fn members_in(text: &Macro) -> impl Iterator<Item = StrId> {
    text.parts().iter().filter_map(|part| match part {
        Part::Value(Variable::Tx, key) => *key,
        Part::Value(..) | Part::Text(_) | Part::Matching(..) => None,
    })
}

/// Whether an effect changes neither `TX` nor which rules are asked of it.
fn is_about_other_things(effect: &Effect) -> bool {
    match effect {
        Effect::Control(Control::Processor(_)) => true,
        Effect::Control(Control::RemoveTarget(_, target)) => target.variable != Variable::Tx,
        Effect::Control(_)
        | Effect::Set { .. }
        | Effect::Expire { .. }
        | Effect::Open { .. }
        | Effect::Environment { .. }
        | Effect::Sanitise(_)
        | Effect::SanitiseMatched => false,
    }
}

fn decimal(number: i64) -> Vec<u8> {
    let mut out = Vec::new();
    write_number(number, &mut out);
    out
}

/// The changes of a link that changes nothing but `TX`, by what `TX` holds.
fn changes(link: &Link) -> Option<Vec<(StrId, Change)>> {
    let change = |effect: &Effect| {
        let (key, change) = effect.change_of_tx()?;
        change.text().is_none_or(is_of_tx).then(|| Some((key.id()?, change.clone())))?
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
    fn what_a_request_adds_to_is_left_alone_from_there_on() {
        let first = "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.a=1,setvar:tx.b=1\"\n\
             SecRule REQUEST_FILENAME \"@rx (x)\" \"id:2,phase:1,pass,nolog,capture,setvar:'tx.a=%{tx.a}%{tx.1}%{tx.b}'\"\n";
        for (next, rules, members) in [
            ("SecAction \"id:3,phase:1,pass,nolog,setvar:tx.c=1\"", 2, "a=1 b=1 c=1"),
            ("SecRule &TX:a \"@eq 0\" \"id:3,phase:1,pass,nolog,setvar:tx.a=2\"", 2, "a=1 b=1"),
            (
                "SecRule &TX:a \"@eq 1\" \"id:3,phase:1,pass,nolog,setvar:tx.c=%{tx.b}\"",
                2,
                "a=1 b=1 c=1",
            ),
            // Those hang on whether the second matched,
            ("SecRule &TX:1 \"@eq 0\" \"id:3,phase:1,pass,nolog,setvar:tx.c=1\"", 1, "a=1 b=1"),
            ("SecRule TX:1 \"@eq 0\" \"id:3,phase:1,pass,nolog,setvar:tx.c=1\"", 1, "a=1 b=1"),
            ("SecRule TX:a \"@eq 1\" \"id:3,phase:1,pass,nolog,setvar:tx.c=1\"", 1, "a=1 b=1"),
            (
                "SecRule TX:b \"@eq %{tx.a}\" \"id:3,phase:1,pass,nolog,setvar:tx.c=1\"",
                1,
                "a=1 b=1",
            ),
            ("SecAction \"id:3,phase:1,pass,nolog,setvar:tx.c=%{tx.a}\"", 1, "a=1 b=1"),
            // or the second on whether they came first.
            ("SecAction \"id:3,phase:1,pass,nolog,setvar:tx.a=2\"", 1, "a=1 b=1"),
            ("SecAction \"id:3,phase:1,pass,nolog,setvar:tx.b=2\"", 1, "a=1 b=1"),
            ("SecAction \"id:3,phase:1,pass,nolog,setvar:tx.1=2\"", 1, "a=1 b=1"),
        ] {
            check(&format!("{first}{next}\n"), rules, members);
        }
        for second in [
            "SecRule REQUEST_FILENAME \"@rx x\" \"id:2,phase:1,pass,nolog,setvar:tx.new=1\"",
            "SecRule REQUEST_FILENAME \"@rx x\" \"id:2,phase:1,pass,nolog,setvar:!tx.a\"",
            "SecRule REQUEST_FILENAME \"@rx x\" \"id:2,phase:1,pass,nolog,setvar:tx.a=%{ip.x}\"",
            "SecRule REQUEST_FILENAME \"@rx x\" \"id:2,phase:1,pass,nolog,setvar:tx.%{tx.a}=1\"",
            "SecRule REQUEST_FILENAME \"@rx x\" \"id:2,phase:1,pass,nolog,ctl:ruleRemoveById=3\"",
            "SecRule REQUEST_FILENAME \"@rx x\" \"id:2,phase:1,pass,nolog,ctl:ruleRemoveTargetById=3;TX:a\"",
            "SecRule REQUEST_FILENAME \"@rx x\" \"id:2,phase:1,pass,nolog,skip:1\"",
            "SecRule REQUEST_FILENAME \"@rx x\" \"id:2,phase:1,pass,log,setvar:tx.a=2\"",
            "SecRule TX:a \"@rx x\" \"id:2,phase:1,pass,nolog,setvar:tx.a=2\"",
        ] {
            let text = format!(
                "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.a=1\"\n{second}\nSecAction \"id:3,phase:1,pass,nolog,setvar:tx.c=1\"\n"
            );
            check(&text, 1, "a=1");
        }
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
