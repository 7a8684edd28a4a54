//! `burgrave rules`: what each of its commands takes.

use super::{CONFIG_DEFAULT, Format};
use burgrave_replay::profile::LEAST_DEFAULT;
use clap::Subcommand;
use std::path::PathBuf;

/// Which command.
#[derive(Debug, Subcommand)]
pub(crate) enum Rules {
    /// Lists the rules that a configuration loads, in file order, with what changes each.
    List(List),
    /// Shows what the rules make of one recorded request, and why. No server, no network.
    ///
    /// Exit 0: it passes. 1: it is blocked, or would be in detection mode. 2: could not run.
    Explain(ExplainRequest),
    /// Tries rules that are not in any file yet on one recorded request.
    ///
    /// Exit codes as of `explain`; rules that do not load are shown as `burgrave check` shows them.
    Try(Try),
    /// Runs test files in the form of go-ftw (YAML or JSON) against the configuration. No server.
    ///
    /// Exit 0: all passed, or were skipped with a reason. 1: one failed. 2: could not run, or nothing could be
    /// said.
    Test(Test),
    /// Proposes the narrowest exception that lets benign requests pass, once it was tried.
    ///
    /// Exit 0: proposed, or none is needed. 1: none holds; why is said. 2: could not run.
    Except(Except),
    /// Drafts the profile of an application from an OpenAPI document or from recorded requests. It is shown, for
    /// people to read, and not put in force.
    ///
    /// Exit 0: drafted. 1: no argument has a type whose values cannot be an attack. 2: could not run.
    Profile(Profile),
    /// Takes a release of the OWASP Core Rule Set: verified by its digest, compiled, swapped in
    /// atomically as `DIR/current`; the one before stays as `DIR/previous`.
    Update(Update),
}

/// What is listed.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// The configuration file.
    #[arg(long, default_value = CONFIG_DEFAULT)]
    pub(crate) config: PathBuf,
    /// Only these ids: `942100` or `942000-942999`. May be given more than once.
    #[arg(long)]
    pub(crate) id: Vec<Ids>,
    /// Only rules with one of these tags, as in `attack-sqli`.
    #[arg(long)]
    pub(crate) tag: Vec<String>,
    /// Only rules of these phases, 1 to 5.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=5))]
    pub(crate) phase: Vec<u8>,
    /// How the list is shown.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// A rule id, or a range of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ids(pub(crate) u32, pub(crate) u32);

impl std::str::FromStr for Ids {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let number = |text: &str| text.trim().parse::<u32>().ok();
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => Ok(Self(first, last)),
            _ => Err(format!("`{text}` is no rule id or range of ids")),
        }
    }
}

/// A recorded request, and what goes with it.
#[derive(Debug, clap::Args)]
pub(crate) struct Recorded {
    /// A file with the raw HTTP/1.1 request, at most 4 MiB; `-`: standard input.
    #[arg(long)]
    pub(crate) request: PathBuf,
    /// A file with the raw answer, for rules that look at answers.
    #[arg(long)]
    pub(crate) response: Option<PathBuf>,
    /// The client's address, for rules that ask for it. Default: a stranger's.
    #[arg(long)]
    pub(crate) client: Option<std::net::IpAddr>,
    /// How the explanation is shown.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// What is explained.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainRequest {
    /// The configuration file.
    #[arg(long, default_value = CONFIG_DEFAULT)]
    pub(crate) config: PathBuf,
    /// Tells of this rule why it did or did not match.
    #[arg(long)]
    pub(crate) rule: Option<u32>,
    #[command(flatten)]
    pub(crate) recorded: Recorded,
}

/// What is tried.
#[derive(Debug, clap::Args)]
pub(crate) struct Try {
    /// A line of `SecLang`, as `SecRule ARGS "@rx x" "id:1,phase:2,deny"`. May be given more than once.
    #[arg(long, required_unless_present = "file")]
    pub(crate) rule: Vec<String>,
    /// A file of rules. May be given more than once.
    #[arg(long)]
    pub(crate) file: Vec<PathBuf>,
    /// Tries them behind the rules of this configuration. Default: they stand alone.
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) recorded: Recorded,
}

/// What is tested.
#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    /// The configuration file.
    #[arg(long, default_value = CONFIG_DEFAULT)]
    pub(crate) config: PathBuf,
    /// Test files, and folders of them (`.yaml`, `.yml`, `.json`).
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// How the result is shown.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// What is excepted.
#[derive(Debug, clap::Args)]
pub(crate) struct Except {
    /// The configuration file.
    #[arg(long, default_value = CONFIG_DEFAULT)]
    pub(crate) config: PathBuf,
    /// Files of benign requests that have to pass: raw, or NDJSON with `request` in base64.
    #[arg(long, required = true, num_args = 1..)]
    pub(crate) request: Vec<PathBuf>,
    /// Files of attacks that have to stay blocked, in either form.
    #[arg(long, num_args = 1..)]
    pub(crate) attacks: Vec<PathBuf>,
    /// Only this rule may be excepted. Default: whichever block the requests.
    #[arg(long)]
    pub(crate) rule: Option<u32>,
    /// For all paths that begin so. Default: the requests' own paths.
    #[arg(long)]
    pub(crate) prefix: Option<String>,
    /// The id of the first rule that is made. Default: the first free one from 10000.
    #[arg(long)]
    pub(crate) id: Option<u32>,
    /// Appends the exception to this file of rules, after showing it.
    #[arg(long)]
    pub(crate) write: Option<PathBuf>,
    /// How the proposal is shown.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// From what a profile is drafted.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("from").required(true).args(["openapi", "requests"]))]
pub(crate) struct Profile {
    /// An OpenAPI document, version 3, in JSON or YAML.
    #[arg(long)]
    pub(crate) openapi: Option<PathBuf>,
    /// What stands before the paths of the document. Default: the path of its first server.
    #[arg(long, requires = "openapi")]
    pub(crate) base: Option<String>,
    /// Files of recorded requests: raw, or NDJSON with `request` in base64.
    #[arg(long, num_args = 1..)]
    pub(crate) requests: Vec<PathBuf>,
    /// In how many requests that are not the same an argument has to be seen.
    #[arg(long, default_value_t = LEAST_DEFAULT, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) least: u32,
    /// The configuration file, for the rules by which attacks among the requests are known.
    #[arg(long, default_value = CONFIG_DEFAULT)]
    pub(crate) config: PathBuf,
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
