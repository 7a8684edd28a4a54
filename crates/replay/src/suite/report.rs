//! What a run of test files showed.

use super::judge::{Outcome, TestResult};
use crate::show::cut;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Characters of a line.
const WIDTH: usize = 200;

/// Results of all files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// With the file of each.
    results: Vec<(String, TestResult)>,
}

impl Report {
    /// The results of one file.
    pub fn add(&mut self, file: &str, results: Vec<TestResult>) {
        self.results.extend(results.into_iter().map(|result| (file.to_owned(), result)));
    }

    fn count(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        let [passed, failed, skipped] = &mut counts;
        for (_, result) in &self.results {
            match result.outcome {
                Outcome::Passed => *passed += 1,
                Outcome::Failed(_) => *failed += 1,
                Outcome::Skipped(_) => *skipped += 1,
            }
        }
        counts
    }

    /// Of all: failed where one did, passed where at least one did and none failed.
    pub fn outcome(&self) -> Outcome {
        let [passed, failed, _] = self.count();
        if failed > 0 {
            Outcome::Failed(Vec::new())
        } else if passed > 0 {
            Outcome::Passed
        } else {
            Outcome::Skipped("nothing could be said".to_owned())
        }
    }

    /// For a terminal: what failed, how many were skipped for which reason, and the sums in the last line.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut skipped: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (file, result) in &self.results {
            match &result.outcome {
                Outcome::Passed => {}
                Outcome::Skipped(why) => skipped.entry(why).or_default().push(&result.name),
                Outcome::Failed(lines) => {
                    let title = format!("FAILED {}  {}", result.name, result.about);
                    out.push_str(&format!(
                        "{}\n  {file}\n",
                        cut(title.trim_end().as_bytes(), WIDTH)
                    ));
                    for line in lines {
                        out.push_str(&format!("  {}\n", cut(line.as_bytes(), WIDTH)));
                    }
                }
            }
        }
        for (why, names) in skipped {
            let first = cut(names.first().unwrap_or(&"").as_bytes(), WIDTH);
            let more = if names.len() > 1 { ", …" } else { "" };
            out.push_str(&format!(
                "skipped {}: {} ({first}{more})\n",
                names.len(),
                cut(why.as_bytes(), WIDTH)
            ));
        }
        let [passed, failed, skipped] = self.count();
        out.push_str(&format!("{passed} passed, {failed} failed"));
        if skipped > 0 {
            out.push_str(&format!(", {skipped} skipped"));
        }
        out + "\n"
    }

    /// For a program.
    pub fn json(&self) -> Value {
        let results = self.results.iter().map(|(file, result)| {
            let (word, lines) = match &result.outcome {
                Outcome::Passed => ("passed", Vec::new()),
                Outcome::Failed(lines) => ("failed", lines.clone()),
                Outcome::Skipped(why) => ("skipped", vec![why.clone()]),
            };
            json!({ "file": file, "test": result.name, "outcome": word, "why": lines })
        });
        let [passed, failed, skipped] = self.count();
        json!({
            "version": 1,
            "tests": results.collect::<Vec<_>>(),
            "passed": passed,
            "failed": failed,
            "skipped": skipped,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcomes: &[Outcome]) -> Report {
        let mut report = Report::default();
        for outcome in outcomes {
            let (name, about) = ("1-1".to_owned(), "x".to_owned());
            report.add("a.yaml", vec![TestResult { name, about, outcome: outcome.clone() }]);
        }
        report
    }

    #[test]
    fn failures_and_skips_are_told_and_counted() {
        let skip = |why: &str| Outcome::Skipped(why.to_owned());
        let failed = Outcome::Failed(vec!["expected \u{1b}[2J".to_owned()]);
        let report = report(&[Outcome::Passed, failed, skip("a"), skip("a"), skip("b")]);
        assert_eq!(
            report.text(),
            "FAILED 1-1  x\n  a.yaml\n  expected \\x1b[2J\nskipped 2: a (1-1, …)\nskipped 1: b (1-1)\n1 passed, 1 failed, 3 skipped\n"
        );
        assert_eq!(report.json()["skipped"], 3);
    }

    #[test]
    fn nothing_said_is_not_passed() {
        let skipped = Outcome::Skipped(String::new());
        assert_eq!(report(&[Outcome::Passed, skipped.clone()]).outcome(), Outcome::Passed);
        assert!(matches!(report(&[skipped]).outcome(), Outcome::Skipped(_)));
        assert!(matches!(report(&[]).outcome(), Outcome::Skipped(_)));
        let failed = report(&[Outcome::Passed, Outcome::Failed(Vec::new())]);
        assert!(matches!(failed.outcome(), Outcome::Failed(_)));
        assert_eq!(report(&[Outcome::Passed]).text(), "1 passed, 0 failed\n");
    }
}
