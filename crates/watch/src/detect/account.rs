//! One account that many addresses try: a spray from many places, which no ban of one address stops.

use super::engine::{Rule, Seen};
use crate::window::Distinct;

pub(super) const NAME: &str = "account-under-attack";
/// So many addresses.
const ADDRESSES_MIN: u32 = 16;

/// What is remembered of an account.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Account {
    addresses: Distinct,
    told_until: u32,
}

/// Takes a failure on the account. How many addresses tried it, when people should know: once a window.
pub(super) fn step(account: &mut Account, seen: &Seen, rule: &Rule) -> Option<u32> {
    let within = rule.within_secs().saturating_mul(8);
    let addresses = account.addresses.add(seen.now, seen.address, within);
    if addresses < ADDRESSES_MIN || seen.now < account.told_until {
        return None;
    }
    account.told_until = seen.now.saturating_add(within);
    Some(addresses)
}

#[cfg(test)]
mod tests {
    use super::super::engine::check;

    #[test]
    fn it_is_told_once_and_bans_nobody() {
        let lines: Vec<String> =
            (0..60).map(|number| format!("fail 10.{number}.0.1 root")).collect();
        check(
            &lines.iter().map(String::as_str).collect::<Vec<_>>(),
            &["account-under-attack alert"],
        );
        let lines: Vec<String> =
            (0..60).map(|number| format!("fail 10.{number}.0.1 user{number}")).collect();
        check(&lines.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    }
}
