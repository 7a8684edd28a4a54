//! What a proof is, and how all of them are run.

use crate::proofs::ALL;
use crate::target::Target;
use crate::wire::{Wire, WireLimits};
use burgrave_model::{Evidence, Outcome, Proof, Safeguard};

/// One proof. The texts become the manual and the console's words.
pub trait Attack: Send + Sync {
    /// Unique among all proofs, never reused.
    fn id(&self) -> &'static str;

    /// The safeguard that it proves.
    fn safeguard(&self) -> Safeguard;

    /// What is claimed, in one sentence.
    fn title(&self) -> &'static str;

    /// The manual's text: what is done, the weakness (CWE) or standard (RFC) behind it, and what to
    /// do when it fell.
    fn about(&self) -> &'static str;

    /// Whether there is something of it in this configuration. What is not configured is neither held nor
    /// fell.
    fn applies(&self, _target: &Target) -> bool {
        true
    }

    /// Makes the attack. No evidence at all proves nothing.
    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence>;
}

/// Runs the proofs of the wanted safeguards, or all of them that apply when none is named, with the
/// default limits.
pub fn prove(target: &Target, wanted: &[Safeguard]) -> Vec<Proof> {
    prove_within(target, wanted, WireLimits::default())
}

/// As [`prove`], with other limits; they hold for each proof.
pub fn prove_within(target: &Target, wanted: &[Safeguard], limits: WireLimits) -> Vec<Proof> {
    let is_wanted = |attack: &&&dyn Attack| match wanted {
        [] => attack.applies(target),
        wanted => wanted.contains(&attack.safeguard()),
    };
    ALL.iter().filter(is_wanted).map(|attack| proof(*attack, target, limits)).collect()
}

/// The proofs of what is not configured: they are left out when none is asked for by its safeguard.
pub fn unasked(target: &Target) -> Vec<&'static str> {
    ALL.iter().filter(|attack| !attack.applies(target)).map(|attack| attack.id()).collect()
}

fn proof(attack: &dyn Attack, target: &Target, limits: WireLimits) -> Proof {
    let mut wire = Wire::new(target, limits);
    let evidence = attack.run(target, &mut wire);
    Proof {
        id: attack.id(),
        safeguard: attack.safeguard(),
        title: attack.title(),
        outcome: Outcome::of_all(evidence.iter().map(|part| part.outcome)),
        evidence,
    }
}
