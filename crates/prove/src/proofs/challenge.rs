//! Work that a browser does before a site is served (CWE-770, CWE-799).

use super::rehearsed::play;
use crate::Attack;
use crate::evidence::{evidence, saw};
use crate::request::Request;
use crate::target::{Door, Target, TargetSite};
use crate::trial::each_site;
use crate::wire::{Reply, Wire};
use burgrave_config::Challenge as When;
use burgrave_model::{Evidence, Outcome, Safeguard};

/// By what the page that asks for work is known.
const QUESTION: &[u8] = b"data-question=\"";

pub(super) struct Challenge;

impl Attack for Challenge {
    fn id(&self) -> &'static str {
        "challenge"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::DenialOfService
    }

    fn title(&self) -> &'static str {
        "nobody gets past the challenge page without work of its own, or with another's, or for ever"
    }

    fn about(&self) -> &'static str {
        "Where `challenge` is `\"on\"`, asks the site without a pass and with forged ones: nothing but the page that asks \
         for work\nmay come (CWE-770, CWE-799). The rest is played by a gateway on a loopback address that always asks, \
         with two sites before a\nstand-in that keeps what it hears, by clients from two addresses. An answer is worked \
         out, as a browser would, and\nits pass must let in: that is the control. Then numbers that are nearly right or \
         none; right answers of another\nclient, to another site, and after their ten minutes; and passes of another \
         client, of another site, made longer, garbled,\nempty, and after their four hours. None may reach the \
         application, and no answer may be given a pass. For\nthat the gateway's time is let pass; nothing waits. At the \
         end a new question is answered. The same client may give an answer\nagain within its time: it gets no more \
         than the pass, which it may show again as well. `\"load\"` is played as if the server\nwere behind: when it is, \
         is not proven here.\n\nIf it fell: see that nothing in front of Burgrave keeps pages or makes all clients one \
         (`proxy_protocol` names them), and that\nno cache has the page or what is behind it."
    }

    fn applies(&self, target: &Target) -> bool {
        target.rehearsals.challenge.is_some()
            || target.sites.iter().any(|site| site.challenge != When::Off)
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        let why = "no [[site]] has a `challenge`";
        let mut out = play(target.rehearsals.challenge.as_ref(), why);
        out.extend(each_site(target, |site, door| match site.challenge {
            When::On => at_site(wire, site, door),
            When::Load | When::Off => Vec::new(),
        }));
        out
    }
}

fn at_site(wire: &mut Wire, site: &TargetSite, door: Door) -> Vec<Evidence> {
    let path = site.main_place().map_or("/", |place| place.path.as_str());
    let request = Request::new("GET", path, &site.host);
    let forged = |pass: &str| request.clone().field(&format!("Cookie: clearance={pass}"));
    [
        ("no pass", request.clone()),
        ("a forged pass", forged(&format!("9999999999.{}", "0".repeat(64)))),
        ("a pass that is none", forged("1")),
    ]
    .into_iter()
    .map(|(what, request)| {
        let did = format!("front page of {} with {what}", site.host);
        let reply = wire.exchange(door, &site.host, &request.bytes());
        evidence(&did, &saw(&reply), judged(&reply))
    })
    .collect()
}

fn judged(reply: &Reply) -> Outcome {
    let Reply::Answer(answer) = reply else { return Outcome::NotProven };
    let asks = answer.body.windows(QUESTION.len()).any(|part| part == QUESTION);
    match answer.status {
        503 if asks => Outcome::Held,
        // Busy, or somebody else who lets nobody in.
        429 | 500..=599 => Outcome::NotProven,
        _ => Outcome::Fell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::answer::sample;

    #[test]
    fn the_page_is_known_by_its_question() {
        for (text, wanted) in [
            ("HTTP/1.1 503 X\r\n\r\n<p data-question=\"00\">", Outcome::Held),
            ("HTTP/1.1 503 X\r\n\r\nbusy", Outcome::NotProven),
            ("HTTP/1.1 200 OK\r\n\r\n<p data-question=\"00\">", Outcome::Fell),
            ("HTTP/1.1 404 X\r\n\r\n", Outcome::Fell),
        ] {
            assert_eq!(judged(&sample(text)), wanted, "{text}");
        }
        assert_eq!(judged(&Reply::Silent), Outcome::NotProven);
    }
}
