//! The CRS tests through the gateway.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use burgrave_conformance::suites::{self, Folder};

#[test]
fn crs_regression_tests_over_http() {
    let Some(shared) = burgrave_conformance::shared() else {
        return println!("crs over http: the suites are not here");
    };
    let folder = Folder { own: shared.clone(), given: shared };
    let outcome = suites::crs_over_http(&folder).unwrap().unwrap();
    println!("{}, {} exceptions", outcome.summary(), outcome.exceptions.len());
    let problems = outcome.exceptions.problems(&outcome.tally, &|_| true);
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
