//! log.

// Checks of this family.
pub(super) mod access_off;
pub(super) mod audit_open;
pub(super) mod auth_unlogged;
pub(super) mod clock;
pub(super) mod databases;
pub(super) mod discarded;
pub(super) mod error_off;
pub(super) mod file_mode;
pub(super) mod folder;
pub(super) mod history_off;
pub(super) mod journal_limits;
pub(super) mod journal_volatile;
pub(super) mod no_audit;
pub(super) mod no_remote;
pub(super) mod open_receiver;
pub(super) mod own_rotation;
pub(super) mod remote_in_clear;
pub(super) mod rotation;
pub(super) mod same_disk;
pub(super) mod secrets;
pub(super) mod service_output;
pub(super) mod world_readable;
pub(super) mod world_writable;
pub(super) mod writer_off;
// End of the checks.
