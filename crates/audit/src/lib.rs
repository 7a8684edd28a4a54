//! The audit: what is weak on a host, said so that it can be acted on.
//!
//! Each [`Check`] asks one question of the [`facts`] of a host (a running machine or a directory with
//! a system in it) and answers with rows: fault, in order, or could not look and why.
//!
//! Invariants: changes nothing and decides nothing for the operator; reads the host by
//! `burgrave-sys` only; connects to nothing but the machine's own database servers, and to those only when
//! [`ask`] is called; configurations are parsed as their programs parse them, never searched for a word; a fault is
//! never hidden by another check's error.

#![expect(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "names on the hosts looked at are case-sensitive; where case does not matter it is taken away first"
)]
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make the files they look at"))]

pub mod appeared;
mod ask;
pub mod baseline;
#[cfg(test)]
mod cases;
mod check;
pub mod checks;
mod evidence;
pub mod facts;
mod kept;
mod manual;
mod remedies;
mod services;
mod show;

pub use ask::ask;
pub use check::{Check, Finding, Rows};
pub use checks::ALL;
pub use evidence::Evidence;
pub use facts::{Blind, Facts, Ground};
pub use kept::{Change, Fault, Kept, News, changes_json, changes_text};
pub use manual::{about, manual};
pub use remedies::{
    Planned, Remedy, Wanted, WaysIn, as_planned, plan, remedies, remedies_manual, remedy,
};
pub use services::{Service, services, services_json, services_text};
pub use show::{html, json, sarif, services_svg, text};

use burgrave_model::{Severity, Verdict};

/// What an audit said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The host's name.
    pub host: String,
    /// When it was made.
    pub time: burgrave_sys::UnixTime,
    /// Faults first, the heaviest first; then what could not be seen; then what is in order.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The number of rows with a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }

    /// Whether a fault weighs at least so much.
    pub fn fails_at(&self, severity: Severity) -> bool {
        self.findings.iter().any(|f| f.verdict == Verdict::Fail && f.severity >= severity)
    }

    /// Whether anything could be seen at all.
    pub fn saw_something(&self) -> bool {
        self.findings.iter().any(|finding| finding.verdict != Verdict::Unknown)
    }
}

/// Whether a system lies there at all.
pub fn is_host(system: &dyn burgrave_sys::System, ground: Ground) -> bool {
    Facts::new(system, ground).is_host()
}

/// Asks every check.
pub fn audit(facts: &Facts<'_>) -> Report {
    let mut findings: Vec<Finding> = ALL.iter().flat_map(|check| look(check, facts)).collect();
    let rank = |verdict: Verdict| match verdict {
        Verdict::Fail => 0,
        Verdict::Unknown => 1,
        Verdict::Pass => 2,
    };
    findings.sort_by(|a, b| {
        (rank(a.verdict), std::cmp::Reverse(a.severity))
            .cmp(&(rank(b.verdict), std::cmp::Reverse(b.severity)))
    });
    Report { host: facts.host_name(), time: facts.now(), findings }
}

/// Asks one check.
pub fn look(check: &Check, facts: &Facts<'_>) -> Vec<Finding> {
    let mut rows = Rows::default();
    if facts.is_host() {
        (check.look)(facts, &mut rows);
    } else {
        rows.unknown(Blind::new(
            "/",
            "no system lies here: neither accounts nor a release are to be found",
        ));
    }
    rows.findings(check)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::findings;
    use std::collections::BTreeSet;

    #[test]
    fn every_check_is_documented_and_has_an_id_of_its_own() {
        let mut ids = BTreeSet::new();
        for check in ALL {
            let id = check.id;
            assert!(ids.insert(id), "{id} twice");
            assert!(
                id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
                "{id}"
            );
            assert!(id.parse::<burgrave_model::Safeguard>().is_err(), "{id} is a safeguard's name");
            assert!(check.title.len() > 10 && !check.title.ends_with('.'), "{id}: title");
            assert_eq!(check.why.matches(". ").count(), 1, "{id}: two sentences: {}", check.why);
            assert!(check.why.ends_with('.') && check.remedy.len() > 15, "{id}: why and remedy");
            for control in check.controls {
                let known =
                    ["CIS ", "PCI ", "ISO ", "ASVS "].iter().any(|name| control.starts_with(name));
                assert!(known, "{id}: {control}");
            }
        }
        assert!(ids.len() >= 150, "only {} checks", ids.len());
    }

    #[test]
    fn every_check_fails_passes_and_says_what_it_cannot_see() {
        let mut wrong = Vec::new();
        for check in ALL {
            for (has, wanted) in [
                (check.cases.fail, Verdict::Fail),
                (check.cases.pass, Verdict::Pass),
                (check.cases.unknown, Verdict::Unknown),
            ] {
                let found = findings(check, has);
                let right = !found.is_empty()
                    && match wanted {
                        Verdict::Fail => found
                            .iter()
                            .any(|f| f.verdict == Verdict::Fail && (!f.evidence.is_empty())),
                        Verdict::Pass | Verdict::Unknown => {
                            found.iter().all(|finding| finding.verdict == wanted)
                        }
                    };
                if !right {
                    wrong.push(format!(
                        "{}: wanted {wanted:?}, got {:?}",
                        check.id,
                        found.iter().map(|f| (f.verdict, &f.title)).collect::<Vec<_>>()
                    ));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn an_empty_host_passes_nothing() {
        let fake = burgrave_sys::Fake::new();
        for ground in [Ground::Tree, Ground::Running] {
            let report = audit(&Facts::new(&fake, ground));
            assert_eq!(report.count(Verdict::Pass) + report.count(Verdict::Fail), 0);
            assert!(report.count(Verdict::Unknown) == ALL.len() && !report.saw_something());
        }
    }

    #[test]
    fn faults_come_first_and_the_heaviest_first() {
        let (fake, ground) =
            cases::host(&[cases::Has::File("/etc/ssh/sshd_config", "PermitEmptyPasswords yes\n")]);
        let report = audit(&Facts::new(&fake, ground));
        let fails: Vec<_> =
            report.findings.iter().take_while(|f| f.verdict == Verdict::Fail).collect();
        assert_eq!(fails.len(), report.count(Verdict::Fail));
        assert!(fails.windows(2).all(|pair| pair[0].severity >= pair[1].severity));
        assert!(report.fails_at(Severity::Critical) && report.fails_at(Severity::Critical));
    }
}
