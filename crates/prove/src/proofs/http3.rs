//! The same site by another protocol (CWE-288, CWE-294; RFC 9114, RFC 8470).

use super::hostile_frames;
use crate::Attack;
use crate::evidence::{evidence, not_proven, saw};
use crate::request::{Request, percent};
use crate::target::{Door, Entry, Http3, Inspected, Place, Target, TargetSite};
use crate::trial::{each_site, served};
use crate::wire::http3::{ask, control, request};
use crate::wire::quic::Client;
use crate::wire::{Reply, Wire, now};
use burgrave_config::Challenge;
use burgrave_model::{Evidence, Outcome, Safeguard};
use quinn_proto::Dir;

/// A name that is nobody's (RFC 2606).
const STRANGER: &str = "stranger.invalid";
/// Places of a site that are asked for because they are closed.
const CLOSED_MAX: usize = 8;
/// A server that wants no early data for this request may say so (RFC 8470 §5.2).
const TOO_EARLY: u16 = 425;

pub(super) struct OverQuic;

impl Attack for OverQuic {
    fn id(&self) -> &'static str {
        "http3"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::WebServer
    }

    fn title(&self) -> &'static str {
        "over HTTP/3 nothing is served that is refused over TCP, nothing early, and nothing after a broken rule"
    }

    fn about(&self) -> &'static str {
        "Makes the same requests over TCP and over QUIC: the front page, each closed place, a repository's files, a way \
         out of\nthe web root, a method that nobody needs, and SQL where rules refuse it. What is refused by the one must \
         be refused by the\nother (CWE-288). Over QUIC it asks for an unknown host, for another site than the \
         handshake's, and comes with an unknown\nname in the handshake. It comes again with a ticket and makes a request \
         before the handshake has ended, as whoever replays\none would (0-RTT; CWE-294, RFC 8470): that must not be taken. \
         And it breaks the rules of RFC 9114: a second SETTINGS or none,\na setting or a frame of HTTP/2, content or a \
         header on the control stream, two of them or one that ends, a push, content or SETTINGS\nbefore the header. Each must \
         end the connection with the error that the standard names, and with no answer. A site with\n`client_ca` must \
         not be served at all. The control is that the front page has the same answer over both, before and \
         after.\n\nIf it fell: see what answers at that UDP port: another program, or a load balancer that speaks QUIC \
         itself. `http3 = false`\nof the `[[listen]]` turns it off."
    }

    fn applies(&self, target: &Target) -> bool {
        target.sites.iter().any(|site| site.http3 != Http3::Off)
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        each_site(target, |site, door| match site.http3 {
            Http3::Off => Vec::new(),
            Http3::Served => at_site(wire, target, site, door),
            Http3::Withheld => vec![withheld(wire, site, door)],
        })
    }
}

/// The first place, of those that are open if there are any.
fn main_place(site: &TargetSite) -> Option<&Place> {
    let mut open = site.places.iter().filter(|place| place.entry != Entry::Closed);
    open.next().or_else(|| site.main_place())
}

fn main_path(site: &TargetSite) -> &str {
    main_place(site).map_or("/", |place| place.path.as_str())
}

fn at_site(wire: &mut Wire, target: &Target, site: &TargetSite, door: Door) -> Vec<Evidence> {
    let path = main_path(site);
    let control = same(wire, site, door, ("front page", "GET", path));
    // A site that lets nobody in refuses the control over both, which is the same answer.
    if !matches!(&control, Some(own) if own.outcome == Outcome::Held) {
        return control.into_iter().collect();
    }
    let mut out: Vec<Evidence> = control.into_iter().collect();
    for (what, method, path) in probes(site) {
        out.extend(same(wire, site, door, (what, method, &path)));
    }
    out.extend(names(wire, target, site, door, path));
    out.push(early(wire, site, door, path));
    out.extend(hostile_frames::at_site(wire, site, door, path));
    // A server that the attacks brought down refused nothing.
    let reply = wire.exchange_http3(door.address, &site.host, &request("GET", &site.host, path));
    let did = format!("front page of {} over HTTP/3 afterwards, as the control", site.host);
    let is_there = matches!(&reply, Reply::Answer(_)) && judged(site, &reply) != Kind::Unclear;
    let outcome = if is_there { Outcome::Held } else { Outcome::NotProven };
    out.push(evidence(&did, &saw(&reply), outcome));
    out
}

