//! A configured job, and everything that can be done with it. What an identity may not do is refused here, before
//! anything is looked at.

use crate::archive::{Paths, Seen};
use crate::browse::{self, Change, Found};
use crate::error::BackupError;
use crate::exclude::Exclude;
use crate::id::Id;
use crate::keyfile::Password;
use crate::meter::Meter;
use crate::prune::{self, Pruned};
use crate::repository::Repository;
use crate::restore::{self, Restored, Sample, Wanted, is_in_place};
use crate::run::{self, Labels, Report, What};
use crate::schedule::Errand;
use crate::snapshot::{self, Snapshot, Snapshots};
use crate::source;
use crate::state::{Size, State, StateDir, oddities};
use crate::target::{self, Target};
use crate::verify::{self, Share, Verified};
use burgrave_config::{Backup, BackupSource, Identity, Settings};
use burgrave_sys::{Live, System as _, wall_clock};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A job.
#[derive(Debug)]
pub struct Job<'s> {
    pub(crate) settings: &'s Backup,
    pub(crate) state: StateDir,
}

/// What came of a run, with what the job makes of it.
#[derive(Debug)]
pub struct Ran {
    /// The backup itself.
    pub report: Report,
    /// What is unlike the backups before.
    pub odd: Vec<String>,
    /// What went wrong after it, such as the program of `after`.
    pub failures: Vec<String>,
    /// What was forgotten afterwards, if the job forgets.
    pub pruned: Option<Pruned>,
    /// Whether the repository was made.
    pub is_new: bool,
}

