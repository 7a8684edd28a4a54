//! Who says what a request is called (CWE-93, CWE-117, CWE-345).

use super::rehearsed::play;
use crate::Attack;
use crate::evidence::{evidence, not_proven, saw};
use crate::request::Request;
use crate::target::{Door, Target, TargetSite};
use crate::trial::each_site;
use crate::wire::{Reply, Wire};
use burgrave_model::{Evidence, Outcome, Safeguard};

/// What a stranger's id has in it. Nobody else says that.
const WORD: &str = "burgrave-prove-chose-this";
/// Digits of an id of the gateway's.
const DIGITS: usize = 32;

pub(super) struct RequestIds;

impl Attack for RequestIds {
    fn id(&self) -> &'static str {
        "request-ids"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::Logs
    }

    fn title(&self) -> &'static str {
        "each request has an id of the gateway's own, whatever a stranger says that it is called"
    }

    fn about(&self) -> &'static str {
        "Says by `X-Request-Id` what a request is to be called: a word of its own, in other spellings and twice, the id of \
         an\nearlier request (CWE-345), 10,000 bytes, and by HTTP/1.1 and HTTP/3 line breaks, a zero, an escape, bytes that \
         are no UTF-8,\nand the end of a value of JSON (CWE-93, CWE-117). Nothing of it may reach the application or the \
         log; each request must have\nan id that no other has, the same in the log, in `x-request-id` towards the \
         application, and on the gateway's own page.\nBefore the front door only its own pages can be looked at, by a \
         method that is refused. What reaches an application cannot\nbe seen from there: so a gateway on a loopback address \
         with your `[limits]` and `headers` of `[log]` plays it before a\nstand-in that keeps what it hears, by HTTP/1.1, \
         and with a log of its own. The controls are two requests without an id, which\nget one each, and one at the end. A \
         header that `headers` in `[log]` names is written there as it came, escaped, in its own\nplace; that is no \
         id.\n\nIf it fell: something in front of Burgrave or behind it names requests as well; believe the id in the access \
         log."
    }

    fn applies(&self, target: &Target) -> bool {
        target.rehearsals.request_ids.is_some()
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        let why = "no [[site]] is served, and nothing has an id";
        let mut out = play(target.rehearsals.request_ids.as_ref(), why);
        out.extend(each_site(target, |site, door| at_site(wire, site, door)));
        out
    }
}

/// Two pages of the gateway's own.
fn at_site(wire: &mut Wire, site: &TargetSite, door: Door) -> Vec<Evidence> {
    let path = site.main_place().map_or("/", |place| place.path.as_str());
    let did = format!("TRACE to {} with an id of its own, twice", site.host);
    let request = Request::new("TRACE", path, &site.host).field(&format!("X-Request-Id: {WORD}"));
    let replies = [(); 2].map(|()| wire.exchange(door, &site.host, &request.bytes()));
    vec![judged(&did, &replies)]
}

fn judged(did: &str, replies: &[Reply; 2]) -> Evidence {
    let mut ids = Vec::new();
    for reply in replies {
        let Reply::Answer(answer) = reply else { return not_proven(did, &saw(reply)) };
        let mut all = answer.fields().map(|(_, value)| value).chain([&answer.body[..]]);
        if all.any(|text| text.windows(WORD.len()).any(|part| part == WORD.as_bytes())) {
            return evidence(did, "the answer has it", Outcome::Fell);
        }
        ids.extend(id(&answer.body));
    }
    match ids.as_slice() {
        [one, other] if one == other => evidence(did, "both have the same id", Outcome::Fell),
        [one, other] => evidence(did, &format!("{one}, and {other}"), Outcome::Held),
        _ => not_proven(did, "the page names no id"),
    }
}

/// The id on a page.
fn id(body: &[u8]) -> Option<String> {
    let words = body.split(|byte| !byte.is_ascii_hexdigit());
    let id = words.into_iter().find(|word| word.len() == DIGITS)?;
    std::str::from_utf8(id).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::answer::sample;

    #[test]
    fn pages_are_judged_by_their_ids() {
        let page = |id: &str| sample(&format!("HTTP/1.1 405 X\r\n\r\n<p>Request {id}</p>"));
        let (one, other) = ("0123456789abcdef".repeat(2), "f123456789abcdef".repeat(2));
        let echoed = || sample(&format!("HTTP/1.1 405 X\r\nX-Request-Id: {WORD}\r\n\r\n"));
        for (replies, wanted) in [
            ([page(&one), page(&other)], Outcome::Held),
            ([page(&one), page(&one)], Outcome::Fell),
            ([page(&one), page(WORD)], Outcome::Fell),
            ([echoed(), page(&one)], Outcome::Fell),
            ([page("0123"), page("none")], Outcome::NotProven),
            ([page(&one), Reply::Silent], Outcome::NotProven),
        ] {
            assert_eq!(judged("asked", &replies).outcome, wanted, "{replies:?}");
        }
    }
}
