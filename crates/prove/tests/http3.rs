//! The proof of HTTP/3 against the real gateway, and against one of its own who takes everything.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, clippy::disallowed_methods, reason = "tests")]

mod support;

use burgrave_config::{Access, Challenge, Listen, Network, Settings};
use burgrave_model::{Outcome, Proof, Safeguard};
use burgrave_prove::{Http3, Layer, Target, prove_within, unasked};
use rustls::server::{ResolvesServerCert, ResolvesServerCertUsingSni};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
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

/// What one who speaks HTTP/3 does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Nothing,
    /// Answers everything with 200, reads no frame, takes early data and any name.
    All,
    TakesEarly,
    TakesAnyHost,
    ForgetsRules,
    ForgetsFrames,
    /// Ends connections with this code whatever was wrong.
    Says(u32),
}

impl Fault {
    fn is(self, own: Self) -> bool {
        self == own || self == Self::All
    }
}

/// Somebody by a name, or by any.
fn tls(fault: Fault) -> rustls::ServerConfig {
    let own = rcgen::generate_simple_self_signed(vec![HOST.to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let certified = CertifiedKey::new(vec![own.cert.der().clone()], key);
    let mut named = ResolvesServerCertUsingSni::new();
    named.add(HOST, certified.clone()).unwrap();
    let resolver: Arc<dyn ResolvesServerCert> = if fault.is(Fault::TakesAnyHost) {
        Arc::new(SingleCertAndKey::from(certified))
    } else {
        Arc::new(named)
    };
    let mut tls = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    tls.alpn_protocols = vec![b"h3".to_vec()];
    tls.max_early_data_size = if fault.is(Fault::TakesEarly) { u32::MAX } else { 0 };
    tls
}

fn speaker(socket: UdpSocket, fault: Fault) {
    let crypto = quinn::crypto::rustls::QuicServerConfig::try_from(tls(fault)).unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let (own, runtime) = (quinn::EndpointConfig::default(), Arc::new(quinn::TokioRuntime));
            let endpoint = quinn::Endpoint::new(own, Some(config), socket, runtime).unwrap();
            while let Some(incoming) = endpoint.accept().await {
                tokio::spawn(async move {
                    let (connection, _) = incoming.accept().unwrap().into_0rtt().unwrap();
                    tokio::spawn(control(connection.clone(), fault));
                    requests(connection, fault).await;
                });
            }
        });
    });
}

/// Looks at streams of one direction: there is one, which says nothing but empty settings.
async fn control(connection: quinn::Connection, fault: Fault) {
    let mut count = 0;
    while let Ok(mut stream) = connection.accept_uni().await {
        count += 1;
        if fault.is(Fault::ForgetsFrames) {
            // It stays open all the same.
            tokio::spawn(async move { drop(stream.read_to_end(1 << 16).await) });
            continue;
        }
        if count > 1 {
            return end(&connection, fault, 0x103);
        }
        let connection = connection.clone();
        tokio::spawn(async move {
            let mut said = Vec::new();
            let mut piece = [0; 64];
            let code = loop {
                match said.as_slice() {
                    [0, 4, 0, _, ..] => break 0x105,
                    [0, 4, 1..=63, ..] => break 0x109,
                    [0, kind, ..] if *kind != 4 => break 0x10a,
                    _ => {}
                }
                match stream.read(&mut piece).await {
                    Ok(Some(read)) => said.extend_from_slice(&piece[..read]),
                    Ok(None) => break 0x104,
                    Err(_) => return,
                }
            };
            end(&connection, fault, code);
        });
    }
}

fn end(connection: &quinn::Connection, fault: Fault, code: u32) {
    let code = if let Fault::Says(other) = fault { other } else { code };
    connection.close(code.into(), b"");
}

