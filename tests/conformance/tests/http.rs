//! The CRS tests through the gateway.
#![allow(clippy::unwrap_used, reason = "tests")]

use burgrave_conformance::say;
use burgrave_conformance::suites::{self, Folder};

#[test]
fn crs_regression_tests_over_http() {
    let Some(shared) = burgrave_conformance::shared() else {
        return say("crs over http: the suites are not here").unwrap();
    };
    let folder = Folder { own: shared.clone(), given: shared };
    let outcome = suites::crs_over_http(&folder).unwrap().unwrap();
    say(&format!("{}, {} exceptions", outcome.summary(), outcome.exceptions.len())).unwrap();
    let problems = outcome.exceptions.problems(&outcome.tally, &|_| true);
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
