//! What is no part of the file system as it is: streams of programs, and databases that have to be asked.
//!
//! Invariant: there is a snapshot only of what came to its end; a program that fails leaves none.

mod cluster;
pub(crate) mod mysql;
mod postgresql;
mod program;
mod recover;
pub(crate) mod redis;
mod server;
mod sqlite;

use crate::archive::{Part, Seen};
use crate::error::BackupError;
use crate::repository::Repository;
use crate::run::{Labels, Report, What, run};
use burgrave_config::BackupSource;
pub(crate) use cluster::{Cluster, DATABASE};
pub(crate) use program::{failure, find, hook, output};
pub(crate) use recover::{BASE, BASE_TAG, WAL, recover};
use std::path::Path;
use std::sync::Arc;

/// What all sources need.
pub(crate) struct Errand<'a> {
    /// A directory of the job's own, for copies on the way.
    pub(crate) work: &'a Path,
    pub(crate) repository: &'a Arc<Repository>,
    pub(crate) labels: Labels,
    pub(crate) progress: &'a mut dyn FnMut(&Seen),
}

/// Backs up a source that is no path.
pub(crate) fn back_up(source: &BackupSource, errand: Errand<'_>) -> Result<Report, BackupError> {
    match source {
        BackupSource::Command { command, file } => stream(command, &[], file, errand),
        BackupSource::Sqlite(path) => sqlite::back_up(path, errand),
        BackupSource::Postgresql(database) if database.name.is_empty() => {
            postgresql::back_up_cluster(database, errand)
        }
        BackupSource::Postgresql(database) => {
            let command = postgresql::dump(database)?;
            stream(&command, &[], &format!("{}.dump", file_name(&database.name)), errand)
        }
        BackupSource::Mysql(database) => {
            let command = mysql::dump(database)?;
            stream(&command, &[], &format!("{}.sql", file_name(&database.name)), errand)
        }
        BackupSource::Redis(server) => {
            let (command, variables) = redis::dump(server)?;
            let variables: Vec<(&str, &str)> =
                variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
            stream(&command, &variables, redis::FILE, errand)
        }
        BackupSource::Paths { .. } => {
            Err(BackupError::Refused("paths are read by themselves".to_owned()))
        }
    }
}

/// A database's name as a file's.
pub(crate) fn file_name(database: &str) -> String {
    database.replace(['/', '\0'], "_")
}

/// Backs up what a program writes, as one file.
fn stream(
    command: &[String],
    variables: &[(&str, &str)],
    file: &str,
    mut errand: Errand<'_>,
) -> Result<Report, BackupError> {
    errand.labels.paths = vec![format!("/{file}")];
    let mut running = program::Running::start(command, variables)?;
    let mut output = running.output()?;
    let mut finish = || running.finish();
    let part = Part::Stream { name: file.to_owned(), input: &mut output, finish: &mut finish };
    run(errand.repository, &errand.labels, What::Parts(vec![part]), errand.progress)
}
