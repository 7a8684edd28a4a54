//! Old versions and weak suites of TLS (CWE-326, CWE-327).

use crate::Attack;
use crate::evidence::{evidence, not_proven, saw};
use crate::target::{Door, Layer, Target, TargetSite};
use crate::trial::each_site;
use crate::wire::greeting::{Greeted, ask_for, greet};
use crate::wire::hello::{Hello, Version};
use crate::wire::{Offer, Wire};
use burgrave_model::{Evidence, Outcome, Safeguard};

pub(super) struct Tls;

/// What clients of the old versions offered.
const OLD: &[u16] =
    &[0xc013, 0xc014, 0xc009, 0xc00a, 0x002f, 0x0035, 0x0033, 0x0039, 0x000a, 0x0005, 0x0004];

/// What is offered in each attack, alone.
const ATTACKS: &[(&str, u16, &[u16])] = &[
    ("SSL 3.0 (RFC 7568)", 0x0300, OLD),
    ("TLS 1.0 (RFC 8996)", 0x0301, OLD),
    ("TLS 1.1 (RFC 8996)", 0x0302, OLD),
    (
        "CBC suites",
        0x0303,
        &[0xc013, 0xc014, 0xc009, 0xc00a, 0xc023, 0xc024, 0xc027, 0xc028, 0x0033, 0x0039, 0x0067],
    ),
    ("suites without forward secrecy", 0x0303, &[0x009c, 0x009d, 0x002f, 0x0035, 0x003c, 0x003d]),
    ("RC4 suites (RFC 7465)", 0x0303, &[0xc011, 0xc007, 0x0005, 0x0004]),
    ("3DES suites", 0x0303, &[0xc012, 0xc008, 0x0016, 0x000a]),
    ("suites without encryption", 0x0303, &[0xc010, 0xc006, 0x003b, 0x0002, 0x0001]),
    ("export suites", 0x0303, &[0x0003, 0x0006, 0x0008, 0x0011, 0x0014]),
    ("suites without a certificate", 0x0303, &[0xc018, 0xc019, 0x0034, 0x003a, 0x006c, 0x00a6]),
];

impl Attack for Tls {
    fn id(&self) -> &'static str {
        "tls"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::WebServer
    }

    fn title(&self) -> &'static str {
        "only TLS 1.2 and 1.3 with forward secrecy and authenticated encryption are spoken"
    }

    fn about(&self) -> &'static str {
        "Offers SSL 3.0, TLS 1.0 and 1.1, and in TLS 1.2 only CBC, RC4, 3DES, export, anonymous or no \
         encryption, or no forward\nsecrecy, by a client hello written by hand (CWE-326, CWE-327; RFC \
         8996, RFC 9325). An alert or a close is held; a server\nhello is fell; silence is not proven. \
         As the control, TLS 1.3 and TLS 1.2 with a sound suite must be agreed on, and the same\nhello \
         by hand with sound suites must be answered.\n\nIf it fell: something else than Burgrave ends \
         TLS in front of it; make that refuse TLS below 1.2 and all suites but\nECDHE with AES-GCM or \
         ChaCha20. Where a site has no TLS at all, give it `tls`."
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        each_site(target, |site, door| match door.layer {
            Layer::Tls => at_door(wire, site, door),
            Layer::Plain => {
                vec![not_proven(&format!("TLS with {}", site.host), "the site has no TLS")]
            }
        })
    }
}

fn at_door(wire: &mut Wire, site: &TargetSite, door: Door) -> Vec<Evidence> {
    let host = site.host.as_str();
    let mut out = vec![
        sound(wire, host, door, "TLS 1.3", Offer::Tls13),
        sound(wire, host, door, "TLS 1.2", Offer::Tls12),
        by_hand(wire, host, door),
    ];
    if out.iter().any(|control| control.outcome != Outcome::Held) {
        return out;
    }
    out.extend(ATTACKS.iter().map(|(what, version, suites)| {
        let hello = Hello { version: Version(*version), suites, host };
        let did = format!("offered {host} only {what}");
        let (outcome, what) = match greet(wire, door, &hello) {
            Greeted::Accepted(what) => (Outcome::Fell, what),
            Greeted::Refused(what) => (Outcome::Held, what),
            Greeted::Unclear(what) => (Outcome::NotProven, what),
        };
        evidence(&did, &what, outcome)
    }));
    // A server that the attacks brought down refused nothing.
    out.push(by_hand(wire, host, door));
    out
}

/// A whole handshake with a sound client.
fn sound(wire: &mut Wire, host: &str, door: Door, what: &str, offer: Offer) -> Evidence {
    let did = format!("handshake with {host} in {what}, as the control");
    match wire.open_offering(door, host, offer) {
        Ok(connection) => match connection.agreed() {
            Some(agreed) => evidence(&did, &format!("agreed on {agreed}"), Outcome::Held),
            None => not_proven(&did, "no version was agreed on"),
        },
        Err(reply) => not_proven(&did, &saw(&reply)),
    }
}

/// The hello by hand must be good enough that a refusal means something.
fn by_hand(wire: &mut Wire, host: &str, door: Door) -> Evidence {
    let did = format!("offered {host} TLS 1.2 with sound suites by hand, as the control");
    match ask_for(wire, door, host) {
        Greeted::Accepted(what) => evidence(&did, &what, Outcome::Held),
        Greeted::Refused(what) | Greeted::Unclear(what) => not_proven(&did, &what),
    }
}
