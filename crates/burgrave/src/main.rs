//! The `burgrave` program: command line in front, composition behind.
//!
//! Invariants: holds no logic of its own. Exit 0 is clean, 1 is findings or a proof that fell, 2 is
//! "could not run". Errors are printed here, once, with their whole chain.

mod cli;
mod command;
mod error;
mod event;
mod load;
mod output;

use clap::Parser as _;
use std::process::ExitCode;

/// One allocator for the whole program; the gateway's event loops allocate without a lock.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    match command::dispatch(&arguments) {
        Ok(outcome) => ExitCode::from(outcome.code()),
        Err(error) => {
            output::error(&error);
            ExitCode::from(2)
        }
    }
}
