//! Every domain says what receivers do with forged mail.

use super::{each, seen, tag};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "domain-dmarc",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::Medium,
    title: "every domain says what receivers do with forged mail",
    why: "Without DMARC a receiver may let a forged sender through, whatever SPF and DKIM say. With `p=none` it only counts them.",
    remedy: "A TXT record at `_dmarc.DOMAIN`: `v=DMARC1; p=reject; rua=mailto:…`, by way of `p=quarantine`.",
    controls: &["PCI 5.4.1", "ISO 5.14"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Records("_dmarc.a.example. IN TXT \"v=DMARC1; p=none; rua=mailto:x@a.example\"")],
        pass: &[Records("_dmarc.a.example. IN TXT \"v=DMARC1; p=reject; rua=mailto:x@a.example\"")],
        unknown: &[Records("a.example. IN TXT \"v=spf1 -all\"")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    each(facts, rows, ("_dmarc.", "TXT"), |_, domain, found, rows| {
        let is_own = |text: &&String| tag(text, "v").is_some_and(|version| version == "DMARC1");
        let own: Vec<&String> = found.iter().filter(is_own).collect();
        match own.as_slice() {
            [] => rows.fail_as(
                Severity::High,
                format!(
                    "{domain} does not say what becomes of forged mail: it has no DMARC record"
                ),
                Evidence::text(format!("_dmarc.{domain}: no record with v=DMARC1")),
            ),
            [record] => one(domain, record, rows),
            _ => rows.fail(
                format!("{domain} has {} DMARC records, so receivers take none of them", own.len()),
                Evidence::text(format!("_dmarc.{domain}: {} records", own.len())),
            ),
        }
    });
}

fn one(domain: &str, record: &str, rows: &mut Rows) {
    let name = format!("_dmarc.{domain}");
    let policy = tag(record, "p").unwrap_or_default().to_ascii_lowercase();
    let is_strict = |policy: &str| policy == "reject" || policy == "quarantine";
    if !is_strict(&policy) {
        let text =
            format!("forged mail of {domain} is let through: its DMARC policy is `{policy}`");
        rows.fail(text, seen(&name, record));
    } else if tag(record, "sp").is_some_and(|own| !is_strict(&own.to_ascii_lowercase())) {
        let text = format!("forged mail of names below {domain} is let through: `sp=none`");
        rows.fail(text, seen(&name, record));
    } else if tag(record, "pct").is_some_and(|share| share != "100") {
        let text = format!("only a share of the forged mail of {domain} is kept out: `pct` is set");
        rows.fail_as(Severity::Low, text, seen(&name, record));
    }
    if tag(record, "rua").is_none() {
        let text =
            format!("nobody is told of forged mail of {domain}: its DMARC record has no `rua`");
        rows.fail_as(Severity::Low, text, seen(&name, record));
    }
    rows.looked(seen(&name, record));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::findings;

    #[test]
    fn each_record_is_weighed() {
        for (record, words) in [
            ("v=DMARC1; p=quarantine", "nobody is told"),
            ("v=DMARC1;p=reject;sp=none;rua=mailto:x", "names below"),
            ("v=DMARC1; p=reject; pct=50; rua=mailto:x", "only a share"),
            ("v=DMARC1; rua=mailto:x", "policy is ``"),
            ("v=DMARC2; p=reject", "has no DMARC"),
            ("v=DMARC1; p=Reject; rua=mailto:x", "every domain says"),
        ] {
            let text: &'static str =
                Box::leak(format!("_dmarc.a.example. IN TXT \"{record}\"").into_boxed_str());
            let found = findings(&CHECK, &[Records(text)]);
            let all: Vec<&str> = found.iter().map(|one| one.title.as_str()).collect();
            assert!(all.iter().any(|title| title.contains(words)), "{record}: {all:?}");
        }
    }
}
