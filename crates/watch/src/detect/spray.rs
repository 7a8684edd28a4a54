//! One address that tries many accounts: a password sprayed over them.

use super::engine::{Rule, Seen};
use crate::window::Distinct;

pub(super) const NAME: &str = "password-spraying";
/// So many accounts, where the rule bans later than that.
const ACCOUNTS_MIN: u32 = 4;

/// Takes a failure. How many accounts were tried, when that is enough for a ban.
pub(super) fn step(accounts: &mut Distinct, seen: &Seen, rule: &Rule) -> Option<u32> {
    let account = seen.account?;
    // Slow and wide: a window eight times as long as that of brute force.
    let tried = accounts.add(seen.now, account, rule.within_secs().saturating_mul(8));
    (tried >= rule.after.max(ACCOUNTS_MIN)).then_some(tried)
}

#[cfg(test)]
mod tests {
    use super::super::engine::check;

    #[test]
    fn many_accounts_slowly_are_seen() {
        let slow: Vec<String> = (0..9)
            .flat_map(|account| [format!("fail 192.0.2.1 user{account}"), "wait 400".to_owned()])
            .collect();
        let slow: Vec<&str> = slow.iter().map(String::as_str).collect();
        check(&slow, &["password-spraying 192.0.2.1"]);
        let same: Vec<&str> = (0..9).flat_map(|_| ["fail 192.0.2.1 a", "wait 400"]).collect();
        check(&same, &[]);
    }
}
