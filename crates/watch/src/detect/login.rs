//! A sign-in that goes through after failures: the guess that hit.

use super::engine::{Rule, Seen};
use crate::window::Burst;

pub(super) const NAME: &str = "login-after-failures";
/// So many failures make it worth telling.
const FAILURES_MIN: u32 = 3;

/// Takes a sign-in. The failures before it, when people should know.
pub(super) fn step(burst: &Burst, seen: &Seen, rule: &Rule) -> Option<u32> {
    let failures = burst.count(seen.now, rule.within_secs());
    (failures >= FAILURES_MIN).then_some(failures)
}

#[cfg(test)]
mod tests {
    use super::super::engine::check;

    #[test]
    fn only_a_sign_in_after_failures_is_told() {
        check(
            &["fail 192.0.2.1 a", "fail 192.0.2.1 a", "fail 192.0.2.1 a", "login 192.0.2.1 a"],
            &["login-after-failures alert"],
        );
        check(&["fail 192.0.2.1 a", "fail 192.0.2.1 a", "login 192.0.2.1 a"], &[]);
        check(
            &[
                "fail 192.0.2.1 a",
                "fail 192.0.2.1 a",
                "fail 192.0.2.1 a",
                "wait 601",
                "login 192.0.2.1 a",
            ],
            &[],
        );
        check(
            &["fail 192.0.2.1 a", "fail 192.0.2.1 a", "fail 192.0.2.1 a", "login 198.51.100.1 a"],
            &[],
        );
    }
}
