//! A person on the machine who is refused another's rights again and again.

use super::engine::{Rule, Seen};
use crate::window::Burst;

pub(super) const NAME: &str = "sudo-failures";
/// So many refusals.
const REFUSALS: u32 = 3;

/// What is remembered of a person.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Person {
    refusals: Burst,
    told_until: u32,
}

/// Takes a refusal. How many there were, when people should know: once a window.
pub(super) fn step(person: &mut Person, seen: &Seen, rule: &Rule) -> Option<u32> {
    let is_enough = person.refusals.add(seen.now, seen.count, REFUSALS, rule.within_secs());
    if !is_enough || seen.now < person.told_until {
        return None;
    }
    person.told_until = seen.now.saturating_add(rule.within_secs());
    Some(REFUSALS)
}

#[cfg(test)]
mod tests {
    use super::super::engine::check;

    #[test]
    fn the_third_refusal_is_told_once() {
        check(&["sudo alice"; 2], &[]);
        check(&["sudo alice"; 8], &["sudo-failures alert"]);
        check(&["sudo alice", "sudo bob", "sudo carol"], &[]);
    }
}
