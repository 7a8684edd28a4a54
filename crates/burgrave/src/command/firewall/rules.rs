//! Rules: shown, on trial, for good, and back.

use crate::command::Exit;
use crate::error::Error;
use crate::output;
use burgrave_agent::{Applied, Confirmed};
use burgrave_config::Settings;
use burgrave_sys::detach;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Longer than a trial, so that it has ended for certain.
const AFTERWARDS: Duration = Duration::from_millis(300);

/// Shows what an apply would change.
pub(super) fn plan(settings: &Settings, connection: Option<&str>) -> Result<Exit, Error> {
    burgrave_agent::settle(&settings.state)?;
    output::text(&burgrave_agent::plan(settings, connection)?.to_string())?;
    Ok(Exit::Clean)
}

/// Shows the plan, asks, and puts the rules in force.
pub(super) fn apply(
    config: &Path,
    settings: &Settings,
    is_sure: bool,
    time: Duration,
    connection: Option<&str>,
) -> Result<Exit, Error> {
    plan(settings, connection)?;
    if !is_sure && !asked("put these rules in force? [y/N] ")? {
        output::notice("nothing was changed: say `y`, or `--yes` where nobody can be asked");
        return Ok(Exit::Unproven);
    }
    match burgrave_agent::apply(settings, time)? {
        Applied::ForGood => output::text("in force\n")?,
        Applied::OnTrial(time) => {
            // Without it the rules still go back in time; only names would be left in the table.
            if let Err(error) = settle_later(config, time) {
                output::error(&error);
            }
            output::text(&format!(
                "in force for {} s: over a new connection, say `burgrave firewall confirm` to keep them\n",
                time.as_secs()
            ))?;
        }
    }
    Ok(Exit::Clean)
}

fn asked(question: &str) -> Result<bool, Error> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    output::text(question)?;
    let mut answer = String::new();
    let mut input = std::io::stdin().lock();
    input.read_line(&mut answer).map_err(|error| Error::Runtime("the question", error))?;
    Ok(matches!(answer.trim(), "y" | "yes"))
}

/// Starts a process of its own session that tidies up when the trial has ended.
#[expect(clippy::disallowed_methods, reason = "this program again, not a tool of the machine")]
fn settle_later(config: &Path, time: Duration) -> Result<(), Error> {
    let wrong = |error| Error::Runtime("the process that tidies up", error);
    let program = std::env::current_exe().map_err(wrong)?;
    let config = config.canonicalize().map_err(wrong)?;
    Command::new(program)
        .args(["firewall", "settle", "--after", &format!("{}s", time.as_secs())])
        .arg("--config")
        .arg(config)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(drop)
        .map_err(wrong)
}

/// Waits for the end of a trial in a session of its own.
pub(super) fn settle(settings: &Settings, after: Duration) -> Result<Exit, Error> {
    detach().map_err(Error::Sockets)?;
    std::thread::sleep(after + AFTERWARDS);
    burgrave_agent::settle(&settings.state)?;
    Ok(Exit::Clean)
}

/// Keeps the rules on trial.
pub(super) fn confirm(settings: &Settings) -> Result<Exit, Error> {
    match burgrave_agent::confirm(settings)? {
        Confirmed::ForGood => {
            output::text("confirmed: in force for good\n")?;
            return Ok(Exit::Clean);
        }
        Confirmed::TooLate => {
            output::notice("too late: the trial has ended, and the rules before are in force");
        }
        Confirmed::Nothing => {
            output::notice("no rules are on trial: `burgrave firewall apply` first");
        }
    }
    Ok(Exit::Findings)
}

/// Goes back.
pub(super) fn rollback(settings: &Settings) -> Result<Exit, Error> {
    output::text(if burgrave_agent::rollback(settings)? {
        "the trial has ended: the rules before are in force\n"
    } else {
        "the rules before are in force\n"
    })?;
    Ok(Exit::Clean)
}
