//! The agent's process, as the supervisor starts it: follows the logs and bans. It listens on no network.

use super::super::raise::{self, Raiser};
use super::super::{Exit, record};
use super::confinement;
use super::serve::READY;
use crate::error::Error;
use crate::{load, output};
use burgrave_agent::{Ban, Told, Watcher};
use burgrave_ledger::{Event, Kind, Scribe, Wrote};
use burgrave_model::Topic;
use burgrave_sys::{Channel, Live, confine, make_own_directory};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// What the agent tells the supervisor when it has no right to do anything.
pub(super) const UNABLE: &[u8] = b"unable";

/// Watches until the supervisor is gone.
pub(super) fn run(config: &Path) -> Result<Exit, Error> {
    let supervisor = Channel::of_child().ok_or(Error::NoSupervisor)?;
    let settings = load::settings(&Live, config)?;
    // What is told before there are threads, which would keep it from being confined.
    let mut early = Vec::new();
    let connection = std::env::var("SSH_CONNECTION").ok();
    let started = Watcher::start(&settings, connection, &mut |told| early.push(told));
    let mut watcher = match started {
        Ok(watcher) => watcher,
        Err(error) => {
            if matches!(error, burgrave_agent::AgentError::NoRight) {
                supervisor.send(UNABLE, None).map_err(Error::Sockets)?;
            }
            return Err(error.into());
        }
    };
    for folder in confinement::agent_folders(&settings) {
        make_own_directory(&folder).map_err(Error::Confine)?;
    }
    for part in confine(&confinement::of_agent(&Live, &settings)).map_err(Error::Confine)? {
        output::notice(&format!("warning: logs are watched without {part}"));
    }
    let raiser = Arc::new(
        Raiser::start(&settings).map_err(|error| Error::Runtime("the alerts' thread", error))?,
    );
    let told = Arc::clone(&raiser);
    let scribe = Scribe::start(&settings.state, move |said| wrote(&said, &told))
        .map_err(|error| Error::Runtime("the ledger's thread", error))?;
    let mut tell = |told| {
        // In the kernel and in the file of bans it is already: row and alert come after, and are not waited for.
        if let Some(row) = row(&told) {
            scribe.add(row);
        }
        if let Some(event) = alert(&told) {
            raiser.add(event);
        }
        output::notice(&words(&told));
    };
    early.into_iter().for_each(&mut tell);
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

/// What the operator is told.
fn words(told: &Told) -> String {
    match told {
        Told::Banned(ban) => banned(ban),
        Told::WouldBan(ban) => format!("dry run: would have {}", banned(ban)),
        Told::Listed(file, count, 0) => {
            format!("the list `{}` keeps {count} address(es) and network(s) out", file.display())
        }
        Told::Listed(file, count, odd) => format!(
            "the list `{}` keeps {count} address(es) and network(s) out; {odd} line(s) make no sense",
            file.display()
        ),
        Told::Spared(target, why) => format!("not banned: {target} is, or holds, {why}"),
        Told::Alert(_, text) => format!("alert: {text}"),
        Told::Restored(true, bans) => {
            format!("the table `inet burgrave` was not as it was left: restored with {bans} ban(s)")
        }
        Told::Restored(false, bans) => format!("restored {bans} ban(s) in the kernel"),
        Told::Trouble(text) | Told::Unreadable(_, text) => format!("warning: {text}"),
        Told::Better(path) => format!("the log `{path}` can be read again"),
        Told::Silent(path, secs) => format!("alert: the log `{path}` has been silent for {secs} s"),
        Told::Heard(path) => format!("the log `{path}` is silent no more"),
    }
}

/// What becomes an alert.
fn alert(told: &Told) -> Option<raise::Event> {
    let words = words(told);
    let (topic, subject) = match told {
        Told::Banned(ban) => (Topic::BanAdded, ban.target.to_string()),
        Told::Alert(ip, _) => (Topic::AttackSeen, ip.map(|ip| ip.to_string()).unwrap_or_default()),
        Told::Restored(true, _) => (Topic::BanRestored, String::new()),
        Told::Trouble(_) => (Topic::AgentTrouble, String::new()),
        Told::Unreadable(path, why) => {
            let title = format!("the log `{path}` cannot be read");
            return Some(raise::event(Topic::SourceUnreadable, path, &title, why));
        }
        Told::Silent(path, _) => (Topic::SourceSilent, path.clone()),
        Told::Better(path) => return Some(raise::over(Topic::SourceUnreadable, path, &words)),
        Told::Heard(path) => return Some(raise::over(Topic::SourceSilent, path, &words)),
        // At a start the kernel has none of them: that is no finding.
        Told::Restored(false, _) | Told::Spared(..) | Told::WouldBan(_) | Told::Listed(..) => {
            return None;
        }
    };
    Some(raise::event(topic, &subject, words.trim_start_matches("alert: "), ""))
}

/// What becomes a row.
fn row(told: &Told) -> Option<Event> {
    match told {
        Told::Banned(ban) => Some(record::banned(ban, None)),
        Told::Restored(has_rules, bans) => {
            let detail = json!({ "has_rules": has_rules, "bans": bans });
            Some(record::event(Kind::BanRestored, "", detail))
        }
        Told::Spared(..)
        | Told::WouldBan(_)
        | Told::Listed(..)
        | Told::Alert(..)
        | Told::Trouble(_)
        | Told::Unreadable(..)
        | Told::Better(_)
        | Told::Silent(..)
        | Told::Heard(_) => None,
    }
}

/// Tells the operator, and those who are alerted, how the ledger does.
pub(super) fn wrote(wrote: &Wrote, raiser: &Raiser) {
    let words = match wrote {
        Wrote::Trouble(why) => format!("warning: rows wait for the ledger: {why}"),
        Wrote::Better => "the ledger takes rows again".to_owned(),
        Wrote::Lost(count) => format!("warning: {count} event(s) have no row in the ledger"),
    };
    let title = words.trim_start_matches("warning: ");
    raiser.add(match wrote {
        Wrote::Better => raise::over(Topic::LedgerTrouble, "", title),
        Wrote::Trouble(_) => raise::event(Topic::LedgerTrouble, "", title, ""),
        Wrote::Lost(_) => raise::event(Topic::LedgerTrouble, "rows", title, ""),
    });
    output::notice(&words);
}

/// A ban in a line.
pub(crate) fn banned(ban: &Ban) -> String {
    let secs = ban.until.saturating_sub(ban.since);
    // Words of others: an engine's, or another machine's.
    let seen = ban.evidence.escape_debug();
    let seen = if ban.evidence.is_empty() { String::new() } else { format!(": {seen}") };
    format!("banned {} for {secs} s, {}{seen}", ban.target, ban.reason.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(told: &Told, expected: Option<(&str, &str, bool)>) {
        let found = alert(told);
        let found = found
            .as_ref()
            .map(|event| (event.topic.as_str(), event.subject.as_str(), event.is_over));
        assert_eq!(found, expected, "{told:?}");
    }

    #[test]
    fn what_is_to_be_looked_at_is_an_alert() {
        let log = || "/log".to_owned();
        check(&Told::Restored(true, 3), Some(("ban.restored", "", false)));
        check(&Told::Restored(false, 3), None);
        check(&Told::Unreadable(log(), log()), Some(("source.unreadable", "/log", false)));
        check(&Told::Better(log()), Some(("source.unreadable", "/log", true)));
        check(&Told::Silent(log(), 9), Some(("source.silent", "/log", false)));
        check(&Told::Heard(log()), Some(("source.silent", "/log", true)));
        let ip = Some([192, 0, 2, 7].into());
        check(&Told::Alert(ip, log()), Some(("attack.seen", "192.0.2.7", false)));
        let title = alert(&Told::Silent(log(), 9)).unwrap().title;
        assert_eq!(title, "the log `/log` has been silent for 9 s");
    }
}
