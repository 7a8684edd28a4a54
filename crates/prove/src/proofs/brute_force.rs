//! Guessed passwords and the ban that ends them (CWE-307).

use super::rehearsed::play;
use crate::Attack;
use crate::target::Target;
use crate::wire::Wire;
use burgrave_model::{Evidence, Safeguard};

pub(super) struct BruteForce;

impl Attack for BruteForce {
    fn id(&self) -> &'static str {
        "brute-force-banned"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::BruteForce
    }

    fn title(&self) -> &'static str {
        "who guesses passwords is cut off, stays out, and nobody beside it is"
    }

    fn about(&self) -> &'static str {
        "First, whether the kernel has the table of bans. Then `burgrave run` is started in a network namespace of its\n\
         own with a test account and the configured rule for the gateway's log, and a stranger from a second namespace\n\
         guesses passwords (CWE-307) until it is cut off, while somebody innocent signs in from a third. Then every table\n\
         is flushed, every process of Burgrave killed and started again: the stranger must stay out; and unbanned by hand\n\
         it must be let in at once. Needs root; takes some seconds.\n\n\
         If it fell: see that `burgrave run` is started as root, that the gateway's log is watched and what `after` and\n\
         `within` say, and that no `dry_run` is set."
    }

    fn applies(&self, target: &Target) -> bool {
        target.rehearsals.brute_force.is_some()
    }

    fn run(&self, target: &Target, _: &mut Wire) -> Vec<Evidence> {
        play(target.rehearsals.brute_force.as_ref(), "there is no [[watch]]: nobody is banned")
    }
}
