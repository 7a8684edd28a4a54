//! A ban, and its line in the file.

use crate::error::AgentError;
use burgrave_watch::{Action, Evidence, Never, Target};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Of a reason given by hand.
const REASON_BYTES_MAX: usize = 256;

/// Somebody who is kept out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Whom.
    pub target: Target,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// Until when.
    pub until: u64,
    /// How often it was banned, this time included.
    pub times: u32,
    /// The detector, or what was said by hand.
    pub reason: String,
    /// What was seen, in words; empty by hand.
    pub evidence: String,
    /// The machine that it was shared by. `None`: this one.
    pub origin: Option<String>,
}

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When, in seconds since 1970.
    pub time: u64,
    /// What was done: `ban` or `unban`.
    pub what: What,
    /// Whom: an address or a network.
    pub target: String,
    /// Until when, in seconds since 1970.
    #[serde(default)]
    pub until: u64,
    /// How often by now.
    #[serde(default)]
    pub times: u32,
    /// The detector, or what was said by hand.
    #[serde(default)]
    pub reason: String,
    /// What was seen.
    #[serde(default)]
    pub evidence: String,
    /// The machine that it was shared by. `None`: this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// Somebody was banned.
    Ban,
    /// Somebody was let in again by hand.
    Unban,
}

impl Ban {
    /// The ban that an action asks for, seen `lag` seconds ago. `None`: it asks for none.
    pub fn of(action: &Action, now: u64, lag: u64) -> Option<Self> {
        let Action::Ban { target, duration, reason, evidence } = action else { return None };
        Some(Self {
            target: *target,
            since: now,
            until: (now + duration.as_secs()).saturating_sub(lag),
            times: 1,
            reason: (*reason).to_owned(),
            evidence: words(evidence),
            origin: None,
        })
    }

    /// A ban by hand.
    pub fn by_hand(target: Target, now: u64, secs: u64, reason: &str) -> Self {
        let reason: String = reason.chars().take(REASON_BYTES_MAX / 4).collect();
        let until = now.saturating_add(secs);
        Self { target, since: now, until, times: 1, reason, evidence: String::new(), origin: None }
    }

    /// Its line.
    pub fn entry(&self) -> Entry {
        Entry {
            time: self.since,
            what: What::Ban,
            target: self.target.to_string(),
            until: self.until,
            times: self.times,
            reason: self.reason.clone(),
            evidence: self.evidence.clone(),
            origin: self.origin.clone(),
        }
    }
}

impl Entry {
    /// The line of somebody who is let in again.
    pub fn unban(target: Target, now: u64) -> Self {
        Self {
            time: now,
            what: What::Unban,
            target: target.to_string(),
            until: 0,
            times: 0,
            reason: String::new(),
            evidence: String::new(),
            origin: None,
        }
    }

    /// The ban of a line that says one.
    pub fn ban(self) -> Option<Ban> {
        let target = parse_target(&self.target).ok()?;
        Some(Ban {
            target,
            since: self.time,
            until: self.until,
            times: self.times.max(1),
            reason: self.reason,
            evidence: self.evidence,
            origin: self.origin,
        })
    }
}

/// What was seen, for people and for the file: an account is what a stranger typed, so it is escaped.
pub(crate) fn words(evidence: &Evidence) -> String {
    let account = evidence.account.as_ref();
    let account =
        account.map(|name| format!(", last as `{}`", name.escape_ascii())).unwrap_or_default();
    let Evidence { service, events, within_secs, .. } = evidence;
    format!("{events} at {service} within {within_secs} s{account}")
}

/// An address or a network, as it is written; a network is cut to its first address.
pub fn parse_target(text: &str) -> Result<Target, AgentError> {
    let wrong = || AgentError::NoTarget(text.chars().take(80).collect());
    let Some((ip, bits)) = text.split_once('/') else {
        let ip: IpAddr = text.parse().map_err(|_no_address| wrong())?;
        return Ok(Target::Address(ip.to_canonical()));
    };
    let ip: IpAddr = ip.parse().map_err(|_no_address| wrong())?;
    let bits: u8 = bits.parse().map_err(|_no_number| wrong())?;
    // It says itself what a network may be.
    Never::parse([text]).map_err(|_no_network| wrong())?;
    let whole = if ip.is_ipv4() { 32 } else { 128 };
    if bits == whole {
        return Ok(Target::Address(ip.to_canonical()));
    }
    if bits == 0 {
        return Err(wrong());
    }
    let first = match ip {
        IpAddr::V4(ip) => IpAddr::V4(
            (u32::from(ip) & u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0)).into(),
        ),
        IpAddr::V6(ip) => IpAddr::V6(
            (u128::from(ip) & u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0)).into(),
        ),
    };
    Ok(Target::Network(first, bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn check(text: &str, expected: Option<&str>) {
        let target = parse_target(text).ok().map(|target| target.to_string());
        assert_eq!(target.as_deref(), expected, "{text}");
    }

    #[test]
    fn targets_are_addresses_and_networks() {
        check("192.0.2.7", Some("192.0.2.7"));
        check("192.0.2.7/24", Some("192.0.2.0/24"));
        check("192.0.2.7/32", Some("192.0.2.7"));
        check("::ffff:192.0.2.7", Some("192.0.2.7"));
        check("2001:db8::1:2/64", Some("2001:db8::/64"));
        for text in [
            "",
            "x",
            "192.0.2",
            "192.0.2.7/33",
            "0.0.0.0/0",
            "::/0",
            "192.0.2.7/",
            "/24",
            "1.2.3.4/-1",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn a_ban_is_what_its_line_says() {
        let evidence = Evidence {
            service: "sshd",
            events: 5,
            within_secs: 600,
            account: Some(b"ro\"ot\n\xff".to_vec()),
        };
        let target = parse_target("2001:db8::/64").unwrap();
        let duration = Duration::from_hours(1);
        let action = Action::Ban { target, duration, reason: "swarm", evidence };
        let ban = Ban::of(&action, 1_000, 600).unwrap();
        assert_eq!((ban.until, ban.times), (4_000, 1));
        let line = serde_json::to_string(&ban.entry()).unwrap();
        assert!(!line.contains('\n'), "{line}");
        let read: Entry = serde_json::from_str(&line).unwrap();
        assert_eq!(read.ban().unwrap(), ban);
    }
}
