//! The proof of streams against the real gateway: it holds with it as it is, and falls where the gateway does not do
//! what the target says of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, clippy::disallowed_methods, reason = "tests")]

mod support;

use burgrave_config::{
    Authority, FixSession, Host, Limits, Network, Settings, Stream, StreamTls, Tls,
};
use burgrave_model::{Outcome, Proof, Safeguard};
use burgrave_prove::{Entry, Layer, Target, TargetStream, prove_within};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use support::deployment::{Deployment, Plan, deploy};
use support::{dead, short_patience};

/// Says nothing, or says back what it hears.
fn upstream(echoes: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut piece = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut piece) {
                    if echoes && stream.write_all(&piece[..count]).is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

fn stream(upstream: SocketAddr) -> Stream {
    Stream {
        name: "fix".to_owned(),
        address: "127.0.0.3:0".parse().unwrap(),
        hosts: vec!["fix.test".to_owned()],
        tls: Some(StreamTls::Ended(Tls::SelfSigned)),
        client_ca: None,
        networks: Vec::new(),
        upstream: vec![Authority { host: Host::Address(upstream.ip()), port: upstream.port() }],
        announce: None,
        connect_time: Duration::from_secs(5),
        idle_time: Duration::from_secs(20),
        fix: vec![FixSession {
            sender: "CLIENT1".to_owned(),
            target: "BROKER".to_owned(),
            certificate: None,
            networks: Vec::new(),
        }],
    }
}

/// An authority's certificate, beside the state.
fn with_authority(settings: &mut Settings) {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let own = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    let file = settings.state.with_file_name("ca.pem");
    std::fs::write(&file, own.pem()).unwrap();
    settings.streams[0].client_ca = Some(file);
}

fn deployed(own: Stream, change: fn(&mut Settings)) -> Deployment {
    // A stream's handshake and its Logon have the time of a header.
    let limits = Limits { header_time: Duration::from_secs(1), ..support::short_limits() };
    let change = move |settings: &mut Settings| {
        settings.streams.push(own);
        change(settings);
    };
    deploy(Plan { limits, rules: None, change: Box::new(change), ..Plan::default() })
}

fn attacked(target: &Target) -> Proof {
    let proofs = prove_within(target, &[Safeguard::AppServer], short_patience());
    proofs.into_iter().find(|proof| proof.id == "streams").unwrap()
}

/// The outcome, and which evidence had it; each of these words must be in one of it.
#[track_caller]
fn check(proof: &Proof, wanted: Outcome, words: &[&str]) {
    assert_eq!(proof.outcome, wanted, "{:#?}", proof.evidence);
    let own: Vec<_> = proof.evidence.iter().filter(|part| part.outcome == wanted).collect();
    for word in words {
        let is_there = own.iter().any(|part| part.did.contains(word) || part.saw.contains(word));
        assert!(is_there, "{word}: {own:#?}");
    }
}

#[test]
fn a_stream_that_refuses_all_others_holds() {
    let deployment = deployed(stream(upstream(true)), |_| {});
    let proof = attacked(&deployment.target);
    let all =
        ["plain bytes", "half a handshake", "stranger.invalid", "unknown client", "heartbeat"];
    check(&proof, Outcome::Held, &all);
    check(&proof, Outcome::Held, &["unknown party", "half a Logon", "no FIX"]);
    assert!(proof.evidence.iter().all(|part| part.outcome == Outcome::Held), "{proof:#?}");
}

#[test]
fn a_stream_for_certificates_holds_and_its_logon_is_not_seen() {
    let deployment = deployed(stream(upstream(true)), with_authority);
    let proof = attacked(&deployment.target);
    let why = "without a client's certificate nobody gets as far as the Logon";
    check(&proof, Outcome::NotProven, &[why]);
    let held = proof.evidence.iter().filter(|part| part.outcome == Outcome::Held);
    let shown = held.filter(|part| part.did.contains("certificate")).count();
    assert_eq!(shown, 4, "without one and with a self-made one, in both versions: {proof:#?}");
}

#[test]
fn what_is_said_of_a_stream_and_not_done_falls() {
    // TLS without certificates, and bytes that nobody looks at, to somebody who answers or does not.
    for echoes in [true, false] {
        let own = Stream { fix: Vec::new(), hosts: Vec::new(), ..stream(upstream(echoes)) };
        let deployment = deployed(own, |_| {});
        let mut target = deployment.target.clone();
        target.streams[0].any_name = false;
        let sessions = vec![("CLIENT1".to_owned(), "BROKER".to_owned())];
        let one = target.streams[0].clone();
        target.streams.push(TargetStream { wants_certificate: true, ..one.clone() });
        target.streams.push(TargetStream { sessions, ..one });
        let proof = attacked(&target);
        let fell = ["stranger.invalid", "without a certificate", "a self-made certificate"];
        check(&proof, Outcome::Fell, &fell);
        let count = |word: &str| {
            let own = proof.evidence.iter().filter(|part| part.did.contains(word));
            own.filter(|part| part.outcome == Outcome::Fell).count()
        };
        assert_eq!(count("TLS 1.2") + count("TLS 1.3"), 4, "{proof:#?}");
        // Half a Logon that is answered is no control any more.
        let logons = count("heartbeat") + count("unknown client") + count("unknown party");
        assert_eq!((logons, count("half a Logon")), if echoes { (0, 0) } else { (3, 1) });
    }
}

#[test]
fn a_stream_without_tls_that_should_have_it_is_no_control() {
    for echoes in [true, false] {
        let own =
            Stream { tls: None, hosts: Vec::new(), fix: Vec::new(), ..stream(upstream(echoes)) };
        let deployment = deployed(own, |_| {});
        assert!(!deployment.target.streams[0].is_guarded());
        let mut target = deployment.target.clone();
        target.streams[0].door.layer = Layer::Tls;
        check(&attacked(&target), Outcome::NotProven, &["as the control"]);
    }
}

#[test]
fn networks_are_refused_at_the_door_or_not_proven_from_within() {
    let network = |address: [u8; 4]| Network { address: address.into(), prefix: 8 };
    let elsewhere = Stream { networks: vec![network([192, 0, 2, 0])], ..stream(upstream(true)) };
    let deployment = deployed(elsewhere, |_| {});
    let proof = attacked(&deployment.target);
    check(&proof, Outcome::Held, &["from a network that is not its own"]);
    assert_eq!(proof.evidence.len(), 1, "nobody gets further");
    let plain = Stream {
        tls: None,
        hosts: Vec::new(),
        networks: vec![network([192, 0, 2, 0])],
        ..stream(upstream(false))
    };
    check(&attacked(&deployed(plain, |_| {}).target), Outcome::Held, &["not its own"]);
    let ours = Stream { networks: vec![network([127, 0, 0, 0])], ..stream(upstream(true)) };
    let deployment = deployed(ours, |_| {});
    check(&attacked(&deployment.target), Outcome::NotProven, &["prove it from another"]);
    // A door that should be closed, with TLS and without.
    let open = deployed(stream(upstream(true)), |_| {});
    let mut target = open.target.clone();
    target.streams[0].entry = Entry::Closed;
    check(&attacked(&target), Outcome::Fell, &["server hello"]);
    let bare = Stream { tls: None, hosts: Vec::new(), fix: Vec::new(), ..stream(upstream(false)) };
    let open = deployed(bare, |_| {});
    let mut target = open.target.clone();
    target.streams[0].entry = Entry::Closed;
    check(&attacked(&target), Outcome::Fell, &["still open"]);
}

#[test]
fn tls_that_is_passed_on_is_refused_by_its_name_alone() {
    let secure = support::start(support::Kind::Sound, Layer::Tls);
    let passed = || Stream {
        tls: Some(StreamTls::Passed),
        hosts: vec!["shop.test".to_owned()],
        fix: Vec::new(),
        ..stream(secure)
    };
    let deployment = deployed(passed(), |_| {});
    let proof = attacked(&deployment.target);
    check(&proof, Outcome::Held, &["stranger.invalid", "plain bytes", "half a handshake"]);
    let gone = Stream { upstream: stream(dead()).upstream, ..passed() };
    check(&attacked(&deployed(gone, |_| {}).target), Outcome::NotProven, &["as the control"]);
}

#[test]
fn nobody_and_somebody_mute_prove_nothing() {
    let mute = support::start(support::Kind::Mute, Layer::Plain);
    for address in [dead(), mute] {
        let deployment = deployed(stream(upstream(false)), |_| {});
        let mut target = deployment.target.clone();
        target.streams[0].door.address = address;
        let proof = attacked(&target);
        check(&proof, Outcome::NotProven, &["as the control"]);
        assert!(proof.evidence.iter().all(|part| part.outcome == Outcome::NotProven), "{proof:?}");
    }
}

#[test]
fn a_limit_that_is_too_long_is_not_waited_for() {
    let deployment = deployed(stream(upstream(true)), |_| {});
    let mut target = deployment.target.clone();
    target.streams[0].header_time = Duration::from_hours(1);
    check(&attacked(&target), Outcome::NotProven, &["longer than a proof waits"]);
}
