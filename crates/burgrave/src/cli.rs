//! The command line.

mod advisories;
mod alert;
mod audit;
mod backup;
mod baseline;
mod ledger;
mod role;
mod rules;

use crate::command::change::{ApplyArguments, PlanArguments, UndoArguments};
pub(crate) use advisories::{Advisories, Sbom};
pub(crate) use alert::Alert;
pub(crate) use audit::{Audit, AuditFormat};
pub(crate) use backup::{Backup, Job as BackupJob};
pub(crate) use baseline::{Baseline, BaselineOf};
use burgrave_model::Safeguard;
use clap::{Parser, Subcommand, ValueEnum};
pub(crate) use ledger::{Ledger, Which as LedgerWhich};
pub(crate) use role::RunRole;
pub(crate) use rules::{
    Except, ExplainRequest, Ids, List, Profile, Recorded, Rules, Test, Try, Update,
};
use std::path::PathBuf;
use std::time::Duration;

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
    /// SIGHUP takes the configuration again (the last good one stays where it has errors), SIGUSR2 the
    /// program too, as it is on the disk now. SIGUSR1 opens the logs again. SIGTERM and SIGINT let
    /// requests finish and stop.
    Run {
        /// The configuration file.
        #[arg(long, default_value = CONFIG_DEFAULT)]
        config: PathBuf,
        /// Event loops. Default: one a core.
        #[arg(long)]
        threads: Option<usize>,
        #[command(flatten)]
        role: RunRole,
    },
    /// Shows every error of the configuration and of its rule files, each with its line.
    Check {
        /// The configuration file.
        #[arg(long, default_value = CONFIG_DEFAULT)]
        config: PathBuf,
    },
    /// Drafts a configuration from what is found here: sites of nginx and Apache, logs, databases.
    ///
    /// Every line is explained in a comment; nothing is applied, and a file that is there is never written over.
    /// What cannot be carried over is kept closed or left out, and named with its file and line.
    /// Exit 0: drafted. 1: drafted, and a site was left out. 2: could not run.
    Init {
        /// Where the draft is written; `-`: standard output.
        #[arg(long, default_value = CONFIG_DEFAULT)]
        config: PathBuf,
        /// A directory with a system in it, such as an image. Default: this machine.
        #[arg(long)]
        root: Option<PathBuf>,
    },
    /// Looks for what is weak on this machine or in a tree; changes nothing.
    ///
    /// Exit 0: nothing found at the level of `--fail-on`. 1: something was. 2: could not look at all.
    Audit(Audit),
    /// Web roots and configuration as somebody accepted them, and what is not so any more.
    #[command(subcommand)]
    Baseline(Baseline),
    /// Known holes of what is installed, by advisories that are imported from files.
    #[command(subcommand)]
    Advisories(Advisories),
    /// Lists what is installed, as `CycloneDX` 1.6 in JSON.
    Sbom(Sbom),
    /// Shows what would be changed to mend what the audit finds; changes nothing.
    ///
    /// Exit 0: nothing is to be changed. 1: something is. 2: could not look.
    Plan(PlanArguments),
    /// Shows the plan, asks, does it, verifies it, and takes all of it back where that fails.
    ///
    /// Exit 0: done, or nothing to do. 1: taken back. 2: could not run. The firewall has commands of its own.
    Apply(ApplyArguments),
    /// Takes a change back: content, owner, mode and times are as they were.
    Undo(UndoArguments),
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
    /// The rule engine's rules: what is loaded, why a request matched, tests, exceptions.
    #[command(subcommand)]
    Rules(Rules),
    /// People who sign in at the gateway.
    #[command(subcommand)]
    User(User),
    /// Reads logs and sees attacks in them.
    #[command(subcommand)]
    Watch(Watch),
    /// The machine's firewall, and who is banned. Needs root.
    Firewall {
        /// The configuration file.
        #[arg(long, default_value = CONFIG_DEFAULT, global = true)]
        config: PathBuf,
        #[command(subcommand)]
        command: Firewall,
    },
    /// Backups: made, looked into, restored, verified and drilled.
    ///
    /// Exit 0: all is well. 1: something is not, and was told. 2: could not run.
    #[command(subcommand)]
    Backup(Backup),
    /// Alerts: what is the matter, who was told; taken on, silenced, tested.
    #[command(subcommand)]
    Alert(Alert),
    /// What happened on this machine, row by row, and whether every row is as it was written.
    #[command(subcommand)]
    Ledger(Ledger),
    /// What a finding, a proof, a safeguard or a rule means and what to do.
    Explain {
        /// The id, as in `ssh-root-login`, `sql-injection`, `version-hiding` or, with `--config`, `942100`.
        id: String,
        /// The configuration file, for the ids of rules.
        #[arg(long)]
        config: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Firewall {
    /// Shows what an apply would change, in words and in rules, and what listens that no rule lets in.
    Plan,
    /// Puts the configured rules in force, and takes them back unless they are confirmed in time.
    ///
    /// The kernel itself lets the trial end, whatever becomes of this program, the shell and the connection.
    Apply {
        /// Without asking.
        #[arg(long)]
        yes: bool,
        /// How long they are on trial, at most an hour. `0s`: they are in force for good at once.
        #[arg(long, value_name = "TIME", default_value = "30s", value_parser = trial_time)]
        confirm_within: Duration,
    },
    /// Keeps the rules on trial. Exit 1: there are none, or it is too late.
    Confirm,
    /// Ends a trial at once, or goes back to the rules before those that were confirmed.
    Rollback,
    /// Keeps an address or a network out at once.
    Ban {
        /// Whom, as in `192.0.2.7` or `2001:db8::/64`.
        target: String,
        /// For how long, as in `90s`, `30m`, `12h` or `7d`.
        #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = time)]
        time: Duration,
        /// Why, for those who look later.
        #[arg(long, default_value = "by hand")]
        reason: String,
    },
    /// Lets it in again at once. Exit 1: it was not banned.
    Unban {
        /// Whom, as it was banned.
        target: String,
    },
    /// Shows who is banned, until when and why.
    Bans {
        /// How it is shown.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Waits, and puts in order what a trial that was not confirmed has left.
    #[command(hide = true)]
    Settle {
        /// For how long to wait.
        #[arg(long, value_parser = trial_time)]
        after: Duration,
    },
}

/// A time in words, at most a year.
fn time(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("`{text}` is no time such as `90s`, `30m`, `12h` or `7d`, at most a year");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let secs: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number =
        text.strip_suffix(unit).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let number: u64 = number.and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?;
    let all = number.checked_mul(secs).filter(|all| *all <= 366 * 86_400).ok_or_else(wrong)?;
    Ok(Duration::from_secs(all))
}

/// A time of a trial: nobody is to wait for longer than an hour for the rules before.
pub(crate) fn trial_time(text: &str) -> Result<Duration, String> {
    let time = time(text)?;
    if time > Duration::from_hours(1) {
        return Err("at most an hour".to_owned());
    }
    Ok(time)
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Reads a password from standard input and prints a line for a file of users (`users` of
    /// `access`): the name and the argon2id hash.
    Hash {
        /// The user's name.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Watch {
    /// Shows what is seen in each line of a log.
    Try(WatchTry),
    /// Turns filters and jails of fail2ban into `[[watch]]` sections.
    ///
    /// They are written to standard output; what could not be carried over is told on standard error.
    /// Exit 0: all was carried over. 1: not all. 2: could not run.
    ImportFail2ban {
        /// The folder with `jail.conf`, `jail.local` and `filter.d`.
        #[arg(value_name = "DIR", default_value = "/etc/fail2ban")]
        folder: PathBuf,
    },
}

/// Which log is read, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct WatchTry {
    /// The service that wrote it, as in `sshd`: the name of fail2ban's jail where there is one.
    #[arg(long = "as", value_name = "SERVICE", required_unless_present = "filter")]
    pub(crate) service: Option<String>,
    /// A filter of fail2ban that is run as it is, in place of a service.
    #[arg(long, value_name = "FILE", conflicts_with = "service")]
    pub(crate) filter: Option<PathBuf>,
    /// The log, at most 1 GiB; `-`: standard input.
    pub(crate) file: PathBuf,
    /// Also takes what fail2ban calls aggressive or extra modes.
    #[arg(long)]
    pub(crate) strict: bool,
    /// How it is shown. JSON: one object a line.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
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

    #[test]
    fn the_firewall_is_told_what_to_do() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' '));
        for line in [
            "burgrave firewall plan --config c",
            "burgrave firewall --config c apply --yes --confirm-within 30s",
            "burgrave firewall ban 192.0.2.1 --for 1h --reason test",
            "burgrave firewall unban 2001:db8::/64",
            "burgrave firewall bans --format json",
        ] {
            assert!(parse(line).is_ok(), "{line}");
        }
        for line in [
            "burgrave firewall",
            "burgrave firewall ban",
            "burgrave firewall ban 192.0.2.1 --for long",
            "burgrave firewall apply --confirm-within 2h",
            "burgrave run --gateway --agent",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        let span = |text: &str| time(text).map(|time| time.as_secs()).ok();
        assert_eq!(
            ["90s", "5m", "2h", "7d", "0s"].map(span),
            [90, 300, 7_200, 604_800, 0].map(Some)
        );
        assert_eq!(
            ["", "5", "h", "-1s", "1w", "99999999999999999999d", "400d"].map(span),
            [None; 7]
        );
    }
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_audit_is_asked_for_in_these_words() {
        for (line, taken) in [
            ("--root / --format sarif --fail-on high --all -v", true),
            ("--services --format json", true),
            ("--fail-on huge", false),
            ("--services --root /", false),
        ] {
            let words = format!("burgrave audit {line}");
            assert_eq!(Arguments::try_parse_from(words.split(' ')).is_ok(), taken, "{line}");
        }
    }

    #[test]
    fn what_is_there_is_asked_for_in_these_words() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' ')).is_ok();
        assert!(parse("burgrave init --config - --root /mnt/image"));
        assert!(!parse("burgrave init --force"));
        assert!(parse("burgrave baseline accept --root / --folder /srv --folder /etc"));
        assert!(parse("burgrave baseline check --digest ab --format json"));
        assert!(!parse("burgrave baseline"));
        assert!(parse("burgrave advisories import all.zip kev.json --config c"));
        assert!(!parse("burgrave advisories import"), "files are wanted");
        assert!(parse("burgrave advisories list --root / --format json"));
        assert!(
            parse("burgrave sbom --root / --timestamp 7") && !parse("burgrave sbom --timestamp -1")
        );
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
        assert!(parse("burgrave rules list --id 1-9 --id 12 --phase 2 --tag a").is_ok());
        assert!(
            parse("burgrave rules list --id 9-1").is_err()
                && parse("burgrave rules list --phase 6").is_err()
        );
        assert!(parse("burgrave rules explain --request - --rule 1 --client ::1").is_ok());
        assert!(parse("burgrave rules explain").is_err(), "a request is wanted");
        assert!(parse("burgrave rules try --request r").is_err(), "a rule is wanted");
        assert!(parse("burgrave rules try --file f --rule x --request r").is_ok());
        assert!(parse("burgrave rules test --config c").is_err(), "tests are wanted");
        assert!(parse("burgrave rules except --request a b --attacks c --write d").is_ok());
    }

    #[test]
    fn logs_are_read_as_those_of_a_service() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' '));
        assert!(parse("burgrave watch try --as sshd - --strict --format json").is_ok());
        assert!(parse("burgrave watch try -").is_err(), "a service is wanted");
        assert!(parse("burgrave watch try --filter f.conf -").is_ok());
        assert!(parse("burgrave watch try --filter f.conf --as sshd -").is_err());
        assert!(parse("burgrave watch import-fail2ban /etc/fail2ban").is_ok());
    }
}
