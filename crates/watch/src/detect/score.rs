//! What the rule engine made of an address's requests, added up.

use super::engine::{Rule, Seen};
use crate::window::Sum;

pub(super) const NAME: &str = "rule-score";
/// For each failure that the rule allows: one critical rule of the Core Rule Set.
const SCORE: u32 = 5;

/// Takes a blocked request. The score, when it is enough for a ban.
pub(super) fn step(sum: &mut Sum, seen: &Seen, rule: &Rule) -> Option<u32> {
    let score = sum.add(seen.now, seen.score, rule.within_secs());
    (seen.score > 0 && score >= rule.after.saturating_mul(SCORE)).then_some(score)
}

#[cfg(test)]
mod tests {
    use super::super::engine::check;

    #[test]
    fn scores_add_up() {
        check(&["score 192.0.2.1 10", "score 192.0.2.1 10"], &[]);
        check(&["score 192.0.2.1 10", "score 192.0.2.1 15"], &["rule-score 192.0.2.1"]);
        check(&["score 192.0.2.1 0"; 4], &[]);
    }
}
