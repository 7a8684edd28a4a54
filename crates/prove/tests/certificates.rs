//! The proof of certificates against the real gateway, with one thing wrong at a time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, clippy::disallowed_methods, reason = "tests")]

mod support;

use burgrave_config::{
    Access, Authority, CertificateUse, Environment, Host, Settings, Stream, StreamTls, Tls,
};
use burgrave_model::{Outcome, Proof, Safeguard};
use burgrave_prove::{Target, prove_within};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};
use support::deployment::{Deployment, Plan, deploy};
use support::{HOST, short_patience};

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// A certificate of this number of days, which began a day ago.
fn params(names: &[&str], days: i64) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    let now = SystemTime::now();
    let at = |days: i64| {
        let time = Duration::from_hours(days.unsigned_abs() * 24);
        if days < 0 { now - time } else { now + time }
    };
    (params.not_before, params.not_after) = (at(-1).into(), at(days).into());
    params
}

fn issuer(name: &str, above: Option<&Issuer>) -> Issuer {
    let mut params = params(&[], 3_000);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    match above {
        Some(above) => CertifiedIssuer::signed_by(params, key, above).unwrap(),
        None => CertifiedIssuer::self_signed(params, key).unwrap(),
    }
}

/// Writes a pair beside the state; its key is for its owner alone.
fn files(settings: &Settings, name: &str, chain: &str, key: &KeyPair) -> Tls {
    let file = |ending| settings.state.with_file_name(format!("{name}.{ending}"));
    let (certificate, private) = (file("pem"), file("key"));
    std::fs::write(&certificate, chain).unwrap();
    std::fs::write(&private, key.serialize_pem()).unwrap();
    std::fs::set_permissions(&private, std::fs::Permissions::from_mode(0o600)).unwrap();
    Tls::Files { certificate, key: private }
}

/// Signed by itself.
fn alone(settings: &Settings, params: &CertificateParams) -> Tls {
    let key = KeyPair::generate().unwrap();
    files(settings, "own", &params.self_signed(&key).unwrap().pem(), &key)
}

fn deployed(change: impl FnOnce(&mut Settings) + 'static) -> Deployment {
    deploy(Plan { rules: None, change: Box::new(change), ..Plan::default() })
}

fn attacked(target: &Target) -> Proof {
    let proofs = prove_within(target, &[Safeguard::WebServer], short_patience());
    proofs.into_iter().find(|proof| proof.id == "certificates").unwrap()
}

/// Exactly these pieces of evidence are of this outcome, by a word each; all others held.
#[track_caller]
fn check(deployment: &Deployment, outcome: Outcome, words: &[&str]) {
    let proof = attacked(&deployment.target);
    let found: Vec<_> =
        proof.evidence.iter().filter(|part| part.outcome != Outcome::Held).collect();
    assert_eq!(found.len(), words.len(), "{found:#?}");
    for word in words {
        let is_there = |part: &&&burgrave_model::Evidence| {
            part.outcome == outcome && (part.did.contains(word) || part.saw.contains(word))
        };
        assert!(found.iter().any(|part| is_there(&part)), "{word}: {found:#?}");
    }
    assert!(proof.evidence.len() >= 6);
}

#[test]
fn certificates_that_are_as_they_should_be_hold() {
    check(&deployed(|_| {}), Outcome::Held, &[]);
    let chain = deployed(|settings| {
        let root = issuer("root", None);
        let between = issuer("between", Some(&root));
        let key = KeyPair::generate().unwrap();
        let leaf = params(&[HOST], 90).signed_by(&key, &between).unwrap();
        let chain = format!("{}{}{}", leaf.pem(), between.pem(), root.pem());
        settings.sites[0].tls = Some(files(settings, "own", &chain, &key));
    });
    check(&chain, Outcome::Held, &[]);
}

#[test]
fn names_dates_and_rights_are_found_when_they_are_wrong() {
    let other = deployed(|settings| {
        settings.sites[0].tls = Some(alone(settings, &params(&["other.test"], 90)));
    });
    check(&other, Outcome::Fell, &["it is for other.test"]);
    let ending = deployed(|settings| {
        settings.sites[0].tls = Some(alone(settings, &params(&[HOST], 5)));
    });
    // Of six days one tenth is more than half a day: five days are enough.
    check(&ending, Outcome::Held, &[]);
    let ending = deployed(|settings| {
        let mut params = params(&[HOST], 5);
        params.not_before -= Duration::from_hours(80 * 24);
        settings.sites[0].tls = Some(alone(settings, &params));
    });
    check(&ending, Outcome::Fell, &["it ends in"]);
    let ended = deployed(|settings| {
        let mut params = params(&[HOST], 90);
        params.not_after = params.not_before + Duration::from_hours(1);
        settings.sites[0].tls = Some(alone(settings, &params));
    });
    check(&ended, Outcome::Fell, &["it has ended"]);
    let early = deployed(|settings| {
        let mut params = params(&[HOST], 90);
        params.not_before += Duration::from_hours(48);
        settings.sites[0].tls = Some(alone(settings, &params));
    });
    check(&early, Outcome::Fell, &["it has not begun"]);
    let open = deployed(|settings| {
        let own = alone(settings, &params(&[HOST], 90));
        let Tls::Files { key, .. } = &own else { panic!("files") };
        std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o644)).unwrap();
        settings.sites[0].tls = Some(own);
    });
    check(&open, Outcome::Fell, &["mode 0644"]);
}

