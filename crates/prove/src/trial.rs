//! An attack and its control: the same request, once harmless and once not.

use crate::evidence::{evidence, not_proven, saw};
use crate::target::{Door, Entry, TargetSite};
use crate::wire::{Reply, Wire};
use burgrave_model::{Evidence, Outcome};

/// A place that has answered a harmless request, and so can be attacked.
#[derive(Debug)]
pub(crate) struct Trial<'a> {
    pub(crate) door: Door,
    pub(crate) host: &'a str,
    control: Vec<u8>,
    /// How the harmless request was answered.
    pub(crate) status: u16,
    /// The same, in full.
    pub(crate) answered: Reply,
}

/// How a reply is judged, given the status of the harmless request's answer.
pub(crate) type Judge = fn(&Reply, u16) -> Outcome;

impl<'a> Trial<'a> {
    /// Sends the harmless request; evidence that nothing is proven when it is not answered.
    pub(crate) fn begin(
        wire: &mut Wire,
        door: Door,
        site: &'a TargetSite,
        control: Vec<u8>,
    ) -> Result<Self, Evidence> {
        let host = site.host.as_str();
        let answered = wire.exchange(door, host, &control);
        if let Reply::Answer(answer) = &answered
            && matches!(answer.status, 401 | 403)
            && is_closed(site, &control)
        {
            // A stranger gets no further than the door, whatever else it brings.
            let did = format!("request of a stranger to {host} at {}", door.address);
            return Err(evidence(&did, &saw(&answered), Outcome::Held));
        }
        match served(&answered) {
            Ok(status) => Ok(Self { door, host, control, status, answered }),
            Err(why) => {
                let did = format!("harmless request to {host} at {}", door.address);
                Err(not_proven(&did, &format!("{why}: {}", saw(&answered))))
            }
        }
    }

    /// Sends the attack and judges what comes back.
    pub(crate) fn attack(
        &self,
        wire: &mut Wire,
        did: &str,
        bytes: &[u8],
        judge: Judge,
    ) -> Evidence {
        let reply = wire.exchange(self.door, self.host, bytes);
        self.judged(wire, did, &reply, judge)
    }

    /// Judges a reply. One that was cut off counts as held only while the harmless request is still
    /// answered: a server that the attack brought down did not refuse it.
    pub(crate) fn judged(
        &self,
        wire: &mut Wire,
        did: &str,
        reply: &Reply,
        judge: Judge,
    ) -> Evidence {
        let outcome = judge(reply, self.status);
        if outcome == Outcome::Held && !matches!(reply, Reply::Answer(_)) && !self.alive(wire) {
            let why = format!("{}; the harmless request is not answered any more", saw(reply));
            return not_proven(did, &why);
        }
        evidence(did, &saw(reply), outcome)
    }

    /// Whether a body in chunks is answered before it has ended: then an answer says nothing about
    /// how the body was read, or whether it was. `head` is whole.
    pub(crate) fn answers_early(&self, wire: &mut Wire, head: &[u8]) -> bool {
        let quiet = wire.limits().quiet_time;
        let Ok(mut connection) = wire.open(self.door, self.host) else { return false };
        connection.send(head);
        connection.send(b"3\r\nabc\r\n");
        matches!(connection.answer_within(Some(quiet)), Reply::Answer(_))
    }

    /// Whether the harmless request is still answered.
    pub(crate) fn alive(&self, wire: &mut Wire) -> bool {
        served(&wire.exchange(self.door, self.host, &self.control)).is_ok()
    }
}

/// Whether strangers are kept out of the place that a request asks for.
fn is_closed(site: &TargetSite, request: &[u8]) -> bool {
    let target = request.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    let path = std::str::from_utf8(target).ok();
    let place = path.and_then(|path| site.place_of(path));
    place.is_some_and(|place| place.entry == Entry::Closed)
}

/// The status, when a request was answered rather than refused. An application may well say that
/// nothing is there, or that it takes no such method or body; the front door does not.
pub(crate) fn served(reply: &Reply) -> Result<u16, &'static str> {
    let Reply::Answer(answer) = reply else { return Err("the harmless request got no answer") };
    match answer.status {
        status @ (100..=399 | 401 | 404 | 405 | 409 | 410 | 415 | 422) => Ok(status),
        500..=599 => Err("the harmless request failed"),
        _ => Err("the harmless request was refused as well"),
    }
}

/// Held when refused otherwise than the harmless request, fell when answered.
pub(crate) fn refusal(reply: &Reply, control: u16) -> Outcome {
    match reply {
        Reply::Answer(answer) => match answer.status {
            // The rate limit or a fault, not the safeguard.
            429 | 500..=599 => Outcome::NotProven,
            status if status == control => Outcome::Fell,
            400..=499 => Outcome::Held,
            _ => Outcome::Fell,
        },
        Reply::Closed(_) => Outcome::Held,
        Reply::Silent | Reply::Garbage(_) | Reply::Unsent(_) => Outcome::NotProven,
    }
}

/// Held when nothing is handed out, whatever the harmless request got; fell on any content.
pub(crate) fn nothing_served(reply: &Reply, _control: u16) -> Outcome {
    match reply {
        Reply::Answer(answer) => match answer.status {
            200..=299 => Outcome::Fell,
            429 => Outcome::NotProven,
            400..=499 => Outcome::Held,
            _ => Outcome::NotProven,
        },
        Reply::Closed(_) => Outcome::Held,
        Reply::Silent | Reply::Garbage(_) | Reply::Unsent(_) => Outcome::NotProven,
    }
}

/// Runs `part` for every site that has a door; a site without one is not proven.
pub(crate) fn each_site(
    target: &crate::Target,
    mut part: impl FnMut(&TargetSite, Door) -> Vec<Evidence>,
) -> Vec<Evidence> {
    let one = |site: &TargetSite| match site.door {
        Some(door) => part(site, door),
        None => {
            vec![not_proven(
                &format!("looked for a way in to {}", site.name),
                "no listener serves it",
            )]
        }
    };
    target.sites.iter().flat_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::WireError;
    use crate::wire::answer::sample;

    fn answer(status: u16) -> Reply {
        sample(&format!(
            "HTTP/1.1 {status} X

"
        ))
    }

    #[test]
    fn answers_are_judged_beside_their_control() {
        use Outcome::{Fell, Held, NotProven};
        for (reply, control, refused, served) in [
            (answer(403), 200, Held, Held),
            (answer(400), 404, Held, Held),
            (answer(404), 404, Fell, Held),
            (answer(200), 200, Fell, Fell),
            (answer(206), 404, Fell, Fell),
            (answer(302), 200, Fell, NotProven),
            (answer(429), 200, NotProven, NotProven),
            (answer(502), 200, NotProven, NotProven),
            (Reply::Closed("reset".to_owned()), 200, Held, Held),
            (Reply::Silent, 200, NotProven, NotProven),
            (Reply::Garbage(vec![1]), 200, NotProven, NotProven),
            (Reply::Unsent(WireError::Spent), 200, NotProven, NotProven),
        ] {
            assert_eq!(refusal(&reply, control), refused, "{reply:?} beside {control}");
            assert_eq!(nothing_served(&reply, control), served, "{reply:?}");
        }
    }

    #[test]
    fn a_refused_control_is_no_control() {
        for status in [200, 301, 401, 404, 405, 415] {
            assert_eq!(served(&answer(status)), Ok(status));
        }
        for status in [400, 403, 413, 421, 429, 431, 500, 503] {
            assert!(served(&answer(status)).is_err(), "{status}");
        }
        assert!(served(&Reply::Silent).is_err());
    }
}
