//! Rules: shown, on trial, for good, and back.

use crate::command::Exit;
use crate::command::record::{self, event, record};
use crate::error::Error;
use crate::output;
use burgrave_agent::{Applied, Confirmed};
use burgrave_config::Settings;
use burgrave_ledger::Kind;
use burgrave_sys::detach;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Longer than a trial, so that it has ended for certain.
const AFTERWARDS: Duration = Duration::from_millis(300);
/// How often whoever waits for its end looks whether there is still one to wait for.
const GLANCE: Duration = Duration::from_secs(1);

/// Shows what an apply would change.
pub(super) fn plan(settings: &Settings, connection: Option<&str>) -> Result<Exit, Error> {
    let plan = planned(settings, connection)?;
    let detail = json!({ "plan": plan, "by": record::by() });
    record(&settings.state, &[event(Kind::FirewallPlanned, "", detail)]);
    Ok(Exit::Clean)
}

/// Tidies up, and shows the plan.
fn planned(settings: &Settings, connection: Option<&str>) -> Result<String, Error> {
    tidied(settings)?;
    let plan = burgrave_agent::plan(settings, connection)?.to_string();
    output::text(&plan)?;
    Ok(plan)
}

/// Puts in order what an ended trial has left, and keeps a row of it.
fn tidied(settings: &Settings) -> Result<(), Error> {
    if burgrave_agent::settle(&settings.state)? {
        record(&settings.state, &[event(Kind::FirewallRolledBack, "", unconfirmed())]);
    }
    Ok(())
}

fn unconfirmed() -> Value {
    json!({ "because": "the trial ended unconfirmed" })
}

/// Shows the plan, asks, and puts the rules in force.
pub(super) fn apply(
    config: &Path,
    settings: &Settings,
    is_sure: bool,
    time: Duration,
    connection: Option<&str>,
) -> Result<Exit, Error> {
    let plan = planned(settings, connection)?;
    if !is_sure && !output::asked("put these rules in force? [y/N] ")? {
        output::notice("nothing was changed: say `y`, or `--yes` where nobody can be asked");
        return Ok(Exit::Unproven);
    }
    let applied = burgrave_agent::apply(settings, time)?;
    let detail = json!({ "plan": plan, "trial_secs": time.as_secs(), "by": record::by() });
    record(&settings.state, &[event(Kind::FirewallApplied, "", detail)]);
    match applied {
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

/// Waits for the end of a trial in a session of its own; not for longer than there is one.
pub(super) fn settle(settings: &Settings, after: Duration) -> Result<Exit, Error> {
    detach().map_err(Error::Sockets)?;
    let mut left = after + AFTERWARDS;
    // Who cannot look waits on, to the end of the longest time that there can be one.
    while !left.is_zero() && burgrave_agent::has_trial(&settings.state).unwrap_or(true) {
        std::thread::sleep(left.min(GLANCE));
        left = left.saturating_sub(GLANCE);
    }
    tidied(settings)?;
    Ok(Exit::Clean)
}

/// Keeps the rules on trial.
pub(super) fn confirm(settings: &Settings) -> Result<Exit, Error> {
    match burgrave_agent::confirm(settings)? {
        Confirmed::ForGood => {
            let detail = json!({ "by": record::by() });
            record(&settings.state, &[event(Kind::FirewallConfirmed, "", detail)]);
            output::text("confirmed: in force for good\n")?;
            return Ok(Exit::Clean);
        }
        Confirmed::TooLate => {
            record(&settings.state, &[event(Kind::FirewallRolledBack, "", unconfirmed())]);
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
    let was_trial = burgrave_agent::rollback(settings)?;
    let detail = json!({ "was_trial": was_trial, "by": record::by() });
    record(&settings.state, &[event(Kind::FirewallRolledBack, "", detail)]);
    output::text(if was_trial {
        "the trial has ended: the rules before are in force\n"
    } else {
        "the rules before are in force\n"
    })?;
    Ok(Exit::Clean)
}
