//! What proofs that are played on a stage have in common.

use crate::evidence::{evidence, not_proven};
use crate::target::Rehearsal;
use burgrave_model::Evidence;

/// Plays it; what is not configured proves nothing.
pub(super) fn play(rehearsal: Option<&Rehearsal>, why: &str) -> Vec<Evidence> {
    let Some(rehearsal) = rehearsal else {
        return vec![not_proven("looking at the configuration", why)];
    };
    let shown = |seen: Evidence| evidence(&seen.did, &seen.saw, seen.outcome);
    (rehearsal.0)().into_iter().map(shown).collect()
}