async fn requests(connection: quinn::Connection, fault: Fault) {
    while let Ok((mut send, mut receive)) = connection.accept_bi().await {
        let Ok(said) = receive.read_to_end(1 << 16).await else { continue };
        if said.first() != Some(&1) && !fault.is(Fault::ForgetsFrames) {
            return end(&connection, fault, 0x105);
        }
        // Fields are said as they are.
        let has = |word: &str| said.windows(word.len()).any(|part| part == word.as_bytes());
        let wrong = [".git", "..%2f", "TRACE", "UNION"].into_iter().any(has);
        // Numbers of the table: 421, 403 and 200.
        let status: &[u8] = if !has(HOST) && !fault.is(Fault::TakesAnyHost) {
            b"\x01\x04\0\0\xff\x06"
        } else if wrong && !fault.is(Fault::ForgetsRules) {
            b"\x01\x04\0\0\xff\x05"
        } else {
            b"\x01\x03\0\0\xd9"
        };
        drop(send.write_all(&[status, b"\0\x02ok"].concat()).await);
        drop(send.finish());
    }
}

fn spoken(fault: Fault) -> Proof {
    let (address, socket) = both();
    speaker(socket, fault);
    let mut target = target(address, Layer::Tls);
    target.sites[0].http3 = Http3::Served;
    let mut limits = short_patience();
    // Whoever reads no frame is waited for again and again.
    let patience = if fault.is(Fault::ForgetsFrames) { 2 } else { 6 };
    limits.answer_time = Duration::from_secs(patience);
    limits.run_time = Duration::from_mins(2);
    let proofs = prove_within(&target, &[Safeguard::WebServer], limits);
    proofs.into_iter().find(|proof| proof.id == "http3").unwrap()
}

/// What did not hold, each of which must have ended so.
#[track_caller]
fn not_held(fault: Fault, wanted: Outcome) -> Vec<String> {
    let proof = spoken(fault);
    let wrong = proof.evidence.iter().filter(|part| part.outcome != Outcome::Held);
    let told = wrong.inspect(|part| assert_eq!(part.outcome, wanted, "{fault:?}: {part:?}"));
    let dids = told.map(|part| part.did.clone()).collect::<Vec<_>>();
    assert!(proof.evidence.len() > 15, "{proof:#?}");
    dids
}

#[test]
fn one_who_takes_everything_falls() {
    let proof = spoken(Fault::All);
    assert_eq!(proof.outcome, Outcome::Fell, "{proof:#?}");
    for part in &proof.evidence {
        let is_control = part.did.starts_with("front page");
        let wanted = if is_control { Outcome::Held } else { Outcome::Fell };
        assert_eq!(part.outcome, wanted, "{part:?}");
    }
    let early = part(&proof, "a request to shop.test in early data");
    assert!(early.saw.starts_with("early data was taken; HTTP/3 200"), "{early:?}");
    assert!(part(&proof, "a second SETTINGS").saw.ends_with("the connection went on"));
}

#[test]
fn one_fault_is_found_alone() {
    let nothing: [String; 0] = [];
    assert_eq!(not_held(Fault::Nothing, Outcome::Fell), nothing);
    let early = not_held(Fault::TakesEarly, Outcome::Fell);
    assert_eq!(early, ["a request to shop.test in early data (0-RTT)"]);
    let hosts = not_held(Fault::TakesAnyHost, Outcome::Fell);
    assert_eq!(hosts.len(), 2, "{hosts:?}");
    assert!(hosts.iter().all(|did| did.starts_with("TLS with")), "{hosts:?}");
    let rules = not_held(Fault::ForgetsRules, Outcome::Fell);
    assert_eq!(rules.len(), 4, "{rules:?}");
    assert!(rules.iter().all(|did| did.ends_with("over TCP and over HTTP/3")), "{rules:?}");
}

#[test]
fn broken_rules_are_judged_by_how_the_connection_ends() {
    let frames = not_held(Fault::ForgetsFrames, Outcome::Fell);
    assert_eq!(frames.len(), 12, "{frames:?}");
    assert!(frames.iter().all(|did| did.ends_with("to shop.test over HTTP/3")), "{frames:?}");
    // The general error may stand for each; another one is none of the standard's for that.
    let nothing: [String; 0] = [];
    assert_eq!(not_held(Fault::Says(0x101), Outcome::Fell), nothing);
    assert_eq!(not_held(Fault::Says(0x102), Outcome::NotProven), frames);
}
