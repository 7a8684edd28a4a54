//! A message to a channel, as it waits in the queue.

use crate::alert::Alert;
use crate::event::{Event, Fingerprint};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Alerts that a message names; the rest is counted.
pub(crate) const ITEMS_MAX: usize = 50;

/// Why a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// Something happened, goes on or is over.
    Alert,
    /// What was gathered.
    Digest,
    /// Nobody has acknowledged.
    Escalation,
    /// A sign of life.
    Heartbeat,
}

impl Reason {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Digest => "digest",
            Self::Escalation => "escalation",
            Self::Heartbeat => "heartbeat",
        }
    }
}

/// How an alert is when a message tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It happened or goes on.
    Firing,
    /// It is over.
    Over,
}

/// An alert as a message tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What makes it the same alert.
    pub fingerprint: Fingerprint,
    /// How it is.
    pub status: Status,
    /// The word of its topic.
    pub topic: String,
    /// The word of its severity.
    pub severity: String,
    /// To whom or what.
    pub subject: String,
    /// In a line.
    pub title: String,
    /// What else is to be said.
    pub text: String,
    /// When it happened first, in microseconds since 1970.
    pub first: i64,
    /// When it happened last.
    pub last: i64,
    /// How often.
    pub count: u64,
}

impl Item {
    pub(crate) fn of(fingerprint: &Fingerprint, alert: &Alert) -> Self {
        Self {
            fingerprint: fingerprint.clone(),
            status: if alert.over.is_some() { Status::Over } else { Status::Firing },
            topic: alert.topic.clone(),
            severity: alert.severity.clone(),
            subject: alert.subject.clone(),
            title: alert.title.clone(),
            text: alert.text.clone(),
            first: alert.first,
            last: alert.last,
            count: alert.count,
        }
    }

    /// In a line.
    pub fn line(&self) -> String {
        let over = if self.status == Status::Over { "over: " } else { "" };
        let times = if self.count > 1 { format!(" ({} times)", self.count) } else { String::new() };
        format!("{over}{}: {}{times}", self.severity, self.title)
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The same at every attempt, and never another's.
    pub id: String,
    /// The channel's name.
    pub channel: String,
    /// The topic, or what else its alerts have in common.
    pub group: String,
    /// Why.
    pub reason: Reason,
    /// What.
    pub items: Vec<Item>,
    /// How many alerts it does not name.
    pub more: usize,
    /// When it was made, in microseconds since 1970.
    pub made: i64,
    /// Parts of it that were taken, where a channel takes it in parts.
    #[serde(default)]
    pub parts: usize,
    /// Attempts so far that failed.
    pub attempts: u32,
    /// When it is tried.
    pub due: i64,
}

impl Message {
    /// A message of one event that goes to a channel past the queue.
    pub fn alone(channel: &str, event: &Event, now: i64) -> Self {
        let item = Item {
            fingerprint: event.fingerprint(),
            status: Status::Firing,
            topic: event.topic.clone(),
            severity: event.severity.clone(),
            subject: event.subject.clone(),
            title: event.title.clone(),
            text: event.text.clone(),
            first: event.time,
            last: event.time,
            count: 1,
        };
        Self {
            id: format!("alone-{now}"),
            channel: channel.to_owned(),
            group: event.topic.clone(),
            reason: Reason::Alert,
            items: vec![item],
            more: 0,
            made: now,
            parts: 0,
            attempts: 0,
            due: now,
        }
    }

    /// What it is about, in a line.
    pub fn subject(&self, host: &str) -> String {
        let first = self.items.first();
        let rest = self.items.len().saturating_sub(1) + self.more;
        let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        let what = first.map_or_else(|| "is alive".to_owned(), Item::line);
        let why = match self.reason {
            Reason::Alert | Reason::Heartbeat => "",
            Reason::Digest => "digest: ",
            Reason::Escalation => "nobody has acknowledged: ",
        };
        format!("[burgrave {host}] {why}{what}{rest}")
    }

    /// All of it for people.
    pub fn text(&self, host: &str) -> String {
        let mut text = format!("{}\n", self.subject(host));
        for item in &self.items {
            let time = burgrave_sys::UnixTime(item.last).rfc3339();
            let time = time.split('.').next().unwrap_or_default();
            text.push_str(&format!(
                "\n{}\n  {} {}, {time}Z\n",
                item.line(),
                item.topic,
                item.subject
            ));
            if !item.text.is_empty() {
                text.push_str(&format!("  {}\n", item.text));
            }
            text.push_str(&format!("  burgrave alert ack {}\n", item.fingerprint));
        }
        if self.more > 0 {
            text.push_str(&format!("\nand {} more: burgrave alert list\n", self.more));
        }
        text
    }

    /// All of it for programs.
    pub fn json(&self, host: &str) -> Value {
        json!({
            "version": 1, "id": self.id, "host": host, "channel": self.channel, "group": self.group,
            "reason": self.reason.word(), "subject": self.subject(host), "alerts": self.items,
            "more": self.more, "time": burgrave_sys::UnixTime(self.made).rfc3339(),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One alert that happened and one that is over, and three more.
    pub(crate) fn message() -> Message {
        let item = Item {
            fingerprint: Fingerprint("abc".to_owned()),
            status: Status::Firing,
            topic: "backup.failed".to_owned(),
            severity: "high".to_owned(),
            subject: "job".to_owned(),
            title: "backup `job` failed".to_owned(),
            text: "no space".to_owned(),
            first: 0,
            last: 1_795_228_938_000_000,
            count: 2,
        };
        let over = Item { status: Status::Over, count: 1, text: String::new(), ..item.clone() };
        Message {
            id: "x-1".to_owned(),
            channel: "1".to_owned(),
            group: "backup.failed".to_owned(),
            reason: Reason::Alert,
            items: vec![item, over],
            more: 3,
            made: 0,
            parts: 0,
            attempts: 0,
            due: 0,
        }
    }

    #[test]
    fn a_message_is_told_to_people_and_programs() {
        let mut message = message();
        assert_eq!(
            message.text("h"),
            "[burgrave h] high: backup `job` failed (2 times) and 4 more\n\n\
             high: backup `job` failed (2 times)\n  backup.failed job, 2026-11-21T02:42:18Z\n  no space\n  burgrave alert ack abc\n\n\
             over: high: backup `job` failed\n  backup.failed job, 2026-11-21T02:42:18Z\n  burgrave alert ack abc\n\n\
             and 3 more: burgrave alert list\n"
        );
        let value = message.json("h");
        assert_eq!((&value["alerts"][1]["status"], &value["id"]), (&"over".into(), &"x-1".into()));
        message.reason = Reason::Escalation;
        assert!(message.subject("h").starts_with("[burgrave h] nobody has acknowledged: high"));
        message = Message { items: Vec::new(), more: 0, reason: Reason::Heartbeat, ..message };
        assert_eq!(message.subject("h"), "[burgrave h] is alive");
    }
}
