//! Test files in the form of go-ftw, run in process without a server.
//!
//! The form is the public schema of <https://github.com/coreruleset/go-ftw>, its versions 1 and 2, as YAML or
//! JSON. A test has one of three answers: what needs a real server is *skipped* with its reason, never
//! passed; an unknown key is an error of its file.

mod file;
mod judge;
mod report;

pub use file::{Suite, SuiteError};
pub use judge::{Outcome, TestResult};
pub use report::Report;

use crate::run::Circumstances;
use burgrave_seclang::RuleSet;
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes of a test file.
pub const SUITE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Runs every test of a file.
pub fn run(rules: &Arc<RuleSet>, suite: &Suite, circumstances: &Circumstances) -> Vec<TestResult> {
    let phases: HashMap<u32, u8> =
        rules.facts().iter().map(|facts| (facts.id, facts.phase)).collect();
    let judge = judge::Judge { rules, circumstances, phases: &phases };
    suite.tests.iter().map(|test| judge.test(test)).collect()
}
