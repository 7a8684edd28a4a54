//! The proof of HTTP/3 against the real gateway, and against one of its own who takes everything.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, clippy::disallowed_methods, reason = "tests")]

mod support;

use burgrave_config::{Access, Challenge, Listen, Network, Settings};
use burgrave_model::{Outcome, Proof, Safeguard};
use burgrave_prove::{Http3, Layer, Target, prove_within, unasked};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use support::deployment::{Deployment, Plan, deploy};
use support::{HOST, Kind, dead, short_patience, start, target};

fn deployed(change: fn(&mut Settings)) -> Deployment {
    let change = move |settings: &mut Settings| {
        settings.listeners[0] = Listen::secure("127.0.0.1:0".parse().unwrap());
        change(settings);
    };
    deploy(Plan { redirect: false, change: Box::new(change), ..Plan::default() })
}

fn proven(target: &Target) -> Proof {
    let proofs = prove_within(target, &[Safeguard::WebServer], short_patience());
    proofs.into_iter().find(|proof| proof.id == "http3").unwrap()
}

/// The evidence whose words begin so.
#[track_caller]
fn part<'a>(proof: &'a Proof, did: &str) -> &'a burgrave_model::Evidence {
    let found = proof.evidence.iter().find(|part| part.did.starts_with(did));
    found.unwrap_or_else(|| panic!("no `{did}` in {proof:#?}"))
}

#[test]
fn the_gateway_holds() {
    let deployment = deployed(|settings| {
        let site = &mut settings.sites[0];
        let mut closed = site.routes[0].clone();
        closed.path = "/staff/".to_owned();
        let network = Network { address: [192, 0, 2, 0].into(), prefix: 24 };
        closed.access = Access { networks: vec![network], ..Access::default() };
        site.routes.push(closed);
        let mut desk = site.clone();
        (desk.name, desk.hosts) = ("desk.test".into(), vec!["desk.test".into()]);
        // Its first place is closed, and what is not is behind a page that asks for work.
        desk.routes.rotate_right(1);
        desk.challenge = Challenge::On;
        settings.sites.push(desk);
    });
    let proof = proven(&deployment.target);
    assert_eq!(proof.outcome, Outcome::Held, "{proof:#?}");
    for (did, saw) in [
        ("front page of shop.test over TCP", "HTTP/3 200"),
        ("a closed place of shop.test", "HTTP/3 403"),
        ("a way out of the root of shop.test", "HTTP/3 4"),
        ("TRACE of shop.test", "HTTP/3 4"),
        ("SQL of shop.test", "HTTP/3 403"),
        ("TLS with `shop.test` by QUIC, then a request for desk.test", "HTTP/3 421"),
        ("TLS with `stranger.invalid` by QUIC", "ended"),
        ("a request to shop.test in early data", "none of which allows it"),
        ("a second SETTINGS, to shop.test", "0x105"),
        ("content before the header, to shop.test", "0x105"),
        ("front page of desk.test over TCP", "HTTP/3 503"),
        ("a second SETTINGS, to desk.test", "0x105"),
        ("front page of desk.test over HTTP/3 afterwards", "HTTP/3 503"),
    ] {
        let part = part(&proof, did);
        assert!(part.saw.contains(saw), "{part:?}");
    }
}

#[test]
fn a_site_that_wants_certificates_is_withheld() {
    let deployment = deployed(|settings| {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let own = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let file = settings.state.with_file_name("ca.pem");
        std::fs::write(&file, own.pem()).unwrap();
        settings.sites[0].client_ca = Some(file);
    });
    assert_eq!(deployment.target.sites[0].http3, Http3::Withheld);
    let proof = proven(&deployment.target);
    assert_eq!((proof.outcome, proof.evidence.len()), (Outcome::Held, 1), "{proof:#?}");
    // The same, of a site that is served.
    let served = deployed(|_| {});
    let mut target = served.target.clone();
    target.sites[0].http3 = Http3::Withheld;
    assert_eq!(proven(&target).outcome, Outcome::Fell);
}

#[test]
fn nothing_is_proven_where_nobody_speaks_it() {
    let off = deployed(|settings| settings.listeners[0].http3 = false);
    assert_eq!(off.target.sites[0].http3, Http3::Off);
    assert!(unasked(&off.target).contains(&"http3"));
    assert_eq!(proven(&off.target).outcome, Outcome::NotProven);
    let mut target = off.target.clone();
    target.sites[0].http3 = Http3::Served;
    let proof = proven(&target);
    assert_eq!((proof.outcome, proof.evidence.len()), (Outcome::NotProven, 1), "{proof:#?}");
    // Somebody is there, and says nothing.
    let (address, _mute) = both();
    let mut silent = support::target(address, Layer::Tls);
    silent.sites[0].http3 = Http3::Served;
    assert_eq!(proven(&silent).outcome, Outcome::NotProven);
    let mut gone = support::target(dead(), Layer::Tls);
    gone.sites[0].http3 = Http3::Served;
    assert_eq!(proven(&gone).outcome, Outcome::NotProven);
}

/// One who is sound over TCP, and a socket for UDP on the same port.
fn both() -> (SocketAddr, UdpSocket) {
    loop {
        let address = start(Kind::Sound, Layer::Tls);
        if let Ok(socket) = UdpSocket::bind(address) {
            return (address, socket);
        }
    }
}

/// Answers every request with 200 whatever it is, reads no frame, and takes early data.
fn naive(socket: UdpSocket) {
    let own = rcgen::generate_simple_self_signed(vec![HOST.to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    (tls.alpn_protocols, tls.max_early_data_size) = (vec![b"h3".to_vec()], u32::MAX);
    let crypto = quinn::crypto::rustls::QuicServerConfig::try_from(tls).unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let (own, runtime) = (quinn::EndpointConfig::default(), Arc::new(quinn::TokioRuntime));
            let endpoint = quinn::Endpoint::new(own, Some(config), socket, runtime).unwrap();
            while let Some(incoming) = endpoint.accept().await {
                tokio::spawn(async move {
                    let (connection, _) = incoming.accept().unwrap().into_0rtt().unwrap();
                    while let Ok((mut send, mut receive)) = connection.accept_bi().await {
                        drop(receive.read_to_end(1 << 16).await);
                        // A header whose status is the 25th of the table, and content.
                        drop(send.write_all(b"\x01\x03\0\0\xd9\0\x02ok").await);
                        drop(send.finish());
                    }
                });
            }
        });
    });
}

#[test]
fn one_who_takes_everything_falls() {
    // Over TCP what is wrong is refused.
    let (address, socket) = both();
    naive(socket);
    let mut target = target(address, Layer::Tls);
    target.sites[0].http3 = Http3::Served;
    let mut limits = short_patience();
    (limits.answer_time, limits.run_time) = (Duration::from_secs(1), Duration::from_mins(1));
    let proofs = prove_within(&target, &[Safeguard::WebServer], limits);
    let proof = proofs.iter().find(|proof| proof.id == "http3").unwrap();
    assert_eq!(proof.outcome, Outcome::Fell, "{proof:#?}");
    for part in &proof.evidence {
        let is_control = part.did.starts_with("front page");
        let wanted = if is_control { Outcome::Held } else { Outcome::Fell };
        assert_eq!(part.outcome, wanted, "{part:?}");
    }
    let early = part(proof, "a request to shop.test in early data");
    assert!(early.saw.starts_with("early data was taken; HTTP/3 200"), "{early:?}");
    assert!(part(proof, "a second SETTINGS").saw.ends_with("the connection went on"));
}
