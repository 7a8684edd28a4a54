//! Path traversal (CWE-22), in parameters and in the path itself.

use super::injected::{self, Spot, unguarded};
use crate::Attack;
use crate::evidence::{evidence, saw};
use crate::request::Request;
use crate::target::{Door, Place, Serves, Target, TargetSite};
use crate::trial::{Judge, Trial, each_site, nothing_served, refusal};
use crate::wire::{Reply, Wire};
use burgrave_model::{Evidence, Outcome, Safeguard};

pub(super) struct PathTraversal;

const PAYLOADS: &[(Spot, &str)] = &[
    (Spot::Query, "../../../../../../etc/passwd"),
    (Spot::Query, "..%2f..%2f..%2f..%2fetc%2fpasswd"),
    (Spot::Query, "%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd"),
    (Spot::Query, "..\\..\\..\\..\\windows\\win.ini"),
    (Spot::Query, "/etc/passwd"),
    (Spot::Form, "../../../../../../etc/passwd"),
    (Spot::Json, "../../../../../../etc/passwd"),
    (Spot::Cookie, "../../../../../../etc/passwd"),
];

/// After a place's path and a slash.
const PATHS: &[&str] = &[
    "../../../../../../etc/passwd",
    "..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%252e%252e%252f%252e%252e%252f%252e%252e%252fetc%252fpasswd",
    "..%5c..%5c..%5c..%5cetc%5cpasswd",
];

/// Only means something where a name is cleaned before a file is opened.
const STATIC_PATHS: &[&str] = &["....//....//....//etc/passwd", "..;/..;/..;/etc/passwd"];

/// Where nothing is, of the same shape.
const NOWHERE: &str = "harbour/lighthouse/keeper/lamp/oil";

impl Attack for PathTraversal {
    fn id(&self) -> &'static str {
        "path-traversal"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::Injection
    }

    fn title(&self) -> &'static str {
        "a path that climbs out of its directory is refused, in the address and in any parameter"
    }

    fn about(&self) -> &'static str {
        "Asks for `/etc/passwd` by `../`, plain, encoded, encoded twice, with backslashes and doubled, \
         as query, form, JSON and\ncookie value and as the path itself, at every route and at the \
         static content of every site (CWE-22). Held means that a\nparameter or an application's path \
         was refused while a harmless one was answered, and that static content gave nothing.\nA path \
         that is answered as one where nothing is, by the same page, is not proven: it cannot be seen \
         who answered.\n\nIf it fell: see that `[rules]` includes a rule set and that `mode` is \
         `block`; where static content was served, take the\ndirectory's links away and report it. \
         The application must resolve a name and compare it with its directory before opening it."
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        let mut out = injected::run(target, wire, PAYLOADS);
        out.extend(each_site(target, |site, door| {
            site.places.iter().flat_map(|place| paths(wire, site, door, place)).collect()
        }));
        out
    }
}

fn paths(wire: &mut Wire, site: &TargetSite, door: Door, place: &Place) -> Vec<Evidence> {
    let base = format!("{}/", place.path.trim_end_matches('/'));
    let ask = |rest: &str| Request::new("GET", &format!("{base}{rest}"), &site.host).bytes();
    let trial = match Trial::begin(wire, door, site, ask(NOWHERE)) {
        Ok(trial) => trial,
        Err(evidence) => return vec![evidence],
    };
    let one = |rest: &&str| {
        let did = format!("GET {base}{rest} of {}{}", site.host, unguarded(place));
        let reply = wire.exchange(door, trial.host, &ask(rest));
        let (judge, same): (Judge, _) = match place.serves {
            Serves::Files => (nothing_served, false),
            Serves::Upstream => (refusal, alike(&reply, &trial.answered)),
        };
        if leaked(&reply) {
            return evidence(&did, "the content of the system's account list", Outcome::Fell);
        }
        match nothing_there(&reply, &trial) {
            true if same => {
                let why = format!("{}, as where nothing is: forwarded or refused", saw(&reply));
                evidence(&did, &why, Outcome::NotProven)
            }
            // Another page than the one that answered the harmless request: it was stopped.
            true if place.serves == Serves::Upstream => evidence(&did, &saw(&reply), Outcome::Held),
            true | false => trial.judged(wire, &did, &reply, judge),
        }
    };
    let more = match place.serves {
        Serves::Files => STATIC_PATHS,
        Serves::Upstream => &[],
    };
    PATHS.iter().chain(more).map(one).collect()
}

/// Both say that nothing is there.
fn nothing_there(reply: &Reply, trial: &Trial<'_>) -> bool {
    matches!(reply, Reply::Answer(answer) if answer.status == 404 && trial.status == 404)
}

fn leaked(reply: &Reply) -> bool {
    let mark = b"root:x:0:0:";
    matches!(reply, Reply::Answer(answer)
        if answer.body.windows(mark.len()).any(|window| window == mark))
}

/// Whether two answers come from the same hand: the same fields, and the same type of content.
fn alike(one: &Reply, other: &Reply) -> bool {
    let (Reply::Answer(one), Reply::Answer(other)) = (one, other) else { return false };
    let shape = |answer: &crate::wire::answer::Answer| {
        let mut names: Vec<Vec<u8>> = answer
            .fields()
            .map(|(name, value)| {
                let typed = name.eq_ignore_ascii_case(b"content-type");
                let value = if typed { value } else { b"" };
                [&name.to_ascii_lowercase(), &b":"[..], value].concat()
            })
            .filter(|line| line != b"date:" && line != b"set-cookie:")
            .collect();
        names.sort();
        names
    };
    shape(one) == shape(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::answer::sample as reply;

    #[test]
    fn pages_of_different_hands_are_told_apart() {
        let app = "HTTP/1.1 404 X\r\nContent-Type: text/plain\r\nDate: now\r\n\r\nno";
        let again = "HTTP/1.1 404 X\r\ncontent-type: text/plain\r\n\r\nno /other";
        let front = "HTTP/1.1 404 X\r\ncontent-type: text/html\r\n\r\nno";
        let more =
            "HTTP/1.1 404 X\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\n\r\nno";
        assert!(alike(&reply(app), &reply(again)));
        assert!(!alike(&reply(app), &reply(front)));
        assert!(!alike(&reply(app), &reply(more)));
        assert!(!alike(&reply(app), &Reply::Silent));
    }

    #[test]
    fn an_account_list_is_known() {
        assert!(leaked(&reply("HTTP/1.1 200 OK\r\n\r\nroot:x:0:0:root:/root:/bin/sh")));
        assert!(!leaked(&reply("HTTP/1.1 200 OK\r\n\r\nroot")));
    }
}
