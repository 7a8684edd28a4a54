//! Strangers at what is not for them (CWE-287, CWE-288, CWE-290).

use crate::Attack;
use crate::evidence::{evidence, not_proven, saw};
use crate::request::Request;
use crate::target::{Door, Entry, Place, Target, TargetSite};
use crate::trial::each_site;
use crate::wire::{Reply, Wire};
use burgrave_model::{Evidence, Outcome, Safeguard};

/// `admin:admin`, `root:` and nothing at all.
const GUESSES: [(&str, &str); 4] = [
    ("a guessed name and password", "Authorization: Basic YWRtaW46YWRtaW4="),
    ("a name without a password", "Authorization: Basic cm9vdDo="),
    ("an empty sign-in", "Authorization: Basic"),
    ("a token that nobody gave", "Authorization: Bearer eyJhbGciOiJub25lIn0.e30."),
];
/// By which some applications learn who asks.
const FORGED: [(&str, &str); 5] = [
    ("a forged address", "X-Forwarded-For: 127.0.0.1"),
    ("a forged address of another kind", "X-Real-IP: 127.0.0.1"),
    ("a forged name", "X-Forwarded-User: admin"),
    ("a forged certificate", "X-SSL-Client-Verify: SUCCESS"),
    ("a forged way", "Forwarded: for=127.0.0.1"),
];

pub(super) struct ClosedDoor;

impl Attack for ClosedDoor {
    fn id(&self) -> &'static str {
        "closed-door"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::Infiltration
    }

    fn title(&self) -> &'static str {
        "a stranger gets nothing of what asks for a sign-in, a certificate or another network"
    }

    fn about(&self) -> &'static str {
        "Asks every place with `access` for its content: without a word, with guessed names and \
         passwords, with fields that\nwould make an application believe another address or name \
         (CWE-287, CWE-290), and by other spellings of the path:\nslashes in a row, parameters, \
         encodings, another case (CWE-288). Four passwords are tried, no more.\nHeld means that nothing \
         was served. A place that this machine's own addresses may use is not proven.\n\nIf it fell: a \
         spelling that is answered by another route means that the application reads paths more \
         leniently than\nit should; close that route, too, and report it. A guessed password must be \
         changed."
    }

    fn applies(&self, target: &Target) -> bool {
        let mut places = target.sites.iter().flat_map(|site| &site.places);
        places.any(|place| place.entry != Entry::Open)
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        each_site(target, |site, door| {
            let closed = site.places.iter().filter(|place| place.entry != Entry::Open);
            closed.flat_map(|place| at_place(wire, site, door, place)).collect()
        })
    }
}

fn at_place(wire: &mut Wire, site: &TargetSite, door: Door, place: &Place) -> Vec<Evidence> {
    let (host, path) = (site.host.as_str(), place.path.as_str());
    if place.entry == Entry::OpenToUs {
        let did = format!("request of a stranger to {host}{path}");
        return vec![not_proven(
            &did,
            "this machine is in one of its networks: prove it from another",
        )];
    }
    let plain = Request::new("GET", path, host);
    let words = [("without a word", plain.clone())];
    let fields =
        GUESSES.iter().chain(&FORGED).map(|(what, line)| (*what, plain.clone().field(line)));
    // Where the front page is open, another path beside the line must not change it: nothing to judge.
    let open = site.place_of("/").is_some_and(|place| place.entry == Entry::Open);
    let front = Request::new("GET", "/", host).field(&format!("X-Original-URL: {path}"));
    let front = (!open).then_some(("another path beside the line", front));
    let mut out: Vec<Evidence> = Vec::new();
    for (what, request) in words.into_iter().chain(fields).chain(front) {
        let did = format!("{what}, to {host}{path}");
        out.push(judged(&did, &wire.exchange(door, host, &request.bytes())));
    }
    for spelled in spellings(path) {
        let did = format!("`{spelled}` of {host}, closed as `{path}`");
        let reply = wire.exchange(door, host, &Request::new("GET", &spelled, host).bytes());
        out.push(judged(&did, &reply));
    }
    out
}

/// Refused is held; anything else that is an answer is content.
fn judged(did: &str, reply: &Reply) -> Evidence {
    let outcome = match reply {
        Reply::Answer(answer) => match answer.status {
            400..=428 | 430..=499 => Outcome::Held,
            // As the plain request would have been.
            429 | 500..=599 => Outcome::NotProven,
            _ => Outcome::Fell,
        },
        Reply::Closed(_) => Outcome::Held,
        Reply::Silent | Reply::Garbage(_) | Reply::Unsent(_) => Outcome::NotProven,
    };
    evidence(did, &saw(reply), outcome)
}

/// What some application would take for the same path.
fn spellings(path: &str) -> Vec<String> {
    let Some(name) = path.strip_prefix('/').filter(|name| !name.is_empty()) else {
        return Vec::new();
    };
    let first = name.bytes().next().unwrap_or(b'x');
    let rest = name.get(1..).unwrap_or_default();
    vec![
        format!("//{name}"),
        format!("/./{name}"),
        format!("/;/{name}"),
        format!("/%{first:02x}{rest}"),
        format!("/%25{first:02x}{rest}"),
        format!("/x/..;/{name}"),
        format!("/{}", name.to_ascii_uppercase()),
        format!("/{}", name.trim_end_matches('/')),
    ]
}
