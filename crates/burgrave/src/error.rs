//! Why a command could not run.

use burgrave_config::ConfigErrors;
use burgrave_gateway::GatewayError;
use burgrave_seclang::LoadError;
use burgrave_sys::SysError;
use std::path::PathBuf;

/// Why a command could not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot read the configuration")]
    ReadConfig(#[source] SysError),
    #[error("the configuration `{}` is not UTF-8", .0.display())]
    NotText(PathBuf),
    #[error("the configuration `{}` has errors:\n{rendered}", file.display())]
    Config { file: PathBuf, errors: ConfigErrors, rendered: String },
    #[error("the rule files have {} error(s):\n{}", .0.len(), shown(.0))]
    Rules(Vec<LoadError>),
    #[error("cannot start the gateway")]
    Gateway(#[source] GatewayError),
    #[error("cannot keep certificates")]
    Certificates(#[source] burgrave_certificates::CertificateError),
    #[error("cannot ship logs")]
    Shipping(#[source] burgrave_shipping::ShippingError),
    #[error("the configuration cannot be used")]
    Unusable(#[source] GatewayError),
    #[error("cannot choose the gateway's account: {0}")]
    Account(String),
    #[error("cannot confine the gateway")]
    Confine(#[source] SysError),
    #[error("cannot hand sockets over")]
    Sockets(#[source] SysError),
    #[error("a gateway is started by `burgrave run`, not by hand")]
    NoSupervisor,
    #[error("{0}")]
    User(String),
    #[error("cannot set up {0}")]
    Runtime(&'static str, #[source] std::io::Error),
    #[error("cannot write the output")]
    Output(#[source] std::io::Error),
    #[error(
        "nothing is called `{0}`: `burgrave audit` and `burgrave prove` show the ids of all checks and proofs, `burgrave rules list` those of rules (with `--config`)"
    )]
    UnknownId(String),
    #[error("cannot do it")]
    Agent(#[from] burgrave_agent::AgentError),
    /// Decisions are not exchanged.
    #[error("decisions cannot be exchanged")]
    Decisions(#[from] burgrave_decisions::DecisionsError),
    #[error("{0}")]
    Backup(String),
    #[error("cannot see to alerts")]
    Alerts(#[source] burgrave_alerts::AlertError),
    #[error("the configuration has no [[alert]]: nobody is told")]
    NoAlerts,
    #[error("no channel is called `{}`", .0.escape_debug())]
    NoChannel(String),
    #[error("no topic of alerts is called `{}`, or begins so", .0.escape_debug())]
    NoTopic(String),
    #[error("cannot use the ledger")]
    Ledger(#[source] burgrave_ledger::LedgerError),
    #[error("no service is called `{0}`; like it: {1}")]
    UnknownService(String, String),
    #[error("the filter cannot be run:\n{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Filter(Vec<burgrave_watch::fail2ban::FilterError>),
    #[error("cannot compare with advisories")]
    Advisories(#[from] burgrave_advisories::AdvisoryError),
    #[error("no records of a domain are in `{}`: give what `dig NAME TXT`, `CAA` and `MX` print", .0.display())]
    NoRecords(PathBuf),
    #[error("no report is kept: `burgrave run` keeps one where the configuration has [audit]")]
    NoReport,
    #[error("`--diff` is shown as text or JSON")]
    DifferenceFormat,
    #[error("nothing was accepted yet: `burgrave baseline accept` takes what is there")]
    NoBaseline,
    #[error("`{}` is no absolute path: name a folder as the host has it", .0.display())]
    NotAbsolute(PathBuf),
    #[error("cannot look below the root")]
    Root(#[source] SysError),
    #[error("cannot change it")]
    Apply(#[from] burgrave_apply::ApplyError),
    #[error("no system lies in `{}`: neither accounts nor a release are to be found", .0.display())]
    NoHost(PathBuf),
    #[error("only root changes this machine; an image is changed with `--root`")]
    NeedsRoot,
    #[error("the state `{}` cannot be used: {why}", path.display())]
    State { path: PathBuf, why: String },
    #[error("nothing listens in a tree: `--services` looks at a running machine")]
    NothingRuns,
    #[error("SVG is the picture of what listens: add `--services`")]
    PictureFormat,
    #[error("`--services` is shown as text, JSON or SVG")]
    ServicesFormat,
    #[error("cannot look at `{0}`: {1}")]
    Blind(String, String),
    #[error("the configuration has no [rules]: nothing is inspected")]
    NoRules,
    #[error("cannot read `{}`", .0.display())]
    Read(PathBuf, #[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("cannot use `{}`", .0.display())]
    Message(PathBuf, #[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("{} test file(s) cannot be run:\n{}", .0.len(), .0.join("\n"))]
    Tests(Vec<String>),
    #[error("no test file (.yaml, .yml or .json) is in {0}")]
    NoTests(String),
    #[error("cannot write `{}`", .0.display())]
    Write(PathBuf, #[source] SysError),
    #[error("{doing}")]
    Update { doing: String, source: Option<Box<dyn std::error::Error + Send + Sync>> },
}

fn shown(errors: &[LoadError]) -> String {
    const MOST: usize = 50;
    let mut lines: Vec<String> = errors.iter().take(MOST).map(ToString::to_string).collect();
    if errors.len() > MOST {
        lines.push(format!("… and {} more", errors.len() - MOST));
    }
    lines.join("\n")
}

impl Error {
    /// A step of `rules update` that failed for a reason of ours.
    pub(crate) fn update(doing: impl Into<String>) -> Self {
        Self::Update { doing: doing.into(), source: None }
    }

    /// The same, with the cause.
    pub(crate) fn update_because(
        doing: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Update { doing: doing.into(), source: Some(source.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_rule_errors_are_cut_and_counted() {
        let error = |line| LoadError { file: "r.conf".into(), line, message: "bad".to_owned() };
        let text = Error::Rules((1..=60).map(error).collect()).to_string();
        assert!(text.starts_with("the rule files have 60 error(s):\nr.conf:1: bad\n"));
        assert!(text.ends_with("… and 10 more"));
    }
}
