//! Rules of a phase that are never entered, as is known when the rules load.
//!
//! Rule sets ask for their own settings again and again: is the paranoia level below 2, then go on behind the rules of
//! level 2. Where a setting is a member of `TX` that the prelude leaves as it is and that no rule can change, the answer is
//! always the same: a rule for which it is no is never entered, nor are those that a rule jumps over for which it is yes.
//! Texts with such members in their holes are filled once for the same reason. It must not settle what a request or a
//! control can influence.

use super::phases::{Entrance, Step};
use super::quick::QuickKind;
use super::set;
use crate::macros::{Macro, Part};
use crate::operator::Operator;
use crate::plan::{Control, Effect, Flow, Rule, RuleSelector};
use crate::prelude::Prelude;
use crate::strings::{StrId, Strings};
use crate::variable::Variable;
use std::collections::BTreeSet;

/// What is known of the members of `TX`, and of what is done to rules.
pub(super) struct Settled<'a> {
    rules: &'a [Rule],
    prelude: &'a Prelude,
    constants: &'a Strings,
    /// Names, in lower case, that some rule sets or removes.
    changed: BTreeSet<Vec<u8>>,
    /// What such names begin with where they have holes.
    beginnings: Vec<Vec<u8>>,
    /// The rules that controls take away.
    removed: Vec<&'a RuleSelector>,
    /// The rules that controls take members of `TX` from.
    deprived: Vec<&'a RuleSelector>,
}

/// What is known of one member.
enum Member<'a> {
    /// It has always this value.
    Value(&'a [u8]),
    /// It never has one.
    Unset,
    /// Nothing.
    Changes,
}

impl<'a> Settled<'a> {
    /// Of these rules, some of which the prelude stands for.
    pub(super) fn new(rules: &'a [Rule], prelude: &'a Prelude, constants: &'a Strings) -> Self {
        let mut settled = Self {
            rules,
            prelude,
            constants,
            changed: BTreeSet::new(),
            beginnings: Vec::new(),
            removed: Vec::new(),
            deprived: Vec::new(),
        };
        for (_, rule) in (0..).zip(rules).filter(|(at, _)| !prelude.rules.contains(at)) {
            for effect in rule.links.iter().flat_map(|link| &link.effects) {
                settled.note(effect);
            }
        }
        settled
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "no other touches `TX` or takes a rule away"
    )]
    fn note(&mut self, effect: &'a Effect) {
        match effect {
            Effect::Set { collection: Variable::Tx, key, .. }
            | Effect::Expire { collection: Variable::Tx, key, .. } => self.changes(key),
            Effect::Control(Control::Remove(rules)) => self.removed.push(rules),
            Effect::Control(Control::RemoveTarget(rules, target))
                if target.variable == Variable::Tx =>
            {
                self.deprived.push(rules);
            }
            _ => {}
        }
    }

    fn changes(&mut self, key: &Macro) {
        match (key.constant(), key.parts()) {
            (Some(text), _) => {
                self.changed.insert(text.to_ascii_lowercase());
            }
            (None, [Part::Text(text), ..]) => self.beginnings.push(text.to_ascii_lowercase()),
            (None, _) => self.beginnings.push(Vec::new()),
        }
    }

    /// What a member holds at any time.
    fn member(&self, key: StrId) -> Member<'_> {
        let name = self.constants.get(key);
        let is_capture = matches!(name, [b'0'..=b'9']);
        if is_capture
            || self.changed.contains(name)
            || self.beginnings.iter().any(|beginning| name.starts_with(beginning))
        {
            return Member::Changes;
        }
        let found = self.prelude.members.iter().find(|(own, _)| *own == key);
        found.map_or(Member::Unset, |(_, value)| Member::Value(self.constants.get(*value)))
    }

    /// A text with holes, if those are filled with the same in each request.
    fn text(&self, text: &Macro) -> Option<Vec<u8>> {
        let mut filled = Vec::new();
        for part in text.parts() {
            match part {
                Part::Text(text) => filled.extend_from_slice(text),
                Part::Value(Variable::Tx, Some(key)) => match self.member(*key) {
                    Member::Value(value) => filled.extend_from_slice(value),
                    Member::Unset => {}
                    Member::Changes => return None,
                },
                Part::Value(..) | Part::Matching(..) => return None,
            }
        }
        Some(filled)
    }

    /// The answer to a rule's only question, if it is always the same.
    fn answer(&self, entrance: &Entrance) -> Option<bool> {
        let (Entrance::Quick(quick) | Entrance::Jump(quick, _)) = entrance else { return None };
        let (key, counts) = match quick.kind {
            QuickKind::Value(key) => (key, false),
            QuickKind::IsSet(key) => (key, true),
            QuickKind::Count(_) => return None,
        };
        match self.member(key) {
            Member::Changes => None,
            Member::Unset => Some(counts && quick.holds(0)),
            Member::Value(_) if counts => Some(quick.holds(1)),
            Member::Value(value) => Some(quick.holds(crate::operator::parse_integer(value))),
        }
    }

    /// The rules of a phase that may be entered, as bits by their position.
    pub(super) fn open(&self, list: &[Step]) -> Vec<u64> {
        let mut closed = vec![0; list.len().div_ceil(64)];
        let landings = landings(self.rules, list);
        for (at, step) in list.iter().enumerate() {
            match (self.answer(&step.entrance), &step.entrance) {
                (Some(false), _) => set(&mut closed, at),
                (Some(true), Entrance::Jump(_, to)) => {
                    // What it jumps over is not entered without it, and nobody else comes there.
                    let over = at + 1..(*to).min(list.len());
                    let within = list.get(over.clone()).unwrap_or_default();
                    let enters = |(from, to): &(usize, usize)| {
                        over.contains(to) && *from != at && !over.contains(from)
                    };
                    if !landings.iter().any(enters) && !self.may_be_lost(step, within) {
                        over.for_each(|over| set(&mut closed, over));
                        set(&mut closed, at);
                    }
                }
                (Some(true) | None, _) => {}
            }
        }
        closed.into_iter().map(|word: u64| !word).collect()
    }

    /// Whether a control can take a jump away, or its question, and leave a rule of those that it jumps over.
    fn may_be_lost(&self, jump: &Step, over: &[Step]) -> bool {
        let is_of = |selector: &RuleSelector, step: &Step| {
            self.rules.get(step.rule).map(|rule| selector.selects(rule))
        };
        self.deprived.iter().any(|own| is_of(own, jump) != Some(false))
            || self.removed.iter().any(|own| {
                is_of(own, jump) != Some(false)
                    && over.iter().any(|step| is_of(own, step) != Some(true))
            })
    }
}

