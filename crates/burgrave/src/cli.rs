//! The command line.

use burgrave_model::Safeguard;
use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Where the configuration is when nothing is said.
pub(crate) const CONFIG_DEFAULT: &str = "/etc/burgrave/burgrave.toml";

/// Secures the web and application servers of a business: gateway, rule engine, proofs.
#[derive(Debug, Parser)]
#[command(name = "burgrave", version, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Starts the gateway in the foreground; says `ready` on stderr when it serves.
    ///
    /// SIGHUP takes the configuration again (the last good one stays where it has errors), SIGUSR1
    /// opens the access log again, SIGTERM and SIGINT let requests finish and stop.
    Run {
        /// The configuration file.
        #[arg(long, default_value = CONFIG_DEFAULT)]
        config: PathBuf,
        /// Event loops. Default: one a core.
        #[arg(long)]
        threads: Option<usize>,
    },
    /// Shows every error of the configuration and of its rule files, each with its line.
    Check {
        /// The configuration file.
        #[arg(long, default_value = CONFIG_DEFAULT)]
        config: PathBuf,
    },
    /// Makes the attacks itself, on the configured addresses only: held, fell or not proven.
    ///
    /// Exit 0: all held. 1: one fell. 2: none fell, but not all could be proven.
    Prove {
        /// The configuration file.
        #[arg(long, default_value = CONFIG_DEFAULT)]
        config: PathBuf,
        /// Only these safeguards. Default: all.
        safeguards: Vec<Safeguard>,
        /// How the result is shown.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        /// Shows the evidence of what held as well.
        #[arg(long, short)]
        verbose: bool,
    },
    /// The rule engine's rules.
    #[command(subcommand)]
    Rules(Rules),
    /// What a proof or a safeguard means and what to do.
    Explain {
        /// The id, as in `sql-injection` or `version-hiding`.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Rules {
    /// Lists the rules that a configuration loads.
    List {
        /// The configuration file.
        #[arg(long, default_value = CONFIG_DEFAULT)]
        config: PathBuf,
        /// How the list is shown.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Takes a release of the OWASP Core Rule Set: verified by its digest, compiled, swapped in
    /// atomically as `DIR/current`; the one before stays as `DIR/previous`.
    Update(Update),
}

/// What to take and where to put it.
#[derive(Debug, clap::Args)]
pub(crate) struct Update {
    /// The folder that holds releases.
    #[arg(long, default_value = "/etc/burgrave/crs")]
    pub(crate) to: PathBuf,
    /// The release, as in `4.18.0`.
    #[arg(long, required_unless_present = "rollback")]
    pub(crate) release: Option<String>,
    /// SHA-256 of the release's archive, 64 hexadecimal digits, from a source that you trust.
    #[arg(long, required_unless_present = "rollback")]
    pub(crate) sha256: Option<String>,
    /// A `.tar.gz` that is already here. Default: fetched from the project's releases by curl.
    #[arg(long)]
    pub(crate) archive: Option<PathBuf>,
    /// Goes back to the release before.
    #[arg(long, conflicts_with_all = ["release", "sha256", "archive"])]
    pub(crate) rollback: bool,
}

/// How data is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs; versioned.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn arguments_are_understood() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' '));
        assert!(parse("burgrave run --config x.toml --threads 1").is_ok());
        assert!(parse("burgrave prove injection tls --config x").is_err(), "tls is no safeguard");
        assert!(parse("burgrave prove injection cleanup --format json").is_ok());
        assert!(parse("burgrave rules update").is_err(), "release and digest are wanted");
        assert!(parse("burgrave rules update --rollback").is_ok());
        assert!(parse("burgrave").is_err());
    }
}
