//! One command a file.

mod advisories;
mod alert;
pub(crate) mod audit;
mod backup;
pub(crate) mod baseline;
pub(crate) mod change;
mod check;
mod explain;
mod firewall;
mod init;
mod ledger;
mod prove;
pub(crate) mod raise;
mod record;
mod rules;
mod run;
mod update;
mod user;
mod watch;

use crate::cli::{Arguments, Command};
use crate::error::Error;
pub(crate) use run::Role;

/// How a command ended that could run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Nothing to complain about.
    Clean,
    /// Findings, or a proof that fell.
    Findings,
    /// Something that was asked for could not be shown either way.
    Unproven,
}

impl Exit {
    /// The process's exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Unproven => 2,
        }
    }
}

/// Runs the command.
pub(crate) fn dispatch(arguments: &Arguments) -> Result<Exit, Error> {
    match &arguments.command {
        Command::Run { config, threads, role } => run::run(config, *threads, role.role()),
        Command::Check { config } => check::run(config),
        Command::Init { config, root } => init::run(config, root.as_deref()),
        Command::Audit(arguments) => audit::run(arguments),
        Command::Advisories(command) => advisories::dispatch(command),
        Command::Sbom(arguments) => advisories::sbom(arguments),
        Command::Baseline(command) => baseline::dispatch(command),
        Command::Plan(arguments) => change::plan(arguments),
        Command::Apply(arguments) => change::apply(arguments),
        Command::Undo(arguments) => change::undo(arguments),
        Command::Prove { config, safeguards, format, verbose } => {
            prove::run(config, safeguards, *format, *verbose)
        }
        Command::Rules(command) => rules::dispatch(command),
        Command::User(command) => user::dispatch(command),
        Command::Watch(command) => watch::dispatch(command),
        Command::Firewall { config, command } => firewall::dispatch(config, command),
        Command::Backup(command) => backup::dispatch(command),
        Command::Alert(command) => alert::dispatch(command),
        Command::Ledger(command) => ledger::dispatch(command),
        Command::Explain { id, config } => explain::run(id, config.as_deref()),
    }
}
