//! Every domain says which authorities may issue its certificates.

use super::each;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "domain-caa",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::Low,
    title: "every domain says which authorities may issue its certificates",
    why: "Without CAA any of a hundred authorities may issue a certificate for the name, to whoever convinces one of them. With it all others must refuse.",
    remedy: "CAA records at the domain: `0 issue \"letsencrypt.org\"`, and `0 iodef \"mailto:…\"`.",
    controls: &["ISO 8.24", "ASVS 12.1.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Records(";a.example. IN CAA")],
        pass: &[Records("a.example. IN CAA 0 issue \"letsencrypt.org\"")],
        unknown: &[Records("a.example. IN TXT \"v=spf1 -all\"")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    each(facts, rows, ("", "CAA"), |records, domain, found, rows| {
        // What a name does not say, the names above it say (RFC 8659, 3).
        let above = domain.split_once('.').and_then(|(_, above)| records.of(above, "CAA"));
        let counts = if found.is_empty() { above.unwrap_or_default() } else { found };
        let issue = counts.iter().find(|record| record.to_ascii_lowercase().contains(" issue "));
        match issue {
            Some(record) => rows.looked(Evidence::text(format!("{domain} CAA {record}"))),
            None => rows.fail(
                format!("any authority may issue certificates for {domain}: it has no CAA record"),
                Evidence::text(format!("{domain}: {} CAA records, none with issue", counts.len())),
            ),
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::findings;

    #[test]
    fn a_name_inherits_what_the_one_above_it_says() {
        let text = "a.example. IN CAA 0 issue \"ca.example\"\n;www.a.example. IN CAA\nb.example. IN CAA 0 iodef \"mailto:x\"";
        let found = findings(&CHECK, &[Records(text)]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].title.contains("b.example"), "an address alone forbids nothing");
    }
}
