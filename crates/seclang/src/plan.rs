//! The compiled form of a rule set: what the interpreter walks.

mod chains;
mod control;
mod texts;

pub(crate) use chains::{ChainId, ChainNode, ChainStep, Chains};
pub(crate) use control::Control;

use crate::audit::Audit;
use crate::macros::Macro;
use crate::operator::Operator;
use crate::stage::{Gate, PlainGate, Question, Sequel};
use crate::transform::CodePage;
use crate::variable::{Target, Variable};
use burgrave_model::Mode;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A rule: one link, or a chain of them that must all match.
#[derive(Debug)]
pub(crate) struct Rule {
    /// `id:`; 0 for a `SecAction` or rule of an included fragment without one.
    pub(crate) id: u32,
    /// 1 to 5.
    pub(crate) phase: u8,
    /// Position among all rules of the rule set, set when it is complete.
    pub(crate) index: usize,
    /// Position among all rules and markers of the rule set.
    pub(crate) order: usize,
    /// Where it stands.
    pub(crate) file: Arc<Path>,
    /// Where it stands.
    pub(crate) line: usize,
    /// At least one, unless the rule was removed.
    pub(crate) links: Vec<Link>,
    /// The directive that removed it.
    pub(crate) removed: Option<&'static str>,
    /// What a full match does to the request.
    pub(crate) disruption: RuleDisruption,
    /// Where evaluation goes on after a full match.
    pub(crate) flow: Flow,
    /// Whether a full match is recorded.
    pub(crate) log: bool,
    /// Whether it goes to the audit log.
    pub(crate) audit: bool,
    /// Whether one of its links looks at `MATCHED_VARS` or `MATCHED_VARS_NAMES`.
    pub(crate) names_matches: bool,
    /// What the record says.
    pub(crate) meta: Meta,
    /// The directives that changed it, for whoever wants it explained.
    pub(crate) changes: Vec<crate::facts::RuleChange>,
}

/// Texts and weights for the record.
#[derive(Debug, Default)]
pub(crate) struct Meta {
    pub(crate) message: Option<Macro>,
    pub(crate) data: Option<Macro>,
    pub(crate) severity: Option<u8>,
    pub(crate) tags: Vec<Macro>,
    pub(crate) revision: Option<Vec<u8>>,
    pub(crate) version: Option<Vec<u8>>,
    pub(crate) maturity: u8,
    pub(crate) accuracy: u8,
}

/// One `SecRule` line.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the language")]
pub(crate) struct Link {
    /// What is looked at; empty for a `SecAction`.
    pub(crate) targets: Vec<Target>,
    /// What is not.
    pub(crate) exclusions: Vec<Target>,
    /// The question.
    pub(crate) operator: Operator,
    /// `!@`
    pub(crate) negated: bool,
    /// What a value must hold before the question is asked; `None`: it is always asked.
    pub(crate) gate: Option<Gate>,
    /// What its question asks for besides.
    pub(crate) plain_gate: Option<PlainGate>,
    /// The shortest value, after the transformations, that the operator may match, in bytes.
    pub(crate) bytes_min: usize,
    /// The question, where its answer follows from the value alone; set when the rule set is complete.
    pub(crate) question: Option<Question>,
    /// What follows where its matches may come to nothing; set when the rule set is complete.
    pub(crate) sequel: Option<Sequel>,
    /// Whether it is asked of decoded forms as well; set when the rule set is complete.
    pub(crate) takes_forms: bool,
    /// How values are transformed first.
    pub(crate) chain: ChainId,
    /// What a matching value must be beside, or it counts as not matching.
    pub(crate) confirmations: Vec<Confirmation>,
    /// Whether an argument that is of its declared type counts as not matching; set when the rule set is
    /// complete.
    pub(crate) spares_types: bool,
    /// `multiMatch`: the question is asked after each step, not only after the last.
    pub(crate) multi_match: bool,
    /// `capture`: what matched goes to `TX:0` … `TX:9`.
    pub(crate) capture: bool,
    /// Done for every value that matches.
    pub(crate) effects: Vec<Effect>,
    /// `logdata` of a later link stands for the chain's where that has none.
    pub(crate) data: Option<Macro>,
    /// The same for `msg`.
    pub(crate) message: Option<Macro>,
    /// How it is written, for whoever wants it explained.
    pub(crate) written: Box<Written>,
}

