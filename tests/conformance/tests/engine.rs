//! The suites in process.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "tests")]

use burgrave_conformance::suites::{self, Folder, Suite};
use burgrave_conformance::{crs, engine, rules, shared};
use burgrave_model::Mode;
use burgrave_seclang::Options;

fn check(name: &str, suite: Suite) {
    let Some(shared) = shared() else { return println!("{name}: the suites are not here") };
    let folder = Folder { own: shared.clone(), given: shared };
    let outcome = suite(&folder).unwrap().unwrap();
    println!("{}, {} exceptions", outcome.summary(), outcome.exceptions.len());
    let problems = outcome.exceptions.problems(&outcome.tally, &|_| true);
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn crs_regression_tests() {
    check("crs", suites::crs_in_process);
}

#[test]
fn transformation_vectors() {
    check("transformations", suites::transformations);
}

#[test]
fn operator_vectors() {
    check("operators", suites::operators);
}

#[test]
fn regression_cases() {
    check("regression", suites::regressions);
}

#[test]
fn differential_requests() {
    check("differential", suites::differential_requests);
}

/// The interpreter alone is the judge: with the first stage in front of it every record is the same.
#[test]
fn the_first_stage_changes_no_record() {
    let Some(shared) = shared() else { return println!("first stage: the suites are not here") };
    let folder = Folder { own: shared.clone(), given: shared.clone() };
    let compile = |plain| {
        let options = Options { plain, ..Options::default() };
        suites::compile(&folder, &[rules::LIMITS, rules::TEST_SETTINGS], options).unwrap()
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
