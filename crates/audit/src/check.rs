//! What a check is, and what it says of a host.
//!
//! Invariants: a check looks at facts and changes nothing; it gives a row for each fault that it
//! finds, with the evidence of that fault alone; what it could not look at is unknown and never
//! becomes a pass; a check without its subject (no such service, no such file) gives no row.

use crate::evidence::Evidence;
use crate::facts::{Blind, Facts};
use burgrave_model::{Safeguard, Severity, Verdict};

/// One question to a host. The texts become the manual and the words of every output.
#[derive(Debug)]
pub struct Check {
    /// Unique among all checks, never changed, never reused.
    pub id: &'static str,
    /// What it belongs to.
    pub safeguard: Safeguard,
    /// What a fault weighs where nothing says more or less.
    pub severity: Severity,
    /// What is wanted, in one line.
    pub title: &'static str,
    /// Why it matters, in two sentences.
    pub why: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// Numbers of controls: `CIS` (Debian 12, 1.1.0), `PCI` (DSS 4.0.1), `ISO` (27001:2022), `ASVS` (5.0).
    pub controls: &'static [&'static str],
    /// The look itself.
    pub look: fn(&Facts<'_>, &mut Rows),
    /// Small hosts on which it fails, passes and cannot look.
    #[cfg(test)]
    pub(crate) cases: crate::cases::Cases,
}

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check's id.
    pub id: &'static str,
    /// What it belongs to.
    pub safeguard: Safeguard,
    /// Fault, in order, or could not look.
    pub verdict: Verdict,
    /// How much it weighs here.
    pub severity: Severity,
    /// The fault in one sentence; of a pass what is in order; of an unknown why it could not be seen.
    pub title: String,
    /// What was seen where.
    pub evidence: Vec<Evidence>,
    /// What to do.
    pub remedy: &'static str,
    /// Numbers of controls.
    pub controls: &'static [&'static str],
}

/// Most faults of one check that are reported one by one.
const FAULTS_MAX: usize = 100;

/// What one check has to say.
#[derive(Debug, Default)]
pub struct Rows {
    faults: Vec<(Option<Severity>, String, Vec<Evidence>)>,
    more: usize,
    unknown: Vec<Blind>,
    seen: Vec<Evidence>,
}

impl Rows {
    /// A fault of the check's own weight.
    pub fn fail(&mut self, title: impl Into<String>, evidence: impl Into<Vec<Evidence>>) {
        self.push(None, title.into(), evidence.into());
    }

    /// A fault of another weight, because of where it is or from where it can be reached.
    pub fn fail_as(
        &mut self,
        severity: Severity,
        title: impl Into<String>,
        evidence: impl Into<Vec<Evidence>>,
    ) {
        self.push(Some(severity), title.into(), evidence.into());
    }

    fn push(&mut self, severity: Option<Severity>, title: String, evidence: Vec<Evidence>) {
        if self.faults.len() >= FAULTS_MAX {
            self.more += 1;
        } else if !self.faults.iter().any(|(_, known, seen)| *known == title && *seen == evidence) {
            self.faults.push((severity, title, evidence));
        }
    }

    /// A fault that is the absence of something: none where a place could not be looked at.
    pub fn lacks(&mut self, title: impl Into<String>, evidence: impl Into<Vec<Evidence>>) {
        if self.unknown.is_empty() {
            self.push(None, title.into(), evidence.into());
        }
    }

    /// Something was looked at. Without this and without a fault there is no row.
    pub fn looked(&mut self, evidence: Evidence) {
        if self.seen.len() < 8 {
            self.seen.push(evidence);
        }
    }

    /// Something could not be looked at.
    pub fn unknown(&mut self, blind: Blind) {
        if self.unknown.len() < 8 && !self.unknown.contains(&blind) {
            self.unknown.push(blind);
        }
    }

    /// The value, or a row that it could not be had.
    pub fn take<T>(&mut self, seen: Result<T, Blind>) -> Option<T> {
        seen.map_err(|blind| self.unknown(blind)).ok()
    }

    /// The rows as findings of a check.
    pub(crate) fn findings(self, check: &Check) -> Vec<Finding> {
        let finding = |verdict, severity, title, evidence| Finding {
            id: check.id,
            safeguard: check.safeguard,
            verdict,
            severity,
            title,
            evidence,
            remedy: check.remedy,
            controls: check.controls,
        };
        let mut found = Vec::new();
        for (severity, title, evidence) in self.faults {
            found.push(finding(Verdict::Fail, severity.unwrap_or(check.severity), title, evidence));
        }
        if self.more > 0 {
            let title =
                format!("{} more of the same kind are not listed: {}", self.more, check.title);
            found.push(finding(Verdict::Fail, check.severity, title, Vec::new()));
        }
        if let Some(first) = self.unknown.first() {
            let title = format!("could not look: {}", first.why);
            let evidence = self.unknown.iter().map(Blind::evidence).collect();
            found.push(finding(Verdict::Unknown, check.severity, title, evidence));
        }
        if found.is_empty() && !self.seen.is_empty() {
            found.push(finding(Verdict::Pass, check.severity, check.title.to_owned(), self.seen));
        }
        found
    }
}
