//! The pass of time: what is due becomes messages, and what is over and told is forgotten.
//!
//! Invariants: an alert becomes part of a message and is noted as told in one step, so that it is in no second one;
//! a channel has one message of a group at a time, and what comes meanwhile waits for the next.

use crate::alert::{Alert, begins};
use crate::due::{Want, is_gathered, is_hushed, matters, micros, ready_at, wants};
use crate::event::Fingerprint;
use crate::message::{ITEMS_MAX, Item, Message, Reason};
use crate::state::{DAY, HOUR, State};
use burgrave_config::{AlertChannel, Alerts, Escalate, Inhibit};
use burgrave_model::Severity;
use std::collections::{BTreeMap, BTreeSet};

const DIGEST: &str = "digest";
const ESCALATION: &str = "escalation";
const HEARTBEAT: &str = "heartbeat";
/// A moment explains others for so long.
const MOMENT: i64 = HOUR;

/// Alerts that may become one message.
struct Group {
    reason: Reason,
    alerts: Vec<(Fingerprint, Want)>,
    /// Whether one of them does not want to wait any more.
    is_ready: bool,
    matters: Severity,
}

impl State {
    /// Makes messages of what is due. Whether anything has changed.
    pub fn tick(&mut self, rules: &Alerts, now: i64) -> bool {
        let silences = self.silences.len();
        self.silences.retain(|_, silence| silence.until > now);
        let mut has_changed = self.silences.len() != silences;
        has_changed |= self.hush(now);
        let inhibited = self.inhibited(&rules.inhibit, now);
        for channel in &rules.channels {
            has_changed |= match channel.heartbeat {
                Some(every) => self.heartbeat(channel, micros(every), now),
                None => self.tell(channel, &inhibited, now),
            };
        }
        for channel in &rules.channels {
            if let Some(escalate) = &channel.escalate {
                has_changed |= self.escalate(channel, escalate, &inhibited, now);
            }
        }
        has_changed | self.close(rules, &inhibited, now)
    }

    /// What happens while it is silenced is taken on by the silence; what lasts is told when that ends.
    fn hush(&mut self, now: i64) -> bool {
        let mut has_changed = false;
        let silences = &self.silences;
        let moments = self.alerts.values_mut().filter(|alert| !alert.is_lasting && alert.is_open());
        for alert in moments {
            let silence = silences.iter().find(|(_, silence)| silence.covers(alert, now));
            if let Some((id, _)) = silence {
                let by = format!("the silence {id}");
                alert.acknowledged = Some(crate::alert::Acknowledged { by, time: now });
                has_changed = true;
            }
        }
        has_changed
    }

    /// Whom something else explains, or a silence covers.
    fn inhibited(&self, rules: &[Inhibit], now: i64) -> BTreeSet<Fingerprint> {
        let is_the_matter = |alert: &&Alert| {
            alert.over.is_none() && (alert.is_lasting || now.saturating_sub(alert.last) < MOMENT)
        };
        let mut explained: Vec<(&Inhibit, &str)> = Vec::new();
        for rule in rules {
            let by = self.alerts.values().filter(is_the_matter);
            let by = by.filter(|alert| begins(&alert.topic, &rule.by));
            explained.extend(by.map(|alert| (rule, alert.subject.as_str())));
        }
        let is_explained = |alert: &Alert| {
            explained.iter().any(|(rule, subject)| {
                rule.of.iter().any(|of| begins(&alert.topic, of))
                    && !begins(&alert.topic, &rule.by)
                    && (!rule.same_subject || alert.subject == *subject)
            })
        };
        let is_silenced =
            |alert: &Alert| self.silences.values().any(|silence| silence.covers(alert, now));
        let found =
            self.alerts.iter().filter(|(_, alert)| is_explained(alert) || is_silenced(alert));
        found.map(|(fingerprint, _)| fingerprint.clone()).collect()
    }

    fn is_waiting(&self, channel: &str, group: &str) -> bool {
        self.queue.values().any(|message| message.channel == channel && message.group == group)
    }

    fn heartbeat(&mut self, channel: &AlertChannel, every: i64, now: i64) -> bool {
        let known = self.channels.entry(channel.name.clone()).or_default();
        // A clock that was set back is no reason to be silent.
        let is_due =
            known.heartbeat.is_none_or(|last| now >= last.saturating_add(every) || now < last);
        if !is_due || self.is_waiting(&channel.name, HEARTBEAT) {
            return false;
        }
        self.channels.entry(channel.name.clone()).or_default().heartbeat = Some(now);
        self.put(&channel.name, HEARTBEAT, Reason::Heartbeat, &[], now);
        true
    }

