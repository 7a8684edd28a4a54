//! `ctl`: what a match changes for the rest of its transaction.

use super::{Processor, RuleSelector};
use crate::audit::{AuditEngine, Parts};
use crate::variable::Target;
use burgrave_model::Mode;

/// `ctl`
#[derive(Clone, Debug)]
pub(crate) enum Control {
    /// `ruleEngine`
    Engine(Mode),
    /// `requestBodyAccess`
    RequestBody(bool),
    /// `responseBodyAccess`
    ResponseBody(bool),
    /// `requestBodyLimit`
    RequestBodyLimit(usize),
    /// `responseBodyLimit`
    ResponseBodyLimit(usize),
    /// `requestBodyProcessor`
    Processor(Processor),
    /// `forceRequestBodyVariable`
    ForceRequestBody(bool),
    /// `ruleRemoveById`, `…ByTag`, `…ByMsg`
    Remove(RuleSelector),
    /// `ruleRemoveTargetById`, `…ByTag`, `…ByMsg`
    RemoveTarget(RuleSelector, Target),
    /// `auditEngine`
    AuditEngine(AuditEngine),
    /// `auditLogParts`: `+E`, `-C` or a list. Was read when rules loaded.
    AuditParts(String),
    /// `debugLogLevel`: there is no debug log; a trace is asked for by whoever runs the engine.
    Logging,
}

impl Control {
    /// The parts of an audit record after this control.
    pub(crate) fn parts(&self, parts: Parts) -> Parts {
        let Self::AuditParts(text) = self else { return parts };
        parts.change(text).unwrap_or(parts)
    }
}

impl std::fmt::Display for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let switch = |on: &bool| if *on { "On" } else { "Off" };
        match self {
            Self::Engine(Mode::Block) => f.write_str("ruleEngine=On"),
            Self::Engine(Mode::Detect) => f.write_str("ruleEngine=DetectionOnly"),
            Self::Engine(Mode::Off) => f.write_str("ruleEngine=Off"),
            Self::RequestBody(on) => write!(f, "requestBodyAccess={}", switch(on)),
            Self::ResponseBody(on) => write!(f, "responseBodyAccess={}", switch(on)),
            Self::RequestBodyLimit(bytes) => write!(f, "requestBodyLimit={bytes}"),
            Self::ResponseBodyLimit(bytes) => write!(f, "responseBodyLimit={bytes}"),
            Self::Processor(processor) => write!(f, "requestBodyProcessor={}", processor.name()),
            Self::ForceRequestBody(on) => write!(f, "forceRequestBodyVariable={}", switch(on)),
            Self::Remove(rules) => {
                write!(f, "{}", rules.removal().replace("SecRule", "rule"))
            }
            Self::RemoveTarget(rules, target) => {
                let name = rules.removal().replace("SecRuleRemove", "ruleRemoveTarget");
                write!(f, "{name};{}", target.variable.name())
            }
            Self::AuditEngine(engine) => write!(f, "auditEngine={engine:?}"),
            Self::AuditParts(parts) => write!(f, "auditLogParts={parts}"),
            Self::Logging => f.write_str("debugLogLevel"),
        }
    }
}
