//! Many requests for what is not there: someone looks for a way in.

use super::engine::{Rule, Seen};
use crate::window::Sum;

pub(super) const NAME: &str = "scan";
/// For each failure that the rule allows, so many places that are not there.
const PLACES: u32 = 5;

/// Takes a request for what is not there, or one over the limit. How many there were, when that is
/// enough for a ban.
pub(super) fn step(sum: &mut Sum, seen: &Seen, rule: &Rule) -> Option<u32> {
    let missing = sum.add(seen.now, seen.count, rule.within_secs());
    (missing >= rule.after.saturating_mul(PLACES)).then_some(missing)
}

#[cfg(test)]
mod tests {
    use super::super::engine::check;

    #[test]
    fn a_missing_place_is_a_mistake_and_many_are_a_scan() {
        check(&["missing 192.0.2.1"; 24], &[]);
        check(&["missing 192.0.2.1"; 25], &["scan 192.0.2.1"]);
    }
}
