//! The agent's process, as the supervisor starts it: follows the logs and bans. It listens on no network.

use super::super::{Exit, record};
use super::serve::READY;
use crate::error::Error;
use crate::{load, output};
use burgrave_agent::{Ban, Told, Watcher};
use burgrave_ledger::{Event, Kind, Scribe, Wrote};
use burgrave_sys::{Channel, Live};
use serde_json::json;
use std::path::Path;

/// What the agent tells the supervisor when it has no right to do anything.
pub(super) const UNABLE: &[u8] = b"unable";

/// Watches until the supervisor is gone.
pub(super) fn run(config: &Path) -> Result<Exit, Error> {
    let supervisor = Channel::of_child().ok_or(Error::NoSupervisor)?;
    let settings = load::settings(&Live, config)?;
    let scribe = Scribe::start(&settings.state, wrote)
        .map_err(|error| Error::Runtime("the ledger's thread", error))?;
    let mut tell = |told| {
        // In the kernel and in the file of bans it is already: the row comes after, and is not waited for.
        if let Some(row) = row(&told) {
            scribe.add(row);
        }
        tell(told);
    };
    let connection = std::env::var("SSH_CONNECTION").ok();
    let started = Watcher::start(&settings, connection, &mut tell);
    let mut watcher = match started {
        Ok(watcher) => watcher,
        Err(error) => {
            if matches!(error, burgrave_agent::AgentError::NoRight) {
                supervisor.send(UNABLE, None).map_err(Error::Sockets)?;
            }
            return Err(error.into());
        }
    };
    output::notice(&format!(
        "watching {} log(s), {} ban(s) in force",
        watcher.logs(),
        watcher.bans()
    ));
    supervisor.send(READY, None).map_err(Error::Sockets)?;
    loop {
        watcher.turn(Some(&supervisor), &mut tell)?;
        if supervisor.is_closed() {
            watcher.keep_positions()?;
            return Ok(Exit::Clean);
        }
    }
}

/// Tells the operator what happened.
fn tell(told: Told) {
    output::notice(&match told {
        Told::Banned(ban) => banned(&ban),
        Told::Spared(target, why) => format!("not banned: {target} is, or holds, {why}"),
        Told::Alert(text) => format!("alert: {text}"),
        Told::Restored(true, bans) => {
            format!("the table `inet burgrave` was not as it was left: restored with {bans} ban(s)")
        }
        Told::Restored(false, bans) => format!("restored {bans} ban(s) in the kernel"),
        Told::Trouble(text) => format!("warning: {text}"),
        Told::Better(path) => format!("the log `{path}` can be read again"),
    });
}

/// What becomes a row.
fn row(told: &Told) -> Option<Event> {
    match told {
        Told::Banned(ban) => Some(record::banned(ban, None)),
        Told::Restored(has_rules, bans) => {
            let detail = json!({ "has_rules": has_rules, "bans": bans });
            Some(record::event(Kind::BanRestored, "", detail))
        }
        Told::Spared(..) | Told::Alert(_) | Told::Trouble(_) | Told::Better(_) => None,
    }
}

/// Tells the operator how the ledger does.
pub(super) fn wrote(wrote: Wrote) {
    output::notice(&match wrote {
        Wrote::Trouble(why) => format!("warning: rows wait for the ledger: {why}"),
        Wrote::Better => "the ledger takes rows again".to_owned(),
        Wrote::Lost(count) => format!("warning: {count} event(s) have no row in the ledger"),
    });
}

/// A ban in a line.
pub(crate) fn banned(ban: &Ban) -> String {
    let secs = ban.until.saturating_sub(ban.since);
    let seen = if ban.evidence.is_empty() { String::new() } else { format!(": {}", ban.evidence) };
    format!("banned {} for {secs} s, {}{seen}", ban.target, ban.reason)
}
