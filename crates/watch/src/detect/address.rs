//! So many failures of one address within a window: brute force.

use super::engine::{Rule, Seen};
use crate::window::Burst;

pub(super) const NAME: &str = "brute-force";

/// Takes a failure. How many there were, when that is enough for a ban.
pub(super) fn step(burst: &mut Burst, seen: &Seen, rule: &Rule) -> Option<u32> {
    let within = rule.within_secs();
    burst.add(seen.now, seen.count, rule.after, within).then(|| rule.after.max(seen.count))
}

#[cfg(test)]
mod tests {
    use super::super::engine::check;

    #[test]
    fn the_deciding_failure_bans() {
        check(&["fail 192.0.2.1 a"; 4], &[]);
        check(&["fail 192.0.2.1 a"; 5], &["brute-force 192.0.2.1"]);
        check(
            &[
                "fail 192.0.2.1 a",
                "fail 192.0.2.1 a",
                "wait 601",
                "fail 192.0.2.1 a",
                "fail 192.0.2.1 a",
                "fail 192.0.2.1 a",
            ],
            &[],
        );
    }

    #[test]
    fn whoever_is_banned_is_not_banned_again() {
        check(&["fail 192.0.2.1 a"; 9], &["brute-force 192.0.2.1"]);
    }
}