/// A link's own words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    /// Its targets.
    pub(crate) targets: Vec<u8>,
    /// The operator's name; empty for a `SecAction`.
    pub(crate) operator: String,
    /// Its parameter.
    pub(crate) parameter: Vec<u8>,
}

/// `SecRuleConfirmById`: a second question about a value that matched, asked of it as it came.
#[derive(Clone, Debug)]
pub(crate) struct Confirmation {
    /// The question.
    pub(crate) operator: Arc<Operator>,
    /// `!@`
    pub(crate) negated: bool,
}

/// What a full match does to the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RuleDisruption {
    /// Nothing.
    Pass,
    /// An error page.
    Deny(u16),
    /// The connection is closed.
    Drop,
    /// Elsewhere.
    Redirect(u16, Macro),
    /// Later rules are not asked.
    Allow(AllowScope),
}

/// How far an `allow` reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AllowScope {
    /// The rest of the transaction but phase 5.
    Transaction,
    /// The rest of the request: phases 1 and 2.
    Request,
    /// The rest of this phase.
    Phase,
}

impl AllowScope {
    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Request => "request",
            Self::Phase => "phase",
        }
    }
}

/// Where evaluation goes on after a full match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// At the next rule.
    Next,
    /// Over so many rules.
    Skip(usize),
    /// At the first rule whose order is not smaller.
    SkipTo(usize),
}

/// Something done when a value matches.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// `setvar`
    Set { collection: Variable, key: Macro, change: Change },
    /// `expirevar`
    Expire { collection: Variable, key: Macro, seconds: Macro },
    /// `initcol`, `setsid`, `setuid`, `setrsc`
    Open { collection: Variable, key: Macro },
    /// `setenv`
    Environment { key: Macro, value: Macro },
    /// `ctl`
    Control(Control),
    /// `sanitiseArg`, `sanitiseRequestHeader`, `sanitiseResponseHeader`
    Sanitise(Target),
    /// `sanitiseMatched`
    SanitiseMatched,
}

/// What `setvar` does.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// `!tx.a`
    Remove,
    /// `tx.a=text`, and `tx.a` with the text `1`.
    To(Macro),
    /// `tx.a=+n`
    Add(Macro),
    /// `tx.a=-n`
    Subtract(Macro),
}

/// Which rules.
#[derive(Clone, Debug)]
pub(crate) enum RuleSelector {
    /// Ids from the first to the last.
    Ids(u32, u32),
    /// Exactly this tag.
    Tag(Vec<u8>),
    /// Exactly this message.
    Message(Vec<u8>),
    /// One of the above, answered for every rule when all were known, by position; and the directive
    /// of the same meaning.
    Resolved(Arc<[bool]>, &'static str),
}

impl RuleSelector {
    /// The same, answered once for all rules.
    fn resolved(&self, rules: &[Rule]) -> Self {
        Self::Resolved(rules.iter().map(|rule| self.selects(rule)).collect(), self.removal())
    }

    /// The directive that removes what it selects.
    pub(crate) fn removal(&self) -> &'static str {
        match self {
            Self::Resolved(_, removal) => removal,
            Self::Ids(..) => "SecRuleRemoveById",
            Self::Tag(_) => "SecRuleRemoveByTag",
            Self::Message(_) => "SecRuleRemoveByMsg",
        }
    }

    /// Whether it means this rule.
    pub(crate) fn selects(&self, rule: &Rule) -> bool {
        match self {
            Self::Ids(first, last) => rule.id >= *first && rule.id <= *last && rule.id > 0,
            Self::Tag(tag) => rule.meta.tags.iter().any(|own| own.constant() == Some(tag)),
            Self::Message(message) => {
                rule.meta.message.as_ref().is_some_and(|own| own.constant() == Some(message))
            }
            Self::Resolved(answers, _) => answers.get(rule.index).copied().unwrap_or(false),
        }
    }
}

/// Rules of this tag judge the form of a request: a decoded form has none.
pub(crate) const TAG_OF_FORM: &[u8] = b"attack-protocol";

/// Decides which questions are asked of decoded forms: those that look for something within what a
/// client sent. `!@…` says what a value has to be, and a value need not be decoded for that.
pub(crate) fn offer_forms(rules: &mut [Rule]) {
    for rule in rules.iter_mut().filter(|rule| rule.phase <= 2) {
        let of_form = rule.meta.tags.iter().any(|tag| tag.constant() == Some(TAG_OF_FORM));
        for link in &mut rule.links {
            link.takes_forms = !of_form && !link.negated && link.operator.looks_within();
        }
    }
}

