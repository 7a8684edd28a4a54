//! More requests than a route lets a client make (CWE-307, CWE-770; RFC 6585 §4).

use crate::Attack;
use crate::evidence::{evidence, not_proven, saw};
use crate::request::Request;
use crate::target::{Door, Entry, Place, Target, TargetSite};
use crate::trial::{Trial, each_site, served};
use crate::wire::{Connection, Reply, Wire, now};
use burgrave_config::RequestRate;
use burgrave_model::{Evidence, Outcome, Safeguard};

/// Most requests that are sent to one route.
const REQUESTS_MAX: u32 = 3_000;
/// Sent past what is allowed.
const MORE: u32 = 10;

pub(super) struct Rate;

impl Attack for Rate {
    fn id(&self) -> &'static str {
        "request-rate"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::BruteForce
    }

    fn title(&self) -> &'static str {
        "a client that asks more often than a route allows is told to wait"
    }

    fn about(&self) -> &'static str {
        "Sends harmless requests to every route with a `limit`, as fast as they are answered, until \
         one is refused or more were\nanswered than the limit allows (CWE-307, CWE-770). Guessing \
         passwords and emptying a catalogue both need many requests.\nHeld means that one was answered \
         429 in time. At most 3,000 are sent; a larger limit is not proven.\n\nIf it fell: something in \
         front of Burgrave gives every request an address of its own: name its networks in\n\
         `proxy_protocol`. Where `limit` has `by`, this client counts by its address."
    }

    fn applies(&self, target: &Target) -> bool {
        target.sites.iter().flat_map(|site| &site.places).any(|place| limit_of(place).is_some())
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        each_site(target, |site, door| {
            let limited = site.places.iter().filter_map(|place| Some((place, limit_of(place)?)));
            limited.map(|(place, rate)| at_place(wire, site, door, place, rate)).collect()
        })
    }
}

/// Who is not let in is not counted.
fn limit_of(place: &Place) -> Option<&RequestRate> {
    place.rate.as_ref().filter(|_| place.entry != Entry::Closed)
}

fn at_place(
    wire: &mut Wire,
    site: &TargetSite,
    door: Door,
    place: &Place,
    rate: &RequestRate,
) -> Evidence {
    let (host, path) = (site.host.as_str(), place.path.as_str());
    let did = format!(
        "requests to {host}{path} without a pause, of which {} at once and {} a second are allowed",
        rate.burst, rate.per_second
    );
    let request = Request::new("GET", path, host);
    // Waits where an earlier proof has used up what is allowed.
    if let Err(evidence) = Trial::begin(wire, door, site, request.bytes()) {
        return evidence;
    }
    let mut request = request.head_lines();
    request.extend_from_slice(b"\r\n");
    let begin = now();
    let mut connection: Option<Connection> = None;
    let mut answered = 0;
    for _ in 0..REQUESTS_MAX {
        let elapsed = now().saturating_sub(begin).as_secs_f64();
        let allowed = f64::from(rate.burst) + rate.per_second * elapsed;
        if f64::from(answered) > allowed + f64::from(MORE) {
            let saw = format!("{answered} requests in {elapsed:.1} s, all answered");
            return evidence(&did, &saw, Outcome::Fell);
        }
        let open = match connection.take() {
            Some(open) => Ok(open),
            None => wire.open(door, host),
        };
        let mut open = match open {
            Ok(open) => open,
            Err(reply) => return not_proven(&did, &saw(&reply)),
        };
        open.send(&request);
        let reply = open.answer();
        if matches!(&reply, Reply::Answer(answer) if answer.status == 429) {
            let saw = format!("{}, after {answered} that were answered", saw(&reply));
            return evidence(&did, &saw, Outcome::Held);
        }
        if served(&reply).is_ok() {
            answered += 1;
            connection = Some(open);
        } else if !(matches!(reply, Reply::Closed(_)) && answered > 0) {
            // One that was kept may end between two requests; anything else says nothing.
            return not_proven(&did, &saw(&reply));
        }
    }
    not_proven(&did, "the limit is larger than what a proof sends")
}
