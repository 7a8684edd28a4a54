//! The process that audits the machine on a schedule and watches its folders, as the supervisor starts it.
//!
//! Invariants: changes nothing but the kept report; only differences are raised; it ends with the supervisor; an audit
//! runs beside the watch, so that a change is told at once whatever the audit does.

mod appeared;
mod folders;

use super::super::Exit;
use super::serve::READY;
use crate::command::audit::{keep, kept_report, report};
use crate::error::Error;
use crate::event::{Event, raise};
use crate::{load, output};
use appeared::Appeared;
use burgrave_audit::Kept;
use burgrave_config::{Audit, Settings};
use burgrave_sys::{Channel, Live, is_root, monotonic, wall_clock};
use folders::Folders;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two looks at the clock, at the supervisor and at what runs.
const TURN: Duration = Duration::from_millis(250);
/// After the last change an audit waits so long for more, and after the first no longer than this.
const QUIET: Duration = Duration::from_secs(5);
const QUIET_MAX: Duration = Duration::from_mins(1);
/// Between two audits that changes have asked for.
const CHANGES_APART: Duration = Duration::from_mins(5);

/// When changes ask for an audit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Asked {
    first: Option<Duration>,
    last: Duration,
    done: Option<Duration>,
}

impl Asked {
    fn changed(&mut self, now: Duration) {
        self.first.get_or_insert(now);
        self.last = now;
    }

    fn is_due(&self, now: Duration) -> bool {
        let Some(first) = self.first else { return false };
        let is_quiet =
            now.saturating_sub(self.last) >= QUIET || now.saturating_sub(first) >= QUIET_MAX;
        is_quiet && self.done.is_none_or(|done| now.saturating_sub(done) >= CHANGES_APART)
    }

    fn done(&mut self, now: Duration) {
        *self = Self { first: None, last: now, done: Some(now) };
    }
}

/// When the next audit on the schedule begins, in seconds since 1970. The same turn has the same chance, so that a
/// restart does not throw the dice again.
fn next(audit: &Audit, last: Option<i64>) -> i64 {
    let Some(last) = last else { return 0 };
    let secs = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let dice = last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let late = (dice >> 33).rem_euclid(secs(audit.jitter).saturating_add(1));
    last.saturating_add(secs(audit.every)).saturating_add(late)
}

/// Goes on until the supervisor is gone.
pub(super) fn run(config: &Path) -> Result<Exit, Error> {
    let supervisor = Channel::of_child().ok_or(Error::NoSupervisor)?;
    let settings = load::settings(&Live, config)?;
    let Some(audit) = settings.audit.clone() else { return Ok(Exit::Clean) };
    if !is_root() {
        output::notice("audits see what this account may read, and the rest is unknown");
    }
    let mut folders = if audit.watch { watched(&settings) } else { None };
    let mut appeared = audit.watch.then(|| Appeared::of(&settings));
    supervisor.send(READY, None).map_err(Error::Sockets)?;
    let mut last = kept_report(&settings.state).map(|kept| kept.time);
    let mut asked = Asked::default();
    let mut running: Option<JoinHandle<Kept>> = None;
    loop {
        if supervisor.is_closed() {
            return Ok(Exit::Clean);
        }
        let changed = if let Some(folders) = &mut folders {
            folders.turn(TURN)
        } else {
            std::thread::sleep(TURN);
            false
        };
        let has_appeared = appeared.as_mut().is_some_and(Appeared::turn);
        let now = monotonic().0;
        if changed || has_appeared {
            asked.changed(now);
        }
        running = match running {
            Some(handle) if handle.is_finished() => {
                last = Some(wall_clock().seconds());
                ended(&settings, handle);
                None
            }
            Some(handle) => Some(handle),
            None if wall_clock().seconds() >= next(&audit, last) || asked.is_due(now) => {
                asked.done(now);
                let settings = settings.clone();
                Some(std::thread::spawn(move || Kept::of(&report(&settings))))
            }
            None => None,
        };
    }
}

fn watched(settings: &Settings) -> Option<Folders> {
    match Folders::of(settings) {
        Ok(folders) => {
            output::notice(&format!("watching {} folder(s) for changes", folders.count()));
            Some(folders)
        }
        Err(why) => {
            raise(settings, &Event::Trouble(format!("folders are not watched: {why}")));
            None
        }
    }
}

/// Keeps the report, and raises what is different.
fn ended(settings: &Settings, handle: JoinHandle<Kept>) {
    let Ok(now) = handle.join() else {
        raise(settings, &Event::Trouble("the audit broke off".to_owned()));
        return;
    };
    match kept_report(&settings.state) {
        Some(before) => {
            let changes = before.changes(&now);
            output::notice(&format!(
                "audited: {} fault(s), {} change(s)",
                now.faults.len(),
                changes.len()
            ));
            for change in changes {
                raise(settings, &Event::Audit(Box::new(change)));
            }
        }
        None => {
            output::notice(&format!("audited for the first time: {} fault(s)", now.faults.len()));
        }
    }
    if let Err(error) = keep(&settings.state, &now) {
        raise(settings, &Event::Trouble(format!("the report cannot be kept: {error}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audit_is_due_after_its_time_and_by_chance_a_little_later() {
        let audit = Audit {
            every: Duration::from_hours(24),
            jitter: Duration::from_mins(10),
            watch: true,
            connect: false,
        };
        assert_eq!(next(&audit, None), 0, "never audited: at once");
        let mut late = std::collections::BTreeSet::new();
        for last in (1_795_228_938..).step_by(97).take(200) {
            let at = next(&audit, Some(last)) - last - 86_400;
            assert!((0..=600).contains(&at), "{at}");
            assert_eq!(next(&audit, Some(last)), last + 86_400 + at, "the same again");
            late.insert(at);
        }
        assert!(late.len() > 50, "{late:?}");
        let exact = Audit { jitter: Duration::ZERO, ..audit };
        assert_eq!(next(&exact, Some(7)), 86_407);
    }

    #[test]
    fn changes_ask_for_one_audit_when_they_have_come_to_rest() {
        let at = Duration::from_secs;
        let mut asked = Asked::default();
        assert!(!asked.is_due(at(1)));
        asked.changed(at(10));
        assert!(!asked.is_due(at(14)) && asked.is_due(at(15)));
        asked.changed(at(14));
        assert!(!asked.is_due(at(15)));
        for second in 15..80 {
            asked.changed(at(second));
        }
        assert!(asked.is_due(at(80)), "it does not wait for ever");
        asked.done(at(80));
        asked.changed(at(81));
        assert!(!asked.is_due(at(100)) && asked.is_due(at(381)));
    }
}
