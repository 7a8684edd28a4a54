//! Every domain says who may send mail in its name.

use super::{each, seen};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "domain-spf",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::Medium,
    title: "every domain says who may send mail in its name",
    why: "A domain without SPF, or with one that lets everybody send, is what invoices of fraudsters come from. Receivers believe what the record says.",
    remedy: "A TXT record `v=spf1 … -all`; for a domain without mail `v=spf1 -all`.",
    controls: &["PCI 5.4.1", "ISO 5.14"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Records("a.example. IN TXT \"v=spf1 +all\"")],
        pass: &[Records("a.example. IN TXT \"v=spf1 mx -all\"")],
        unknown: &[Records("_dmarc.a.example. IN TXT \"v=DMARC1; p=reject\"")],
    },
};

/// Look-ups that a receiver makes at most (RFC 7208, 4.6.4).
const LOOKUPS_MAX: usize = 10;

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    each(facts, rows, ("", "TXT"), |_, domain, found, rows| {
        let own: Vec<&String> = found.iter().filter(|text| is_spf(text)).collect();
        match own.as_slice() {
            [] => rows.fail(
                format!(
                    "{domain} does not say who may send mail in its name: it has no SPF record"
                ),
                Evidence::text(format!("{domain}: {} TXT records, none with v=spf1", found.len())),
            ),
            [record] => one(domain, record, rows),
            _ => rows.fail(
                format!("{domain} has {} SPF records, so receivers take none of them", own.len()),
                Evidence::text(format!("{domain}: {} records with v=spf1", own.len())),
            ),
        }
    });
}

fn is_spf(text: &str) -> bool {
    text.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("v=spf1"))
}

fn one(domain: &str, record: &str, rows: &mut Rows) {
    let lower = record.to_ascii_lowercase();
    let words: Vec<&str> = lower.split_whitespace().skip(1).collect();
    let all = words.iter().find(|word| word.trim_start_matches(['+', '-', '~', '?']) == "all");
    match all {
        Some(&"-all" | &"~all") => rows.looked(seen(domain, record)),
        Some(_) => rows.fail_as(
            Severity::High,
            format!("the SPF record of {domain} lets everybody send in its name"),
            seen(domain, record),
        ),
        None if words.iter().any(|word| word.starts_with("redirect=")) => {
            rows.looked(seen(domain, record));
        }
        None => rows.fail(
            format!("the SPF record of {domain} ends without `-all`: who is not named may send"),
            seen(domain, record),
        ),
    }
    let asks = |word: &&&str| {
        let word = word.trim_start_matches(['+', '-', '~', '?']);
        let name = word.split([':', '/', '=']).next().unwrap_or_default();
        ["include", "a", "mx", "ptr", "exists", "redirect"].contains(&name)
    };
    let count = words.iter().filter(asks).count();
    if count > LOOKUPS_MAX {
        rows.fail(
            format!("the SPF record of {domain} needs {count} look-ups, and receivers make {LOOKUPS_MAX}"),
            seen(domain, record),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::findings;

    #[test]
    fn each_record_is_weighed() {
        for (record, words) in [
            ("v=spf1 ?all", "lets everybody"),
            ("v=spf1 all", "lets everybody"),
            ("v=spf1 mx", "ends without"),
            ("v=spf1 redirect=b.example", "every domain says"),
            ("v=spf1 a ~all", "every domain says"),
            ("v=spf1 -all\" 1\na.example. TXT \"v=spf1 a", "has 2 SPF"),
            ("v=spf10 -all", "has no SPF"),
            (
                "v=spf1 include:a include:b include:c include:d include:e include:f include:g include:h include:i include:j mx -all",
                "needs 11",
            ),
        ] {
            let text: &'static str =
                Box::leak(format!("a.example. IN TXT \"{record}\"").into_boxed_str());
            let found = findings(&CHECK, &[Records(text)]);
            let all: Vec<&str> = found.iter().map(|one| one.title.as_str()).collect();
            assert!(all.iter().any(|title| title.contains(words)), "{record}: {all:?}");
        }
    }
}
