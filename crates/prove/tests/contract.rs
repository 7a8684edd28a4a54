//! The contract of every proof: it falls against a server without the safeguard, holds against a
//! sound one, and proves nothing against one that is dead, mute or not there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, reason = "tests")]

mod support;

use burgrave_model::{Evidence, Outcome, Proof, Safeguard};
use burgrave_prove::{
    ALL, Assault, Layer, Rehearsal, Rehearsals, Target, TargetBackup, prove, prove_within, unasked,
};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use support::{Kind, closed_target, dead, scanned_target, short_patience, start, target};

/// Runs all proofs and wants this outcome of each.
fn check(address: SocketAddr, layer: Layer, wanted: Outcome) -> Vec<Proof> {
    let open = target(address, layer);
    let mut limits = short_patience();
    if wanted == Outcome::Fell {
        // Who takes everything takes its time.
        limits.answer_time *= 4;
    }
    let proofs = prove_within(&open, &[], limits);
    let apart = [
        "closed-door",
        "environments",
        "malware-uploads",
        "streams",
        "upstreams",
        "backups-out-of-reach",
        "firewall-drops",
        "trial-ends",
        "sign-in-guesses",
        "brute-force-banned",
        "lost-log-told",
        "request-ids",
    ];
    let of_tls = ["certificates", "http2-floods"];
    let without_tls = of_tls.into_iter().filter(|_| layer == Layer::Plain);
    let left_out: Vec<_> =
        without_tls.chain(["http3", "challenge", "connection-limits"]).chain(apart).collect();
    assert_eq!(unasked(&open), left_out);
    assert_eq!(proofs.len() + left_out.len(), ALL.len());
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
        // Every single attack goes through, and the controls of TLS hold. A body in chunks is
        // answered without being read: whether that is seen before the whole of it is sent, and so
        // proves nothing, is a race between the two.
        // Frames that cost nothing make nobody wait.
        let controls = match proof.id {
            "tls" => 4,
            // Its chain is one certificate, its key is strong, and the file is nobody else's.
            "certificates" => 3,
            // Before TLS a header is no TLS.
            "named-client" | "http2-floods" => 2,
            _ => 0,
        };
        assert_eq!(count(Outcome::Held), controls, "{}: {}", proof.id, told(&proof));
        let unread = |part: &Evidence| {
            proof.id == "oversized-and-slow" && part.did.contains("in chunks, to")
        };
        let unproven = |part: &Evidence| part.outcome == Outcome::NotProven && !unread(part);
        assert!(!proof.evidence.iter().any(unproven), "{}: {}", proof.id, told(&proof));
    }
}

/// What is not for strangers, and what is not in production.
fn check_closed(address: SocketAddr, layer: Layer, wanted: Outcome) {
    let wanted_ones = [Safeguard::Infiltration, Safeguard::Environments];
    let closed = closed_target(address, layer);
    let proofs = prove_within(&closed, &wanted_ones, short_patience());
    assert_eq!(
        proofs.iter().map(|proof| proof.id).collect::<Vec<_>>(),
        ["closed-door", "environments"]
    );
    for proof in proofs {
        assert_eq!(proof.outcome, wanted, "{}: {}", proof.id, told(&proof));
        let all = proof.evidence.iter().all(|part| part.outcome == wanted);
        assert!(all, "{}: {}", proof.id, told(&proof));
    }
}

#[test]
fn what_is_closed_holds_or_falls_as_a_whole() {
    for layer in [Layer::Plain, Layer::Tls] {
        check_closed(start(Kind::Naive, layer), layer, Outcome::Fell);
        check_closed(start(Kind::Closed, layer), layer, Outcome::Held);
        check_closed(dead(), layer, Outcome::NotProven);
    }
}

#[test]
fn uploads_are_judged_by_the_answer_to_what_is_found() {
    let wanted = [Safeguard::UnknownSoftware];
    for (address, outcome) in [
        (start(Kind::Naive, Layer::Plain), Outcome::Fell),
        (start(Kind::Sound, Layer::Plain), Outcome::Held),
        (start(Kind::Mute, Layer::Plain), Outcome::NotProven),
        (dead(), Outcome::NotProven),
    ] {
        let target = scanned_target(address, Layer::Plain);
        let mut limits = short_patience();
        limits.answer_time = limits.answer_time.min(Duration::from_millis(800));
        let proofs = prove_within(&target, &wanted, limits);
        let [proof] = proofs.as_slice() else { panic!("{proofs:?}") };
        assert!(proof.evidence.len() == 4, "{}", told(proof));
        assert!(proof.evidence.iter().all(|part| part.outcome == outcome), "{}", told(proof));
    }
}

