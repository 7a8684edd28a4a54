//! Certificates that are for another name, over, or anybody's (CWE-295, CWE-297, CWE-298).

use super::certificate_chain::{is_in_date, is_in_order, is_strong};
use crate::Attack;
use crate::evidence::{evidence, not_proven, saw};
use crate::request::Request;
use crate::target::Target;
use crate::target_certificate::TargetCertificate;
use crate::wire::greeting::{Greeted, ask_for};
use crate::wire::{Client, Identity, Offer, Reply, Wire};
use burgrave_config::Environment;
use burgrave_model::{Evidence, Outcome, Safeguard};
use burgrave_parse::certificate::{Certificate, parse};
use burgrave_sys::{Live, SysError, System as _};
use std::collections::BTreeSet;

/// A name that is nobody's (RFC 2606).
const STRANGER: &str = "stranger.invalid";
/// Names of one site that are asked for.
const HOSTS_MAX: usize = 50;

pub(super) struct Certificates;

impl Attack for Certificates {
    fn id(&self) -> &'static str {
        "certificates"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::WebServer
    }

    fn title(&self) -> &'static str {
        "each name gets a certificate of its own that is in date, and nobody gets in with a self-made one"
    }

    fn about(&self) -> &'static str {
        "Asks every listener with TLS, and every stream whose TLS ends here, for each of its \
         names: the certificate must be for that\nname (CWE-297), in date and not in the last \
         week of its life, or tenth where that is less (CWE-298), its key and digest \
         strong\n(CWE-326), and the chain in order and signed in that order (RFC 8446 \
         \u{a7}4.4.2). A single certificate that neither itself nor\nan authority of this \
         system signed is not proven: who signed it is not shown. A name that is nobody's must \
         get no certificate.\nNo key may be used in two environments, and the file of each may \
         be read by its owner and group alone and written by its owner\n(CWE-732). Where a \
         client's certificate counts for something, one that nobody signed but itself must not, \
         in TLS 1.2 and 1.3\n(CWE-295); the control is that a client without one is \
         heard.\n\nIf it fell: renew the certificate, put its chain into the file leaf first, \
         or give it the names of the site. Give each\nenvironment a key of its own, and keys \
         the mode 0640 or less."
    }

    fn applies(&self, target: &Target) -> bool {
        !target.certificates.is_empty()
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        let (mut out, mut leaves, mut strangers, mut files) =
            (Vec::new(), Vec::new(), BTreeSet::new(), BTreeSet::new());
        let mut missing = false;
        for own in &target.certificates {
            let leaf = shown(wire, own, &mut out);
            if leaf.is_some() && !own.any_name && strangers.insert(own.door.address) {
                out.push(to_a_stranger(wire, own));
            }
            if files.insert(&own.keys) {
                out.push(key_file(own));
            }
            if leaf.is_some() {
                out.extend(self_made(wire, own));
            }
            missing |= leaf.is_none() && own.environment.is_some();
            leaves.extend(leaf.zip(own.environment).map(|(leaf, world)| (own, leaf, world)));
        }
        out.extend(apart(&leaves, missing));
        out
    }
}

/// Asks for all names. The first one's certificate, where there is one.
fn shown(wire: &mut Wire, own: &TargetCertificate, out: &mut Vec<Evidence>) -> Option<Certificate> {
    let any = ["localhost".to_owned()];
    let is_named = !own.hosts.is_empty();
    let hosts = if is_named { own.hosts.as_slice() } else { &any };
    let mut first = None;
    for host in hosts.iter().take(HOSTS_MAX) {
        let did = format!("certificate for {host} at {}", own.door.address);
        let chain = match wire.open(own.door, host) {
            Ok(connection) => connection.certificates(),
            Err(reply) => {
                out.push(not_proven(&did, &saw(&reply)));
                continue;
            }
        };
        let Some(leaf) = chain.first().and_then(|leaf| parse(leaf)) else {
            out.push(not_proven(&did, "what was shown is no certificate"));
            continue;
        };
        if is_named {
            let outcome = if leaf.covers(host) { Outcome::Held } else { Outcome::Fell };
            out.push(evidence(&did, &format!("it is for {}", leaf.names.join(", ")), outcome));
        }
        if first.is_none() {
            let about = format!("certificate of {} at {}", own.name, own.door.address);
            out.push(is_in_date(&about, &leaf, Live.now().seconds()));
            out.push(is_strong(&about, &leaf));
            out.push(is_in_order(&about, &chain, Live.now().seconds()));
            first = Some(leaf);
        }
    }
    if hosts.len() > HOSTS_MAX {
        let did = format!("certificates of {}", own.name);
        out.push(not_proven(&did, &format!("{HOSTS_MAX} of its names are asked for, no more")));
    }
    first
}

