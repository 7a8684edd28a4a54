//! No certificate is out for a name that looks like an own one.

use crate::checks::prelude::*;
use crate::facts::{Blind, Resemblance, resembles};

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "domain-look-alike",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::Medium,
    title: "no certificate is out for a name that looks like an own one",
    why: "Who wants the passwords of customers takes a name that they do not tell from the own one, and a certificate for it. Authorities publish every certificate, so that such a name is seen before its first mail is sent.",
    remedy: "Look who has it. Register it where it is free, ask its registrar or host to close it, and warn who might be led there.",
    controls: &["ISO 5.7"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Records(";kestrel.example. IN TXT\n;; certificates\nwww.kestre1.example\n")],
        pass: &[Records(
            ";kestrel.example. IN TXT\n;; certificates\n*.kestrel.example\nwren.example\n",
        )],
        unknown: &[Records(";kestrel.example. IN TXT")],
    },
};

/// Comparisons of one run.
const PAIRS_MAX: usize = 1_000_000;
/// Letters of the shortest label that is looked for below other domains.
const LETTERS_MIN: usize = 4;

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(records) = &facts.domains else { return };
    let domains = records.domains();
    let Some(first) = domains.first() else { return };
    let Some(names) = records.certificates() else {
        let why = "no list of certificates was given: a line `;; certificates`, and below it a name a line";
        rows.unknown(Blind::new(first, why));
        return;
    };
    let is_own = |name: &str| {
        domains.iter().any(|own| {
            name.strip_suffix(own.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    };
    let names_max = PAIRS_MAX / domains.len();
    for name in names.iter().take(names_max).filter(|name| !is_own(name)) {
        for own in &domains {
            let Some(how) = likeness(own, name) else { continue };
            let title = format!("a certificate is out for {name}, which looks like {own}: {how}");
            rows.fail(title, Evidence::text(format!("{name} in the list of certificates")));
        }
    }
    if names.len() > names_max {
        rows.unknown(Blind::new(first, format!("only {names_max} names were compared")));
    }
    rows.looked(Evidence::text(format!("{} names in the list of certificates", names.len())));
}

/// In which way a name looks like an own domain.
fn likeness(own: &str, name: &str) -> Option<&'static str> {
    if format!(".{name}.").contains(&format!(".{own}.")) {
        return Some("the own name stands in front of another");
    }
    let (label, rest) = own.split_once('.')?;
    // The same number of labels from the end: what both were registered as.
    let depth = own.split('.').count();
    let labels: Vec<&str> = name.split('.').collect();
    let end = labels.get(labels.len().checked_sub(depth)?..)?;
    let (other, above) = end.split_first()?;
    let is_below_same = above.join(".") == rest;
    match resembles(label, other)? {
        Resemblance::Same if label.chars().count() < LETTERS_MIN => None,
        Resemblance::Same => Some("the same name with another ending"),
        Resemblance::Letters if is_below_same || label.chars().count() >= LETTERS_MIN => {
            Some("letters that look alike")
        }
        Resemblance::Slip if is_below_same => Some("one letter is another, or in another place"),
        Resemblance::Letters | Resemblance::Slip => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::findings;
    use burgrave_model::Verdict;

    #[test]
    fn names_are_compared_by_what_was_registered() {
        for (own, name, wanted) in [
            ("kestrel.example", "kestrel.test", true),
            ("kestrel.example", "login.kestre1.test", true),
            ("kestrel.example", "kestrle.example", true),
            ("kestrel.example", "kestrle.test", false),
            ("kestrel.example", "kestrel.example.evil.test", true),
            ("kestrel.co.example", "kestrel.com.example", true),
            ("kestrel.example", "example", false),
            ("ab.example", "ab.test", false),
            ("ab.example", "notab.example", false),
        ] {
            assert_eq!(likeness(own, name).is_some(), wanted, "{own} {name}");
        }
    }

    #[test]
    fn lists_hold_names_however_they_are_printed() {
        let found = findings(
            &CHECK,
            &[Records(
                ";kestrel.example. IN TXT\n;; certificates\n{\"name_value\":\"kestre1.example\\nwren.example\"}\n*.Kestrell.example. # x\n; <<>> DiG\nkestrol.example. IN A 192.0.2.1\n",
            )],
        );
        let fails = found.iter().filter(|one| one.verdict == Verdict::Fail).count();
        assert_eq!(fails, 2, "{found:?}");
    }

    #[test]
    fn a_long_list_is_compared_within_bounds() {
        let mut text = String::new();
        for n in 0..200 {
            text.push_str(&format!(";kestrel{n}.example. IN TXT\n"));
        }
        text.push_str(";; certificates\n");
        for n in 0..20_000 {
            text.push_str(&format!("wren{n}.example\n"));
        }
        let fake = burgrave_sys::Fake::new();
        let mut facts = Facts::new(&fake, crate::facts::Ground::Tree);
        facts.domains = Some(crate::facts::Records::parse(&text));
        let mut rows = Rows::default();
        look(&facts, &mut rows);
        let found = rows.findings(&CHECK);
        let verdicts: Vec<Verdict> = found.iter().map(|one| one.verdict).collect();
        assert_eq!(verdicts, [Verdict::Unknown], "{found:?}");
    }
}
