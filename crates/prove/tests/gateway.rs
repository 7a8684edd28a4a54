//! The proofs against the real gateway: they hold with it as it is, and fall where a safeguard is
//! configured away.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, clippy::string_slice, reason = "tests")]

mod support;

use burgrave_model::{Outcome, Proof, Safeguard};
use burgrave_prove::{Target, prove_within};
use support::deployment::{Plan, deploy};
use support::short_patience;

fn run(target: &Target, id: &str) -> Proof {
    let found = prove_within(target, &safeguard(id), short_patience());
    found.into_iter().find(|proof| proof.id == id).expect("no such proof")
}

fn safeguard(id: &str) -> Vec<Safeguard> {
    let found = burgrave_prove::ALL.iter().find(|attack| attack.id() == id);
    found.map(|attack| attack.safeguard()).into_iter().collect()
}

#[track_caller]
fn check(proof: &Proof, wanted: Outcome) {
    let told: String = proof
        .evidence
        .iter()
        .filter(|part| part.outcome != Outcome::Held)
        .map(|part| format!("\n  {}: {} -> {}", part.outcome, part.did, part.saw))
        .collect();
    assert_eq!(proof.outcome, wanted, "{}: {told}", proof.id);
    assert!(!proof.evidence.is_empty());
}

#[test]
fn all_proofs_hold_with_rules_files_and_an_application() {
    let deployment = deploy(Plan::default());
    for proof in prove_within(&deployment.target, &[], short_patience()) {
        check(&proof, Outcome::Held);
    }
}
