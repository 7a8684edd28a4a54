//! What a channel wants to be told of an alert, and from when on. Pure.

use crate::alert::{Alert, begins};
use crate::event::severity;
use crate::state::{DAY, SECOND};
use burgrave_config::{AlertChannel, Digest, Quiet};
use burgrave_model::Severity;
use std::time::Duration;

const MINUTE: i64 = 60 * SECOND;

/// Why a channel is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// It was not told of it yet.
    New,
    /// It happened once more, or goes on.
    Again,
    /// It is over.
    Over,
}

pub(crate) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// How much an alert matters.
pub(crate) fn matters(alert: &Alert) -> Severity {
    severity(&alert.severity).unwrap_or(Severity::High)
}

/// Whether a channel is one for this alert at all.
pub(crate) fn is_for(channel: &AlertChannel, alert: &Alert) -> bool {
    channel.heartbeat.is_none()
        && matters(alert) >= channel.level
        && (channel.topics.is_empty()
            || channel.topics.iter().any(|topic| begins(&alert.topic, topic)))
}

/// What it wants to be told.
pub(crate) fn wants(channel: &AlertChannel, alert: &Alert, now: i64) -> Option<Want> {
    if !is_for(channel, alert) {
        return None;
    }
    let is_taken_on = alert.acknowledged.is_some();
    let Some(told) = alert.told.get(&channel.name) else {
        return (!is_taken_on).then_some(Want::New);
    };
    if alert.over.is_some() {
        return (!told.is_over).then_some(Want::Over);
    }
    if is_taken_on {
        return None;
    }
    let is_due = if alert.is_lasting {
        now >= told.last.saturating_add(micros(channel.repeat))
    } else {
        alert.count > told.count
    };
    is_due.then_some(Want::Again)
}

/// Whether an alert is gathered for the channel's digest.
pub(crate) fn is_gathered(channel: &AlertChannel, alert: &Alert) -> bool {
    channel.digest.is_some_and(|digest| matters(alert) < digest.below)
}

/// Whether it has to wait for the end of the quiet hours.
pub(crate) fn is_hushed(channel: &AlertChannel, alert: &Alert, now: i64) -> bool {
    channel.quiet.is_some_and(|quiet| matters(alert) < quiet.level && is_quiet(quiet, now))
}

fn is_quiet(quiet: Quiet, now: i64) -> bool {
    let shifted = now.saturating_add(i64::from(quiet.offset) * MINUTE);
    let minute = shifted.rem_euclid(DAY) / MINUTE;
    let (from, to) = (i64::from(quiet.from), i64::from(quiet.to));
    if from <= to { (from..to).contains(&minute) } else { minute >= from || minute < to }
}

/// From when on a want may become a message, as far as it alone is asked.
pub(crate) fn ready_at(channel: &AlertChannel, alert: &Alert, want: Want) -> i64 {
    let since = match want {
        Want::New => alert.arrived,
        Want::Again => alert.last,
        Want::Over => alert.over.unwrap_or(alert.last),
    };
    match channel.digest.filter(|_| is_gathered(channel, alert)) {
        Some(digest) => next_digest(digest, since),
        None if want == Want::New => since.saturating_add(micros(channel.group_wait)),
        None => since,
    }
}

fn next_digest(digest: Digest, since: i64) -> i64 {
    let every = micros(digest.every).max(SECOND);
    since.div_euclid(every).saturating_add(1).saturating_mul(every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_go_over_midnight_and_by_their_own_clock() {
        let check = |from: u16, to: u16, offset, hour: i64, expected| {
            let quiet = Quiet { from: from * 60, to: to * 60, offset, level: Severity::High };
            let now = 20_000 * DAY + hour * 60 * MINUTE;
            assert_eq!(is_quiet(quiet, now), expected, "{from} {to} {offset} {hour}");
        };
        for (hour, expected) in
            [(21, false), (22, true), (23, true), (0, true), (6, true), (7, false)]
        {
            check(22, 7, 0, hour, expected);
        }
        for (hour, expected) in [(8, false), (9, true), (16, true), (17, false)] {
            check(9, 17, 0, hour, expected);
        }
        check(22, 7, 120, 20, true);
        check(22, 7, -300, 2, false);
        check(22, 7, -300, 3, true);
        check(9, 9, 0, 9, false);
    }

    #[test]
    fn digests_come_at_their_hours() {
        let digest = Digest { every: Duration::from_hours(24), below: Severity::High };
        assert_eq!(next_digest(digest, 0), DAY);
        assert_eq!(next_digest(digest, DAY - 1), DAY);
        assert_eq!(next_digest(digest, DAY), 2 * DAY);
    }
}
