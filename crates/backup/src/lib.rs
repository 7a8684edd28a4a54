//! Backups: jobs, sources, the repository, retention and drills.
//!
//! The repository is restic's format (its design document, `doc/design.rst`), so that restic and rustic read and
//! write it too. The reader and writer are our own over `aes`, `ctr`, `poly1305`, `scrypt`, `sha2` and `zstd`, and
//! not `rustic_core`: that brings 116 crates more, was slow in the first backup and took more than a gigabyte for a restore in
//! the measurements that this crate began from, and decides by itself when an index is written, what
//! counts as interrupted and where a restored file goes. Those are what a backup is judged by.
//!
//! Invariants: a snapshot is written last, when everything that it names outlives a crash; nothing is read back whose
//! digest is not right; nothing is removed but by a job that may (`keep` without `identity`, or the keeper).

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make the files they look at"))]

mod accounts;
mod archive;
mod assault;
mod browse;
mod checks;
mod chunker;
mod compress;
mod crypto;
mod drill;
mod error;
mod exclude;
mod id;
mod index;
mod job;
mod job_keys;
mod keyfile;
mod lock;
mod meter;
mod pack;
mod pipeline;
mod prune;
mod repository;
mod restore;
mod retention;
mod run;
mod save;
mod schedule;
mod sheet;
mod snapshot;
mod source;
mod state;
mod target;
mod time;
mod tree;
mod verify;
mod walk;

pub use archive::Seen;
pub use browse::{Change, Found};
pub use checks::Checked;
pub use drill::{Drilled, Recovered};
pub use error::BackupError;
pub use id::Id;
pub use job::{Job, Ran};
pub use keyfile::Password;
pub use prune::Pruned;
pub use repository::Repository;
pub use restore::{Restored, Sample, Wanted};
pub use retention::Decision;
pub use run::Report;
pub use save::Stored;
pub use schedule::{Due, Errand, due, overdue};
pub use sheet::sheet;
pub use snapshot::{Snapshot, SnapshotFile, Snapshots, Summary, choose};
pub use state::{Size, State, Task};
pub use verify::{Share, Verified};

/// This machine's name, as it stands in snapshots and locks.
pub(crate) fn host() -> String {
    let name = burgrave_sys::host_name();
    name.utf8_chunks().map(|chunk| chunk.valid().to_owned()).collect()
}
