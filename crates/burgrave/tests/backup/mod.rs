//! `burgrave backup` as a user has it, with the real restic beside it, and with faults.

mod faults;
mod format;
mod identities;
mod kills;
mod recovery;
mod restores;
mod sources;
mod support;
mod targets;
