//! The contract of every proof: it falls against a server without the safeguard, holds against a
//! sound one, and proves nothing against one that is dead, mute or not there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, reason = "tests")]

mod support;

use burgrave_model::{Outcome, Proof, Safeguard};
use burgrave_prove::{ALL, Layer, Target, prove, prove_within};
use std::net::SocketAddr;
use std::time::Duration;
use support::{Kind, dead, short_patience, start, target};

/// Runs all proofs and wants this outcome of each.
fn check(address: SocketAddr, layer: Layer, wanted: Outcome) -> Vec<Proof> {
    let proofs = prove_within(&target(address, layer), &[], short_patience());
    assert_eq!(proofs.len(), ALL.len());
    for proof in &proofs {
        assert_eq!(proof.outcome, wanted, "{}: {}", proof.id, told(proof));
        assert!(!proof.evidence.is_empty(), "{}", proof.id);
    }
    proofs
}

fn told(proof: &Proof) -> String {
    let line = |part: &burgrave_model::Evidence| {
        format!("\n  {}: {} -> {}", part.outcome, part.did, part.saw)
    };
    proof.evidence.iter().map(line).collect::<Vec<_>>().concat()
}

#[test]
fn every_proof_falls_against_a_server_without_safeguards() {
    let proofs = check(start(Kind::Naive, Layer::Tls), Layer::Tls, Outcome::Fell);
    for proof in proofs {
        let count = |outcome| proof.evidence.iter().filter(|part| part.outcome == outcome).count();
        // Every single attack goes through; the controls of TLS hold, and a body in chunks is
        // answered before it is sent.
        let controls = if proof.id == "tls" { 4 } else { 0 };
        assert_eq!(count(Outcome::Held), controls, "{}: {}", proof.id, told(&proof));
        let unread = usize::from(proof.id == "oversized-and-slow");
        assert_eq!(count(Outcome::NotProven), unread, "{}: {}", proof.id, told(&proof));
    }
}

#[test]
fn every_proof_holds_against_a_sound_server() {
    check(start(Kind::Sound, Layer::Tls), Layer::Tls, Outcome::Held);
}

#[test]
fn a_mute_server_proves_nothing() {
    let mut limits = short_patience();
    limits.answer_time = Duration::from_millis(300);
    let target = target(start(Kind::Mute, Layer::Plain), Layer::Plain);
    for proof in prove_within(&target, &[], limits) {
        assert_eq!(proof.outcome, Outcome::NotProven, "{}: {}", proof.id, told(&proof));
    }
}

#[test]
fn a_dead_server_proves_nothing() {
    check(dead(), Layer::Plain, Outcome::NotProven);
    check(dead(), Layer::Tls, Outcome::NotProven);
}

#[test]
fn nothing_to_attack_proves_nothing() {
    let nothing = Target { sites: Vec::new() };
    let mut nowhere = target(dead(), Layer::Plain);
    nowhere.sites[0].door = None;
    for target in [nothing, nowhere] {
        for proof in prove(&target, &[]) {
            assert_eq!(proof.outcome, Outcome::NotProven, "{}", proof.id);
        }
    }
}

#[test]
fn a_spent_budget_proves_nothing() {
    let mut limits = short_patience();
    limits.connections_max = 3;
    let target = target(start(Kind::Sound, Layer::Plain), Layer::Plain);
    for proof in prove_within(&target, &[Safeguard::Injection], limits) {
        assert_eq!(proof.outcome, Outcome::NotProven, "{}", proof.id);
        let last = proof.evidence.last().unwrap();
        assert!(last.saw.contains("budget"), "{}", told(&proof));
    }
}

#[test]
fn only_what_is_wanted_is_run() {
    let target = target(dead(), Layer::Plain);
    let ids = |wanted: &[Safeguard]| -> Vec<_> {
        prove(&target, wanted).into_iter().map(|proof| proof.id).collect()
    };
    assert_eq!(ids(&[Safeguard::Cleanup]), ["leftovers"]);
    assert_eq!(ids(&[Safeguard::WebServer]), ["tls", "unknown-host"]);
    assert!(ids(&[Safeguard::Backups]).is_empty());
}

#[test]
fn evidence_is_two_short_lines_of_printable_text() {
    for kind in [Kind::Naive, Kind::Sound] {
        let address = start(kind, Layer::Plain);
        for proof in prove_within(&target(address, Layer::Plain), &[], short_patience()) {
            for line in proof.evidence.iter().flat_map(|part| [&part.did, &part.saw]) {
                assert!((1..=200).contains(&line.chars().count()), "{}: {line}", proof.id);
                assert!(!line.contains(char::is_control), "{}: {line:?}", proof.id);
            }
        }
    }
}
