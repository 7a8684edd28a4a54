//! The built program as its users and its attackers meet it. One test program, so that what all of it needs is built and
//! linked once, and so that tests that wait do so beside others.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unnecessary_debug_formatting,
    unreachable_pub,
    reason = "tests"
)]

mod acme;
mod advisories;
mod alerts;
mod attacks;
mod audit;
mod audits;
mod backup;
mod bad_input;
mod baseline;
mod block_lists;
mod change;
mod databases;
mod firewall;
mod http3;
mod init;
mod init_php;
mod ledger;
mod operation;
mod rpm;
mod rules;
mod scanners;
mod shipping;
mod supervision;
mod support;
