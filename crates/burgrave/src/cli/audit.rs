//! The command line of `burgrave audit`.

use burgrave_model::Severity;
use clap::ValueEnum;
use std::path::PathBuf;

/// What is audited, and how it is shown.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct Audit {
    /// A configuration whose folders are looked at as well. Default: none.
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
    /// A directory with a system in it, such as an image. Default: this machine.
    #[arg(long)]
    pub(crate) root: Option<PathBuf>,
    /// How the result is shown.
    #[arg(long, value_enum, default_value_t = AuditFormat::Text)]
    pub(crate) format: AuditFormat,
    /// The weight from which a fault makes the exit code 1: info, low, medium, high or critical.
    #[arg(long, default_value = "info")]
    pub(crate) fail_on: Level,
    /// Shows what is in order as well.
    #[arg(long)]
    pub(crate) all: bool,
    /// Shows all evidence, and what to do.
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// Shows what listens instead: address, reach, process, user, unit, package.
    #[arg(long, conflicts_with = "root")]
    pub(crate) services: bool,
    /// A file with records of own domains, as `dig` prints them: looked at as well. Nothing is looked up.
    #[arg(long, value_name = "FILE")]
    pub(crate) domains: Option<PathBuf>,
    /// Asks the database servers that run here what their roles may do, as root. Nothing is changed.
    #[arg(long, conflicts_with_all = ["root", "services", "diff"])]
    pub(crate) connect: bool,
    /// Shows only what is different since the report that `[audit]` has kept last. Exit 1: a fault is new or weighs more.
    #[arg(long, conflicts_with_all = ["root", "services", "all"])]
    pub(crate) diff: bool,
}

/// How an audit is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuditFormat {
    /// For people.
    Text,
    /// For programs; versioned.
    Json,
    /// For pipelines and code hosts: SARIF 2.1.0.
    Sarif,
    /// One page that needs nothing else; on a running machine with the picture of what listens.
    Html,
    /// With `--services`: a picture of what listens, and who reaches it.
    Svg,
}

/// A weight by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level(pub(crate) Severity);

impl std::str::FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all =
            [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
        let found = all.into_iter().find(|severity| severity.id() == text);
        found
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no weight: info, low, medium, high or critical"))
    }
}
