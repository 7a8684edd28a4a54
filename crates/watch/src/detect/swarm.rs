//! A network that swarms: many of its addresses fail, each too seldom to be banned by itself.

use super::engine::{Rule, Seen};
use crate::window::{Distinct, Sum};

pub(super) const NAME: &str = "network-swarm";
/// So many addresses of one network, at least.
const ADDRESSES_MIN: u32 = 8;
/// Bits of the networks that are looked at.
pub(super) const BITS_V4: u8 = 24;
pub(super) const BITS_V6: u8 = 64;

/// What is remembered of a network.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Network {
    addresses: Distinct,
    failures: Sum,
    pub(super) banned_until: u32,
}

/// Takes a failure of one of its addresses. How many there were, when that is enough for a ban.
pub(super) fn step(network: &mut Network, seen: &Seen, rule: &Rule) -> Option<u32> {
    let addresses = network.addresses.add(seen.now, seen.address, rule.within_secs());
    let failures = network.failures.add(seen.now, seen.count, rule.within_secs());
    (addresses >= ADDRESSES_MIN && failures >= rule.after.saturating_mul(4)).then_some(failures)
}

#[cfg(test)]
mod tests {
    use super::super::engine::check;

    fn swarm(prefix: &str, addresses: usize, each: usize) -> Vec<String> {
        (0..addresses * each)
            .map(|number| format!("fail {prefix}{} a{number}", number % addresses))
            .collect()
    }

    #[test]
    fn many_addresses_of_one_network_ban_the_network() {
        let lines = swarm("192.0.2.", 30, 1);
        check(
            &lines.iter().map(String::as_str).collect::<Vec<_>>(),
            &["network-swarm 192.0.2.0/24"],
        );
        let lines = swarm("2001:db8:0:1::", 30, 1);
        check(
            &lines.iter().map(String::as_str).collect::<Vec<_>>(),
            &["network-swarm 2001:db8:0:1::/64"],
        );
    }

    #[test]
    fn a_few_addresses_are_no_swarm() {
        let lines = swarm("192.0.2.", 4, 4);
        check(&lines.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    }
}
