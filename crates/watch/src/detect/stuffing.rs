//! Stolen lists of names and passwords, tried from many addresses, each pair once.
//!
//! No address and no account stands out; the service as a whole does.

use super::engine::{Rule, Seen};
use crate::window::Sum;

pub(super) const NAME: &str = "credential-stuffing";
/// Bits of each sketch.
const BITS: u32 = 1_024;
/// So many addresses and accounts.
const DIFFERENT_MIN: u32 = 200;

/// What is remembered of a service.
#[derive(Debug, Clone, Default)]
pub(super) struct Service {
    addresses: [u64; 16],
    accounts: [u64; 16],
    failures: Sum,
    since: u32,
    told_until: u32,
}

fn mark(sketch: &mut [u64; 16], hash: u64) -> u32 {
    let bit = hash % u64::from(BITS);
    let place = usize::try_from(bit / 64).unwrap_or_default();
    if let Some(word) = sketch.get_mut(place) {
        *word |= 1 << (bit % 64);
    }
    sketch.iter().map(|word| word.count_ones()).sum()
}

/// Takes a failure. How many there were, when people should know: once a window.
pub(super) fn step(service: &mut Service, seen: &Seen, rule: &Rule) -> Option<u32> {
    let within = rule.within_secs();
    if seen.now.saturating_sub(service.since) > within {
        service.addresses = [0; 16];
        service.accounts = [0; 16];
        service.since = seen.now;
    }
    let failures = service.failures.add(seen.now, seen.count, within);
    let addresses = mark(&mut service.addresses, seen.address);
    let accounts = seen.account.map_or(0, |account| mark(&mut service.accounts, account));
    // Few tries for each address and each account: otherwise other detectors tell.
    let is_wide = addresses >= DIFFERENT_MIN
        && accounts >= DIFFERENT_MIN
        && failures <= addresses.saturating_mul(4);
    if !is_wide || seen.now < service.told_until {
        return None;
    }
    service.told_until = seen.now.saturating_add(within);
    Some(failures)
}

#[cfg(test)]
mod tests {
    use super::super::engine::check;

    #[test]
    fn many_pairs_from_many_places_are_told_once() {
        let lines: Vec<String> = (0..400)
            .map(|number| format!("fail 10.{}.{}.1 user{number}", number / 200, number % 200))
            .collect();
        check(
            &lines.iter().map(String::as_str).collect::<Vec<_>>(),
            &["credential-stuffing alert"],
        );
    }
}
