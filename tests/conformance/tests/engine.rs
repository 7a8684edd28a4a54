//! The suites in process.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use burgrave_conformance::suites::{self, Folder, Suite};
use burgrave_conformance::{crs, engine, rules, say, shared};
use burgrave_model::Mode;
use burgrave_seclang::Options;

fn check(name: &str, suite: Suite) {
    let Some(shared) = shared() else {
        return say(&format!("{name}: the suites are not here")).unwrap();
    };
    let folder = Folder { own: shared.clone(), given: shared };
    let outcome = suite(&folder).unwrap().unwrap();
    say(&format!("{}, {} exceptions", outcome.summary(), outcome.exceptions.len())).unwrap();
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

/// The interpreter alone is the judge: with the first stage in front of it every record is the same, also when it
/// remembers what was said of the strings of earlier requests.
#[test]
fn the_first_stage_changes_no_record() {
    let Some(shared) = shared() else {
        return say("first stage: the suites are not here").unwrap();
    };
    let folder = Folder { own: shared.clone(), given: shared.clone() };
    let compile = |plain| {
        let options = Options { plain, ..Options::default() };
        suites::compile(&folder, &[rules::LIMITS, rules::TEST_SETTINGS], options).unwrap()
    };
    let (staged, plain) = (compile(false), compile(true));
    let files = crs::load(&shared.join("crs/tests")).unwrap();
    let all = files.iter().flat_map(|file| &file.tests).flat_map(|test| &test.stages);
    let requests: Vec<_> =
        all.filter_map(|stage| stage.input.request().transpose()).map(Result::unwrap).collect();
    let alone: Vec<_> =
        requests.iter().map(|request| engine::run(&plain, request, Mode::Detect)).collect();
    for (request, alone) in requests.iter().zip(&alone) {
        for time in ["first", "second"] {
            let found = engine::run(&staged, request, Mode::Detect);
            assert_eq!(&found, alone, "{time}: {:?}", bstr::BStr::new(&request.target));
        }
    }
    say(&format!("first stage: {} requests, the same records with and without", requests.len()))
        .unwrap();
}
