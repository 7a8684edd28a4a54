//! No name leads to where somebody else could be.

use crate::checks::prelude::*;
use crate::facts::{Blind, Records};

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "domain-dangling",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::High,
    title: "no name leads to where somebody else could be",
    why: "A name that leads to a service that was given up can be taken by whoever registers there anew. What they show then is shown in the own name, with its cookies and with certificates for it.",
    remedy: "Remove the record, or make what it leads to again; remove records first and services after.",
    controls: &["ISO 5.9", "ASVS 13.4.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Records(
            "a.example. IN TXT \"v=spf1 -all\"\nold.a.example. IN CNAME gone.herokuapp.com.\n;old.a.example. IN A\n;old.a.example. IN AAAA",
        )],
        pass: &[Records(
            "a.example. IN TXT \"v=spf1 -all\"\nwww.a.example. IN CNAME web.a.example.\nweb.a.example. IN A 192.0.2.1",
        )],
        unknown: &[Records(
            "a.example. IN TXT \"v=spf1 -all\"\nwww.a.example. IN CNAME web.a.example.",
        )],
    },
};

/// Names of one run that are looked at.
const NAMES_MAX: usize = 5_000;
/// Names that lead on to each other.
const CHAIN_MAX: usize = 16;

/// Where a name of somebody's own is had by asking for it, and is free again once it is given up. Many of these
/// answer for every name, so that an address shows nothing.
const GIVEN_AGAIN: [&str; 24] = [
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "herokudns.com",
    "netlify.app",
    "vercel.app",
    "pages.dev",
    "surge.sh",
    "bitbucket.io",
    "readthedocs.io",
    "ghost.io",
    "myshopify.com",
    "wordpress.com",
    "zendesk.com",
    "azurewebsites.net",
    "azureedge.net",
    "cloudapp.net",
    "cloudapp.azure.com",
    "trafficmanager.net",
    "blob.core.windows.net",
    "s3.amazonaws.com",
    "elasticbeanstalk.com",
    "fly.dev",
    "onrender.com",
];

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(records) = &facts.domains else { return };
    let domains = records.domains();
    let own = |name: &str| domains.iter().any(|domain| is_below(name, domain));
    let mut count = 0_usize;
    for kind in ["CNAME", "NS", "MX"] {
        for (name, data) in records.answered(kind).filter(|(name, _)| own(name)) {
            count += 1;
            if count > NAMES_MAX {
                let why = format!("only the first {NAMES_MAX} names were looked at");
                rows.unknown(Blind::new(name, why));
                return;
            }
            for target in data.iter().filter_map(|data| target(data)) {
                look_at(records, (name, kind), &target, rows);
            }
        }
    }
}

/// Where a record leads; `None`: nowhere, as is said by a single `.`.
fn target(data: &str) -> Option<String> {
    let name = data.split_whitespace().last()?.trim_end_matches('.');
    (!name.is_empty()).then(|| name.to_ascii_lowercase())
}

fn look_at(records: &Records, (name, kind): (&str, &str), target: &str, rows: &mut Rows) {
    let evidence = Evidence::text(format!("{name} {kind} {target}"));
    let again = GIVEN_AGAIN.iter().find(|provider| is_below(target, provider));
    match (leads(records, name, kind, target), again) {
        (Leads::Nowhere, Some(provider)) => rows.fail_as(
            Severity::Critical,
            format!("{name} leads to {target}, which is not there: at {provider} anybody can take that name"),
            evidence,
        ),
        (Leads::Nowhere, None) => rows.fail_as(
            if kind == "NS" { Severity::Critical } else { Severity::High },
            format!("{name} leads to {target}, which is not there ({kind})"),
            evidence,
        ),
        (Leads::There, Some(provider)) => rows.unknown(Blind::new(
            name,
            format!("it leads to {target}, and {provider} may answer for names that nobody has: look there whether it is still yours"),
        )),
        (Leads::There, None) => rows.looked(evidence),
        (Leads::Unasked(end), _) => rows.unknown(Blind::new(
            name,
            format!("whether {end} is there was not asked: `dig {end} A` and `dig {end} AAAA`"),
        )),
    }
}

