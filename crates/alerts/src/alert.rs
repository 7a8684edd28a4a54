//! An alert: what is the matter, and who was told.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// An alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The word of its topic.
    pub topic: String,
    /// The word of its severity.
    pub severity: String,
    /// To whom or what.
    pub subject: String,
    /// In a line, as it was said last.
    pub title: String,
    /// What else was said last.
    pub text: String,
    /// Whether it lasts until it is over.
    pub is_lasting: bool,
    /// When it happened first, in microseconds since 1970.
    pub first: i64,
    /// When it happened last.
    pub last: i64,
    /// How often.
    pub count: u64,
    /// When it came here first, from which waiting counts.
    pub arrived: i64,
    /// When it was over.
    pub over: Option<i64>,
    /// Who takes care of it.
    pub acknowledged: Option<Acknowledged>,
    /// Channels that were told.
    pub told: BTreeMap<String, Told>,
    /// Channels whose escalation was done.
    pub escalated: BTreeSet<String>,
}

/// Who takes care of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// Who.
    pub by: String,
    /// Since when.
    pub time: i64,
}

/// What a channel was told of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// When first.
    pub first: i64,
    /// When last.
    pub last: i64,
    /// How often it had happened then.
    pub count: u64,
    /// Whether it was told that it is over.
    pub is_over: bool,
}

impl Alert {
    /// Whether somebody still has to do something about it.
    pub const fn is_open(&self) -> bool {
        self.over.is_none() && self.acknowledged.is_none()
    }

    /// Notes that a channel is told now.
    pub(crate) fn tell(&mut self, channel: &str, now: i64) {
        let first = self.told.get(channel).map_or(now, |told| told.first);
        let told = Told { first, last: now, count: self.count, is_over: self.over.is_some() };
        self.told.insert(channel.to_owned(), told);
    }
}

/// Whether a topic is one, or begins so.
pub(crate) fn begins(topic: &str, with: &str) -> bool {
    topic.strip_prefix(with).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_begin_at_their_dots() {
        for (topic, with, expected) in [
            ("backup.failed", "backup", true),
            ("backup.failed", "backup.failed", true),
            ("backup.failed", "back", false),
            ("backup", "backup.failed", false),
        ] {
            assert_eq!(begins(topic, with), expected, "{topic} {with}");
        }
    }
}
