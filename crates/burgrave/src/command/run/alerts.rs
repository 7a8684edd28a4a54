//! The process that tells people, as the supervisor starts it: takes what others raise, and delivers.

use super::super::{Exit, raise, record};
use super::confinement;
use super::serve::READY;
use crate::error::Error;
use crate::{load, output};
use burgrave_alerts::{Event, Said, Service, Spool};
use burgrave_config::Settings;
use burgrave_ledger::{Filter, Kind, Ledger};
use burgrave_sys::{Channel, Live, UnixTime, confine, forget_mask};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Rows that are looked through for those that a killed process may have written.
const ROWS_MAX: usize = 2_000;

/// After a turn that failed.
const PAUSE: Duration = Duration::from_secs(5);

/// Works until the supervisor is gone.
pub(super) fn run(config: &Path) -> Result<Exit, Error> {
    let supervisor = Channel::of_child().ok_or(Error::NoSupervisor)?;
    let settings = load::settings(&Live, config)?;
    let mut tell = teller(settings.state.clone());
    confined(&settings)?;
    let mut service = Service::start(&settings.state, &settings.alerts, &raise::host(), &mut tell)?;
    supervisor.send(READY, None).map_err(Error::Sockets)?;
    loop {
        service.turn(&mut tell)?;
        if supervisor.is_closed() {
            service.stop(&mut tell)?;
            return Ok(Exit::Clean);
        }
    }
}

/// The same work in a thread of a process that has something else to do and no supervisor, until that ends.
pub(in super::super) fn beside(settings: &Settings) -> Result<(), Error> {
    if settings.alerts.channels.is_empty() {
        return Ok(());
    }
    let mut tell = teller(settings.state.clone());
    let mut service = Service::start(&settings.state, &settings.alerts, &raise::host(), &mut tell)?;
    let run = move || {
        loop {
            if let Err(error) = service.turn(&mut tell) {
                output::error(&error);
                std::thread::sleep(PAUSE);
            }
        }
    };
    let thread = std::thread::Builder::new().name("alerts".to_owned()).spawn(run);
    thread.map(drop).map_err(|error| Error::Runtime("the alerts' thread", error))
}

/// Gives up what the channels do not need. Before the first thread, and with the folders there that are to be written.
fn confined(settings: &Settings) -> Result<(), Error> {
    let Some(keep) = confinement::of_alerts(settings) else { return Ok(()) };
    Spool::open(&settings.state)?;
    Ledger::open(&settings.state)?;
    forget_mask();
    for part in confine(&keep).map_err(Error::Confine)? {
        output::notice(&format!("warning: people are told without {part}"));
    }
    Ok(())
}

/// Writes rows, and tells the operator.
fn teller(state: PathBuf) -> impl FnMut(Said) {
    move |said| match said {
        Said::Notice(text) => output::notice(&text),
        Said::Taken(events, may_have_rows) => {
            let written = if may_have_rows { written(&state) } else { Vec::new() };
            let rows: Vec<_> = events
                .iter()
                .map(|event| (event.time, event.fingerprint().0, row(event)))
                .filter(|(time, fingerprint, _)| !written.contains(&(*time, fingerprint.clone())))
                .map(|(.., row)| row)
                .collect();
            record::record(&state, &rows);
        }
    }
}

fn row(event: &Event) -> burgrave_ledger::Event {
    let detail = json!({
        "topic": event.topic, "severity": event.severity, "title": event.title, "text": event.text,
        "fingerprint": event.fingerprint().0, "time": event.time,
    });
    let subject = event.subject.as_str();
    burgrave_ledger::Event::new(UnixTime(event.time), Kind::AlertRaised, subject, detail)
}

/// The alerts of the last rows, by their time and fingerprint.
fn written(state: &Path) -> Vec<(i64, String)> {
    let kind = Some(Kind::AlertRaised.word().to_owned());
    let filter = Filter { kind, subject: None, most: ROWS_MAX };
    // Where there is no ledger yet, no row was written.
    let (rows, _) =
        burgrave_ledger::last(&burgrave_ledger::folder(state), &filter).unwrap_or_default();
    let one = |row: &burgrave_ledger::Row| {
        let time = row.detail.get("time")?.as_i64()?;
        Some((time, row.detail.get("fingerprint")?.as_str()?.to_owned()))
    };
    rows.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_model::Topic;

    #[test]
    fn each_alert_has_one_row_also_where_a_kill_came_between() {
        let state = tempfile::tempdir().unwrap();
        let mut tell = teller(state.path().to_owned());
        let event = |subject| Event::new(7, Topic::BackupFailed, subject, "title", "text");
        tell(Said::Taken(vec![event("one")], false));
        tell(Said::Taken(vec![event("one"), event("two")], true));
        let filter = Filter { kind: Some("alert".to_owned()), subject: None, most: 10 };
        let folder = burgrave_ledger::folder(state.path());
        let (rows, _) = burgrave_ledger::last(&folder, &filter).unwrap();
        let subjects: Vec<&str> = rows.iter().map(|row| row.subject.as_str()).collect();
        assert_eq!(subjects, ["one", "two"]);
        assert_eq!(rows[0].detail["topic"], "backup.failed");
    }
}