    fn tell(
        &mut self,
        channel: &AlertChannel,
        inhibited: &BTreeSet<Fingerprint>,
        now: i64,
    ) -> bool {
        let mut groups: Vec<(String, Group)> = self
            .groups(channel, inhibited, now)
            .into_iter()
            .filter(|(_, group)| group.is_ready)
            .collect();
        // Where not all may be told, first what matters most.
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.matters));
        let mut has_changed = false;
        for (name, group) in groups {
            let known = self.channels.entry(channel.name.clone()).or_default();
            let last = known.groups.get(&name).copied();
            let waits = last.is_some_and(|last| {
                now >= last && now < last.saturating_add(micros(channel.group_interval))
            });
            known.sent.retain(|sent| now.saturating_sub(*sent) < HOUR);
            let most = usize::try_from(channel.per_hour).unwrap_or(usize::MAX);
            if waits || known.sent.len() >= most || self.is_waiting(&channel.name, &name) {
                continue;
            }
            let known = self.channels.entry(channel.name.clone()).or_default();
            known.groups.insert(name.clone(), now);
            known.sent.push_back(now);
            let alerts: Vec<_> =
                group.alerts.into_iter().map(|(fingerprint, _)| fingerprint).collect();
            self.put(&channel.name, &name, group.reason, &alerts, now);
            for fingerprint in alerts {
                if let Some(alert) = self.alerts.get_mut(&fingerprint) {
                    alert.tell(&channel.name, now);
                }
            }
            has_changed = true;
        }
        has_changed
    }

    /// What a channel wants, by groups.
    fn groups(
        &self,
        channel: &AlertChannel,
        inhibited: &BTreeSet<Fingerprint>,
        now: i64,
    ) -> BTreeMap<String, Group> {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        for (fingerprint, alert) in &self.alerts {
            let Some(want) = wants(channel, alert, now) else { continue };
            if inhibited.contains(fingerprint) || is_hushed(channel, alert, now) {
                continue;
            }
            let (name, reason) = if is_gathered(channel, alert) {
                (DIGEST.to_owned(), Reason::Digest)
            } else {
                (alert.topic.clone(), Reason::Alert)
            };
            let group = groups.entry(name).or_insert_with(|| Group {
                reason,
                alerts: Vec::new(),
                is_ready: false,
                matters: Severity::Info,
            });
            let at = ready_at(channel, alert, want);
            // What came "after now" came before the clock was set back.
            group.is_ready |= now >= at || now < alert.arrived.min(alert.last);
            group.matters = group.matters.max(matters(alert));
            group.alerts.push((fingerprint.clone(), want));
        }
        groups
    }

    fn escalate(
        &mut self,
        channel: &AlertChannel,
        escalate: &Escalate,
        inhibited: &BTreeSet<Fingerprint>,
        now: i64,
    ) -> bool {
        let is_due = |alert: &Alert| {
            let told = alert.told.get(&channel.name);
            told.is_some_and(|told| now >= told.first.saturating_add(micros(escalate.after)))
                && alert.is_open()
                && !alert.escalated.contains(&channel.name)
        };
        let due = self
            .alerts
            .iter()
            .filter(|(fingerprint, alert)| is_due(alert) && !inhibited.contains(fingerprint));
        let due: Vec<Fingerprint> = due.map(|(fingerprint, _)| fingerprint.clone()).collect();
        if due.is_empty() || self.is_waiting(&escalate.to, ESCALATION) {
            return false;
        }
        self.put(&escalate.to, ESCALATION, Reason::Escalation, &due, now);
        for fingerprint in due {
            if let Some(alert) = self.alerts.get_mut(&fingerprint) {
                alert.escalated.insert(channel.name.clone());
            }
        }
        true
    }

    fn put(
        &mut self,
        channel: &str,
        group: &str,
        reason: Reason,
        alerts: &[Fingerprint],
        now: i64,
    ) {
        let all = alerts.iter().filter_map(|one| Some(Item::of(one, self.alerts.get(one)?)));
        let mut items: Vec<Item> = all.collect();
        items.sort_by_key(|item| {
            (std::cmp::Reverse(crate::event::severity(&item.severity)), item.last)
        });
        let more = items.len().saturating_sub(ITEMS_MAX);
        items.truncate(ITEMS_MAX);
        self.number = self.number.saturating_add(1);
        let message = Message {
            id: format!("{}-{}", self.name, self.number),
            channel: channel.to_owned(),
            group: group.to_owned(),
            reason,
            items,
            more,
            made: now,
            parts: 0,
            attempts: 0,
            due: now,
        };
        self.queue.insert(self.number, message);
    }

    /// Forgets what is over and was told, and moments a day after they were.
    fn close(&mut self, rules: &Alerts, inhibited: &BTreeSet<Fingerprint>, now: i64) -> bool {
        let before = self.alerts.len();
        self.alerts.retain(|fingerprint, alert| {
            let is_past = if alert.is_lasting {
                alert.over.is_some()
            } else {
                now.saturating_sub(alert.last) > DAY
            };
            // What came and went while nobody was to be told.
            let is_unseen = alert.told.is_empty() && inhibited.contains(fingerprint);
            let is_wanted =
                rules.channels.iter().any(|channel| wants(channel, alert, now).is_some());
            let is_owed = rules.channels.iter().any(|channel| {
                channel.escalate.is_some()
                    && alert.is_open()
                    && alert.told.contains_key(&channel.name)
                    && !alert.escalated.contains(&channel.name)
            });
            !is_past || !is_unseen && (is_wanted || is_owed)
        });
        self.alerts.len() != before
    }
}
