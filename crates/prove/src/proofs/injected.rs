//! What the proofs of injection share: one payload in one spot of an otherwise ordinary request.

use crate::evidence::not_proven;
use crate::request::{Request, json_string, percent};
use crate::target::{Door, Inspected, Place, Serves, Target, TargetSite};
use crate::trial::{Trial, each_site, refusal};
use crate::wire::Wire;
use burgrave_model::Evidence;

/// Where a payload stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// `?q=…`
    Query,
    /// A form field.
    Form,
    /// A JSON member.
    Json,
    /// A cookie.
    Cookie,
    /// The `User-Agent`.
    Agent,
}

/// In the place of a payload where the request is harmless.
const HARMLESS: &str = "lighthouse";

const ALL_SPOTS: [Spot; 5] = [Spot::Query, Spot::Form, Spot::Json, Spot::Cookie, Spot::Agent];

/// Sends every payload to every place of every site.
pub(super) fn run(target: &Target, wire: &mut Wire, payloads: &[(Spot, &str)]) -> Vec<Evidence> {
    each_site(target, |site, door| {
        if site.places.is_empty() {
            return vec![not_proven(&format!("looked for content of {}", site.host), "none")];
        }
        site.places.iter().flat_map(|place| at_place(wire, site, door, place, payloads)).collect()
    })
}

fn at_place(
    wire: &mut Wire,
    site: &TargetSite,
    door: Door,
    place: &Place,
    payloads: &[(Spot, &str)],
) -> Vec<Evidence> {
    let mut out = Vec::new();
    for spot in ALL_SPOTS {
        let texts: Vec<_> =
            payloads.iter().filter(|(other, _)| *other == spot).map(|(_, text)| *text).collect();
        // Static content takes no body: there is nothing to inject into.
        let body = matches!(spot, Spot::Form | Spot::Json);
        if texts.is_empty() || (body && place.serves == Serves::Files) {
            continue;
        }
        let request = |text: &str| spot.request(site, place, text);
        match Trial::begin(wire, door, site, request(HARMLESS)) {
            Ok(trial) => out.extend(texts.iter().map(|text| {
                let did = format!("`{text}` {} of {}{}", spot.words(), site.host, place.path);
                let did = did + unguarded(place);
                trial.attack(wire, &did, &request(text), refusal)
            })),
            Err(mut evidence) => {
                evidence.did = format!("{}{} {}", evidence.did, place.path, spot.words());
                out.push(evidence);
            }
        }
    }
    out
}

/// Says so when the configuration lets attacks through.
pub(super) fn unguarded(place: &Place) -> &'static str {
    match place.inspected {
        Inspected::Blocks => "",
        Inspected::DoesNotBlock => " (where no rules are set to block)",
    }
}

impl Spot {
    fn words(self) -> &'static str {
        match self {
            Self::Query => "in the query",
            Self::Form => "in a form",
            Self::Json => "in JSON",
            Self::Cookie => "in a cookie",
            Self::Agent => "in the user agent",
        }
    }

    fn request(self, site: &TargetSite, place: &Place, text: &str) -> Vec<u8> {
        let (host, path) = (site.host.as_str(), place.path.as_str());
        match self {
            Self::Query => Request::new("GET", &format!("{path}?q={}", percent(text)), host),
            Self::Form => Request::new("POST", path, host)
                .body("application/x-www-form-urlencoded", &format!("q={}", percent(text))),
            Self::Json => Request::new("POST", path, host)
                .body("application/json", &format!("{{\"q\":{}}}", json_string(text))),
            Self::Cookie => {
                Request::new("GET", path, host).field(&format!("Cookie: q={}", percent(text)))
            }
            Self::Agent => Request::new("GET", path, host)
                .replace("User-Agent", &format!("User-Agent: {text}")),
        }
        .bytes()
    }
}
