//! One hole at a time: a server that is sound but for one thing makes exactly those proofs fall that
//! look at it, by the evidence that names it; one that cannot be attacked proves nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, reason = "tests")]

mod support;

use burgrave_model::{Outcome, Proof};
use burgrave_prove::{Layer, prove_within};
use std::time::Duration;
use support::{Hole, Kind, short_patience, start, target};

fn attacked(hole: Hole) -> Vec<Proof> {
    let address = start(Kind::SoundBut(hole), Layer::Plain);
    let proofs = prove_within(&target(address, Layer::Plain), &[], short_patience());
    // Without TLS there is nothing to say about it.
    proofs.into_iter().filter(|proof| proof.id != "tls").collect()
}

/// The proofs that fall, each with a word of the evidence that fell.
fn check(hole: Hole, falls: &[(&str, &str)]) {
    for proof in attacked(hole) {
        let word = falls.iter().find(|(id, _)| *id == proof.id).map(|(_, word)| *word);
        let wanted = if word.is_some() { Outcome::Fell } else { Outcome::Held };
        let fell: Vec<_> =
            proof.evidence.iter().filter(|part| part.outcome != Outcome::Held).collect();
        assert_eq!(proof.outcome, wanted, "{hole:?}: {}: {fell:#?}", proof.id);
        for part in fell {
            let word = word.expect("held has no evidence that fell");
            assert!(part.did.contains(word), "{hole:?}: {}: {part:?}", proof.id);
        }
    }
}

#[test]
fn ways_to_smuggle_are_found() {
    check(Hole::BelievesBothLengths, &[("request-smuggling", "ontent-")]);
    check(Hole::TakesBareLineFeeds, &[("request-smuggling", "line feed")]);
    check(Hole::TakesOddChunkSizes, &[("request-smuggling", "hexadecimal prefix")]);
}

#[test]
fn spots_that_are_not_looked_at_are_found() {
    let all = |word| {
        ["sql-injection", "cross-site-scripting", "path-traversal"].map(|id| (id, word)).to_vec()
    };
    check(Hole::ForgetsJson, &[all("in JSON"), vec![("command-injection", "in JSON")]].concat());
    // The user agent is forgotten with the cookies.
    let agent = vec![("command-injection", "in ")];
    check(Hole::ForgetsCookies, &[all("in a cookie"), agent].concat());
}

#[test]
fn leftovers_and_names_are_found() {
    check(Hole::ServesBackups, &[("leftovers", "backup")]);
    check(Hole::NamesItselfInErrors, &[("version-hiding", " at ")]);
}

#[test]
fn hosts_that_are_not_ours_are_found() {
    check(Hole::TakesAnyHost, &[("unknown-host", "host")]);
    check(Hole::TakesNoHost, &[("unknown-host", "no host")]);
}

#[test]
fn limits_that_are_missing_are_found() {
    check(Hole::WaitsForHeaders, &[("oversized-and-slow", "header that drips")]);
    check(Hole::WaitsForBodies, &[("oversized-and-slow", "a body that")]);
    check(Hole::TakesLargeBodies, &[("oversized-and-slow", "a body of 100001 bytes")]);
    check(Hole::TakesManyFields, &[("oversized-and-slow", "over 40 fields")]);
}

#[test]
fn a_server_that_refuses_everything_proves_nothing() {
    for (hole, word) in [
        (Hole::RefusesAll, "the harmless request was refused as well"),
        (Hole::FailsAlways, "the harmless request failed"),
    ] {
        for proof in attacked(hole) {
            assert_eq!(proof.outcome, Outcome::NotProven, "{hole:?}: {proof:?}");
            assert!(proof.evidence.iter().all(|part| part.saw.contains(word)), "{proof:?}");
        }
    }
}

