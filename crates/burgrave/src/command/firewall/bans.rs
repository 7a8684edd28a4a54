//! Bans by hand, and who is banned.

use crate::cli::Format;
use crate::command::{Exit, record};
use crate::error::Error;
use crate::output;
use burgrave_agent::{Ban, parse_target};
use burgrave_config::Settings;
use burgrave_ledger::Kind;
use serde_json::json;
use std::time::Duration;

/// Keeps somebody out.
pub(super) fn ban(
    settings: &Settings,
    target: &str,
    time: Duration,
    reason: &str,
    connection: Option<&str>,
) -> Result<Exit, Error> {
    let target = parse_target(target)?;
    let ban = burgrave_agent::ban(settings, target, time, reason, connection)?;
    let row = record::banned(&ban, Some(record::by()));
    record::record(&settings.state, &[row]);
    output::text(&format!("banned {} for {} s\n", ban.target, ban.until - ban.since))?;
    Ok(Exit::Clean)
}

/// Lets somebody in again.
pub(super) fn unban(settings: &Settings, target: &str) -> Result<Exit, Error> {
    let target = parse_target(target)?;
    if burgrave_agent::unban(settings, target)? {
        let row =
            record::event(Kind::BanRemoved, target.to_string(), json!({ "by": record::by() }));
        record::record(&settings.state, &[row]);
        output::text(&format!("unbanned {target}\n"))?;
        return Ok(Exit::Clean);
    }
    output::notice(&format!("`{target}` was not banned"));
    Ok(Exit::Findings)
}

/// Shows who is banned.
pub(super) fn list(settings: &Settings, format: Format) -> Result<Exit, Error> {
    let (bans, now) = burgrave_agent::bans(settings)?;
    output::text(&match format {
        Format::Json => as_json(&bans),
        Format::Text => as_text(&bans, now),
    })?;
    Ok(Exit::Clean)
}

fn as_json(bans: &[Ban]) -> String {
    let one = |ban: &Ban| {
        json!({
            "target": ban.target.to_string(),
            "since": ban.since,
            "until": ban.until,
            "times": ban.times,
            "reason": ban.reason,
            "evidence": ban.evidence,
        })
    };
    format!("{}\n", json!({ "version": 1, "bans": bans.iter().map(one).collect::<Vec<_>>() }))
}

fn as_text(bans: &[Ban], now: u64) -> String {
    let mut text = String::new();
    for ban in bans {
        let left = ban.until.saturating_sub(now);
        let seen = if ban.evidence.is_empty() { "" } else { ": " };
        let (target, times) = (ban.target.to_string(), ban.times);
        let (reason, evidence) = (ban.reason.escape_debug(), &ban.evidence);
        text.push_str(&format!(
            "{target:<24} {left:>8} s left, time {times}, {reason}{seen}{evidence}\n"
        ));
    }
    text.push_str(&format!("{} banned\n", bans.len()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_banned_is_shown_for_people_and_programs() {
        let target = parse_target("192.0.2.0/24").unwrap();
        let ban = Ban::by_hand(target, 1_000, 3_600, "too \x1b[31mmany");
        let text = as_text(std::slice::from_ref(&ban), 2_000);
        assert_eq!(
            text,
            "192.0.2.0/24                 2600 s left, time 1, too \\u{1b}[31mmany\n1 banned\n"
        );
        let value: serde_json::Value = serde_json::from_str(&as_json(&[ban])).unwrap();
        assert_eq!(value["version"], 1);
        assert_eq!(value["bans"][0]["target"], "192.0.2.0/24");
        assert_eq!(value["bans"][0]["until"], 4_600);
        assert_eq!(as_text(&[], 0), "0 banned\n");
    }
}
