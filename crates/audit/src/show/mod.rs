//! A report in the forms that people and programs read.
//!
//! Invariant: what comes from the host was escaped where the evidence was made; each form escapes
//! once more what its own syntax needs.

mod page;
mod picture;
mod sarif;
mod terminal;

pub use page::html;
pub use picture::services_svg;
pub use sarif::sarif;
pub use terminal::text;

use crate::{Finding, Report};
use burgrave_model::Verdict;
use serde_json::{Value, json};

/// The report as the contract has it; rows that pass only where all are asked for.
pub fn json(report: &Report, all: bool) -> String {
    let rows: Vec<Value> = shown(report, all).map(row).collect();
    format!("{:#}\n", json!({ "version": 1, "host": report.host, "findings": rows }))
}

fn row(finding: &Finding) -> Value {
    json!({
        "id": finding.id,
        "safeguard": finding.safeguard,
        "verdict": finding.verdict,
        "severity": finding.severity,
        "title": finding.title,
        "evidence": finding.evidence,
        "remedy": finding.remedy,
        "controls": finding.controls,
    })
}

fn shown(report: &Report, all: bool) -> impl Iterator<Item = &Finding> {
    report.findings.iter().filter(move |finding| all || finding.verdict != Verdict::Pass)
}

#[cfg(test)]
pub(crate) fn sample() -> Report {
    use crate::Evidence;
    use burgrave_model::{Safeguard, Severity};
    let finding = |id, verdict, severity, title: &str| Finding {
        id,
        safeguard: Safeguard::Services,
        verdict,
        severity,
        title: title.to_owned(),
        evidence: vec![Evidence::path(std::path::Path::new("/etc/a<b>\n\"c"), "line & text")],
        remedy: "do `this` & that",
        controls: &["CIS 1.1"],
    };
    Report {
        host: "h<1>".to_owned(),
        time: burgrave_sys::UnixTime(0),
        findings: vec![
            finding("ssh-root-login", Verdict::Fail, Severity::Critical, "a </script> fault"),
            finding("ssh-ciphers", Verdict::Fail, Severity::Low, "a small fault"),
            finding("ssh-macs", Verdict::Unknown, Severity::High, "could not look"),
            finding("ssh-idle", Verdict::Pass, Severity::Low, "in order"),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_are_shown_only_when_asked_for() {
        for (all, count) in [(false, 3), (true, 4)] {
            let value: Value = serde_json::from_str(&json(&sample(), all)).unwrap();
            assert_eq!(value["findings"].as_array().unwrap().len(), count);
            assert_eq!((&value["version"], &value["host"]), (&json!(1), &json!("h<1>")));
            let first = &value["findings"][0];
            for key in [
                "id",
                "safeguard",
                "verdict",
                "severity",
                "title",
                "evidence",
                "remedy",
                "controls",
            ] {
                assert!(!first[key].is_null(), "{key}");
            }
            assert_eq!(first["evidence"][0]["path"], "/etc/a<b>\\n\"c");
        }
    }
}