fn to_a_stranger(wire: &mut Wire, own: &TargetCertificate) -> Evidence {
    let did = format!("certificate for `{STRANGER}` at {}", own.door.address);
    match ask_for(wire, own.door, STRANGER) {
        Greeted::Accepted(what) => {
            evidence(&did, &format!("one of another name; {what}"), Outcome::Fell)
        }
        Greeted::Refused(what) => evidence(&did, &what, Outcome::Held),
        Greeted::Unclear(what) => not_proven(&did, &what),
    }
}

/// Who may read and write a key.
fn key_file(own: &TargetCertificate) -> Evidence {
    let found = own.keys.iter().map(|path| (path, Live.metadata(path)));
    let mut there = found.filter(|(_, found)| !matches!(found, Err(SysError::Missing(_))));
    let Some((path, found)) = there.next() else {
        return not_proven(&format!("key of {}", own.name), "there is no such file");
    };
    let did = format!("rights of `{}`, the key of {}", path.display(), own.name);
    match found {
        Ok(found) => {
            let outcome = if found.mode & 0o027 == 0 { Outcome::Held } else { Outcome::Fell };
            evidence(&did, &format!("mode {:04o}, owner {}", found.mode, found.uid), outcome)
        }
        Err(error) => not_proven(&did, &error.to_string()),
    }
}

/// A client's certificate that nobody else signed.
fn self_made(wire: &mut Wire, own: &TargetCertificate) -> Vec<Evidence> {
    let Some(host) = own.hosts.first() else { return Vec::new() };
    let identity = match Identity::self_made("admin") {
        Ok(identity) => identity,
        Err(error) => {
            return vec![not_proven("a self-made certificate", &saw(&Reply::Unsent(error)))];
        }
    };
    let versions = [("TLS 1.2", Offer::Tls12), ("TLS 1.3", Offer::Tls13)];
    let mut out = Vec::new();
    for path in &own.shown_at {
        let request = Request::new("GET", path, host).bytes();
        let heard = wire.exchange(own.door, host, &request);
        if !matches!(heard, Reply::Answer(_)) {
            out.push(not_proven(
                &format!("request to {host}{path} without a certificate, as the control"),
                &saw(&heard),
            ));
            continue;
        }
        for (version, offer) in versions {
            let client = Client { offer, identity: Some(&identity), ..Client::default() };
            let reply = match wire.open_as(own.door, host, client) {
                Ok(mut connection) => {
                    connection.send(&request);
                    connection.answer()
                }
                Err(reply) => reply,
            };
            let did = format!("a self-made certificate in {version}, to {host}{path}");
            out.push(evidence(&did, &saw(&reply), let_in(&reply)));
        }
    }
    out
}

/// Refused is held, within TLS or behind it.
fn let_in(reply: &Reply) -> Outcome {
    match reply {
        Reply::Answer(answer) => match answer.status {
            429 | 500..=599 => Outcome::NotProven,
            400..=499 => Outcome::Held,
            _ => Outcome::Fell,
        },
        Reply::Closed(_) => Outcome::Held,
        Reply::Silent | Reply::Garbage(_) | Reply::Unsent(_) => Outcome::NotProven,
    }
}

/// Keys of production that are used elsewhere, too. Whoever has staging has them.
/// `missing`: a certificate was not to be seen, so that nobody knows whose key it has.
fn apart(
    leaves: &[(&TargetCertificate, Certificate, Environment)],
    missing: bool,
) -> Vec<Evidence> {
    let is_inner = |world: &Environment| *world != Environment::Production;
    let mut out = Vec::new();
    for (own, leaf, world) in leaves.iter().filter(|(_, _, world)| is_inner(world)) {
        let same = leaves
            .iter()
            .find(|(_, other, elsewhere)| elsewhere != world && other.public == leaf.public);
        let did = format!("key of {}, which is not production's", own.name);
        out.push(match same {
            Some((other, ..)) => {
                evidence(&did, &format!("it is the key of {}, too", other.name), Outcome::Fell)
            }
            None if missing => {
                evidence(&did, "not every other certificate could be seen", Outcome::NotProven)
            }
            None => evidence(&did, "it is used in no other environment", Outcome::Held),
        });
    }
    out
}
