//! `burgrave backup` as a user has it, with the real restic beside it, and with faults.
#![allow(
    clippy::disallowed_methods,
    clippy::unnecessary_debug_formatting,
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the tests play the user, and the disk that fails"
)]

mod faults;
mod format;
mod identities;
mod kills;
#[path = "../support/ports.rs"]
mod ports;
#[path = "../support/postgresql.rs"]
mod postgresql;
mod recovery;
mod restores;
mod sources;
mod support;
mod targets;