impl<'s> Job<'s> {
    /// The job of this name.
    pub fn new(settings: &'s Settings, name: &str) -> Result<Self, BackupError> {
        let found = settings.backups.iter().find(|job| job.name == name);
        let job = found.ok_or_else(|| {
            let names: Vec<String> =
                settings.backups.iter().map(|job| format!("`{}`", job.name)).collect();
            let known = if names.is_empty() {
                "the configuration has no [[backup]]".to_owned()
            } else {
                format!("there are {}", names.join(", "))
            };
            BackupError::Refused(format!("no backup job is called `{name}`: {known}"))
        })?;
        Ok(Self { settings: job, state: StateDir::new(&settings.state, name) })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Its repository, without secrets.
    pub fn repository_name(&self) -> String {
        target::name(&self.settings.repository)
    }

    /// What is configured.
    pub fn settings(&self) -> &Backup {
        self.settings
    }

    pub(crate) fn may(&self, doing: &str, not: &[Identity]) -> Result<(), BackupError> {
        let identity = match self.settings.identity {
            Identity::Sole => "sole",
            Identity::Writer => "writer",
            Identity::Reader => "reader",
            Identity::Keeper => "keeper",
        };
        if not.contains(&self.settings.identity) {
            return Err(BackupError::Refused(format!(
                "the job `{}` is a {identity}, which does not {doing}",
                self.name()
            )));
        }
        Ok(())
    }

    fn target(&self) -> Result<Box<dyn Target>, BackupError> {
        target::open(self.settings)
    }

    /// Opens the repository.
    pub fn open(&self) -> Result<Arc<Repository>, BackupError> {
        let password = Password::read(&self.settings.key)?;
        let repository = Repository::open(self.target()?, &password, &self.settings.key);
        let repository = repository.map_err(|error| self.gone(error))?;
        self.recognise(&repository)?;
        Ok(Arc::new(repository))
    }

    /// A repository that was there before and is not now is no reason to make a new one.
    fn gone(&self, error: BackupError) -> BackupError {
        let known = self.state.load().ok().and_then(|state| state.repository);
        match (&error, known) {
            (BackupError::NoRepository(name), Some(id)) => BackupError::Refused(format!(
                "the repository `{}` is not at `{name}` any more: is its disk mounted, its server reachable? \
                 If it is gone for good, remove `{}` and a new one is made",
                id.short(),
                self.state.path().join("state.json").display()
            )),
            _ => error,
        }
    }

    fn recognise(&self, repository: &Repository) -> Result<(), BackupError> {
        let known = self.state.load()?.repository;
        match known {
            Some(id) if id != repository.id() => Err(BackupError::Refused(format!(
                "at `{}` is another repository (`{}`) than before (`{}`): if that is meant, remove `{}`",
                self.repository_name(),
                repository.id().short(),
                id.short(),
                self.state.path().join("state.json").display()
            ))),
            Some(_) => Ok(()),
            None if self.settings.identity == Identity::Reader => Ok(()),
            None => {
                // Where the state cannot be written, what is read is no less right.
                let id = repository.id();
                drop(self.state.change(|state| state.repository = Some(id)));
                Ok(())
            }
        }
    }

    fn open_or_create(&self) -> Result<(Arc<Repository>, bool), BackupError> {
        match self.open() {
            Err(BackupError::NoRepository(_)) => {}
            other => return Ok((other?, false)),
        }
        let password = Password::read(&self.settings.key)?;
        let repository = Repository::create(self.target()?, &password)?;
        let id = repository.id();
        self.state.change(|state| state.repository = Some(id))?;
        Ok((Arc::new(repository), true))
    }

    /// Makes a backup, and forgets what is not kept if this job does that.
    pub fn run(&self, progress: &mut dyn FnMut(&Seen)) -> Result<Ran, BackupError> {
        self.may("make backups", &[Identity::Reader, Identity::Keeper])?;
        let _lock = self.state.lock()?;
        let was_interrupted = self.state.load()?.run.is_running;
        self.state.change(|state| {
            state.run.begun = wall_clock().seconds();
            state.run.is_running = true;
        })?;
        let done = self.run_locked(was_interrupted, progress);
        self.state.change(|state| {
            state.run.is_running = false;
            match &done {
                Ok(_) => {
                    state.run.succeeded = wall_clock().seconds();
                    state.run.failures = 0;
                    state.run.trouble.clear();
                }
                Err(error) => {
                    state.run.failures = state.run.failures.saturating_add(1);
                    state.run.trouble = error.told();
                }
            }
        })?;
        done
    }

    fn run_locked(
        &self,
        was_interrupted: bool,
        progress: &mut dyn FnMut(&Seen),
    ) -> Result<Ran, BackupError> {
        let (repository, is_new) = self.open_or_create()?;
        if let Some(before) = &self.settings.before {
            source::hook("before", before)?;
        }
        let meter = self.settings.read_bandwidth.map(Meter::new);
        let mut paid = 0;
        let mut measured = |seen: &Seen| {
            progress(seen);
            if let Some(meter) = &meter {
                meter.pay(
                    seen.bytes_read.saturating_sub(std::mem::replace(&mut paid, seen.bytes_read)),
                );
            }
        };
        let backup = self.back_up(&repository, &mut measured);
        let after = match &self.settings.after {
            Some(after) => source::hook("after", after),
            None => Ok(()),
        };
        let mut report = backup?;
        if was_interrupted {
            let line =
                "the run before this one was interrupted; this one has taken up what it had stored";
            report.notices.insert(0, line.to_owned());
        }
        let failures: Vec<String> = after.err().iter().map(BackupError::told).collect();
        let size = Size {
            bytes: report.seen.bytes,
            files: report.seen.files,
            added: report.stored.plain_bytes,
            packed: report.stored.packed_bytes,
        };
        let odd = oddities(&self.state.load()?.sizes, size);
        self.state.change(|state| state.remember(size))?;
        let pruned = match (&self.settings.keep, self.settings.identity) {
            (Some(keep), Identity::Sole) => {
                let (snapshots, _) = snapshot::all(&repository)?;
                let decision = crate::retention::decide(&snapshots, self.name(), keep);
                if decision.forget.is_empty() {
                    None
                } else {
                    match self.prune_open(&repository, false, &[]) {
                        Ok(pruned) => Some(pruned),
                        // The backup is made; that nothing was removed is told.
                        Err(error) => {
                            report.notices.push(format!("nothing was forgotten: {}", error.told()));
                            None
                        }
                    }
                }
            }
            (_, Identity::Sole | Identity::Writer | Identity::Reader | Identity::Keeper) => None,
        };
        Ok(Ran { report, odd, failures, pruned, is_new })
    }

    fn back_up(
        &self,
        repository: &Arc<Repository>,
        progress: &mut dyn FnMut(&Seen),
    ) -> Result<Report, BackupError> {
        let mut labels = Labels {
            job: self.name().to_owned(),
            paths: Vec::new(),
            excludes: Vec::new(),
            tags: Vec::new(),
            bad: self.state.load()?.bad_packs,
        };
        match &self.settings.source {
            BackupSource::Paths { paths, exclude, one_file_system } => {
                let missing = |path: &PathBuf| Live.metadata(path).is_err();
                if paths.iter().all(missing) {
                    return Err(BackupError::Source {
                        name: self.name().to_owned(),
                        cause: "none of its paths exists".to_owned(),
                    });
                }
                labels.paths = paths.iter().map(|path| path.display().to_string()).collect();
                labels.excludes.clone_from(exclude);
                let what = Paths {
                    tops: paths.clone(),
                    exclude: Exclude::new(exclude.iter().map(String::as_str)),
                    one_file_system: *one_file_system,
                    never: target::local_path(&self.settings.repository).into_iter().collect(),
                };
                run::run(repository, &labels, What::Paths(&what), progress)
            }
            BackupSource::Command { .. }
            | BackupSource::Sqlite(_)
            | BackupSource::Postgresql(_)
            | BackupSource::Mysql(_)
            | BackupSource::Redis(_) => {
                let work = self.state.path().join("work");
                let errand = source::Errand { work: &work, repository, labels, progress };
                source::back_up(&self.settings.source, errand)
            }
        }
    }

    /// All snapshots of the repository, and what is wrong with some.
    pub fn snapshots(&self, repository: &Repository) -> Result<Snapshots, BackupError> {
        snapshot::all(repository)
    }

    /// The snapshot that is asked for.
    pub fn snapshot(&self, repository: &Repository, wanted: &str) -> Result<Snapshot, BackupError> {
        let (snapshots, damaged) = snapshot::all(repository)?;
        let chosen = snapshot::choose(&snapshots, wanted, self.name());
        // A snapshot that cannot be read must not hide behind an older one.
        match (chosen, damaged.into_iter().next()) {
            (_, Some(error)) if wanted == "latest" => Err(BackupError::Refused(format!(
                "{}: name the snapshot to take with `--snapshot`",
                error.told()
            ))),
            (chosen, _) => chosen,
        }
    }

    /// Restores from a snapshot.
    pub fn restore(
        &self,
        repository: &Arc<Repository>,
        snapshot: &Snapshot,
        to: &Path,
        paths: Vec<Vec<u8>>,
        is_dry: bool,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Restored, BackupError> {
        self.may("restore", &[Identity::Keeper])?;
        if is_in_place(to) && paths.is_empty() && snapshot.file.paths.is_empty() {
            return Err(BackupError::Refused("this snapshot has no place: say `--to`".to_owned()));
        }
        let bad = self.state.load()?.bad_packs;
        run::look_over(repository, &bad, run::Look::Only)?;
        let stamp = wall_clock().rfc3339().replace([':', '.'], "-");
        let kept = self.state.path().join("kept").join(stamp);
        let sample = Sample::ALL;
        let wanted = Wanted { to: to.to_path_buf(), paths, is_dry, kept, sample };
        restore::restore(repository, &snapshot.tree()?, &wanted, progress)
    }

    /// Reads back and compares. `None`: the next share in turn.
    pub fn verify(
        &self,
        share: Option<Share>,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Verified, BackupError> {
        let repository = self.open()?;
        let of = self.settings.verify.share;
        let share = if let Some(share) = share {
            share
        } else {
            Share { number: self.state.load()?.share % of + 1, of }
        };
        let may_mend = matches!(self.settings.identity, Identity::Sole | Identity::Writer);
        let verified = verify::verify(&repository, share, may_mend, progress)?;
        let known = self.state.load()?.bad_packs;
        if !verified.bad_packs.is_empty() || !known.is_empty() {
            self.state.change(|state| {
                state.bad_packs.retain(|pack| !verified.good_packs.contains(pack));
                for pack in &verified.bad_packs {
                    if !state.bad_packs.contains(pack) {
                        state.bad_packs.push(*pack);
                    }
                }
            })?;
        }
        if share.of == of {
            drop(self.state.change(|state| state.share = share.number));
        }
        Ok(verified)
    }

    /// Names that match a pattern, in all snapshots of the job or in one.
    pub fn find(
        &self,
        repository: &Repository,
        pattern: &str,
        snapshot: Option<&str>,
    ) -> Result<Vec<Found>, BackupError> {
        repository.load_index()?;
        let snapshots = match snapshot {
            Some(wanted) => vec![self.snapshot(repository, wanted)?],
            None => snapshot::all(repository)?.0,
        };
        browse::find(repository, &snapshots, pattern)
    }

    /// What differs between two snapshots.
    pub fn diff(
        &self,
        repository: &Repository,
        old: &Snapshot,
        new: &Snapshot,
    ) -> Result<Vec<(Change, String)>, BackupError> {
        repository.load_index()?;
        browse::diff(repository, old, new)
    }

    /// Forgets what is not kept, if `keep` says anything, and removes what nothing names then.
    /// Snapshots that are named are forgotten whatever `keep` says.
    pub fn prune(&self, is_dry: bool, forget: &[String]) -> Result<Pruned, BackupError> {
        self.may("forget", &[Identity::Writer, Identity::Reader])?;
        let _lock = self.state.lock()?;
        let repository = self.open()?;
        let (snapshots, _) = snapshot::all(&repository)?;
        let named = forget.iter().map(|wanted| snapshot::choose(&snapshots, wanted, self.name()));
        let named = named.map(|found| found.map(|snapshot| snapshot.id));
        let named = named.collect::<Result<Vec<Id>, _>>()?;
        self.prune_open(&repository, is_dry, &named)
    }

    fn prune_open(
        &self,
        repository: &Arc<Repository>,
        is_dry: bool,
        forget: &[Id],
    ) -> Result<Pruned, BackupError> {
        let (keep, bad) = (self.settings.keep.as_ref(), self.state.load()?.bad_packs);
        prune::prune(repository, self.name(), keep, forget, &bad, is_dry)
    }

    /// What is remembered of it here.
    pub fn state(&self) -> Result<State, BackupError> {
        self.state.load()
    }

    /// Remembers that something on the schedule begins.
    pub fn begun(&self, errand: Errand, now: i64) -> Result<(), BackupError> {
        self.state.change(|state| errand.task(state).begun = now).map(drop)
    }

    /// Remembers how it ended.
    pub fn ended(&self, errand: Errand, now: i64, went_well: bool) -> Result<(), BackupError> {
        let change = |state: &mut State| {
            let task = errand.task(state);
            if went_well {
                (task.succeeded, task.failures) = (now, 0);
                task.trouble.clear();
            } else if errand != Errand::Run || task.failures == 0 {
                // A backup that could say so has counted it itself.
                task.failures = task.failures.saturating_add(1);
            }
        };
        self.state.change(change).map(drop)
    }

    /// Removes locks of others; all of them when it is known that nobody works.
    pub fn unlock(&self) -> Result<usize, BackupError> {
        let repository = self.open()?;
        let mut removed = 0;
        for lock in repository.target().list(crate::target::FileKind::Lock)? {
            removed +=
                usize::from(repository.target().remove(crate::target::FileKind::Lock, &lock.name)?);
        }
        Ok(removed)
    }
}
