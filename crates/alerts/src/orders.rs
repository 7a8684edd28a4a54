//! What people want: an alert is somebody's, or nobody is to be told for a while.

use crate::alert::{Acknowledged, Alert, begins};
use crate::event::Order;
use crate::state::State;
use serde::{Deserialize, Serialize};

/// Silences that are kept.
const SILENCES_MAX: usize = 200;
/// Means every open alert.
const ALL: &str = "all";
/// How much of a fingerprint must be named.
const PREFIX_MIN: usize = 4;

/// Nobody is told of some alerts until a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// How the topic begins.
    pub topic: Option<String>,
    /// What the subject is.
    pub subject: Option<String>,
    /// Until when, in microseconds since 1970.
    pub until: i64,
    /// Why.
    pub reason: String,
    /// Who wanted it.
    pub by: String,
}

impl Silence {
    /// Whether it is of this alert.
    pub fn covers(&self, alert: &Alert, now: i64) -> bool {
        now < self.until
            && self.topic.as_ref().is_none_or(|topic| begins(&alert.topic, topic))
            && self.subject.as_ref().is_none_or(|subject| *subject == alert.subject)
    }
}

impl State {
    /// Does what a person wants.
    pub fn obey(&mut self, order: Order) {
        match order {
            Order::Acknowledge { which, by, time } => {
                let all = self.alerts.iter_mut().filter(|(fingerprint, alert)| {
                    let named = which.len() >= PREFIX_MIN && fingerprint.0.starts_with(&which);
                    alert.is_open() && (which == ALL || named)
                });
                for (_, alert) in all {
                    alert.acknowledged = Some(Acknowledged { by: by.clone(), time });
                }
            }
            Order::Silence { id, topic, subject, until, reason, by } => {
                // Those that end last are kept.
                if self.silences.len() >= SILENCES_MAX {
                    let first = self.silences.iter().min_by_key(|(_, silence)| silence.until);
                    let first = first.map(|(id, _)| id.clone()).unwrap_or_default();
                    self.silences.remove(&first);
                }
                self.silences.insert(id, Silence { topic, subject, until, reason, by });
            }
            Order::Unsilence { id } => drop(self.silences.remove(&id)),
        }
    }
}