/// What is asked for by both: what it is, the method and the path.
fn probes(site: &TargetSite) -> Vec<(&'static str, &'static str, String)> {
    let base = main_path(site);
    let is_closed = |entry: Entry| entry == Entry::Closed;
    let closed = site.places.iter().filter(|place| is_closed(place.entry));
    let mut all: Vec<_> = closed
        .take(CLOSED_MAX)
        .map(|place| ("a closed place", "GET", place.path.clone()))
        .collect();
    all.push(("a repository's file", "GET", "/.git/config".to_owned()));
    all.push(("a way out of the root", "GET", format!("{base}..%2f..%2f..%2fetc/passwd")));
    all.push(("TRACE", "TRACE", base.to_owned()));
    if main_place(site).is_some_and(|place| place.inspected == Inspected::Blocks) {
        let sql = percent("' UNION SELECT name, password FROM users -- ");
        all.push(("SQL", "GET", format!("{base}?q={sql}")));
    }
    all
}

/// One request by both. `None`: what TCP does not refuse says nothing here, but for the front page.
fn same(
    wire: &mut Wire,
    site: &TargetSite,
    door: Door,
    (what, method, path): (&str, &str, &str),
) -> Option<Evidence> {
    let is_control = what == "front page";
    let did = format!("{what} of {} over TCP and over HTTP/3", site.host);
    let over_tcp = Request::new(method, path, &site.host).bytes();
    let over_tcp = wire.exchange(door, &site.host, &over_tcp);
    let tcp = match judged(site, &over_tcp) {
        Kind::Unclear => return Some(not_proven(&did, &format!("over TCP: {}", saw(&over_tcp)))),
        Kind::Served if !is_control => return None,
        kind @ (Kind::Served | Kind::Refused) => kind,
    };
    let bytes = request(method, &site.host, path);
    let over_quic = wire.exchange_http3(door.address, &site.host, &bytes);
    let outcome = match (tcp, judged(site, &over_quic)) {
        // Nobody there, or one whose handshake fails, is no control.
        (_, Kind::Refused) if is_control && !matches!(over_quic, Reply::Answer(_)) => {
            Outcome::NotProven
        }
        (Kind::Refused, Kind::Refused) | (Kind::Served, Kind::Served) => Outcome::Held,
        (Kind::Refused, Kind::Served) => Outcome::Fell,
        (Kind::Served, Kind::Refused) | (Kind::Unclear, _) | (_, Kind::Unclear) => {
            Outcome::NotProven
        }
    };
    Some(evidence(&did, &both(&over_tcp, &over_quic), outcome))
}

fn both(over_tcp: &Reply, over_quic: &Reply) -> String {
    format!("{}; {}", saw(over_tcp), saw(over_quic))
}

/// How a request went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Served,
    Refused,
    Unclear,
}

fn judged(site: &TargetSite, reply: &Reply) -> Kind {
    match reply {
        Reply::Answer(answer) => match answer.status {
            // The page that asks for work.
            503 if site.challenge == Challenge::On => Kind::Refused,
            429 | 500..=599 => Kind::Unclear,
            400..=499 => Kind::Refused,
            _ => Kind::Served,
        },
        Reply::Closed(_) => Kind::Refused,
        Reply::Silent | Reply::Garbage(_) | Reply::Unsent(_) => Kind::Unclear,
    }
}

/// Held when the request is refused, whoever it was for.
fn refused(site: &TargetSite, reply: &Reply) -> Outcome {
    match judged(site, reply) {
        Kind::Refused => Outcome::Held,
        Kind::Served => Outcome::Fell,
        Kind::Unclear => Outcome::NotProven,
    }
}

