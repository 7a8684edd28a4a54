//! Runs the suites of others: `conformance [--dir DIR]`, of the given folder or of another one.

#![expect(clippy::print_stdout, reason = "a runner talks to a terminal")]

use anyhow::{Result, bail};
use burgrave_conformance::suites::{Folder, report};
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("conformance: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let given = burgrave_conformance::shared();
    let own = match words.as_slice() {
        [] => given.clone(),
        ["--dir", folder] => Some(PathBuf::from(folder)),
        _ => bail!("conformance [--dir DIR]"),
    };
    let Some(own) = own else {
        println!("the suites are not here: set BURGRAVE_SHARED to their folder");
        return Ok(true);
    };
    let folder = Folder { given: given.unwrap_or_else(|| own.clone()), own };
    report(&folder, &mut |line| println!("{line}"))
}
