//! A rule while later directives may still change it.

use super::{STATUS_DEFAULT, resolve_block};
use crate::action::{Action, Disrupt};
use crate::error::LoadError;
use crate::facts::RuleChange;
use crate::operator::Unbuilt;
use crate::plan::{ChainId, Chains, Confirmation, Flow, Link, Meta, Rule, RuleDisruption, Written};
use crate::source::Line;
use crate::target::Targets;
use crate::transform::Transformation;
use std::collections::HashMap;
use std::sync::Arc;

/// `SecDefaultAction` of a phase.
#[derive(Clone, Debug)]
pub(super) struct PhaseDefaults {
    pub(super) disruption: RuleDisruption,
    pub(super) log: bool,
    pub(super) audit: Option<bool>,
    pub(super) transformations: Vec<&'static Transformation>,
}

/// A rule with its links, as written.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) line: Line,
    pub(super) order: usize,
    pub(super) links: Vec<DraftLink>,
    /// The `SecRuleRemoveBy…` that took it away.
    pub(super) removed: Option<&'static str>,
    /// The directives that changed it.
    pub(super) changes: Vec<RuleChange>,
}

/// One line of a rule.
#[derive(Debug)]
pub(super) struct DraftLink {
    pub(super) line: Line,
    pub(super) targets: Targets,
    pub(super) operator: Unbuilt,
    pub(super) negated: bool,
    pub(super) actions: Vec<Action>,
    pub(super) confirmations: Vec<Confirmation>,
    pub(super) written: Written,
}

impl Draft {
    fn actions(&self) -> &[Action] {
        self.links.first().map_or(&[], |link| link.actions.as_slice())
    }

    /// 0 where there is none.
    #[expect(clippy::wildcard_enum_match_arm, reason = "one action of many is looked for")]
    pub(super) fn id(&self) -> u32 {
        let id = self.actions().iter().find_map(|action| match action {
            Action::Id(id) => Some(*id),
            _ => None,
        });
        id.unwrap_or(0)
    }

    /// Whether it is a `SecAction`, which needs no `id`.
    pub(super) fn is_unconditional(&self) -> bool {
        self.links.first().is_some_and(|link| link.targets.included.is_empty())
    }

    /// Whether it has exactly this tag.
    pub(super) fn has_tag(&self, wanted: &[u8]) -> bool {
        self.actions()
            .iter()
            .any(|action| matches!(action, Action::Tag(tag) if tag.constant() == Some(wanted)))
    }

    /// What whoever loads it should know: the default's disruption is not taken.
    pub(super) fn note(&self, defaults: &HashMap<u8, PhaseDefaults>) -> Option<String> {
        let head = Head::read(self.actions()).ok()?;
        let defaults = defaults.get(&head.phase)?;
        if head.disrupt.is_some() || defaults.disruption == RuleDisruption::Pass {
            return None;
        }
        let message = format!(
            "rule {} has no `block`: it does not take the disruption of `SecDefaultAction`",
            self.id()
        );
        Some(self.line.error(message).to_string())
    }

    /// Whether it has exactly this message.
    pub(super) fn has_message(&self, wanted: &[u8]) -> bool {
        self.actions().iter().any(
            |action| matches!(action, Action::Message(text) if text.constant() == Some(wanted)),
        )
    }

    /// The rule, and the name that a `skipAfter` still has to find.
    pub(super) fn finish(
        self,
        defaults: &HashMap<u8, PhaseDefaults>,
        chains: &mut Chains,
    ) -> Result<(Rule, Option<Vec<u8>>), LoadError> {
        let mut head = Head::read(self.actions()).map_err(|message| self.line.error(message))?;
        head.take_status_of(&self.links);
        let defaults = defaults.get(&head.phase);
        let id = self.id();
        let mut links = Vec::new();
        for (index, link) in self.links.into_iter().enumerate() {
            // What cannot be built is an error even where it is never asked.
            if self.removed.is_some() {
                link.operator.build().map_err(|why| link.line.error(why))?;
            } else {
                links.push(link.finish(index > 0, head.phase, defaults, chains)?);
            }
        }
        let rule = Rule {
            id,
            phase: head.phase,
            index: 0,
            order: self.order,
            file: Arc::clone(&self.line.file),
            line: self.line.number,
            links,
            removed: self.removed,
            disruption: head.disruption(defaults),
            flow: head.flow,
            names_matches: false,
            log: head.log.unwrap_or_else(|| defaults.is_none_or(|defaults| defaults.log)),
            audit: head.audits(defaults),
            meta: head.meta,
            changes: self.changes,
        };
        Ok((rule, head.skip_after))
    }
}

/// What the actions of a chain's first line say.
struct Head {
    phase: u8,
    disrupt: Option<Disrupt>,
    status: Option<u16>,
    log: Option<bool>,
    audit: Option<bool>,
    flow: Flow,
    skip_after: Option<Vec<u8>>,
    meta: Meta,
}

