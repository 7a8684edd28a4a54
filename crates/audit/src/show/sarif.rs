//! A report as SARIF 2.1.0 (OASIS), for pipelines and code hosts.

use crate::{ALL, Finding, Report};
use burgrave_model::{Severity, Verdict};
use serde_json::{Value, json};

/// The report; what could not be seen is a notification of the run, not a result.
pub fn sarif(report: &Report, all: bool) -> String {
    let ids: Vec<&str> = ALL.iter().map(|check| check.id).collect();
    let rules: Vec<Value> = ALL
        .iter()
        .map(|check| {
            json!({
                "id": check.id,
                "shortDescription": { "text": check.title },
                "fullDescription": { "text": check.why },
                "help": { "text": check.remedy },
                "defaultConfiguration": { "level": level(check.severity) },
                "properties": { "tags": [check.safeguard.id()], "controls": check.controls },
            })
        })
        .collect();
    let shown = super::shown(report, all).filter(|finding| finding.verdict != Verdict::Unknown);
    let results: Vec<Value> = shown.map(|finding| result(finding, &ids)).collect();
    let unseen = report.findings.iter().filter(|finding| finding.verdict == Verdict::Unknown);
    let notes: Vec<Value> = unseen
        .map(|finding| json!({ "level": "warning", "message": { "text": finding.title }, "associatedRule": { "id": finding.id } }))
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "Burgrave", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "invocations": [{ "executionSuccessful": true, "toolExecutionNotifications": notes }],
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

fn result(finding: &Finding, ids: &[&str]) -> Value {
    let places: Vec<Value> = finding
        .evidence
        .iter()
        .filter_map(|evidence| {
            let path = evidence.path.as_ref()?;
            let mut place = json!({ "artifactLocation": { "uri": uri(path) } });
            if let (Some(line), Value::Object(map)) = (evidence.line, &mut place) {
                map.insert("region".to_owned(), json!({ "startLine": line }));
            }
            Some(json!({ "physicalLocation": place }))
        })
        .collect();
    let ground: Vec<String> = finding.evidence.iter().map(crate::Evidence::line).collect();
    let kind = if finding.verdict == Verdict::Pass { "pass" } else { "fail" };
    let level = if finding.verdict == Verdict::Pass { "none" } else { level(finding.severity) };
    json!({
        "ruleId": finding.id,
        "ruleIndex": ids.iter().position(|id| *id == finding.id),
        "kind": kind,
        "level": level,
        "message": { "text": format!("{}\n{}", finding.title, ground.join("\n")) },
        "locations": places,
        "properties": { "severity": finding.severity },
    })
}

/// A path as a reference of RFC 3986.
fn uri(path: &str) -> String {
    let mut out = String::from("file://");
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn results_name_their_rule_and_place() {
        let log: Value = serde_json::from_str(&sarif(&sample(), false)).unwrap();
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), ALL.len());
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), 2);
        let index = usize::try_from(results[0]["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], "ssh-root-login");
        assert_eq!(results[0]["level"], "error");
        assert_eq!(
            results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            "file:///etc/a%3Cb%3E%5Cn%22c"
        );
        assert_eq!(
            run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap().len(),
            1
        );
    }
}
