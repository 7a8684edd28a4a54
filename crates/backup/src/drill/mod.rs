//! Drills: the latest snapshot restored into a place of its own, compared, started and asked, with the time that it took.
//! The place is removed afterwards. What was found is a line of JSON in the job's `drills.ndjson`.

mod databases;

use crate::archive::told;
use crate::checks::Checked;
use crate::error::BackupError;
use crate::id::Id;
use crate::job::Job;
use crate::repository::{Repository, to_json};
use crate::restore::{Restored, Sample, Wanted, restore};
use crate::run::{Look, look_over};
use crate::snapshot::Snapshot;
use crate::source::{BASE, BASE_TAG, recover};
use crate::time::parse_time;
use burgrave_config::BackupSource;
use burgrave_sys::{
    Access, Appender, Folder, NodeKind, UnixTime, make_own_directory, monotonic,
    remove_own_directory, seed, wall_clock,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Failures that are told one by one.
const FAILURES_MAX: usize = 100;
/// Where accounts meet, on a disk.
const SHARED: &str = "/var/tmp";
const QUERY_TIME: Duration = Duration::from_mins(30);

/// What came of a drill.
#[derive(Clone, Debug)]
pub struct Drilled {
    /// The job.
    pub job: String,
    /// When it began.
    pub time: UnixTime,
    /// What was restored.
    pub snapshot: Id,
    /// Files of it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were compared with their source.
    pub compared: u64,
    /// Files whose source has changed since, or is gone.
    pub changed: u64,
    /// What went wrong.
    pub failures: Vec<String>,
    /// What a database was asked.
    pub checks: Vec<Checked>,
    /// How long it took until everything was there, started and answering.
    pub ready: Duration,
}

impl Drilled {
    /// Whether all of it is as it should be.
    pub fn held(&self) -> bool {
        self.failures.is_empty() && self.checks.iter().all(|check| check.held)
    }

    /// As it is kept and shown.
    pub fn json(&self) -> Value {
        json!({
            "version": 1, "job": self.job, "time": self.time.rfc3339(), "snapshot": self.snapshot,
            "held": self.held(), "files": self.files, "bytes": self.bytes, "compared": self.compared,
            "changed_since": self.changed, "failures": self.failures,
            "checks": self.checks.iter().map(|check| json!({
                "query": check.query, "expect": check.expect, "value": check.value, "held": check.held,
            })).collect::<Vec<_>>(),
            "seconds_to_recovery": self.ready.as_secs_f64(),
        })
    }

    fn fail(&mut self, line: String) {
        if self.failures.len() < FAILURES_MAX {
            self.failures.push(line);
        }
    }
}

/// A cluster that was restored to a moment.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// The snapshot of the base backup.
    pub base: Id,
    /// When that was made.
    pub base_time: String,
    /// The snapshot of the WAL.
    pub wal: Id,
    /// The directory to start the server in.
    pub data: PathBuf,
    /// The moment.
    pub time: String,
}

