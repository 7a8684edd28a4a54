//! The project's own tasks: `cargo xtask demo`, `test`, `bench`, `conformance`.
//!
//! Invariants: everything that a task needs is installed by name from Debian's packages, and only by
//! root; nothing outside loopback is ever contacted; every process that is started is stopped.

#![expect(clippy::disallowed_methods, reason = "tasks run programs and write files")]
#![expect(clippy::print_stdout, reason = "tasks talk to a terminal")]

mod bench;
mod crs;
mod demo;
mod edges;
mod process;
mod setup;
mod test;

use anyhow::{Result, bail};
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask demo [--once]        sample application behind Burgrave: attacks, proofs, addresses to open
cargo xtask test                 installs what is missing and runs everything
cargo xtask conformance [--dir DIR]   the suites of others, in process and over HTTP
cargo xtask bench [NAME]         each bench beside its rival: gateway [--rules], engine, detection, watch,
                                 ban, backup [GIGABYTES], small-files [COUNT], soak [SECONDS],
                                 worst [SECONDS], audit TREE FAULTS
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["demo"] => demo::run(demo::Stay::UntilStopped),
        ["demo", "--once"] => demo::run(demo::Stay::Once),
        ["test"] => test::run(),
        ["conformance"] => test::conformance(None),
        ["conformance", "--dir", folder] => test::conformance(Some(folder)),
        ["bench"] => bench::all(),
        ["bench", name, rest @ ..] => bench::one(name, rest),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => bail!("unknown task `{}`\n{USAGE}", words.join(" ")),
    }
}