/// Numbers the rules, and answers for each `ctl` which of them it means.
pub(crate) fn resolve_selectors(rules: &mut [Rule]) {
    for (index, rule) in rules.iter_mut().enumerate() {
        rule.index = index;
        rule.names_matches = rule.links.iter().flat_map(|link| &link.targets).any(|target| {
            matches!(target.variable, Variable::MatchedVars | Variable::MatchedVarsNames)
        });
    }
    let effects =
        |rule: &Rule| rule.links.iter().map(|link| link.effects.clone()).collect::<Vec<_>>();
    let resolved: Vec<Vec<Vec<Effect>>> = rules
        .iter()
        .map(|rule| {
            let mut links = effects(rule);
            for effect in links.iter_mut().flatten() {
                if let Effect::Control(
                    Control::Remove(selector) | Control::RemoveTarget(selector, _),
                ) = effect
                {
                    *selector = selector.resolved(rules);
                }
            }
            links
        })
        .collect();
    for (rule, links) in rules.iter_mut().zip(resolved) {
        for (link, effects) in rule.links.iter_mut().zip(links) {
            link.effects = effects;
        }
    }
}

/// Readers of request bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Processor {
    Urlencoded,
    Multipart,
    Json,
    Xml,
    /// A body of no type that the others read. Burgrave's own.
    Text,
}

impl Processor {
    /// By the name used in rules, case ignored.
    pub(crate) fn find(name: &str) -> Option<Self> {
        let all = [Self::Urlencoded, Self::Multipart, Self::Json, Self::Xml, Self::Text];
        all.into_iter().find(|one| one.name().eq_ignore_ascii_case(name))
    }

    /// The name that `REQBODY_PROCESSOR` shows.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Urlencoded => "URLENCODED",
            Self::Multipart => "MULTIPART",
            Self::Json => "JSON",
            Self::Xml => "XML",
            Self::Text => "TEXT",
        }
    }
}

/// What to do with a body that is longer than its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OverLimit {
    /// Refuse the request.
    Reject,
    /// Look at what fits.
    Partial,
}

/// What the directives and the caller set for the whole engine.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "switches that nothing ties together")]
pub(crate) struct EngineSettings {
    pub(crate) mode: Mode,
    pub(crate) request_body: bool,
    pub(crate) response_body: bool,
    pub(crate) request_body_limit: usize,
    /// `None`: bounds a multipart form alone.
    pub(crate) request_body_no_files_limit: Option<usize>,
    pub(crate) request_over_limit: OverLimit,
    pub(crate) response_body_limit: usize,
    pub(crate) response_over_limit: OverLimit,
    pub(crate) response_types: Vec<Vec<u8>>,
    pub(crate) json_depth_max: usize,
    pub(crate) arguments_max: usize,
    pub(crate) argument_separator: u8,
    pub(crate) collection_timeout: Duration,
    pub(crate) webapp_id: Vec<u8>,
    pub(crate) budget: Duration,
    /// `SecAudit…`
    pub(crate) audit: Audit,
    pub(crate) decode: bool,
    /// Whether the lists of `@rbl` are asked.
    pub(crate) lists: bool,
    /// `SecGeoLookupDb`
    pub(crate) places: Option<Arc<crate::geo::Places>>,
    /// `SecUnicodeMapFile`
    pub(crate) code_page: Option<Arc<CodePage>>,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            mode: Mode::Block,
            request_body: true,
            response_body: false,
            request_body_limit: 13_107_200,
            request_body_no_files_limit: None,
            request_over_limit: OverLimit::Reject,
            response_body_limit: 524_288,
            response_over_limit: OverLimit::Partial,
            response_types: ["text/plain", "text/html", "text/xml"].map(Into::into).to_vec(),
            json_depth_max: 512,
            arguments_max: 1000,
            argument_separator: b'&',
            collection_timeout: Duration::from_hours(1),
            webapp_id: Vec::new(),
            budget: Duration::from_millis(500),
            audit: Audit::default(),
            decode: false,
            lists: false,
            places: None,
            code_page: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_by_name() {
        assert_eq!(Processor::find("xml"), Some(Processor::Xml));
        assert_eq!(Processor::find("YAML"), None);
    }
}