impl Job<'_> {
    /// Tries a restore of the latest snapshot.
    pub fn drill(&self, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Drilled, BackupError> {
        let _lock = self.state.lock()?;
        let repository = self.open()?;
        let snapshot = self.snapshot(&repository, "latest")?;
        look_over(&repository, &self.state.load()?.bad_packs, Look::Only)?;
        let place = make_place(self)?;
        enough_room(&place, &snapshot, self.settings.drill.sample)?;
        let done = self.drill_at(&repository, &snapshot, &place, progress);
        remove_own_directory(&place)?;
        let drilled = done?;
        let mut line = to_json(&drilled.json())?;
        line.push(b'\n');
        let mut log = Appender::open(&self.state.path().join("drills.ndjson"), Access::Owner)?;
        log.append(&line)?;
        log.sync()?;
        Ok(drilled)
    }

    fn drill_at(
        &self,
        repository: &Arc<Repository>,
        snapshot: &Snapshot,
        place: &Path,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Drilled, BackupError> {
        let begun = monotonic();
        let is_files = matches!(self.settings.source, BackupSource::Paths { .. });
        let seed = seed()?.first_chunk::<8>().copied().map_or(0, u64::from_le_bytes);
        let percent = if is_files { self.settings.drill.sample } else { 100 };
        let wanted = Wanted {
            to: place.to_path_buf(),
            paths: Vec::new(),
            is_dry: false,
            kept: place.join("kept"),
            sample: Sample { percent, seed, is_drill: true },
        };
        let restored = restore(repository, &snapshot.tree()?, &wanted, progress)?;
        let mut drilled = self.drilled(snapshot, &restored);
        let checks = &self.settings.drill.checks;
        let asked = match &self.settings.source {
            BackupSource::Paths { .. } => {
                drilled.ready = monotonic() - begun;
                compare(place, &mut drilled)
            }
            BackupSource::Command { .. } => {
                if restored.files == 0 {
                    drilled.fail("the snapshot holds no file".to_owned());
                }
                Ok(())
            }
            BackupSource::Sqlite(path) => {
                databases::sqlite(&place.join(name_of(path)), checks, &mut drilled)
            }
            BackupSource::Postgresql(database) if database.name.is_empty() => {
                let user = database.user.as_deref().unwrap_or("postgres");
                databases::cluster(place, user, checks, &mut drilled)
            }
            BackupSource::Postgresql(database) => {
                databases::dump(place, &database.name, checks, &mut drilled)
            }
            BackupSource::Mysql(database) => {
                databases::mysql_dump(place, &database.name, checks, &mut drilled)
            }
            BackupSource::Redis(_) => databases::redis_dump(place, checks, &mut drilled),
        };
        if let Err(error) = asked {
            drilled.fail(error.told());
        }
        if !is_files {
            drilled.ready = monotonic() - begun;
        }
        Ok(drilled)
    }

    fn drilled(&self, snapshot: &Snapshot, restored: &Restored) -> Drilled {
        let mut drilled = Drilled {
            job: self.name().to_owned(),
            time: wall_clock(),
            snapshot: snapshot.id,
            files: restored.files,
            bytes: restored.bytes,
            compared: 0,
            changed: 0,
            failures: Vec::new(),
            checks: Vec::new(),
            ready: restored.took,
        };
        if snapshot.is_incomplete() {
            drilled.fail(
                "the snapshot is incomplete: some files could not be read when it was made"
                    .to_owned(),
            );
        }
        restored.trouble.iter().for_each(|line| drilled.fail(line.clone()));
        drilled
    }

    /// Restores a cluster of `PostgreSQL` to a moment, into a directory that is new.
    pub fn recover(
        &self,
        repository: &Arc<Repository>,
        time: &str,
        to: &Path,
    ) -> Result<Recovered, BackupError> {
        let is_cluster = matches!(
            &self.settings.source,
            BackupSource::Postgresql(database) if database.name.is_empty()
        );
        if !is_cluster {
            let why = "only a base backup of PostgreSQL is restored to a moment: `postgresql = \"*\"` with `wal`";
            return Err(BackupError::Refused(why.to_owned()));
        }
        let moment = parse_time(time).ok_or_else(|| {
            BackupError::Refused(format!("`{time}` is no time such as `2026-11-21 02:42:18` (UTC)"))
        })?;
        let (snapshots, _) = self.snapshots(repository)?;
        let own: Vec<&Snapshot> =
            snapshots.iter().filter(|snapshot| snapshot.job() == Some(self.name())).collect();
        let base_time = |snapshot: &Snapshot| {
            let tag = snapshot.file.tags.iter().find_map(|tag| tag.strip_prefix(BASE_TAG));
            tag.and_then(|tag| Some((parse_time(tag)?, tag.to_owned())))
        };
        let is_before =
            |snapshot: &&&Snapshot| base_time(snapshot).is_some_and(|(at, _)| at <= moment);
        let base = own.iter().rfind(is_before).ok_or_else(|| {
            BackupError::Refused(format!("no base backup was made before {}", moment.rfc3339()))
        })?;
        let wal =
            own.iter().find(|snapshot| snapshot.time >= moment).or(own.last()).unwrap_or(base);
        look_over(repository, &self.state.load()?.bad_packs, Look::Only)?;
        // Nothing that is there may be mixed with what comes.
        if Folder::open(to).is_ok_and(|there| there.names().is_ok_and(|names| !names.is_empty())) {
            return Err(BackupError::Refused(format!("`{}` is not empty", to.display())));
        }
        for (snapshot, path) in [(base, BASE), (wal, crate::source::WAL)] {
            let wanted = Wanted {
                to: to.to_path_buf(),
                paths: vec![path.as_bytes().to_vec()],
                is_dry: false,
                kept: self.state.path().join("kept"),
                sample: Sample::ALL,
            };
            let restored = restore(repository, &snapshot.tree()?, &wanted, &|_, _| {})?;
            if let Some(trouble) = restored.trouble.first() {
                return Err(BackupError::Refused(format!(
                    "not all of it could be restored: {trouble}"
                )));
            }
        }
        let data = recover(to, Some(moment))?;
        let at = base_time(base).map(|(_, text)| text).unwrap_or_default();
        Ok(Recovered { base: base.id, base_time: at, wal: wal.id, data, time: moment.rfc3339() })
    }
}

fn name_of(path: &Path) -> PathBuf {
    path.file_name().map(PathBuf::from).unwrap_or_default()
}

/// A drill that fills the disk would be no help.
fn enough_room(place: &Path, snapshot: &Snapshot, percent: u8) -> Result<(), BackupError> {
    let bytes = snapshot.file.summary.as_ref().map_or(0, |summary| summary.total_bytes_processed);
    let needed = bytes / 100 * u64::from(percent);
    let free = Folder::open(place)?.free_bytes()?;
    if free < needed.saturating_add(needed / 10) {
        return Err(BackupError::Refused(format!(
            "a drill needs {needed} bytes in `{}`, and {free} are free: `sample` makes it smaller",
            place.display()
        )));
    }
    Ok(())
}

/// Compares what was restored with what it was made of, where that has not changed since.
fn compare(place: &Path, drilled: &mut Drilled) -> Result<(), BackupError> {
    let mut to_do: Vec<Vec<u8>> = vec![Vec::new()];
    let top = Folder::open(place)?;
    while let Some(path) = to_do.pop() {
        let folder = top.beneath(&path)?;
        let source = Folder::open(Path::new("/"))?.beneath(&path).ok();
        for name in folder.names()? {
            let own =
                if path.is_empty() { name.clone() } else { [&path, &b"/"[..], &name].concat() };
            let Some(facts) = folder.attributes(&name)? else { continue };
            if facts.kind == NodeKind::Directory {
                to_do.push(own);
                continue;
            }
            let live = source.as_ref().and_then(|source| source.attributes(&name).ok().flatten());
            let is_same = live.is_some_and(|live| {
                live.kind == NodeKind::File
                    && (live.size, live.modified) == (facts.size, facts.modified)
            });
            let digests = source
                .as_ref()
                .filter(|_| is_same)
                .map(|source| (digest(&folder, &name), digest(source, &name)));
            match digests {
                Some((Ok(restored), Ok(live))) if restored == live => {
                    drilled.compared = drilled.compared.saturating_add(1);
                }
                Some((Err(error), _)) => drilled.fail(told(&error)),
                // Gone, or not ours to read, in this moment.
                None | Some((_, Err(_))) => drilled.changed = drilled.changed.saturating_add(1),
                Some((Ok(_), Ok(_))) => drilled.fail(format!(
                    "`/{}` has the size and time of its backup and another content: one of both was changed by a fault \
                     or by somebody",
                    crate::tree::quote(&own)
                )),
            }
        }
    }
    Ok(())
}

fn digest(folder: &Folder, name: &[u8]) -> Result<[u8; 32], burgrave_sys::SysError> {
    let (mut file, _) = folder.read(name)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file
            .read(&mut buffer)
            .map_err(|error| burgrave_sys::SysError::from_io("reading", folder.path(), error))?;
        if read == 0 {
            return Ok(digest.finalize().into());
        }
        digest.update(buffer.get(..read).unwrap_or_default());
    }
}

/// A place of a drill's own. The server of a database runs as another account, which cannot get into the state
/// directory: its place is made where everybody can, and what is in it is that account's alone.
fn make_place(job: &Job<'_>) -> Result<PathBuf, BackupError> {
    let is_served = matches!(
        job.settings.source,
        BackupSource::Postgresql(_) | BackupSource::Mysql(_) | BackupSource::Redis(_)
    );
    if !is_served {
        let place = job.state.path().join("drill");
        remove_own_directory(&place)?;
        make_own_directory(&place)?;
        return Ok(place);
    }
    let own = Id::of(job.state.path().as_os_str().as_bytes()).short();
    let name = format!("burgrave-drill-{own}");
    let place = Path::new(SHARED).join(&name);
    // What a drill left that was interrupted, or a stranger has put there.
    remove_own_directory(&place)?;
    let shared = Folder::open(Path::new(SHARED))?;
    if !shared.make_folder(name.as_bytes())? {
        return Err(BackupError::Refused(format!(
            "`{}` was made by somebody else",
            place.display()
        )));
    }
    shared.set_mode(name.as_bytes(), 0o711)?;
    Ok(place)
}
