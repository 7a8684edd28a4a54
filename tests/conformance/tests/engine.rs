//! The suites in process.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "tests")]

use burgrave_conformance::crs::{self, Seen};
use burgrave_conformance::exceptions::Exceptions;
use burgrave_conformance::{Tally, engine, regression, rules, shared, vectors};
use burgrave_model::Mode;
use burgrave_seclang::{Options, Record};
use std::sync::Arc;

fn seen(record: &Record) -> Seen {
    let line = |found: &burgrave_seclang::MatchedRule| {
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

fn report(suite: &str, tally: &Tally, exceptions: &str) {
    let exceptions = Exceptions::parse(exceptions);
    println!(
        "{suite}: {} of {} cases as expected ({:.2} %), {} exceptions",
        tally.passed,
        tally.total(),
        tally.percent(),
        exceptions.len()
    );
    let problems = exceptions.problems(tally, &|_| true);
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn crs_regression_tests() {
    let Some(shared) = shared() else {
        println!("crs: the suites are not here; nothing ran");
        return;
    };
    let scratch = tempfile::tempdir().unwrap();
    let include = rules::includes(
        &shared.join("crs"),
        scratch.path(),
        &[rules::LIMITS, rules::TEST_SETTINGS],
    )
    .unwrap();
    let rules = Arc::new(rules::compile(&include, Options::default()).unwrap());
    let mut tally = Tally::default();
    for file in crs::load(&shared.join("crs/tests")).unwrap() {
        for test in &file.tests {
            let mut result = Ok(());
            for stage in &test.stages {
                let Some(request) = stage.input.request().unwrap() else { continue };
                let record = engine::run(&rules, &request, Mode::Detect);
                result = result.and_then(|()| stage.output.check(&seen(&record), false));
            }
            tally.case(format!("{}-{}", file.rule_id, test.test_id), result);
        }
    }
    report("crs, in process", &tally, include_str!("../exceptions/crs-engine.txt"));
}

#[test]
fn transformation_vectors() {
    let Some(shared) = shared() else {
        return println!("transformations: the suites are not here");
    };
    let tally = vectors::run(&shared.join("seclang/transformations")).unwrap();
    report("transformations", &tally, include_str!("../exceptions/transformations.txt"));
}

#[test]
fn operator_vectors() {
    let Some(shared) = shared() else { return println!("operators: the suites are not here") };
    let tally = vectors::run(&shared.join("seclang/operators")).unwrap();
    report("operators", &tally, include_str!("../exceptions/operators.txt"));
}

#[test]
fn regression_cases() {
    let Some(shared) = shared() else { return println!("regression: the cases are not here") };
    let folder = shared.join("seclang");
    let outcome = regression::run(&folder.join("regression"), &folder.join("data")).unwrap();
    println!("regression: {} cases are refused at load as they should be", outcome.refused);
    report("regression", &outcome.tally, include_str!("../exceptions/regression.txt"));
}

#[test]
fn differential_requests() {
    let Some(shared) = shared() else { return println!("differential: the requests are not here") };
    let scratch = tempfile::tempdir().unwrap();
    let include = rules::includes(&shared.join("crs"), scratch.path(), &[rules::LIMITS]).unwrap();
    let rules = Arc::new(rules::compile(&include, Options::default()).unwrap());
    let file = shared.join("data/differential/requests.ndjson");
    let tally = burgrave_conformance::differential::run(&file, &rules).unwrap();
    report("differential", &tally, include_str!("../exceptions/differential.txt"));
}

/// The interpreter alone is the judge: with the first stage in front of it every record is the same.
#[test]
fn the_first_stage_changes_no_record() {
    let Some(shared) = shared() else { return println!("first stage: the suites are not here") };
    let scratch = tempfile::tempdir().unwrap();
    let include = rules::includes(
        &shared.join("crs"),
        scratch.path(),
        &[rules::LIMITS, rules::TEST_SETTINGS],
    )
    .unwrap();
    let compile = |plain| {
        Arc::new(rules::compile(&include, Options { plain, ..Options::default() }).unwrap())
    };
    let (staged, plain) = (compile(false), compile(true));
    let mut compared = 0;
    let files = crs::load(&shared.join("crs/tests")).unwrap();
    for stage in files.iter().flat_map(|file| &file.tests).flat_map(|test| &test.stages) {
        let Some(request) = stage.input.request().unwrap() else { continue };
        let [left, right] =
            [&staged, &plain].map(|rules| engine::run(rules, &request, Mode::Detect));
        assert_eq!(left, right, "{:?}", bstr::BStr::new(&request.target));
        compared += 1;
    }
    println!("first stage: {compared} requests, the same records with and without");
}