/// Fills the holes of operators' parameters that have always the same text: most of them name a setting.
pub(crate) fn fill_settled(rules: &mut [Rule], prelude: &Prelude, constants: &mut Strings) {
    let settled = Settled::new(rules, prelude, constants);
    let links = rules.iter().flat_map(|rule| &rule.links);
    let filled: Vec<Option<Vec<u8>>> =
        links.map(|link| link.operator.parameter().and_then(|text| settled.text(text))).collect();
    let links = rules.iter_mut().flat_map(|rule| &mut rule.links);
    for (link, text) in links.zip(filled) {
        if let (Operator::Text(_, own) | Operator::Number(_, own), Some(text)) =
            (&mut link.operator, text)
        {
            *own = Macro::of_text(text, constants);
        }
    }
}

/// From which position to which a phase goes on otherwise than by the next.
fn landings(rules: &[Rule], list: &[Step]) -> Vec<(usize, usize)> {
    let landing = |(at, step): (usize, &Step)| {
        Some(match rules.get(step.rule)?.flow {
            Flow::Next => return None,
            Flow::Skip(count) => (at, (at + 1).saturating_add(count)),
            Flow::SkipTo(order) => (at, list.partition_point(|step| step.order < order)),
        })
    };
    list.iter().enumerate().filter_map(landing).collect()
}

#[cfg(test)]
mod tests {
    use super::super::is_set;
    use crate::interface::Options;
    use crate::transaction::tests::rules_with;

    /// The setting, one rule a level, and one behind them.
    const LEVELS: &str = "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.level=1\"\n\
        SecRule TX:level \"@lt 1\" \"id:2,phase:2,pass,nolog,skipAfter:END\"\n\
        SecRule ARGS \"@rx one\" \"id:3,phase:2,deny\"\n\
        SecRule TX:level \"@lt 2\" \"id:4,phase:2,pass,nolog,skipAfter:END\"\n\
        SecRule ARGS \"@rx two\" \"id:5,phase:2,deny\"\n\
        SecMarker MIDDLE\n\
        SecRule ARGS \"@rx more\" \"id:6,phase:2,deny\"\n\
        SecMarker END\n\
        SecRule ARGS \"@rx last\" \"id:7,phase:2,deny\"\n";

    /// The rules of the second phase that may be entered.
    fn open_of(text: &str) -> Vec<u32> {
        let compiled = rules_with(text, Options::default());
        let phases = &compiled.stage.phases;
        let steps = phases.rules(2).iter().enumerate();
        let open = steps.filter(|(at, _)| is_set(phases.open(2), *at));
        open.map(|(_, step)| compiled.rules[step.rule].id).filter(|id| *id < 10).collect()
    }

