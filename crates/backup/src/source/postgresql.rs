//! `PostgreSQL`: a database by `pg_dump`, a whole cluster by `pg_basebackup` with the WAL that its server archives.
//!
//! A base backup is made when there is none, or the last one is a day old; every other run takes the WAL alone, after
//! the server was told to finish the segment that it writes and has archived it. So a run a minute costs little, and
//! what was committed before a run can be restored from it.

use super::program::{Running, as_account, find_postgresql, output};
use super::recover::{BASE, BASE_TAG, WAL};
use super::{Errand, find};
use crate::archive::Part;
use crate::compress::Zstd;
use crate::error::BackupError;
use crate::exclude::Exclude;
use crate::pack::BlobKind;
use crate::repository::Repository;
use crate::run::{Look, Report, What, look_over, parent, run};
use crate::snapshot::Snapshot;
use crate::time::parse_time;
use burgrave_config::Database;
use burgrave_sys::{Live, System as _};
use std::time::{Duration, Instant};

/// A base backup is made again after so long.
const BASE_AGE_SECS: i64 = 86_400;
/// How long the server may take to archive a segment.
const ARCHIVE_TIME: Duration = Duration::from_mins(2);
const QUERY_TIME: Duration = Duration::from_mins(1);

/// A program of `PostgreSQL` as its account, with where the server is.
fn command(program: &str, database: &Database) -> Result<Vec<String>, BackupError> {
    let mut command = as_account("postgres")?;
    command.push(find_postgresql(program)?.display().to_string());
    if let Some(host) = &database.host {
        command.push(format!("--host={host}"));
    }
    command.push(format!("--username={}", database.user.as_deref().unwrap_or("postgres")));
    command.push("--no-password".to_owned());
    Ok(command)
}

/// The dump of a database, not compressed: the repository does that, and finds what is the same.
pub(super) fn dump(database: &Database) -> Result<Vec<String>, BackupError> {
    let mut command = command("pg_dump", database)?;
    let name = format!("--dbname={}", database.name);
    command.extend(["--format=custom", "--compress=0", &name].map(str::to_owned));
    Ok(command)
}

/// A base backup, or what was archived since.
pub(super) fn back_up_cluster(
    database: &Database,
    mut errand: Errand<'_>,
) -> Result<Report, BackupError> {
    // The one before is asked for its base backup; the index is read again when the backup begins.
    look_over(errand.repository, &errand.labels.bad, Look::Only)?;
    let (snapshots, _) = crate::snapshot::all(errand.repository)?;
    let before = parent(&snapshots, &errand.labels.job);
    let old = before.and_then(base_time);
    let is_whole = before.is_some_and(|before| has_base(errand.repository, before));
    let now = Live.now().seconds();
    let is_fresh = old.as_ref().is_some_and(|(_, secs)| now - secs < BASE_AGE_SECS);
    errand.labels.paths = vec![format!("/{BASE}")];
    let mut parts = Vec::new();
    let (mut output, mut running);
    let mut finish: Box<dyn FnMut() -> Result<(), BackupError>>;
    let takes_wal = database.wal.is_some();
    if let Some((tag, _)) = old.filter(|_| is_fresh && is_whole && takes_wal) {
        errand.labels.tags.push(tag);
        parts.push(Part::Kept(BASE.to_owned()));
    } else {
        let mut base = command("pg_basebackup", database)?;
        let options = ["--pgdata=-", "--format=tar", "--wal-method=fetch", "--checkpoint=fast"];
        base.extend(options.map(str::to_owned));
        running = Running::start(&base, &[])?;
        output = running.output()?;
        // From when on a restore can go to any moment: the end of the base backup, or a little before.
        errand.labels.tags.push(format!("{BASE_TAG}{}", Live.now().rfc3339()));
        finish = Box::new(move || running.finish());
        parts.push(Part::Stream {
            name: BASE.to_owned(),
            input: &mut output,
            finish: &mut *finish,
        });
    }
    if let Some(wal) = &database.wal {
        if is_fresh {
            archive_now(database)?;
        }
        errand.labels.paths.push(format!("/{WAL}"));
        // What the server is archiving just now has its name when it is whole.
        let exclude = Exclude::new(std::iter::once("*.part"));
        parts.push(Part::Folder { name: WAL.to_owned(), path: wal.clone(), exclude });
    }
    run(errand.repository, &errand.labels, What::Parts(parts), errand.progress)
}

/// The tag that says when a snapshot's base backup was begun.
fn base_time(snapshot: &Snapshot) -> Option<(String, i64)> {
    let tag = snapshot.file.tags.iter().find(|tag| tag.starts_with(BASE_TAG))?;
    let time = parse_time(tag.strip_prefix(BASE_TAG)?)?;
    Some((tag.clone(), time.seconds()))
}

/// Whether all pieces of its base backup are in packs that are there.
fn has_base(repository: &Repository, snapshot: &Snapshot) -> bool {
    let whole = || {
        let tree =
            crate::walk::tree(repository, &snapshot.tree().ok()?, &mut Zstd::new().ok()?).ok()?;
        let base = tree.find(BASE.as_bytes())?;
        let index = repository.index();
        Some(base.pieces().iter().all(|id| index.find(BlobKind::Data, id).is_some()))
    };
    whole().unwrap_or(false)
}

/// Has the server finish the segment that it writes, and waits until it is archived.
fn archive_now(database: &Database) -> Result<(), BackupError> {
    let switched = query(database, "select pg_walfile_name(pg_switch_wal())")?;
    let deadline = Instant::now() + ARCHIVE_TIME;
    loop {
        let archived = query(
            database,
            "select coalesce(last_archived_wal, ''), coalesce(last_failed_wal, '') from pg_stat_archiver",
        )?;
        let (archived, failed) = archived.split_once('|').unwrap_or((&archived, ""));
        // Names of segments are in order; a backup's history has the segment's name in front.
        if archived.get(..24).is_some_and(|archived| archived >= switched.as_str()) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let why = if failed.is_empty() {
                "`archive_mode` may be off"
            } else {
                "its `archive_command` fails"
            };
            return Err(BackupError::Source {
                name: "postgresql".to_owned(),
                cause: format!(
                    "the server has not archived `{switched}` in {ARCHIVE_TIME:?}: {why}"
                ),
            });
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn query(database: &Database, query: &str) -> Result<String, BackupError> {
    let mut psql = command("psql", database)
        .or_else(|_none| find(&["psql"]).map(|path| vec![path.display().to_string()]))?;
    let options =
        ["--no-psqlrc", "--tuples-only", "--no-align", "--dbname=postgres", "--command", query];
    psql.extend(options.map(str::to_owned));
    let answer = output(&psql, QUERY_TIME)?;
    Ok(answer.trim_ascii().escape_ascii().to_string())
}
