//! `burgrave backup` as a user has it, with the real restic beside it, and with faults.
#![allow(clippy::disallowed_methods, reason = "the tests play the user, and the disk that fails")]

mod faults;
mod format;
mod identities;
mod kills;
mod restores;
mod sources;
mod support;
mod targets;