/// Hosts that are not those of this connection.
fn names(
    wire: &mut Wire,
    target: &Target,
    site: &TargetSite,
    door: Door,
    path: &str,
) -> Vec<Evidence> {
    let sites = target.sites.iter().filter(|other| other.door == Some(door));
    let other = sites.map(|other| other.host.as_str()).find(|host| *host != site.host);
    let (host, any) = (site.host.as_str(), target.takes_any_host());
    let stranger = [(host, STRANGER), (STRANGER, host)].into_iter().filter(|_| !any);
    let mut out: Vec<Evidence> = stranger
        .chain(other.map(|other| (host, other)))
        .map(|(name, asked)| {
            let did = format!("TLS with `{name}` by QUIC, then a request for {asked}");
            let bytes = request("GET", asked, path);
            let reply = wire.exchange_http3(door.address, name, &bytes);
            evidence(&did, &saw(&reply), refused(site, &reply))
        })
        .collect();
    if any {
        let did = format!("an unknown host (`{STRANGER}`) over HTTP/3");
        out.push(not_proven(&did, "a site takes any host (`*`), so none is unknown"));
    }
    out
}

/// A request within the first flight, by a ticket of an earlier connection.
fn early(wire: &mut Wire, site: &TargetSite, door: Door, path: &str) -> Evidence {
    let did = format!("a request to {} in early data (0-RTT)", site.host);
    match early_reply(wire, site, door, path) {
        Ok((saw, outcome)) => evidence(&did, &saw, outcome),
        Err(reply) => not_proven(&did, &saw(&reply)),
    }
}

fn early_reply(
    wire: &mut Wire,
    site: &TargetSite,
    door: Door,
    path: &str,
) -> Result<(String, Outcome), Reply> {
    let request = request("GET", &site.host, path);
    let client = Client::new(&site.host).map_err(Reply::Unsent)?;
    let mut first = wire.open_quic(door.address, &site.host, &client)?;
    first.connected()?;
    let reply = ask(&mut first, &request);
    if !matches!(reply, Reply::Answer(_)) {
        return Err(reply);
    }
    let end = now() + wire.limits().answer_time;
    while client.tickets() == 0 && now() < end && !first.is_over() {
        first.step();
    }
    drop(first);
    let tickets = client.tickets();
    if tickets == 0 {
        return Ok(("no ticket was given to come again with".to_owned(), Outcome::NotProven));
    }
    let mut again = wire.open_quic(door.address, &site.host, &client)?;
    if !again.speaks_early() {
        let saw = format!("{tickets} tickets were given, none of which allows it");
        return Ok((saw, Outcome::Held));
    }
    again.say(Dir::Uni, &control(), false);
    let stream = again.say(Dir::Bi, &request, true);
    again.connected()?;
    if !again.was_heard_early() {
        return Ok(("early data was not taken".to_owned(), Outcome::Held));
    }
    let reply = stream.map_or(Reply::Silent, |stream| again.answer(stream));
    let outcome = match &reply {
        Reply::Answer(answer) if answer.status == TOO_EARLY => Outcome::Held,
        Reply::Answer(_)
        | Reply::Closed(_)
        | Reply::Silent
        | Reply::Garbage(_)
        | Reply::Unsent(_) => Outcome::Fell,
    };
    Ok((format!("early data was taken; {}", saw(&reply)), outcome))
}

/// A site that wants to see certificates, where nobody asks for one.
fn withheld(wire: &mut Wire, site: &TargetSite, door: Door) -> Evidence {
    let path = main_path(site);
    let did = format!("{}, which asks for clients' certificates, over HTTP/3", site.host);
    let over_tcp = Request::new("GET", path, &site.host).bytes();
    let over_tcp = wire.exchange(door, &site.host, &over_tcp);
    let is_there = served(&over_tcp).is_ok()
        || matches!(&over_tcp, Reply::Answer(answer) if answer.status < 500);
    if !is_there {
        return not_proven(&did, &format!("over TCP: {}", saw(&over_tcp)));
    }
    let reply = wire.exchange_http3(door.address, &site.host, &request("GET", &site.host, path));
    evidence(&did, &saw(&reply), refused(site, &reply))
}
