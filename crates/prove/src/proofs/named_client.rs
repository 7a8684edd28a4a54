//! Clients that say who they are before they say anything (CWE-290, CWE-348).

use crate::Attack;
use crate::evidence::{evidence, not_proven, saw};
use crate::request::Request;
use crate::target::{Door, Layer, Target, TargetSite};
use crate::trial::{Trial, each_site, refusal, served};
use crate::wire::{Client, Reply, Wire};
use burgrave_model::{Evidence, Outcome, Safeguard};

/// Headers of the PROXY protocol, versions 1 and 2: this machine says that it is this machine.
const HEADERS: [(&str, &[u8]); 2] = [
    ("a header of the PROXY protocol", b"PROXY TCP4 127.0.0.1 127.0.0.1 4711 443\r\n"),
    (
        "a binary header of the PROXY protocol",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\x12\x67\x01\xbb",
    ),
];
/// What a load balancer says of a connection of its own.
const OF_ITS_OWN: &[u8] = b"PROXY UNKNOWN\r\n";

pub(super) struct NamedClient;

impl Attack for NamedClient {
    fn id(&self) -> &'static str {
        "named-client"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::WebServer
    }

    fn title(&self) -> &'static str {
        "nobody but a configured load balancer says which client it is"
    }

    fn about(&self) -> &'static str {
        "Begins connections with a header of the PROXY protocol, versions 1 and 2, before TLS and within it, as whoever wants \
         to\nbe taken for another address would: to pass `networks`, or to have somebody else banned (CWE-290, CWE-348). Held \
         means that\nit was refused while the same request without the header was answered. Where this machine is in the \
         listener's\n`proxy_protocol`, a request without such a header is refused, and the control has one.\n\nIf it fell: \
         something in front of Burgrave takes the header from anybody. Let it take it from your load balancers\nalone, and \
         name in `proxy_protocol` no network that strangers are in."
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        each_site(target, |site, door| {
            if site.is_announced { announced(wire, site, door) } else { at_site(wire, site, door) }
        })
    }
}

fn request(site: &TargetSite) -> Vec<u8> {
    let path = site.main_place().map_or("/", |place| place.path.as_str());
    Request::new("GET", path, &site.host).bytes()
}

fn at_site(wire: &mut Wire, site: &TargetSite, door: Door) -> Vec<Evidence> {
    let request = request(site);
    let trial = match Trial::begin(wire, door, site, request.clone()) {
        Ok(trial) => trial,
        Err(evidence) => return vec![evidence],
    };
    let mut out = Vec::new();
    for (what, header) in HEADERS {
        let within = if door.layer == Layer::Tls { " within TLS" } else { "" };
        let did = format!("{what}{within}, to {}", site.host);
        out.push(trial.attack(wire, &did, &[header, &request].concat(), refusal));
        if door.layer == Layer::Tls {
            let reply = behind(wire, door, &site.host, header, &request);
            let did = format!("{what} before TLS, to {}", site.host);
            out.push(trial.judged(wire, &did, &reply, refusal));
        }
    }
    out
}

/// A request behind a header, and behind TLS where there is any.
fn behind(wire: &mut Wire, door: Door, host: &str, header: &[u8], request: &[u8]) -> Reply {
    let opened = wire.open_raw(door).and_then(|mut connection| {
        connection.send(header);
        match door.layer {
            Layer::Plain => Ok(connection),
            Layer::Tls => connection.secure(host, Client::default()),
        }
    });
    match opened {
        Ok(mut connection) => {
            connection.send(request);
            connection.answer()
        }
        Err(reply) => reply,
    }
}

/// This machine counts as a load balancer: it must say whose connection it is.
fn announced(wire: &mut Wire, site: &TargetSite, door: Door) -> Vec<Evidence> {
    let request = request(site);
    let control = behind(wire, door, &site.host, OF_ITS_OWN, &request);
    // Refused or not: behind the header there is somebody who speaks HTTP.
    if served(&control).is_err()
        && !matches!(&control, Reply::Answer(answer) if answer.status == 403)
    {
        let did = format!("a load balancer's own request to {}, as the control", site.host);
        return vec![not_proven(&did, &saw(&control))];
    }
    let did = format!("a load balancer that names nobody, to {}", site.host);
    let reply = wire.exchange(door, &site.host, &request);
    let outcome = match &reply {
        Reply::Closed(_) => Outcome::Held,
        Reply::Answer(answer) => match answer.status {
            400 => Outcome::Held,
            429 | 500..=599 => Outcome::NotProven,
            _ => Outcome::Fell,
        },
        Reply::Silent | Reply::Garbage(_) | Reply::Unsent(_) => Outcome::NotProven,
    };
    vec![evidence(&did, &saw(&reply), outcome)]
}
