//! Staging and development, which are nobody's business (CWE-489, CWE-1188).

use crate::Attack;
use crate::evidence::{evidence, saw};
use crate::request::Request;
use crate::target::{Door, Target, TargetSite};
use crate::trial::each_site;
use crate::wire::{Reply, Wire};
use burgrave_config::Environment;
use burgrave_model::{Evidence, Outcome, Safeguard};

pub(super) struct Environments;

impl Attack for Environments {
    fn id(&self) -> &'static str {
        "environments"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::Environments
    }

    fn title(&self) -> &'static str {
        "staging and development are closed to strangers and kept from search engines"
    }

    fn about(&self) -> &'static str {
        "Asks each site that is not production for its front page, as a stranger would (CWE-489): what \
         is tested there has holes\nthat production has not yet. Held means that nothing is served and \
         that the answer says `noindex`.\n\nIf it fell: give the site `access` with networks, users or \
         client certificates. Burgrave refuses a configuration\nwithout; something in front of it may \
         answer in its place."
    }

    fn applies(&self, target: &Target) -> bool {
        target.sites.iter().any(is_apart)
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        each_site(
            target,
            |site, door| {
                if is_apart(site) { at_site(wire, site, door) } else { Vec::new() }
            },
        )
    }
}

fn is_apart(site: &TargetSite) -> bool {
    site.environment != Environment::Production
}

fn at_site(wire: &mut Wire, site: &TargetSite, door: Door) -> Vec<Evidence> {
    let path = site.main_place().map_or("/", |place| place.path.as_str());
    let reply = wire.exchange(door, &site.host, &Request::new("GET", path, &site.host).bytes());
    let did = format!("front page of {}, which is not production", site.host);
    let closed = match &reply {
        Reply::Answer(answer) => match answer.status {
            401 | 403 | 421 => Outcome::Held,
            // This machine may well be let in; what it sees must still be kept from search engines.
            200..=399 if !site.places.iter().all(|place| place.entry == crate::Entry::OpenToUs) => {
                Outcome::Fell
            }
            _ => Outcome::NotProven,
        },
        Reply::Closed(_) | Reply::Silent | Reply::Garbage(_) | Reply::Unsent(_) => {
            Outcome::NotProven
        }
    };
    let mut out = vec![evidence(&did, &saw(&reply), closed)];
    if let Reply::Answer(answer) = &reply {
        let did = format!("`x-robots-tag` of {}", site.host);
        let says = |(name, value): (&[u8], &[u8])| {
            name.eq_ignore_ascii_case(b"x-robots-tag") && value.starts_with(b"noindex")
        };
        let kept = answer.fields().any(says);
        let (saw, outcome) = if kept {
            ("noindex", Outcome::Held)
        } else {
            ("no such field: a search engine may keep it", Outcome::Fell)
        };
        out.push(evidence(&did, saw, outcome));
    }
    out
}