    /// The same, where this is added to the levels.
    fn open(more: &str) -> Vec<u32> {
        open_of(&format!("{LEVELS}{more}\n"))
    }

    #[test]
    fn holes_that_are_filled_with_the_same_each_time() {
        for (more, expected) in [
            ("", Some(&b"1, x"[..])),
            ("SecRule ARGS \"@rx x\" \"id:10,phase:2,pass,setvar:tx.other=2\"", Some(b"1, x")),
            ("SecRule ARGS \"@rx x\" \"id:10,phase:2,pass,setvar:tx.level=2\"", None),
            ("SecRule ARGS \"@rx x\" \"id:10,phase:2,pass,setvar:tx.%{tx.0}=2\"", None),
        ] {
            let asks = "SecRule ARGS \"@within %{tx.level}, x%{tx.unset}\" \"id:9,phase:2,deny\"";
            let compiled = rules_with(&format!("{LEVELS}{asks}\n{more}\n"), Options::default());
            let rule = compiled.rules.iter().find(|rule| rule.id == 9).unwrap();
            let text = rule.links[0].operator.parameter().unwrap().constant();
            assert_eq!(text, expected, "{more}");
        }
        let asks = "SecRule ARGS \"@within %{tx.1}%{unique_id}\" \"id:9,phase:2,deny\"";
        let compiled = rules_with(&format!("{LEVELS}{asks}\n"), Options::default());
        let rule = compiled.rules.iter().find(|rule| rule.id == 9).unwrap();
        assert_eq!(rule.links[0].operator.parameter().unwrap().constant(), None);
    }

    const SETTLED: &[u32] = &[3, 7];
    const ALL: &[u32] = &[2, 3, 4, 5, 6, 7];

    #[test]
    fn rules_of_other_levels_are_never_entered() {
        for more in [
            "",
            "SecRule ARGS \"@rx x\" \"id:10,phase:2,pass,setvar:tx.other=2,setvar:tx.l_%{rule.id}=3\"",
            "SecRule ARGS \"@rx x\" \"id:10,phase:2,pass,setvar:ip.level=2\"",
            "SecRule ARGS \"@rx x\" \"id:10,phase:2,pass,ctl:ruleRemoveById=5\"",
            "SecRule ARGS \"@rx x\" \"id:10,phase:2,pass,skipAfter:LATER\"\nSecMarker LATER",
        ] {
            assert_eq!(open(more), SETTLED, "{more}");
        }
    }

    #[test]
    fn what_a_rule_can_change_is_not_settled() {
        for more in [
            "SecRule ARGS \"@rx x\" \"id:10,phase:2,pass,setvar:tx.Level=2\"",
            "SecRule ARGS \"@rx x\" \"id:10,phase:5,pass,setvar:!tx.level\"",
            "SecRule ARGS \"@rx x\" \"id:10,phase:2,pass,setvar:tx.le%{rule.id}=3\"",
            "SecRule ARGS \"@rx x\" \"id:10,phase:2,pass,setvar:tx.%{tx.0}=3\"",
            "SecRule ARGS \"@rx x\" \"id:10,phase:2,pass,chain\"\nSecRule ARGS \"@rx y\" \"setvar:tx.level=+1\"",
        ] {
            assert_eq!(open(more), ALL, "{more}");
        }
    }

    #[test]
    fn a_jump_that_a_control_can_take_away_is_made_anew_each_time() {
        for (what, expected) in [
            ("ruleRemoveById=4", &[3, 4, 5, 6, 7][..]),
            ("ruleRemoveById=3-5", &[3, 4, 5, 6, 7]),
            ("ruleRemoveTargetById=3-9;TX:level", &[3, 4, 5, 6, 7]),
            // Then there is nothing left to jump over, or the question stays as it is.
            ("ruleRemoveById=4-6", SETTLED),
            ("ruleRemoveTargetById=3-9;ARGS:level", SETTLED),
        ] {
            let more = format!("SecRule ARGS \"@rx x\" \"id:10,phase:1,pass,ctl:{what}\"");
            assert_eq!(open(&more), expected, "{what}");
        }
    }

    #[test]
    fn what_another_rule_jumps_into_may_be_entered() {
        let jump = "SecRule ARGS \"@rx x\" \"id:9,phase:2,pass,skipAfter:MIDDLE\"\n";
        let text = LEVELS.replacen(
            "SecRule ARGS \"@rx one\"",
            &format!("{jump}SecRule ARGS \"@rx one\""),
            1,
        );
        assert_eq!(open_of(&text), [9, 3, 4, 5, 6, 7], "but for the one whose answer is always no");
    }
}
