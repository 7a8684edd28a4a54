//! Mail to every domain is sent over verified TLS.

use super::{each, seen, tag, takes_mail};
use crate::checks::prelude::*;
use crate::facts::Blind;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "domain-mta-sts",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::Low,
    title: "mail to every domain is sent over verified TLS",
    why: "Mail between servers falls back to plain text when somebody on the way says that there is no TLS. A domain with MTA-STS tells senders not to believe that.",
    remedy: "A TXT record at `_mta-sts.DOMAIN`, `v=STSv1; id=…`, and the policy with `mode: enforce` at `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`.",
    controls: &["ISO 5.14", "PCI 4.2.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Records("a.example. IN MX 10 mx.a.example.\n;_mta-sts.a.example. IN TXT")],
        pass: &[Records(
            "a.example. IN MX 10 mx.a.example.\n_mta-sts.a.example. IN TXT \"v=STSv1; id=1\"",
        )],
        unknown: &[Records("a.example. IN TXT \"v=spf1 -all\"")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    each(facts, rows, ("_mta-sts.", "TXT"), |records, domain, found, rows| {
        match takes_mail(records, domain) {
            Some(false) => rows.looked(Evidence::text(format!("{domain} takes no mail"))),
            None => rows.unknown(Blind::new(
                domain,
                "whether it takes mail was not asked: `dig DOMAIN MX`",
            )),
            Some(true) => {
                let own = found.iter().find(|text| tag(text, "v") == Some("STSv1"));
                match own {
                    Some(record) => rows.looked(seen(&format!("_mta-sts.{domain}"), record)),
                    None => rows.fail(
                        format!(
                            "mail to {domain} may be sent in the clear: it has no MTA-STS record"
                        ),
                        Evidence::text(format!("_mta-sts.{domain}: no record with v=STSv1")),
                    ),
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::findings;

    #[test]
    fn a_domain_without_mail_needs_none() {
        let found =
            findings(&CHECK, &[Records("a.example. IN MX 0 .\n;_mta-sts.a.example. IN TXT")]);
        assert!(found.iter().all(|one| one.verdict == burgrave_model::Verdict::Pass), "{found:?}");
        let found = findings(&CHECK, &[Records(";_mta-sts.a.example. IN TXT")]);
        assert!(
            found.iter().all(|one| one.verdict == burgrave_model::Verdict::Unknown),
            "{found:?}"
        );
    }
}
