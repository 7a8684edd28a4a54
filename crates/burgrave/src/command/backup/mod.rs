//! `burgrave backup`: one file a group of commands, and how they show what came of it.

mod alerts;
mod keys;
mod look;
mod make;
mod schedule;
mod show;

use super::record::{brief, by, event, record};
use super::{Exit, raise};
use crate::cli::{Backup, BackupJob};
use crate::error::Error;
use crate::load;
use burgrave_backup::{BackupError, Job};
use burgrave_config::Settings;
use burgrave_ledger::Kind;
use burgrave_sys::Live;
use serde_json::{Map, Value};

/// Runs the command.
pub(super) fn dispatch(command: &Backup) -> Result<Exit, Error> {
    match command {
        Backup::Run { job } => make::run(job),
        Backup::List { job } => look::list(job),
        Backup::Find { job, pattern, snapshot } => look::find(job, pattern, snapshot.as_deref()),
        Backup::Diff { job, old, new } => look::diff(job, old, new),
        Backup::Restore { job, paths, to, in_place: _, snapshot, dry_run, time } => {
            let wanted = make::Restore { paths, to: to.as_deref(), snapshot, is_dry: *dry_run };
            make::restore(job, &wanted, time.as_deref())
        }
        Backup::Verify { job, share } => make::verify(job, share.as_deref()),
        Backup::Drill { job } => make::drill(job),
        Backup::Prune { job, dry_run, forget } => make::prune(job, *dry_run, forget),
        Backup::Key { job, new, add, remove } => {
            keys::key(job, *new, add.as_deref(), remove.as_deref())
        }
        Backup::RecoverySheet { job } => keys::recovery_sheet(job),
        Backup::Unlock { job } => keys::unlock(job),
        Backup::Schedule { config, child } => schedule::run(config, *child),
    }
}

/// An error with its chain in one line: it is shown as one.
impl From<BackupError> for Error {
    fn from(error: BackupError) -> Self {
        Self::Backup(error.told())
    }
}

fn settings(job: &BackupJob) -> Result<Settings, Error> {
    load::settings(&Live, &job.config)
}

/// Does it, and keeps a row of what came of it, also when it failed.
fn kept(
    arguments: &BackupJob,
    kind: Kind,
    act: impl FnOnce(&Job<'_>) -> Result<(Exit, Value), Error>,
) -> Result<Exit, Error> {
    let settings = settings(arguments)?;
    let job = Job::new(&settings, &arguments.name).map_err(Error::from);
    let done = job.and_then(|job| act(&job));
    let (outcome, mut detail) = match &done {
        Ok((Exit::Clean, answer)) => ("well", brief(answer)),
        Ok((Exit::Findings | Exit::Unproven, answer)) => ("findings", brief(answer)),
        Err(error) => ("failed", Map::from_iter([("why".to_owned(), error.to_string().into())])),
    };
    detail.insert("outcome".to_owned(), outcome.into());
    detail.insert("by".to_owned(), by());
    record(&settings.state, &[event(kind, arguments.name.as_str(), detail.into())]);
    raise::raise(&settings, &alerts::of(kind, &arguments.name, &done));
    Ok(done?.0)
}

fn with<T>(
    arguments: &BackupJob,
    act: impl FnOnce(&Job<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let settings = settings(arguments)?;
    let job = Job::new(&settings, &arguments.name)?;
    act(&job)
}
