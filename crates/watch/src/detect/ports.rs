//! One address that knocks at one closed port after the other: somebody looks for what listens.
//!
//! A port counts once, however often it is asked for: who tries a service that has moved, or one that has been
//! closed, is no scanner.

use super::engine::{Rule, Seen};
use std::time::Duration;

pub(super) const NAME: &str = "port-scan";
/// For each failure that the rule allows, so many different ports; and never fewer than this.
const PORTS: u32 = 3;
const PORTS_MIN: u32 = 6;
/// Ports that are remembered of an address, so that a rule cannot ask for more.
const PORTS_MAX: usize = 32;

/// What is remembered of an address: the ports that it asked for last, and when.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scanner {
    ports: [u16; PORTS_MAX],
    times: [u32; PORTS_MAX],
    used: u8,
    bans: u8,
    banned_until: u32,
}

impl Scanner {
    /// Notes a ban, whose length depends on how many there were before. How many those were.
    pub(super) fn banned(&mut self, seen: &Seen, length: impl Fn(u8) -> Duration) -> u8 {
        let times = self.bans;
        let secs = u32::try_from(length(times).as_secs()).unwrap_or(u32::MAX);
        self.bans = times.saturating_add(1);
        self.banned_until = seen.now.saturating_add(secs);
        times
    }

    /// What comes now counts anew; that there were bans stays known.
    pub(super) fn forgive(&mut self) {
        *self = Self { bans: self.bans, ..Self::default() };
    }

    /// Takes the port, in place of the one that was asked for longest ago where there is no room.
    fn take(&mut self, now: u32, port: u16) {
        let used = usize::from(self.used);
        let known = self.ports.iter().take(used).position(|own| *own == port);
        let place = known.unwrap_or_else(|| {
            if used < PORTS_MAX {
                self.used = self.used.saturating_add(1);
                return used;
            }
            let oldest = self.times.iter().enumerate().min_by_key(|(_, time)| **time);
            oldest.map_or(0, |(place, _)| place)
        });
        for (own, time) in self.ports.iter_mut().zip(&mut self.times).skip(place).take(1) {
            (*own, *time) = (port, now);
        }
    }

    /// How many of its ports lie within the window.
    fn count(&self, now: u32, within: u32) -> u32 {
        let used = usize::from(self.used);
        let lies = |time: &&u32| now.saturating_sub(**time) <= within;
        self.times.iter().take(used).filter(lies).map(|_| 1).sum()
    }
}

/// Takes a packet that was dropped. At how many ports its sender has knocked, when that is enough for a ban and
/// none is in force.
pub(super) fn step(scanner: &mut Scanner, seen: &Seen, rule: &Rule) -> Option<u32> {
    scanner.take(seen.now, seen.port?);
    let most = u32::try_from(PORTS_MAX).unwrap_or(u32::MAX);
    let needed = rule.after.saturating_mul(PORTS).clamp(PORTS_MIN, most);
    let count = scanner.count(seen.now, rule.within_secs());
    (count >= needed && seen.now >= scanner.banned_until).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::super::engine::check;
    use super::*;

    fn knocks(ip: &str, ports: impl IntoIterator<Item = u16>) -> Vec<String> {
        ports.into_iter().map(|port| format!("drop {ip} {port}")).collect()
    }

    fn told(story: &[String], expected: &[&str]) {
        check(&story.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn fifteen_ports_are_a_scan_and_one_is_none() {
        for ip in ["192.0.2.1", "2001:db8::1"] {
            told(&knocks(ip, 1..15), &[]);
            told(&knocks(ip, 1..16), &[&format!("port-scan {ip}")]);
            told(&knocks(ip, [22; 500]), &[]);
            told(&knocks(ip, (0..500).map(|number| number % 14)), &[]);
        }
        told(&knocks("198.51.100.1", 1..1_000), &[]);
    }

    #[test]
    fn ports_count_together_only_within_the_window_and_of_one_address() {
        let mut slow = knocks("192.0.2.1", 1..15);
        slow.push("wait 601".to_owned());
        slow.extend(knocks("192.0.2.1", 15..29));
        told(&slow, &[]);
        let two: Vec<String> = (1..15_u16)
            .flat_map(|port| [format!("drop 192.0.2.1 {port}"), format!("drop 192.0.2.2 {port}")])
            .collect();
        told(&two, &[]);
    }

    #[test]
    fn who_goes_on_is_banned_once_and_longer_the_next_time() {
        let mut story = knocks("192.0.2.1", 1..=1_000);
        story.push("wait 3601".to_owned());
        story.extend(knocks("192.0.2.1", 1..=15));
        told(&story, &["port-scan 192.0.2.1", "port-scan 192.0.2.1"]);
        let seen = Seen { now: 9, count: 1, score: 0, address: 0, account: None, port: Some(1) };
        let mut scanner = Scanner::default();
        let times: Vec<u8> =
            (0..3).map(|_| scanner.banned(&seen, |_| Duration::from_secs(1))).collect();
        assert_eq!((times, scanner.banned_until), (vec![0, 1, 2], 10));
        scanner.forgive();
        assert_eq!((scanner.bans, scanner.banned_until, scanner.used), (3, 0, 0));
    }

    #[test]
    fn a_rule_asks_for_no_more_than_is_remembered_and_no_fewer_than_a_scan_has() {
        for (after, needed) in [(1, 6), (2, 6), (3, 9), (5, 15), (10_000, 32)] {
            let rule = Rule { after, ..Rule::default() };
            let mut scanner = Scanner::default();
            let first = (1..=u16::MAX).find(|port| {
                let seen = Seen {
                    now: 1,
                    count: 1,
                    score: 0,
                    address: 0,
                    account: None,
                    port: Some(*port),
                };
                step(&mut scanner, &seen, &rule).is_some()
            });
            assert_eq!(first, Some(needed), "{after}");
        }
    }
}
