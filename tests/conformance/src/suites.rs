//! All suites of a folder, one after the other, and what is to be said of them.
//!
//! The folder is laid out as the given one is: `crs/tests` (with `crs/rules`, or else the given rules),
//! `seclang/{operators,transformations,regression,data}`, and `differential/requests.ndjson` or
//! `data/differential/requests.ndjson`. What it has not is left out. Of the given folder's cases those that
//! are not as expected stand in lists with a reason; another folder's count as what they are.

use crate::crs::{self, Seen};
use crate::exceptions::Exceptions;
use crate::{Tally, differential, engine, http, regression, rules, vectors};
use anyhow::Result;
use burgrave_model::Mode;
use burgrave_seclang::{MatchedRule, Options, Record};
use std::path::PathBuf;
use std::sync::Arc;

/// The outcome of one suite.
#[derive(Debug)]
pub struct Outcome {
    /// For people.
    pub name: &'static str,
    /// Its cases.
    pub tally: Tally,
    /// Cases beside those that passed for another reason, with the reason.
    pub beside: Option<(usize, &'static str)>,
    /// Those of the given folder that are not as expected.
    pub exceptions: Exceptions,
}

impl Outcome {
    /// Cases that are as expected.
    pub fn passed(&self) -> usize {
        self.tally.passed + self.refused()
    }

    fn refused(&self) -> usize {
        self.beside.filter(|(_, what)| *what == REFUSED).map_or(0, |(count, _)| count)
    }

    /// One line.
    pub fn summary(&self) -> String {
        let beside = self.beside.map(|(count, what)| format!("; {count} {what}"));
        format!(
            "{}: {} of {} cases as expected ({:.2} %){}",
            self.name,
            self.tally.passed,
            self.tally.total(),
            self.tally.percent(),
            beside.unwrap_or_default()
        )
    }
}

const REFUSED: &str = "more need what is refused, and are refused at load for that reason";
const EARLY: &str = "requests were refused before any rule";

/// Where the suites are.
#[derive(Clone, Debug)]
pub struct Folder {
    /// The folder itself.
    pub own: PathBuf,
    /// The given one, for what the folder has not.
    pub given: PathBuf,
}

impl Folder {
    fn seclang(&self, name: &str) -> Option<PathBuf> {
        Some(self.own.join("seclang").join(name)).filter(|folder| folder.is_dir())
    }

    fn crs_tests(&self) -> Option<PathBuf> {
        Some(self.own.join("crs/tests")).filter(|folder| folder.is_dir())
    }

    /// The rule set that the tests are about.
    pub fn crs(&self) -> PathBuf {
        let own = self.own.join("crs");
        let whole = own.join("rules").is_dir() && own.join("crs-setup.conf.example").is_file();
        if whole { own } else { self.given.join("crs") }
    }