#[test]
fn a_rate_limit_is_waited_for_and_then_proves_nothing() {
    let address = start(Kind::SoundBut(Hole::LimitsAlways), Layer::Plain);
    let mut limits = short_patience();
    // Enough for the waits of a request or two, so that the run ends by its own bound.
    limits.run_time = Duration::from_secs(4);
    let wanted = [burgrave_model::Safeguard::Cleanup];
    for proof in prove_within(&target(address, Layer::Plain), &wanted, limits) {
        assert_eq!(proof.outcome, Outcome::NotProven, "{proof:?}");
    }
}

#[test]
fn a_server_that_the_attack_brings_down_did_not_hold() {
    for proof in attacked(Hole::BreaksDown) {
        assert_ne!(proof.outcome, Outcome::Held, "{proof:?}");
    }
}

#[test]
fn a_place_that_takes_no_body_is_attacked_where_it_listens() {
    for proof in attacked(Hole::TakesNoBody) {
        let fell: Vec<_> =
            proof.evidence.iter().filter(|part| part.outcome == Outcome::Fell).collect();
        // An application that says 405 to an attack and to a harmless form alike has seen both.
        assert!(fell.iter().all(|part| part.saw.contains("405")), "{}: {fell:#?}", proof.id);
    }
}

#[test]
fn limits_that_a_proof_cannot_reach_are_not_proven() {
    let address = start(Kind::SoundBut(Hole::WaitsForBodies), Layer::Plain);
    let mut target = target(address, Layer::Plain);
    for place in &mut target.sites[0].places {
        place.limits.body_bytes = 1 << 29;
        place.limits.body_time = Duration::from_mins(10);
    }
    target.sites[0].limits.header_time = Duration::from_hours(1);
    let wanted = [burgrave_model::Safeguard::DenialOfService];
    let proofs = prove_within(&target, &wanted, short_patience());
    let saw = |did: &str| {
        let found = proofs[0].evidence.iter().find(|part| part.did.contains(did));
        found.map(|part| (part.outcome, part.saw.as_str())).expect("is tried")
    };
    let waits = (Outcome::NotProven, "the limit is longer than a proof waits");
    assert_eq!(saw("a header that drips"), waits);
    assert_eq!(saw("a body that stops"), waits);
    let large = (Outcome::NotProven, "nothing was said to it, and it is too large to be sent");
    assert_eq!(saw("bytes, in chunks"), large);
    assert_eq!(saw("announced"), (Outcome::Held, "HTTP/1.1 413 Refused, `no.\\n`"));
    assert_eq!(proofs[0].outcome, Outcome::NotProven);
}

#[test]
fn each_old_version_and_weak_suite_is_found_alone() {
    for (version, suite, word) in [
        (0x0300, 0x0005, "SSL 3.0"),
        (0x0301, 0x002f, "TLS 1.0"),
        (0x0302, 0xc014, "TLS 1.1"),
        (0x0303, 0xc013, "CBC"),
        (0x0303, 0x009c, "forward secrecy"),
        (0x0303, 0xc011, "RC4"),
        (0x0303, 0x000a, "3DES"),
        (0x0303, 0x0002, "encryption"),
        (0x0303, 0x0003, "export"),
        (0x0303, 0x006c, "certificate"),
    ] {
        let address = start(Kind::OldTls(version, suite), Layer::Tls);
        let wanted = [burgrave_model::Safeguard::WebServer];
        let proofs = prove_within(&target(address, Layer::Tls), &wanted, short_patience());
        let tls = proofs.iter().find(|proof| proof.id == "tls").expect("runs");
        assert_eq!(tls.outcome, Outcome::Fell, "{word}");
        let fell: Vec<_> =
            tls.evidence.iter().filter(|part| part.outcome == Outcome::Fell).collect();
        assert_eq!(fell.len(), 1, "{word}: {fell:#?}");
        assert!(fell[0].did.contains(word) && fell[0].saw.contains("server hello"), "{fell:?}");
    }
    let sound = start(Kind::OldTls(0, 0), Layer::Tls);
    let proofs = prove_within(&target(sound, Layer::Tls), &[], short_patience());
    let tls = proofs.iter().find(|proof| proof.id == "tls").expect("runs");
    assert_eq!(tls.outcome, Outcome::Held, "{:?}", tls.evidence);
}
