//! A decision as it is written, and its duration in Go's form.

use burgrave_agent::{Ban, ENGINE, parse_target};
use burgrave_watch::Target;
use serde::{Deserialize, Serialize};

/// What is done to whom, and for how long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Decision {
    /// Such as `3h59m58.9s`; negative where it is over.
    pub(crate) duration: String,
    pub(crate) id: i64,
    /// Who has decided.
    pub(crate) origin: String,
    /// Why.
    pub(crate) scenario: String,
    /// `Ip` or `Range`, of those that we know.
    pub(crate) scope: String,
    /// `ban`, of those that we know.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The address or network.
    pub(crate) value: String,
}

/// What a decision of ours is said to come from.
pub(crate) const OWN: &str = "burgrave";

impl Decision {
    /// A ban that is in force.
    pub(crate) fn of(ban: &Ban, now: u64) -> Self {
        let secs = i64::try_from(ban.until.saturating_sub(now)).unwrap_or(i64::MAX);
        Self {
            duration: duration(secs),
            origin: ban
                .origin
                .as_deref()
                .map_or(OWN, |own| own.trim_start_matches(ENGINE))
                .to_owned(),
            scenario: ban.reason.clone(),
            ..Self::over(ban.target)
        }
    }

    /// One that is over.
    pub(crate) fn over(target: Target) -> Self {
        let scope = match target {
            Target::Address(_) => "Ip",
            Target::Network(..) => "Range",
        };
        let value = target.to_string();
        Self {
            duration: duration(-1),
            id: number(&value),
            origin: OWN.to_owned(),
            scenario: String::new(),
            scope: scope.to_owned(),
            kind: "ban".to_owned(),
            value,
        }
    }

    /// Whom it keeps out. `None`: it asks for something that is no ban of an address or a network.
    pub(crate) fn target(&self) -> Option<Target> {
        let is_scope = |scope: &str| self.scope.eq_ignore_ascii_case(scope);
        if !self.kind.eq_ignore_ascii_case("ban") || !(is_scope("Ip") || is_scope("Range")) {
            return None;
        }
        parse_target(&self.value).ok()
    }

    /// How long it lasts yet, in seconds; 0: it is over. `None`: its duration is none.
    pub(crate) fn secs(&self) -> Option<u64> {
        secs(&self.duration)
    }
}

/// The same number for the same target, whenever it is asked for: FNV-1a, of 53 bits, which JavaScript can hold.
fn number(value: &str) -> i64 {
    let hash = value.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    i64::try_from((hash >> 11).max(1)).unwrap_or(1)
}

/// As Go writes a duration of whole seconds.
fn duration(secs: i64) -> String {
    let (sign, secs) = (if secs < 0 { "-" } else { "" }, secs.unsigned_abs());
    let (hours, minutes, rest) = (secs / 3_600, secs / 60 % 60, secs % 60);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{rest}s"),
        (0, _) => format!("{sign}{minutes}m{rest}s"),
        _ => format!("{sign}{hours}h{minutes}m{rest}s"),
    }
}

/// Whole seconds of a duration as Go writes it, rounded down: numbers with a unit each, with a fraction or not.
fn secs(text: &str) -> Option<u64> {
    if let Some(rest) = text.strip_prefix('-') {
        return secs(rest).map(|_over| 0);
    }
    let mut nanos = 0_u128;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let word = tail.find(|letter: char| letter.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(word)?;
        let unit: u128 = match unit {
            "h" => 3_600_000_000_000,
            "m" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" | "µs" | "μs" => 1_000,
            "ns" => 1,
            _ => return None,
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let whole: u32 =
            if whole.is_empty() && !part.is_empty() { 0 } else { whole.parse().ok()? };
        let part: String = part.chars().take(9).collect();
        let scale = 10_u128.checked_pow(u32::try_from(part.len()).ok()?)?;
        let part: u128 = if part.is_empty() { 0 } else { part.parse().ok()? };
        nanos = nanos.checked_add(u128::from(whole).checked_mul(unit)? + part * unit / scale)?;
        rest = tail;
    }
    if text.is_empty() { None } else { u64::try_from(nanos / 1_000_000_000).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, expected) in [
            ("3h59m58.994149507s", Some(14_398)),
            ("59m58.994151361s", Some(3_598)),
            ("4h", Some(14_400)),
            ("1.5h", Some(5_400)),
            ("500ms", Some(0)),
            ("1s500ms500ms", Some(2)),
            ("12µs", Some(0)),
            ("0s", Some(0)),
            ("-5m0s", Some(0)),
            ("", None),
            ("5", None),
            ("h", None),
            (".s", None),
            ("1.2.3s", None),
            ("5 s", None),
            ("5d", None),
            ("99999999999999999999h", None),
            ("4294967295h", Some(4_294_967_295 * 3_600)),
        ] {
            assert_eq!(secs(text), expected, "{text}");
        }
        for whole in [0, 1, 59, 60, 61, 3_599, 3_600, 3_661, 604_800] {
            assert_eq!(secs(&duration(whole)), u64::try_from(whole).ok(), "{whole}");
        }
        assert_eq!((duration(14_398).as_str(), duration(-1).as_str()), ("3h59m58s", "-1s"));
    }

    #[test]
    fn only_bans_of_addresses_and_networks_have_a_target() {
        let text = r#"{"duration":"4h","id":1,"origin":"cscli","scenario":"test","scope":"Ip","type":"ban","value":"192.0.2.77","uuid":"x"}"#;
        let one: Decision = serde_json::from_str(text).unwrap();
        assert_eq!(one.target().unwrap().to_string(), "192.0.2.77");
        for (scope, kind, value) in [
            ("Ip", "captcha", "192.0.2.77"),
            ("Country", "ban", "FR"),
            ("Username", "ban", "192.0.2.77"),
            ("Ip", "ban", "nobody"),
            ("Range", "ban", "0.0.0.0/0"),
            ("", "", ""),
        ] {
            let (scope, kind, value) = (scope.to_owned(), kind.to_owned(), value.to_owned());
            let other = Decision { scope, kind, value, ..one.clone() };
            assert_eq!(other.target(), None, "{other:?}");
        }
        let range = Decision { scope: "range".to_owned(), value: "192.0.2.9/24".to_owned(), ..one };
        assert_eq!(range.target().unwrap().to_string(), "192.0.2.0/24");
    }

    #[test]
    fn a_ban_is_a_decision_and_one_again() {
        let target = parse_target("2001:db8::/64").unwrap();
        let ban = Ban::by_hand(target, 1_000, 3_600, "scans");
        let decision = Decision::of(&ban, 1_100);
        assert_eq!(decision.target(), Some(target));
        assert_eq!((decision.secs(), decision.scenario.as_str()), (Some(3_500), "scans"));
        assert_eq!(decision.id, Decision::over(target).id);
        let text = serde_json::to_string(&decision).unwrap();
        assert!(text.starts_with(r#"{"duration":"58m20s","id":"#), "{text}");
    }
}