impl Head {
    fn read(actions: &[Action]) -> Result<Self, String> {
        let mut head = Self {
            phase: 2,
            disrupt: None,
            status: None,
            log: None,
            audit: None,
            flow: Flow::Next,
            skip_after: None,
            meta: Meta::default(),
        };
        for action in actions {
            match action {
                Action::Phase(phase) => head.phase = *phase,
                Action::Message(text) => head.meta.message = Some(text.clone()),
                Action::Data(text) => head.meta.data = Some(text.clone()),
                Action::Severity(severity) => head.meta.severity = Some(*severity),
                Action::Tag(tag) => head.meta.tags.push(tag.clone()),
                Action::Revision(text) => head.meta.revision = Some(text.clone()),
                Action::Version(text) => head.meta.version = Some(text.clone()),
                Action::Status(status) => head.status = Some(*status),
                Action::Log(log) => head.log = Some(*log),
                Action::Audit(audit) => head.audit = Some(*audit),
                Action::Maturity(maturity) => head.meta.maturity = *maturity,
                Action::Accuracy(accuracy) => head.meta.accuracy = *accuracy,
                Action::Disrupt(disrupt) => head.disrupt = Some(disrupt.clone()),
                Action::Skip(count) => head.flow = Flow::Skip(*count),
                Action::SkipAfter(name) => head.skip_after = Some(name.clone()),
                Action::Id(_)
                | Action::Capture
                | Action::MultiMatch
                | Action::Chain
                | Action::Transform(_)
                | Action::Effect(_)
                | Action::Note => {}
            }
        }
        if head.phase > 4 && head.disrupt.as_ref().is_some_and(|disrupt| *disrupt != Disrupt::Pass)
        {
            return Err("phase 5 comes after the answer: only `pass` is possible there".to_owned());
        }
        Ok(head)
    }

    /// What is logged is audited, unless something says otherwise, the rule's own words first.
    fn audits(&self, defaults: Option<&PhaseDefaults>) -> bool {
        let own = self.audit.or(self.log);
        own.unwrap_or_else(|| {
            defaults.is_none_or(|defaults| defaults.audit.unwrap_or(defaults.log))
        })
    }

    /// A later link may name the status as well; the last one counts.
    fn take_status_of(&mut self, links: &[DraftLink]) {
        for action in links.iter().flat_map(|link| &link.actions) {
            if let Action::Status(status) = action {
                self.status = Some(*status);
            }
        }
    }

    fn disruption(&self, defaults: Option<&PhaseDefaults>) -> RuleDisruption {
        let own = disruption(self.disrupt.as_ref(), self.status, || resolve_block(defaults));
        match (self.disrupt.as_ref(), own, self.status) {
            // A status of the rule's own goes with the default's `deny`.
            (Some(Disrupt::Block), RuleDisruption::Deny(_), Some(status)) => {
                RuleDisruption::Deny(status)
            }
            (_, own, _) => own,
        }
    }
}

/// A written disruption with its status.
pub(super) fn disruption(
    disrupt: Option<&Disrupt>,
    status: Option<u16>,
    default: impl Fn() -> RuleDisruption,
) -> RuleDisruption {
    match disrupt {
        // What does not say `block` does not take the default's disruption.
        None | Some(Disrupt::Pass) => RuleDisruption::Pass,
        Some(Disrupt::Block) => default(),
        Some(Disrupt::Deny) => {
            RuleDisruption::Deny(status.filter(|status| *status >= 200).unwrap_or(STATUS_DEFAULT))
        }
        Some(Disrupt::Drop) => RuleDisruption::Drop,
        Some(Disrupt::Redirect(to)) => {
            let status = status.filter(|status| matches!(status, 301 | 302 | 303 | 307));
            RuleDisruption::Redirect(status.unwrap_or(302), to.clone())
        }
        Some(Disrupt::Allow(scope)) => RuleDisruption::Allow(*scope),
    }
}

impl DraftLink {
    fn finish(
        self,
        later: bool,
        phase: u8,
        defaults: Option<&PhaseDefaults>,
        chains: &mut Chains,
    ) -> Result<Link, LoadError> {
        if later && let Some(what) = self.only_for_the_first(phase) {
            return Err(self.line.error(format!("{what} may stand only on a chain's first rule")));
        }
        let mut steps: Vec<_> =
            defaults.map(|defaults| defaults.transformations.clone()).unwrap_or_default();
        let mut link = Link {
            targets: self.targets.included,
            exclusions: self.targets.excluded,
            operator: self.operator.build().map_err(|why| self.line.error(why))?,
            negated: self.negated,
            gate: None,
            plain_gate: None,
            bytes_min: 0,
            question: None,
            sequel: None,
            takes_forms: false,
            confirmations: self.confirmations,
            spares_types: false,
            chain: ChainId::NONE,
            multi_match: false,
            capture: false,
            effects: Vec::new(),
            data: None,
            message: None,
            written: Box::new(self.written),
        };
        for action in self.actions {
            match action {
                Action::Transform(None) => steps.clear(),
                Action::Transform(Some(step)) => steps.push(step),
                Action::Capture => link.capture = true,
                Action::MultiMatch => link.multi_match = true,
                Action::Effect(effect) => link.effects.push(effect),
                Action::Data(text) => link.data = Some(text),
                Action::Message(text) => link.message = Some(text),
                Action::Id(_)
                | Action::Phase(_)
                | Action::Severity(_)
                | Action::Tag(_)
                | Action::Revision(_)
                | Action::Version(_)
                | Action::Status(_)
                | Action::Log(_)
                | Action::Audit(_)
                | Action::Maturity(_)
                | Action::Accuracy(_)
                | Action::Chain
                | Action::Disrupt(_)
                | Action::Skip(_)
                | Action::SkipAfter(_)
                | Action::Note => {}
            }
        }
        link.chain =
            steps.into_iter().fold(ChainId::NONE, |chain, step| chains.extend(chain, step));
        Ok(link)
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the few actions that are not allowed there"
    )]
    fn only_for_the_first(&self, phase: u8) -> Option<&'static str> {
        self.actions.iter().find_map(|action| match action {
            Action::Phase(own) if *own != phase => Some("another `phase`"),
            Action::Skip(_) | Action::SkipAfter(_) => Some("`skip`"),
            Action::Disrupt(disrupt) if !matches!(disrupt, Disrupt::Pass | Disrupt::Block) => {
                Some("a disruptive action")
            }
            _ => None,
        })
    }
}