#[test]
fn a_stranger_proves_no_more_than_the_door() {
    let closed = closed_target(start(Kind::Closed, Layer::Plain), Layer::Plain);
    for proof in prove_within(&closed, &[Safeguard::Injection], short_patience()) {
        if proof.id != "request-smuggling" {
            assert_eq!(proof.outcome, Outcome::Held, "{}: {}", proof.id, told(&proof));
            assert!(proof.evidence.iter().all(|part| part.saw.contains("401")), "{}", told(&proof));
        }
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
    let nothing = Target::default();
    let mut nowhere = target(dead(), Layer::Plain);
    nowhere.sites[0].door = None;
    for target in [nothing, nowhere] {
        for proof in prove(&target, &[]) {
            assert_eq!(proof.outcome, Outcome::NotProven, "{}", proof.id);
        }
    }
}

#[test]
fn a_repository_that_was_attacked_decides_about_backups() {
    for (outcome, wanted) in [
        (Some(Outcome::Held), Outcome::Held),
        (Some(Outcome::Fell), Outcome::Fell),
        (Some(Outcome::NotProven), Outcome::NotProven),
        (None, Outcome::NotProven),
    ] {
        let seen = outcome.map(|outcome| Evidence {
            did: "removing".to_owned(),
            saw: "403".to_owned(),
            outcome,
        });
        let assault: Assault = Arc::new(move || seen.clone().into_iter().collect());
        let backups = vec![TargetBackup { name: "ledger".to_owned(), assault }];
        let target = Target { backups, ..Target::default() };
        let proofs = prove(&target, &[Safeguard::Backups]);
        assert_eq!((proofs.len(), proofs[0].outcome), (1, wanted));
    }
    let nowhere = Target::default();
    let proof = &prove(&nowhere, &[Safeguard::Backups])[0];
    assert_eq!(proof.outcome, Outcome::NotProven);
    assert!(proof.evidence[0].saw.contains("writer"), "it says what to configure");
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
    assert_eq!(
        ids(&[Safeguard::WebServer]),
        ["tls", "certificates", "unknown-host", "named-client", "http3"]
    );
    assert!(ids(&[Safeguard::Physical]).is_empty());
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

#[test]
fn what_is_played_elsewhere_is_judged_by_what_was_seen_there() {
    let wanted = [
        Safeguard::Firewall,
        Safeguard::BruteForce,
        Safeguard::Logs,
        Safeguard::AppServer,
        Safeguard::DenialOfService,
    ];
    let played = [
        "firewall-drops",
        "trial-ends",
        "brute-force-banned",
        "lost-log-told",
        "sign-in-guesses",
        "streams",
        "upstreams",
        "request-ids",
        "challenge",
        "connection-limits",
    ];
    let of = |target: &Target| -> Vec<Proof> {
        let all = prove(target, &wanted).into_iter();
        all.filter(|proof| played.contains(&proof.id)).collect()
    };
    let none = of(&Target::default());
    assert_eq!(none.len(), played.len());
    assert!(none.iter().all(|proof| proof.outcome == Outcome::NotProven), "{none:?}");
    for outcome in [Outcome::Held, Outcome::Fell, Outcome::NotProven] {
        let play: Assault = Arc::new(move || {
            vec![Evidence { did: "knocked".to_owned(), saw: "line\nbreak".to_owned(), outcome }]
        });
        let own = || Some(Rehearsal(Arc::clone(&play)));
        let rehearsals = Rehearsals {
            firewall: own(),
            trial: own(),
            brute_force: own(),
            lost_log: own(),
            sign_in: own(),
            streams: own(),
            upstreams: own(),
            request_ids: own(),
            challenge: own(),
            connections: own(),
        };
        let target = Target { rehearsals, ..Target::default() };
        for proof in of(&target) {
            assert_eq!(proof.outcome, outcome, "{}", proof.id);
            assert!(proof.evidence.iter().all(|part| !part.saw.contains('\n')), "{}", proof.id);
        }
    }
}
