//! Hosts that are not ours (CWE-644, CWE-350; RFC 9112 §3.2).

use crate::Attack;
use crate::evidence::{evidence, not_proven, saw};
use crate::request::Request;
use crate::target::{Door, Layer, Target, TargetSite};
use crate::trial::{Trial, each_site, refusal, served};
use crate::wire::{Reply, Wire};
use burgrave_model::{Evidence, Outcome, Safeguard};

pub(super) struct UnknownHost;

/// Reserved, so that it is nobody's (RFC 6761 §6.4).
const STRANGER: &str = "stranger.invalid";

impl Attack for UnknownHost {
    fn id(&self) -> &'static str {
        "unknown-host"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::WebServer
    }

    fn title(&self) -> &'static str {
        "a request for a host that is not configured, or that is unclear, is refused"
    }

    fn about(&self) -> &'static str {
        "Asks for `stranger.invalid`, for no host, two hosts, an empty one and ones with a slash, an \
         at sign or a space, for a\nstranger in the request's target, and over TLS for another host \
         than the handshake's (CWE-644; RFC 9112 §3.2, RFC 9110\n§7.4). An application that believes \
         such a name puts it into links, mails and caches. Held means refused while the same\nrequest \
         with the right host is answered.\n\nIf it fell: something in front of Burgrave rewrites the \
         host. Where it is not proven because a site takes any host (`*`),\nname the site's hosts."
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        each_site(target, |site, _| {
            site.doors().flat_map(|door| at_door(wire, target, site, door)).collect()
        })
    }
}

fn at_door(wire: &mut Wire, target: &Target, site: &TargetSite, door: Door) -> Vec<Evidence> {
    let path = site.main_place().map_or("/", |place| place.path.as_str());
    let host = site.host.as_str();
    let request = Request::new("GET", path, host);
    let trial = match Trial::begin(wire, door, site, request.bytes()) {
        Ok(trial) => trial,
        Err(evidence) => return vec![evidence],
    };
    let with_host = |line: &str| request.clone().replace("Host", line);
    let mut out = Vec::new();
    for (what, request) in [
        ("no host", with_host("")),
        ("an empty host", with_host("Host:")),
        ("two hosts", request.clone().field(&format!("Host: {STRANGER}"))),
        ("a host with a path", with_host(&format!("Host: {host}/x"))),
        ("a host with an account", with_host(&format!("Host: x@{host}"))),
        ("a host with a space", with_host(&format!("Host: {host} x"))),
        ("a host with a quote", with_host("Host: \"<b>")),
    ] {
        let did = format!("{what} to {host} at {}", door.address);
        out.push(trial.attack(wire, &did, &request.bytes(), refusal));
    }
    out.extend(strangers(wire, target, &trial, path));
    if door.layer == Layer::Tls {
        out.extend(other_name(wire, target, site, door, &request.bytes()));
    }
    out
}

/// A host that is well formed and not ours.
fn strangers(wire: &mut Wire, target: &Target, trial: &Trial<'_>, path: &str) -> Vec<Evidence> {
    let absolute = format!("http://{STRANGER}{path}");
    [
        ("an unknown host", Request::new("GET", path, STRANGER)),
        ("an unknown host in the target", Request::new("GET", &absolute, trial.host)),
    ]
    .into_iter()
    .map(|(what, request)| {
        let did = format!("{what} (`{STRANGER}`) at {}", trial.door.address);
        if target.takes_any_host() {
            return not_proven(&did, "a site takes any host (`*`), so none is unknown");
        }
        trial.attack(wire, &did, &request.bytes(), refusal)
    })
    .collect()
}

/// Another name in the handshake than in the request.
fn other_name(
    wire: &mut Wire,
    target: &Target,
    site: &TargetSite,
    door: Door,
    bytes: &[u8],
) -> Vec<Evidence> {
    let sites = target.sites.iter().filter(|other| other.door == Some(door));
    let other = sites.map(|other| other.host.as_str()).find(|host| *host != site.host);
    let any = target.takes_any_host();
    let names = [Some(STRANGER).filter(|_| !any), other];
    let one = |name: &str| {
        let did = format!("TLS with `{name}`, then a request for {}", site.host);
        let reply = wire.exchange(door, name, bytes);
        let outcome = match &reply {
            // The certificate's host is not the request's (RFC 9110 §15.5.20), or no handshake.
            Reply::Answer(answer) if answer.status == 421 => Outcome::Held,
            Reply::Closed(_) => Outcome::Held,
            reply if served(reply).is_ok() => Outcome::Fell,
            Reply::Answer(answer) if (400..=499).contains(&answer.status) => Outcome::Held,
            Reply::Answer(_) | Reply::Silent | Reply::Garbage(_) | Reply::Unsent(_) => {
                Outcome::NotProven
            }
        };
        evidence(&did, &saw(&reply), outcome)
    };
    names.into_iter().flatten().map(one).collect()
}
