//! What there is to say about the rules of a rule set, for people.
//!
//! Everything here is told as written or loaded; nothing of it takes part in an evaluation.

use crate::plan::{Control, Effect, Link, Rule, RuleSelector};
use crate::ruleset::RuleSet;
use crate::source::Line;
use crate::variable::{Selector, Target};
use std::path::PathBuf;

/// Bytes of a line that are shown.
const LINE_BYTES_MAX: usize = 160;

/// What there is to say about a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleFacts {
    /// Its id.
    pub id: u32,
    /// 1 to 5.
    pub phase: u8,
    /// Where it stands.
    pub file: PathBuf,
    /// Where it stands.
    pub line: usize,
    /// `severity:`, 0 (emergency) to 7 (debug).
    pub severity: Option<u8>,
    /// `msg:` as written, up to the first macro.
    pub message: Vec<u8>,
    /// `tag:` as written, those without macros.
    pub tags: Vec<Vec<u8>>,
    /// Whether a match is recorded.
    pub is_logged: bool,
    /// The lines of its chain; none of a rule that was removed.
    pub links: Vec<LinkFacts>,
    /// What changes it, beside its own text.
    pub changes: Vec<RuleChange>,
}

/// A line of a rule, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkFacts {
    /// What is looked at; empty for a `SecAction`.
    pub targets: Vec<u8>,
    /// The operator's name; empty for a `SecAction`.
    pub operator: String,
    /// `!@`
    pub negated: bool,
    /// What the operator is given.
    pub parameter: Vec<u8>,
    /// In order, those of `SecDefaultAction` included.
    pub transformations: Vec<&'static str>,
}

/// A directive, or a control of another rule, that changes a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleChange {
    /// As written, cut to 160 bytes: `SecRuleUpdateTargetById 942100 !ARGS:note`.
    pub what: Vec<u8>,
    /// The rule whose `ctl` it is: it changes the rule only in transactions in which this one matched.
    pub by: Option<u32>,
    /// Where it stands.
    pub file: PathBuf,
    /// Where it stands.
    pub line: usize,
}

impl RuleChange {
    /// Of a directive's line.
    pub(crate) fn of_line(line: &Line) -> Self {
        let mut what = line.directive.clone().into_bytes();
        for word in &line.words {
            what.push(b' ');
            what.extend_from_slice(word);
        }
        what.truncate(LINE_BYTES_MAX);
        Self { what, by: None, file: line.file.to_path_buf(), line: line.number }
    }
}

impl RuleSet {
    /// Every rule in file order.
    pub fn facts(&self) -> Vec<RuleFacts> {
        let controls = self.controls();
        let facts = |rule: &Rule| RuleFacts {
            id: rule.id,
            phase: rule.phase,
            file: rule.file.to_path_buf(),
            line: rule.line,
            severity: rule.meta.severity,
            message: rule.meta.message.as_ref().map(crate::macros::Macro::lead).unwrap_or_default(),
            tags: rule
                .meta
                .tags
                .iter()
                .filter_map(|tag| tag.constant().map(<[u8]>::to_vec))
                .collect(),
            is_logged: rule.log,
            links: rule.links.iter().map(|link| self.link_facts(link)).collect(),
            changes: self.changes(rule, &controls),
        };
        self.rules.iter().map(facts).collect()
    }

    fn link_facts(&self, link: &Link) -> LinkFacts {
        let steps = self.chains.node(link.chain).map(|node| node.steps.as_slice());
        let names = steps.unwrap_or_default().iter().map(|step| step.transformation.name());
        LinkFacts {
            targets: link.written.targets.clone(),
            operator: link.written.operator.clone(),
            negated: link.negated,
            parameter: link.written.parameter.clone(),
            transformations: names.collect(),
        }
    }

    /// What takes rules, or targets from rules, within a transaction: the rule that does, and what it says.
    #[expect(clippy::wildcard_enum_match_arm, reason = "two controls of many change rules")]
    fn controls(&self) -> Vec<(&Rule, &RuleSelector, Option<&Target>)> {
        let links =
            self.rules.iter().flat_map(|rule| rule.links.iter().map(move |link| (rule, link)));
        let all = links.flat_map(|(rule, link)| link.effects.iter().map(move |own| (rule, own)));
        all.filter_map(|(rule, effect)| match effect {
            Effect::Control(Control::Remove(rules)) => Some((rule, rules, None)),
            Effect::Control(Control::RemoveTarget(rules, target)) => {
                Some((rule, rules, Some(target)))
            }
            _ => None,
        })
        .collect()
    }

    fn changes(
        &self,
        rule: &Rule,
        controls: &[(&Rule, &RuleSelector, Option<&Target>)],
    ) -> Vec<RuleChange> {
        let mut changes = rule.changes.clone();
        for (by, selector, target) in controls.iter().filter(|(_, rules, _)| rules.selects(rule)) {
            let word = selector.removal().trim_start_matches("SecRuleRemove");
            let what = match target {
                None => format!("ctl:ruleRemove{word}").into_bytes(),
                Some(target) => {
                    [format!("ctl:ruleRemoveTarget{word} ").into_bytes(), self.target_text(target)]
                        .concat()
                }
            };
            let (file, line) = (by.file.to_path_buf(), by.line);
            changes.push(RuleChange { what, by: Some(by.id), file, line });
        }
        changes
    }

    fn target_text(&self, target: &Target) -> Vec<u8> {
        let name = target.variable.name().as_bytes().to_vec();
        let selector = match &target.selector {
            Selector::All => return name,
            Selector::Key(key) => self.constants.get(*key).to_vec(),
            Selector::Pattern(regex) => format!("/{}/", regex.pattern()).into_bytes(),
            Selector::XPath(path) => path.text().as_bytes().to_vec(),
        };
        [name, selector].join(&b':')
    }
}
