//! All that is known: alerts, silences, and messages that are not delivered yet. Events and time in, messages out;
//! no I/O.

use crate::alert::Alert;
use crate::event::{Event, Fingerprint};
use crate::message::{Message, Reason};
use crate::orders::Silence;
use burgrave_model::{Severity, Topic};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const HOUR: i64 = 3_600 * SECOND;
pub(crate) const DAY: i64 = 24 * HOUR;
/// Alerts that are kept.
pub(crate) const ALERTS_MAX: usize = 2_000;
/// After a failure a message is tried again so much later, then twice as late each time.
const AGAIN: i64 = 5 * SECOND;
const AGAIN_MAX: i64 = HOUR;
/// After so long it is given up, and that is told.
const GIVE_UP: i64 = 7 * DAY;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What the ids of messages begin with.
    pub(crate) name: String,
    /// The next message's number.
    pub(crate) number: u64,
    /// What is or was the matter.
    pub alerts: BTreeMap<Fingerprint, Alert>,
    /// What nobody is told of.
    pub silences: BTreeMap<String, Silence>,
    /// Messages by their numbers.
    pub queue: BTreeMap<u64, Message>,
    /// Channels by their names.
    pub(crate) channels: BTreeMap<String, Channel>,
    /// Files of the spool that were taken, and may still be there.
    pub(crate) taken: BTreeSet<String>,
}

/// What is remembered of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Channel {
    /// When a group's last message was made.
    pub(crate) groups: BTreeMap<String, i64>,
    /// When messages of the last hour were made.
    pub(crate) sent: VecDeque<i64>,
    /// When a sign of life was last made.
    pub(crate) heartbeat: Option<i64>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is tried again.
    Again,
    /// It was given up, with this many alerts.
    GivenUp(usize),
}

impl State {
    /// Nothing yet; `name`: what the ids of its messages begin with, which no other state has.
    pub fn new(name: String) -> Self {
        Self { name, ..Self::default() }
    }

    /// Takes what happened. Whether it is news, and not an end of what nobody knew of.
    pub fn take(&mut self, event: &Event, now: i64) -> bool {
        let Some((topic, severity)) = event.kind() else { return false };
        let fingerprint = event.fingerprint();
        if event.is_over {
            let Some(alert) = self.alerts.get_mut(&fingerprint) else { return false };
            let is_news = alert.is_lasting && alert.over.is_none();
            if is_news {
                alert.over = Some(event.time);
                event.title.clone_into(&mut alert.title);
            }
            return is_news;
        }
        if !self.alerts.contains_key(&fingerprint) && self.alerts.len() >= ALERTS_MAX {
            self.make_room(now);
        }
        let alert = self.alerts.entry(fingerprint).or_insert_with(|| begun(event, topic, now));
        if alert.over.take().is_some() {
            // It is there again: as new.
            *alert = begun(event, topic, now);
        }
        alert.count = alert.count.saturating_add(1);
        alert.last = alert.last.max(event.time);
        if crate::event::severity(&alert.severity).is_none_or(|own| own < severity) {
            severity.id().clone_into(&mut alert.severity);
        }
        event.title.clone_into(&mut alert.title);
        event.text.clone_into(&mut alert.text);
        if !alert.is_lasting {
            // It happened once more: whoever took it on took on what was before.
            alert.acknowledged = None;
        }
        true
    }

    /// Drops the alert that matters least: a moment before what lasts, the oldest first. One that nobody was told of
    /// is counted.
    fn make_room(&mut self, now: i64) {
        let least = self.alerts.iter().min_by_key(|(_, alert)| {
            let matters = crate::event::severity(&alert.severity).unwrap_or(Severity::Info);
            let is_open_state = alert.is_lasting && alert.over.is_none();
            (alert.told.is_empty(), is_open_state, matters, alert.last)
        });
        let Some((fingerprint, is_lost)) =
            least.map(|(fingerprint, alert)| (fingerprint.clone(), alert.told.is_empty()))
        else {
            return;
        };
        self.alerts.remove(&fingerprint);
        if is_lost {
            self.lose(1, "the table of alerts is full", now);
        }
    }

    /// Tells that alerts were dropped.
    pub fn lose(&mut self, count: u64, why: &str, now: i64) {
        let topic = Topic::AlertLost;
        let fingerprint = Fingerprint::of(topic.word(), "");
        let before = self.alerts.get(&fingerprint).map_or(0, |alert| alert.count);
        let all = before.saturating_add(count);
        let title = format!("{all} alert(s) were dropped: {why}");
        let event = Event::new(now, topic, "", &title, "the ledger has what they were about");
        let alert = self.alerts.entry(fingerprint).or_insert_with(|| begun(&event, topic, now));
        (alert.count, alert.last) = (all, now);
        alert.title = event.title;
    }

    /// Messages that are to be sent now, by their numbers.
    pub fn due(&self, now: i64) -> Vec<u64> {
        let due = self.queue.iter().filter(|(_, message)| message.due <= now);
        due.map(|(number, _)| *number).collect()
    }

    /// A message was taken.
    pub fn delivered(&mut self, number: u64) {
        self.queue.remove(&number);
    }

    /// A message was not taken, but for so many of its parts. `None`: it is not known.
    pub fn failed(&mut self, number: u64, parts: usize, now: i64) -> Option<Outcome> {
        let message = self.queue.get_mut(&number)?;
        message.parts = message.parts.max(parts);
        // A sign of life that comes late is none; the next one is made in its time.
        let is_over = now.saturating_sub(message.made) > GIVE_UP;
        if message.reason == Reason::Heartbeat || is_over {
            let lost = message.items.len() + message.more;
            let channel = message.channel.clone();
            self.queue.remove(&number);
            if lost > 0 {
                let count = u64::try_from(lost).unwrap_or(u64::MAX);
                self.lose(count, &format!("channel `{channel}` did not take them for a week"), now);
            }
            return Some(Outcome::GivenUp(lost));
        }
        let later = AGAIN.saturating_mul(1_i64.checked_shl(message.attempts.min(20)).unwrap_or(1));
        message.attempts = message.attempts.saturating_add(1);
        message.due = now.saturating_add(later.min(AGAIN_MAX));
        Some(Outcome::Again)
    }

    /// Drops messages to channels that are no more; how many.
    pub fn retain_channels(&mut self, names: &[&str]) -> usize {
        let before = self.queue.len();
        self.queue.retain(|_, message| names.contains(&message.channel.as_str()));
        self.channels.retain(|name, _| names.contains(&name.as_str()));
        before - self.queue.len()
    }
}

fn begun(event: &Event, topic: Topic, now: i64) -> Alert {
    Alert {
        topic: event.topic.clone(),
        severity: event.severity.clone(),
        subject: event.subject.clone(),
        title: event.title.clone(),
        text: event.text.clone(),
        is_lasting: topic.is_lasting(),
        first: event.time,
        last: event.time,
        count: 0,
        arrived: now,
        over: None,
        acknowledged: None,
        told: BTreeMap::new(),
        escalated: BTreeSet::new(),
    }
}