/// What is known of the end of a chain.
enum Leads {
    There,
    Nowhere,
    Unasked(String),
}

fn leads(records: &Records, name: &str, kind: &str, target: &str) -> Leads {
    let mut end = target.to_owned();
    for _ in 0..CHAIN_MAX {
        let next = records.of(&end, "CNAME").and_then(target_of);
        let Some(next) = next else {
            // An answer about a name that leads on tells of all that it leads to.
            let asked = |name: &str| {
                ["A", "AAAA"].iter().all(|address| records.of(name, address).is_some())
            };
            let has = |address| records.of(&end, address).is_some_and(|all| !all.is_empty());
            return if has("A") || has("AAAA") {
                Leads::There
            } else if asked(&end) || asked(target) || kind == "CNAME" && asked(name) {
                Leads::Nowhere
            } else {
                Leads::Unasked(end)
            };
        };
        end = next;
    }
    // Names that lead on without end have no address.
    Leads::Nowhere
}

fn target_of(all: &[String]) -> Option<String> {
    all.first().and_then(|data| target(data))
}

/// Whether a name is this one or below it.
fn is_below(name: &str, top: &str) -> bool {
    name.strip_suffix(top).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::findings;
    use burgrave_model::Verdict;

    fn verdict(text: &'static str) -> Option<(Verdict, Severity)> {
        let found = findings(&CHECK, &[Records(text)]);
        found.first().map(|one| (one.verdict, one.severity))
    }

    #[test]
    fn what_is_not_there_is_told_from_what_was_not_asked() {
        for (text, wanted) in [
            // A name server that is gone gives the whole zone away.
            (
                "a.example. IN NS ns.gone.example.\n;a.example. IN TXT\n;ns.gone.example. IN A\n;ns.gone.example. IN AAAA",
                Some((Verdict::Fail, Severity::Critical)),
            ),
            (
                "a.example. IN MX 10 mx.a.example.\n;mx.a.example. IN A\n;mx.a.example. IN AAAA",
                Some((Verdict::Fail, Severity::High)),
            ),
            ("a.example. IN MX 0 .", None),
            // One kind of address is not both.
            (
                "a.example. IN MX 10 mx.a.example.\n;mx.a.example. IN A",
                Some((Verdict::Unknown, Severity::High)),
            ),
            // A chain, of which the last has the address.
            (
                ";a.example. IN TXT\nw.a.example. IN CNAME c.cdn.example.\nc.cdn.example. CNAME e.cdn.example.\ne.cdn.example. AAAA 2001:db8::1",
                Some((Verdict::Pass, Severity::High)),
            ),
            (
                ";a.example. IN TXT\nw.a.example. IN CNAME v.a.example.\nv.a.example. IN CNAME w.a.example.",
                Some((Verdict::Fail, Severity::High)),
            ),
            // It is answered for every name there.
            (
                ";a.example. IN TXT\nw.a.example. IN CNAME shop.github.io.\nshop.github.io. IN A 192.0.2.1",
                Some((Verdict::Unknown, Severity::High)),
            ),
            // Neither its own name nor one of the provider's.
            (
                ";a.example. IN TXT\nw.a.example. IN CNAME notgithub.io.\nnotgithub.io. IN A 192.0.2.1",
                Some((Verdict::Pass, Severity::High)),
            ),
            (";a.example. IN TXT\nw.b.example. IN CNAME x.github.io.", None),
        ] {
            assert_eq!(verdict(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_long_list_is_looked_at_within_bounds() {
        let mut text = String::from(";a.example. IN TXT\n");
        for n in 0..NAMES_MAX + 2 {
            text.push_str(&format!("n{n}.a.example. IN CNAME t.a.example.\n"));
        }
        text.push_str("t.a.example. IN A 192.0.2.1\n");
        let fake = burgrave_sys::Fake::new();
        let mut facts = Facts::new(&fake, crate::facts::Ground::Tree);
        facts.domains = Some(crate::facts::Records::parse(&text));
        let mut rows = Rows::default();
        look(&facts, &mut rows);
        let found = rows.findings(&CHECK);
        assert!(found.iter().any(|one| one.title.contains("only the first")), "{found:?}");
    }
}
