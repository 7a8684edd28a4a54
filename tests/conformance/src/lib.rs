//! Suites written by others, run on Burgrave: the OWASP CRS's own regression tests, `ModSecurity`'s
//! operator and transformation vectors and engine regressions.
//!
//! The suites are data that stand outside the repository, in the folder that `BURGRAVE_SHARED` names
//! (default `../shared`). Without them every runner says so and passes; with them it prints how many
//! cases ran. A case that is not as expected must stand in a list of exceptions with a reason, and a
//! case that stands there and is as expected fails the run.

#![expect(clippy::disallowed_methods, reason = "a test runner reads its suites from disk")]

pub mod crs;
pub mod detection;
pub mod differential;
pub mod engine;
pub mod exceptions;
pub mod http;
pub mod message;
pub mod regression;
pub mod rules;
pub mod suites;
pub mod upstream;
pub mod vectors;
pub mod workload;
pub mod worst;

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The folder with the suites, if it is there.
pub fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("BURGRAVE_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    folder.is_dir().then_some(folder)
}

/// Says how many cases ran: at once where output is shown, and as a line more of the file that `BURGRAVE_COUNTS` names,
/// which `cargo xtask test` shows at its end.
#[expect(clippy::print_stdout, reason = "it is what a test says")]
pub fn say(line: &str) -> std::io::Result<()> {
    println!("{line}");
    let Some(path) = std::env::var_os("BURGRAVE_COUNTS") else { return Ok(()) };
    // In one write, as tests run beside one another.
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())
}

/// The JSON files of a folder, sorted.
fn json_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths: Vec<_> =
        std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|kind| kind == "json"));
    paths.sort();
    Ok(paths)
}

/// The outcome of a suite: what failed, by name, with what was seen.
#[derive(Debug, Default)]
pub struct Tally {
    /// As expected.
    pub passed: usize,
    /// Not as expected: the case's name and what was seen.
    pub failed: Vec<(String, String)>,
}

impl Tally {
    /// Counts a case.
    pub fn case(&mut self, name: impl Into<String>, result: Result<(), String>) {
        match result {
            Ok(()) => self.passed += 1,
            Err(saw) => self.failed.push((name.into(), saw)),
        }
    }

    /// Cases in all.
    pub fn total(&self) -> usize {
        self.passed + self.failed.len()
    }

    /// Share of cases that are as expected, in percent.
    pub fn percent(&self) -> f64 {
        let count = |number: usize| u32::try_from(number).map_or(f64::MAX, f64::from);
        if self.total() == 0 { 0.0 } else { 100.0 * count(self.passed) / count(self.total()) }
    }
}