    fn requests(&self) -> Option<PathBuf> {
        let names = ["differential/requests.ndjson", "data/differential/requests.ndjson"];
        names.iter().map(|name| self.own.join(name)).find(|path| path.is_file())
    }
}

/// The suites of this name; each `None` where the folder has it not.
pub type Suite = fn(&Folder) -> Result<Option<Outcome>>;

/// Every suite.
pub static ALL: &[Suite] = &[
    crs_in_process,
    transformations,
    operators,
    regressions,
    differential_requests,
    crs_over_http,
];

/// The CRS project's tests, without a network.
pub fn crs_in_process(folder: &Folder) -> Result<Option<Outcome>> {
    let Some(tests) = folder.crs_tests() else { return Ok(None) };
    let rules = compile(folder, &[rules::LIMITS, rules::TEST_SETTINGS], Options::default())?;
    let mut tally = Tally::default();
    for file in crs::load(&tests)? {
        for test in &file.tests {
            let mut result = Ok(());
            for stage in &test.stages {
                let Some(request) = stage.input.request()? else { continue };
                let record = engine::run(&rules, &request, Mode::Detect);
                result = result.and_then(|()| stage.output.check(&seen(&record), false));
            }
            tally.case(format!("{}-{}", file.rule_id, test.test_id), result);
        }
    }
    let list = include_str!("../exceptions/crs-engine.txt");
    Ok(Some(outcome("crs, in process", tally, list)))
}

/// The same through the gateway.
pub fn crs_over_http(folder: &Folder) -> Result<Option<Outcome>> {
    let Some(tests) = folder.crs_tests() else { return Ok(None) };
    let (tally, refused) = http::run(&folder.crs(), &tests)?;
    let list = include_str!("../exceptions/crs-http.txt");
    Ok(Some(Outcome { beside: Some((refused, EARLY)), ..outcome("crs, over http", tally, list) }))
}

/// `ModSecurity`'s vectors for transformations.
pub fn transformations(folder: &Folder) -> Result<Option<Outcome>> {
    let Some(vectors) = folder.seclang("transformations") else { return Ok(None) };
    let tally = vectors::run(&vectors, &folder.given.join("seclang/transformations"))?;
    let list = include_str!("../exceptions/transformations.txt");
    Ok(Some(outcome("transformations", tally, list)))
}

/// `ModSecurity`'s vectors for operators.
pub fn operators(folder: &Folder) -> Result<Option<Outcome>> {
    let Some(vectors) = folder.seclang("operators") else { return Ok(None) };
    let tally = vectors::run(&vectors, &folder.given.join("seclang/operators"))?;
    let list = include_str!("../exceptions/operators.txt");
    Ok(Some(outcome("operators", tally, list)))
}

/// `ModSecurity`'s regression cases.
pub fn regressions(folder: &Folder) -> Result<Option<Outcome>> {
    let Some(cases) = folder.seclang("regression") else { return Ok(None) };
    let [own, given] = [&folder.own, &folder.given].map(|folder| folder.join("seclang/data"));
    let regression::Outcome { tally, refused } = regression::run(&cases, [&own, &given])?;
    let list = include_str!("../exceptions/regression.txt");
    Ok(Some(Outcome { beside: Some((refused, REFUSED)), ..outcome("regression", tally, list) }))
}

/// Odd requests.
pub fn differential_requests(folder: &Folder) -> Result<Option<Outcome>> {
    let Some(requests) = folder.requests() else { return Ok(None) };
    let rules = compile(folder, &[rules::LIMITS], Options::default())?;
    let tally = differential::run(&requests, &rules)?;
    let list = include_str!("../exceptions/differential.txt");
    Ok(Some(outcome("differential", tally, list)))
}

/// The rule set as the CRS tests want it.
pub fn compile(
    folder: &Folder,
    settings: &[&str],
    options: Options,
) -> Result<Arc<burgrave_seclang::RuleSet>> {
    let scratch = tempfile::tempdir()?;
    let include = rules::includes(&folder.crs(), scratch.path(), settings)?;
    Ok(Arc::new(rules::compile(&include, options)?))
}

fn outcome(name: &'static str, tally: Tally, list: &str) -> Outcome {
    Outcome { name, tally, beside: None, exceptions: Exceptions::parse(list) }
}

fn seen(record: &Record) -> Seen {
    let line = |found: &MatchedRule| {
        format!(
            "[id \"{}\"] [msg \"{}\"] [data \"{}\"]\n",
            found.id,
            found.message.escape_ascii(),
            found.data.escape_ascii()
        )
    };
    Seen {
        status: None,
        ids: record.matches.iter().map(|found| found.id).collect(),
        text: record.matches.iter().map(line).collect(),
        refused: false,
    }
}

/// Prints what is to be said of a folder's suites; whether none failed.
pub fn report(folder: &Folder, say: &mut dyn FnMut(&str)) -> Result<bool> {
    let is_given = folder.own.canonicalize()? == folder.given.canonicalize()?;
    let (mut ran, mut passed, mut failed, mut excepted) = (0, 0, 0, 0);
    for suite in ALL {
        let outcome = match suite(folder) {
            Ok(Some(outcome)) => outcome,
            Ok(None) => continue,
            Err(error) => {
                say(&format!(
                    "  failed: a suite that cannot be read: {}",
                    one_line(&format!("{error:#}"))
                ));
                ran += 1;
                failed += 1;
                continue;
            }
        };
        say(&outcome.summary());
        let problems = if is_given {
            excepted += outcome.exceptions.len();
            outcome.exceptions.problems(&outcome.tally, &|_| true)
        } else {
            let line = |(name, saw): &(String, String)| format!("{name}: {}", one_line(saw));
            outcome.tally.failed.iter().map(line).collect()
        };
        for problem in &problems {
            say(&format!("  failed: {} {problem}", outcome.name));
        }
        ran += 1;
        passed += outcome.passed();
        failed += problems.len();
    }
    anyhow::ensure!(ran > 0, "{} holds no suite", folder.own.display());
    if is_given {
        say(&format!(
            "{excepted} are excepted, each with its reason in tests/conformance/exceptions"
        ));
    }
    say(&format!("{passed} passed, {failed} failed"));
    Ok(failed == 0)
}

fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.chars().take(400).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two vectors of which one fails: another folder has no exceptions.
    #[test]
    fn another_folder_counts_as_it_is() {
        let own = tempfile::tempdir().unwrap();
        let folder = own.path().join("seclang/transformations");
        std::fs::create_dir_all(&folder).unwrap();
        let vectors = r#"[{"type":"tfn","name":"lowercase","input":"A","output":"a","ret":1},
            {"type":"tfn","name":"lowercase","input":"A","output":"A","ret":1}]"#;
        std::fs::write(folder.join("lowercase.json"), vectors).unwrap();
        let given = tempfile::tempdir().unwrap();
        let folder = Folder { own: own.path().to_owned(), given: given.path().to_owned() };
        let mut lines = Vec::new();
        assert!(!report(&folder, &mut |line| lines.push(line.to_owned())).unwrap());
        assert_eq!(lines.last().unwrap(), "1 passed, 1 failed");
        assert!(
            lines.iter().any(|line| line.contains("lowercase/2: \"A\" gave \"a\"")),
            "{lines:?}"
        );
        let empty = Folder { own: given.path().to_owned(), given: own.path().to_owned() };
        assert!(report(&empty, &mut |_| ()).is_err(), "a folder without a suite is a mistake");
    }
}
