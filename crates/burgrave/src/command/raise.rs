//! Alerts of this program's own parts, on their way into the spool.
//!
//! Invariants: where no channel is configured nothing is raised; who raises one does not fail because it could not,
//! but says so. Bans that come in numbers are one alert.

use crate::output;
pub(crate) use burgrave_alerts::Event;
use burgrave_alerts::{AlertError, Spool};
use burgrave_config::Settings;
use burgrave_model::Topic;
use burgrave_sys::{host_name, wall_clock};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// What comes within such a pause of each other is raised at once, up to so many of them.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);
const PAUSES_MAX: usize = 40;
/// Events that wait for the spool's disk.
const WAITING_MAX: usize = 20_000;
/// More bans at once than this are told by their number.
const BANS_MAX: usize = 50;

/// What this machine is called in messages.
pub(crate) fn host() -> String {
    let name = host_name();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let name: String = name.into_iter().filter(plain).take(64).map(char::from).collect();
    if name.is_empty() { "unknown".to_owned() } else { name }
}

/// An event of now.
pub(crate) fn event(topic: Topic, subject: &str, title: &str, text: &str) -> Event {
    Event::new(wall_clock().0, topic, subject, title, text)
}

/// What lasted is over now.
pub(crate) fn over(topic: Topic, subject: &str, title: &str) -> Event {
    Event::over(wall_clock().0, topic, subject, title)
}

/// Raises them, where anybody is to be told.
pub(crate) fn raise(settings: &Settings, events: &[Event]) {
    if settings.alerts.channels.is_empty() || events.is_empty() {
        return;
    }
    if let Err(error) = put(&settings.state, events) {
        output::notice(&format!("warning: nobody is alerted: {}", burgrave_sys::chain(&error)));
    }
}

fn put(state: &Path, events: &[Event]) -> Result<(), AlertError> {
    Spool::open(state)?.raise(events)
}

/// Raises them from a thread beside, for those who must not wait for a disk.
#[derive(Debug)]
pub(crate) struct Raiser {
    sender: Option<SyncSender<Event>>,
    thread: Option<JoinHandle<()>>,
}

impl Raiser {
    /// Begins. Without a channel it takes events and does nothing.
    pub(crate) fn start(settings: &Settings) -> Result<Self, std::io::Error> {
        if settings.alerts.channels.is_empty() {
            return Ok(Self { sender: None, thread: None });
        }
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let state = settings.state.clone();
        let run = move || work(&receiver, &state);
        let thread = std::thread::Builder::new().name("alerts".to_owned()).spawn(run)?;
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }

    /// Takes an event, without waiting.
    pub(crate) fn add(&self, event: Event) {
        let Some(sender) = &self.sender else { return };
        if sender.try_send(event).is_err() {
            output::notice("warning: an alert found no room and was dropped");
        }
    }
}

/// Waits until all of them are raised.
impl Drop for Raiser {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn work(receiver: &Receiver<Event>, state: &Path) {
    let mut is_troubled = false;
    while let Ok(first) = receiver.recv() {
        let mut events = vec![first];
        // While more come they belong together, however fast or slow the machine is with them.
        for _ in 0..PAUSES_MAX {
            let before = events.len();
            events.extend(receiver.try_iter().take(WAITING_MAX.saturating_sub(before)));
            if events.len() == before {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        match put(state, &together(events)) {
            Ok(()) => is_troubled = false,
            Err(error) if !is_troubled => {
                is_troubled = true;
                output::notice(&format!(
                    "warning: nobody is alerted: {}",
                    burgrave_sys::chain(&error)
                ));
            }
            Err(_) => {}
        }
    }
}

/// Many bans as one event.
fn together(events: Vec<Event>) -> Vec<Event> {
    let is_ban = |event: &Event| event.topic == Topic::BanAdded.word();
    let count = events.iter().filter(|event| is_ban(event)).count();
    if count <= BANS_MAX {
        return events;
    }
    let first = events.iter().find(|event| is_ban(event)).map(|event| event.title.clone());
    let (title, text) = (format!("{count} clients were banned at once"), first.unwrap_or_default());
    let mut rest: Vec<Event> = events.into_iter().filter(|event| !is_ban(event)).collect();
    rest.push(event(Topic::BanAdded, "many", &title, &format!("the first: {text}")));
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_alerts::Spooled;

    fn settings(state: &Path, alert: &str) -> Settings {
        let text = format!(
            "state = \"{}\"\n{alert}[[listen]]\naddress = \"127.0.0.1:80\"\n[[site]]\nhosts = [\"a\"]\nfiles = {{ root = \"/srv\" }}\n",
            state.display()
        );
        burgrave_config::parse(&text).unwrap()
    }

    #[test]
    fn what_is_raised_is_in_the_spool_where_anybody_is_to_be_told() {
        let state = tempfile::tempdir().unwrap();
        let one = event(Topic::BackupFailed, "job", "it failed", "");
        raise(&settings(state.path(), ""), std::slice::from_ref(&one));
        assert!(!state.path().join("alerts").exists());
        let settings = settings(state.path(), "[[alert]]\nto = \"command:/x\"\n");
        raise(&settings, &[one]);
        let raiser = Raiser::start(&settings).unwrap();
        for n in 0..10_000 {
            raiser.add(event(Topic::BanAdded, &n.to_string(), "banned", ""));
        }
        drop(raiser);
        let spool = Spool::open(state.path()).unwrap();
        let taken = spool.take(|_| false).unwrap();
        let all: Vec<&Spooled> = taken.iter().flat_map(|file| &file.all).collect();
        assert!(!all.is_empty() && all.len() < 1_000, "{}", all.len());
    }

    #[test]
    fn many_bans_are_one_alert_and_few_are_not() {
        let bans = |count: usize| {
            let one = |n: usize| event(Topic::BanAdded, &n.to_string(), "banned", "");
            let mut all: Vec<Event> = (0..count).map(one).collect();
            all.push(event(Topic::AttackSeen, "a", "b", ""));
            together(all).len()
        };
        assert_eq!((bans(BANS_MAX), bans(BANS_MAX + 1)), (BANS_MAX + 1, 2));
    }

    #[test]
    fn a_machine_has_a_name_that_goes_into_a_header() {
        assert!(!host().is_empty() && host().bytes().all(|byte| byte.is_ascii_graphic()));
    }
}
