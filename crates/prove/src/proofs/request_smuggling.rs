//! Request smuggling (CWE-444): requests that two readers would end at different places.

use crate::Attack;
use crate::evidence::{evidence, not_proven, printable, saw};
use crate::request::Request;
use crate::target::{Door, Serves, Target, TargetSite};
use crate::trial::{Trial, each_site, refusal};
use crate::wire::{Replies, Reply, Wire};
use burgrave_model::{Evidence, Outcome, Safeguard};

pub(super) struct RequestSmuggling;

/// Name and the framing lines, which stand before a body that ends early for one of two readers.
const FRAMINGS: &[(&str, &str)] = &[
    ("length, then chunked", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
    ("chunked, then length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
    ("two lengths", "Content-Length: 5\r\nContent-Length: 0\r\n"),
    ("a list of lengths", "Content-Length: 5, 0\r\n"),
    ("a signed length", "Content-Length: +5\r\n"),
    ("upper case", "Content-Length: 5\r\nTRANSFER-ENCODING: CHUNKED\r\n"),
    ("space before the colon", "Content-Length: 5\r\nTransfer-Encoding : chunked\r\n"),
    ("tab before the value", "Content-Length: 5\r\nTransfer-Encoding:\tchunked\r\n"),
    ("vertical tab", "Content-Length: 5\r\nTransfer-Encoding: \x0bchunked\r\n"),
    ("comma", "Content-Length: 5\r\nTransfer-Encoding: ,chunked\r\n"),
    ("unknown coding", "Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n"),
    ("identity and chunked", "Content-Length: 5\r\nTransfer-Encoding: identity, chunked\r\n"),
    ("two codings", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"),
    ("folded", "Content-Length: 5\r\nTransfer-Encoding:\r\n chunked\r\n"),
    ("after a bare line feed", "Content-Length: 5\r\nX-Mark: y\nTransfer-Encoding: chunked\r\n"),
    ("after a bare return", "Content-Length: 5\r\nX-Mark: y\rTransfer-Encoding: chunked\r\n"),
    ("length after a bare line feed", "X-Mark: y\nContent-Length: 5\r\n"),
    ("only line feeds", "Content-Length: 5\nX-Mark: y\n"),
];

/// Name and a chunked body that readers understand differently.
const CHUNKS: &[(&str, &str)] = &[
    ("hexadecimal prefix", "0x3\r\nabc\r\n0\r\n\r\n"),
    ("signed size", "+3\r\nabc\r\n0\r\n\r\n"),
    ("size that overflows", "10000000000000003\r\nabc\r\n0\r\n\r\n"),
    ("negative size", "-1\r\nabc\r\n0\r\n\r\n"),
    ("size after a space", " 3\r\nabc\r\n0\r\n\r\n"),
    ("line feed after the size", "3\nabc\r\n0\r\n\r\n"),
    ("line feed in the extension", "3;a\nb\r\nabc\r\n0\r\n\r\n"),
    ("no end after the data", "3\r\nabcX\r\n0\r\n\r\n"),
];

impl Attack for RequestSmuggling {
    fn id(&self) -> &'static str {
        "request-smuggling"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::Injection
    }

    fn title(&self) -> &'static str {
        "a request that two readers would end at different places is refused"
    }

    fn about(&self) -> &'static str {
        "Sends requests with both a length and a chunked coding, with two lengths, with a coding \
         hidden by case, white space or a\nbare line feed, and with chunk sizes that are no plain \
         numbers (CWE-444; RFC 9112 §6.3 and §11.2), each followed by a\nsecond, harmless request \
         where one reader would still see a body. Held means refused or closed; two answers, or one\n\
         as to a good request, count as fell.\n\nIf it fell: something in front of Burgrave mends or \
         splits requests; let it pass them on untouched or take it away.\nOtherwise report it: no \
         configuration switches this off."
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        each_site(target, |site, _| {
            site.doors().flat_map(|door| at_door(wire, site, door)).collect()
        })
    }
}