#[test]
fn chains_that_lead_nowhere_are_found() {
    let with = |order: fn(&str, &str, &str) -> String| {
        deployed(move |settings| {
            let root = issuer("root", None);
            let between = issuer("between", Some(&root));
            let key = KeyPair::generate().unwrap();
            let leaf = params(&[HOST], 90).signed_by(&key, &between).unwrap();
            let chain = order(&leaf.pem(), &between.pem(), &root.pem());
            settings.sites[0].tls = Some(files(settings, "own", &chain, &key));
        })
    };
    let swapped = with(|leaf, between, root| format!("{leaf}{root}{between}"));
    check(&swapped, Outcome::Fell, &["certificate 2 is not of who signed the one before"]);
    let lonely = with(|leaf, _, _| leaf.to_owned());
    check(&lonely, Outcome::NotProven, &["who signed it is not shown"]);
    let forged = deployed(|settings| {
        let (real, forged) = (issuer("root", None), issuer("root", None));
        let key = KeyPair::generate().unwrap();
        let leaf = params(&[HOST], 90).signed_by(&key, &real).unwrap();
        let chain = format!("{}{}", leaf.pem(), forged.pem());
        settings.sites[0].tls = Some(files(settings, "own", &chain, &key));
    });
    check(&forged, Outcome::Fell, &["invalid peer certificate"]);
}

#[test]
fn a_key_of_two_environments_is_found() {
    let both = |is_shared: bool| {
        deploy(Plan {
            rules: None,
            second: Some("next.test"),
            change: Box::new(move |settings: &mut Settings| {
                let keys = [KeyPair::generate().unwrap(), KeyPair::generate().unwrap()];
                for (index, name) in [HOST, "next.test"].into_iter().enumerate() {
                    let key = &keys[if is_shared { 0 } else { index }];
                    let own = params(&[name], 90).self_signed(key).unwrap();
                    settings.sites[index].tls = Some(files(settings, name, &own.pem(), key));
                }
                settings.sites[1].environment = Environment::Staging;
            }),
            ..Plan::default()
        })
    };
    check(&both(false), Outcome::Held, &[]);
    check(&both(true), Outcome::Fell, &["it is the key of shop.test, too"]);
}

/// Asks for certificates of an authority that nobody has anything of.
fn with_client_certificates(settings: &mut Settings, usage: CertificateUse) {
    let file = settings.state.with_file_name("clients.pem");
    std::fs::write(&file, issuer("clients", None).pem()).unwrap();
    let users = settings.state.with_file_name("users");
    // Nobody knows the password to this.
    let hash = format!("$argon2id$v=19$m=19456,t=2,p=1${}${}", "A".repeat(22), "A".repeat(43));
    std::fs::write(&users, format!("tester:{hash}\n")).unwrap();
    let site = &mut settings.sites[0];
    site.client_ca = Some(file);
    let users = (usage == CertificateUse::Optional).then_some(users);
    let access = Access { certificate: Some(usage), users, ..Access::default() };
    site.access = access.clone();
    site.routes.iter_mut().for_each(|route| route.access = access.clone());
}

#[test]
fn a_certificate_that_anybody_can_make_lets_nobody_in() {
    for usage in [CertificateUse::Required, CertificateUse::Optional] {
        let deployment = deployed(move |settings| with_client_certificates(settings, usage));
        check(&deployment, Outcome::Held, &[]);
        let proof = attacked(&deployment.target);
        let tried = proof.evidence.iter().filter(|part| part.did.contains("self-made")).count();
        assert_eq!(tried, 4, "a route and the files, in both versions: {proof:#?}");
    }
    // It is said that a certificate counts, and nobody asks for one.
    let mut open = deployed(|_| {});
    open.target.certificates[0].shown_at = vec!["/".to_owned()];
    let both = ["certificate in TLS 1.2", "certificate in TLS 1.3"];
    check(&open, Outcome::Fell, &both);
}

#[test]
fn streams_show_their_own_and_every_listener_is_asked() {
    let deployment = deployed(|settings| {
        settings.listeners.push(burgrave_config::Listen::secure("127.0.0.2:0".parse().unwrap()));
        settings.streams.push(Stream {
            name: "fix".to_owned(),
            address: "127.0.0.3:0".parse().unwrap(),
            hosts: vec!["fix.test".to_owned()],
            tls: Some(StreamTls::Ended(Tls::SelfSigned)),
            client_ca: None,
            networks: Vec::new(),
            upstream: vec![Authority { host: Host::Name("a.invalid".to_owned()), port: 1 }],
            announce: None,
            connect_time: Duration::from_secs(1),
            idle_time: Duration::from_secs(1),
            fix: Vec::new(),
        });
    });
    assert_eq!(deployment.target.certificates.len(), 3);
    check(&deployment, Outcome::Held, &[]);
    let proof = attacked(&deployment.target);
    let strangers = proof.evidence.iter().filter(|part| part.did.contains("stranger.invalid"));
    assert_eq!(strangers.count(), 3);
    let keys = proof.evidence.iter().filter(|part| part.did.contains("rights of")).count();
    assert_eq!(keys, 2, "a key is looked at once");
}

#[test]
fn what_cannot_be_looked_at_is_not_proven() {
    let mut deployment = deployed(|_| {});
    deployment.target.certificates[0].keys = vec![Path::new("/nowhere/key").to_owned()];
    check(&deployment, Outcome::NotProven, &["there is no such file"]);
    let any = deploy(Plan { any_host: true, rules: None, ..Plan::default() });
    let proof = attacked(&any.target);
    assert!(proof.evidence.iter().all(|part| !part.did.contains("stranger")), "{proof:?}");
    assert_eq!(proof.outcome, Outcome::Held, "{proof:#?}");
}