fn at_door(wire: &mut Wire, site: &TargetSite, door: Door) -> Vec<Evidence> {
    let Some(place) = site.main_place() else {
        return vec![not_proven(&format!("looked for content of {}", site.host), "none")];
    };
    // Static content answers a POST before its body is read, so nothing would be seen.
    let method = match place.serves {
        Serves::Upstream => "POST",
        Serves::Files => "GET",
    };
    let kind = "application/x-www-form-urlencoded";
    let start = || Request::new(method, &place.path, &site.host);
    let trial = match Trial::begin(wire, door, site, start().body(kind, "a=abc").bytes()) {
        Ok(trial) => trial,
        Err(evidence) => return vec![evidence],
    };
    let head = || start().field(&format!("Content-Type: {kind}")).head_lines();
    let second = Request::new("GET", &place.path, &site.host).bytes();
    let mut out = Vec::new();
    for (name, framing) in FRAMINGS {
        let bytes = [&head(), framing.as_bytes(), b"\r\n0\r\n\r\n", &second].concat();
        let did = format!("{name}: `{}` to {}", printable(framing.as_bytes()), site.host);
        out.push(one(wire, &trial, &did, &bytes));
    }
    if site.plain == Some(door) && (300..=399).contains(&trial.status) {
        // It sends clients to TLS before a body is read, and passes none on: no chunk to hide in.
        return out;
    }
    let coding = b"Transfer-Encoding: chunked\r\n\r\n";
    let early = trial.answers_early(wire, &[&head(), &coding[..]].concat());
    for (name, body) in CHUNKS {
        let bytes = [&head(), &coding[..], body.as_bytes(), &second].concat();
        let did = format!("{name}: `{}` to {}", printable(body.as_bytes()), site.host);
        out.push(if early {
            unread(wire, &trial, &did, &bytes)
        } else {
            one(wire, &trial, &did, &bytes)
        });
    }
    out
}

/// Where a body is not read, what counts is that nothing of it becomes a request: the connection
/// must end after the one answer.
fn unread(wire: &mut Wire, trial: &Trial<'_>, did: &str, bytes: &[u8]) -> Evidence {
    let Replies { answers, rest } = wire.exchange_all(trial.door, trial.host, bytes);
    match (&answers[..], &rest) {
        ([answer], Reply::Closed(_)) if answer.status == trial.status => {
            let line = printable(answer.status_line());
            let saw = format!("{line} without the body being read, then closed");
            evidence(did, &saw, Outcome::Held)
        }
        ([answer], Reply::Silent) if answer.status == trial.status => {
            let line = printable(answer.status_line());
            not_proven(did, &format!("{line} without the body being read, still open"))
        }
        _ => verdict(wire, trial, did, Replies { answers, rest }),
    }
}

fn one(wire: &mut Wire, trial: &Trial<'_>, did: &str, bytes: &[u8]) -> Evidence {
    let replies = wire.exchange_all(trial.door, trial.host, bytes);
    verdict(wire, trial, did, replies)
}

fn verdict(wire: &mut Wire, trial: &Trial<'_>, did: &str, replies: Replies) -> Evidence {
    let Replies { mut answers, rest } = replies;
    if answers.len() > 1 {
        let lines: Vec<_> = answers.iter().map(|answer| printable(answer.status_line())).collect();
        let saw = format!("{} answers: {}", answers.len(), lines.join(", "));
        return evidence(did, &saw, Outcome::Fell);
    }
    let reply = answers.pop().map_or(rest, Reply::Answer);
    // A coding that is not known may be answered so (RFC 9112 §6.1).
    if matches!(&reply, Reply::Answer(answer) if answer.status == 501) {
        return evidence(did, &saw(&reply), Outcome::Held);
    }
    trial.judged(wire, did, &reply, refusal)
}
