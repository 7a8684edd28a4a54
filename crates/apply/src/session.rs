//! Doing a plan, and taking it back.
//!
//! Invariants: one at a time, by a lock; the way back of a step is on the disk before the step is
//! done; what was interrupted is taken back before anything new is done; taking back can itself be
//! interrupted and begun again; what somebody else has changed since is left alone unless forced.

use crate::error::ApplyError;
use crate::facts::{Facts, Kind, digest};
use crate::host::{Host, Stands};
use crate::journal::{About, Did, Id, Journal, Record, Status};
use burgrave_model::{Change, MASK, Plan, Step, Target};
use std::os::fd::OwnedFd;

/// Whether a conflict stops an undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// What was changed by somebody else since is left, and said.
    No,
    /// It is set back all the same.
    Yes,
}

/// How applying a plan ended.
#[derive(Debug)]
pub enum Outcome {
    /// All was done and verified.
    Applied(Id),
    /// It could not be done or verified, and everything is as it was.
    RolledBack(Id, String),
}

/// What is asked along the way; nothing of it belongs to this crate.
pub trait Witness {
    /// Whether the programs can use their configurations. Asked before the first change and after the last.
    fn validate(&mut self) -> Result<(), String>;

    /// Makes the programs take what was changed; also after it was taken back.
    fn reload(&mut self) -> Result<(), String>;

    /// Whether the host is now what was wanted.
    fn verify(&mut self) -> Result<(), String>;
}

/// The right to change a host: held by one process at a time.
#[derive(Debug)]
pub struct Session<'h> {
    pub(crate) journal: Journal<'h>,
    #[expect(dead_code, reason = "held for its lifetime")]
    lock: OwnedFd,
}

/// A run with how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its number.
    pub id: Id,
    /// How it ended.
    pub status: Status,
    /// What it was for, as far as it could say so.
    pub about: Option<About>,
}

/// Whether anybody may be there who ends a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Maybe,
    Nobody,
}

/// Every run of a host, the oldest first. Changes nothing.
pub fn runs(host: &Host, state: &Target) -> Result<Vec<Run>, ApplyError> {
    let journal = Journal::new(host, state);
    journal.trust()?;
    let run = |id| Ok(Run { id, status: journal.status(id)?, about: journal.about(id)? });
    journal.runs()?.into_iter().map(run).collect()
}

impl<'h> Session<'h> {
    /// Begins, or says who is at it. Makes the state directory.
    pub fn open(host: &'h Host, state: &Target) -> Result<Self, ApplyError> {
        let journal = Journal::new(host, state);
        journal.make()?;
        let lock = host.lock(&journal.lock()?)?;
        Ok(Self { journal, lock })
    }

    /// Takes back what was interrupted, the newest first. To be called before a plan is made.
    pub fn recover(&self) -> Result<Vec<Id>, ApplyError> {
        self.recover_from(Waiting::Maybe)
    }

    /// The same after a restart, which has ended whoever was waiting for a trial's end: no trial outlives it.
    pub fn recover_after_restart(&self) -> Result<Vec<Id>, ApplyError> {
        self.recover_from(Waiting::Nobody)
    }

    fn recover_from(&self, waiting: Waiting) -> Result<Vec<Id>, ApplyError> {
        let mut found = Vec::new();
        for id in self.journal.runs()?.into_iter().rev() {
            let force = match self.journal.status(id)? {
                Status::Interrupted => Some(Force::No),
                Status::OnTrial if waiting == Waiting::Nobody => Some(Force::Yes),
                Status::OnTrial if is_over(self.journal.deadline(id)?) => Some(Force::Yes),
                Status::OnTrial | Status::Applied | Status::RolledBack | Status::Undone => None,
            };
            if let Some(force) = force {
                self.take_back(id, force)?;
                self.journal.end(id, Status::RolledBack)?;
                found.push(id);
            }
        }
        Ok(found)
    }

    /// Does a plan. What was stopped on purpose or by a failing disk stays as it is, for
    /// [`Session::recover`].
    pub fn apply(
        &self,
        plan: &Plan,
        time: i64,
        witness: &mut dyn Witness,
    ) -> Result<Outcome, ApplyError> {
        let id = self.journal.begin(&about(plan, time))?;
        self.run(id, plan, witness, Status::Applied)
    }

    /// Does a plan that is taken back unless it is confirmed before a deadline, in seconds since 1970: by
    /// [`Session::settle`], or by the next [`Session::recover`].
    pub fn apply_on_trial(
        &self,
        plan: &Plan,
        time: i64,
        deadline: i64,
        witness: &mut dyn Witness,
    ) -> Result<Outcome, ApplyError> {
        let id = self.journal.begin(&about(plan, time))?;
        self.journal.set_deadline(id, deadline)?;
        self.run(id, plan, witness, Status::OnTrial)
    }

    /// Keeps what is on trial. `false`: it is not on trial, or it is too late.
    pub fn confirm(&self, id: Id) -> Result<bool, ApplyError> {
        let id = self.known(id)?;
        let in_time =
            self.journal.status(id)? == Status::OnTrial && !is_over(self.journal.deadline(id)?);
        if in_time {
            self.journal.end(id, Status::Applied)?;
        }
        Ok(in_time)
    }

    /// Takes back what is still on trial, whatever its deadline. `false`: it is not.
    pub fn settle(&self, id: Id) -> Result<bool, ApplyError> {
        let on_trial = self.journal.status(self.known(id)?)? == Status::OnTrial;
        if on_trial {
            self.take_back(id, Force::Yes)?;
            self.journal.end(id, Status::RolledBack)?;
        }
        Ok(on_trial)
    }

    fn run(
        &self,
        id: Id,
        plan: &Plan,
        witness: &mut dyn Witness,
        end: Status,
    ) -> Result<Outcome, ApplyError> {
        let done = match witness.validate() {
            Ok(()) => self.steps(id, plan),
            Err(why) => Ok(Some(format!("a configuration is broken already: {why}"))),
        };
        let why = match done {
            Ok(None) => match check(witness) {
                Ok(()) => {
                    self.journal.end(id, end)?;
                    return Ok(Outcome::Applied(id));
                }
                Err(why) => why,
            },
            Ok(Some(why)) => why,
            Err(error @ ApplyError::Stopped) => return Err(error),
            Err(error) => burgrave_sys::chain(&error),
        };
        self.take_back(id, Force::Yes)?;
        self.journal.end(id, Status::RolledBack)?;
        let after = witness.reload().err();
        let after = after.map_or_else(String::new, |error| format!("; and then: {error}"));
        Ok(Outcome::RolledBack(id, format!("{why}{after}")))
    }

    /// Takes a run back: a given one, or the last that was applied or interrupted.
    pub fn undo(&self, id: Option<Id>, force: Force) -> Result<Id, ApplyError> {
        let id = match id {
            Some(id) => self.known(id)?,
            None => self.last()?,
        };
        match self.journal.status(id)? {
            Status::Applied | Status::OnTrial | Status::Interrupted => {}
            Status::RolledBack | Status::Undone => {
                return Err(ApplyError::Undone(id.to_string()));
            }
        }
        self.take_back(id, force)?;
        self.journal.end(id, Status::Undone)?;
        Ok(id)
    }

    /// What a run was for.
    pub fn about(&self, id: Id) -> Result<Option<About>, ApplyError> {
        self.journal.about(id)
    }

    fn known(&self, id: Id) -> Result<Id, ApplyError> {
        let is_known = self.journal.runs()?.contains(&id);
        is_known.then_some(id).ok_or_else(|| ApplyError::NoSuchId(id.to_string()))
    }

    fn last(&self) -> Result<Id, ApplyError> {
        for id in self.journal.runs()?.into_iter().rev() {
            match self.journal.status(id)? {
                Status::Applied | Status::OnTrial | Status::Interrupted => return Ok(id),
                Status::RolledBack | Status::Undone => {}
            }
        }
        Err(ApplyError::NothingToUndo)
    }

    /// Does every step; `Some`: why one of them was not done.
    fn steps(&self, id: Id, plan: &Plan) -> Result<Option<String>, ApplyError> {
        for (number, step) in plan.steps.iter().enumerate() {
            match self.step(id, number, step) {
                Ok(()) => {}
                Err(error @ ApplyError::Stopped) => return Err(error),
                Err(error) => return Ok(Some(burgrave_sys::chain(&error))),
            }
        }
        Ok(None)
    }

    fn step(&self, id: Id, number: usize, step: &Step) -> Result<(), ApplyError> {
        let host = self.journal.host;
        let goal = &step.target;
        match &step.change {
            Change::Mask => return self.link_step(id, number, step, None),
            Change::Unlink { to } => return self.link_step(id, number, step, Some(to)),
            Change::Write { .. }
            | Change::Folder { .. }
            | Change::Mode { .. }
            | Change::Owner { .. }
            | Change::Remove => {}
        }
        let found = host.look(goal)?;
        let changed = || ApplyError::Changed(goal.text().to_owned());
        let content = match &step.change {
            Change::Write { old, .. } => {
                let now = found.as_ref().map(|opened| opened.content(goal)).transpose()?;
                if now != *old {
                    return Err(changed());
                }
                now
            }
            Change::Folder { .. } if found.is_some() => return Err(changed()),
            Change::Mode { old, .. } if found.as_ref().is_none_or(|f| f.mode() != *old) => {
                return Err(changed());
            }
            Change::Owner { old, .. } if found.as_ref().is_none_or(|f| f.owner() != *old) => {
                return Err(changed());
            }
            Change::Remove if found.is_none() => return Err(changed()),
            Change::Folder { .. }
            | Change::Mode { .. }
            | Change::Owner { .. }
            | Change::Remove
            | Change::Mask
            | Change::Unlink { .. } => None,
        };
        let mut before =
            found.as_ref().map(|opened| opened.facts(goal, content.as_deref())).transpose()?;
        if step.change == Change::Remove
            && let (Some(opened), Some(facts)) = (&found, &mut before)
            && facts.kind == Kind::File
        {
            facts.sha256 = Some(opened.sha256(goal)?);
        }
        if let Some(content) = &content {
            self.journal.write(id, &format!("{number:04}.old"), content)?;
        }
        let folder = host.folder_times(goal)?;
        let record =
            Record { target: goal.text().to_owned(), did: did(&step.change), before, folder };
        self.journal.record(id, number, &record)?;
        self.act(id, number, step, record.before.as_ref())
    }

    fn act(
        &self,
        id: Id,
        number: usize,
        step: &Step,
        before: Option<&Facts>,
    ) -> Result<(), ApplyError> {
        let host = self.journal.host;
        let goal = &step.target;
        match &step.change {
            Change::Write { content, new_mode, .. } => {
                let now =
                    crate::facts::Stamp { secs: burgrave_sys::wall_clock().seconds(), nanos: 0 };
                let fresh = Facts {
                    kind: Kind::File,
                    mode: before.map_or(*new_mode, |facts| facts.mode),
                    uid: before.map_or(0, |facts| facts.uid),
                    gid: before.map_or(0, |facts| facts.gid),
                    accessed: now,
                    modified: now,
                    attributes: before.map(|facts| facts.attributes.clone()).unwrap_or_default(),
                    sha256: None,
                };
                host.put(goal, content, &fresh, &temporary(id, number))
            }
            Change::Folder { mode } => host.make_folder(goal, *mode),
            Change::Mode { mode, .. } => host.set_mode(goal, *mode),
            Change::Owner { uid, gid, .. } => host.set_owner(goal, *uid, *gid),
            Change::Remove => self.quarantine(id, number, goal, before),
            Change::Mask => host.make_link(goal, MASK, None, &temporary(id, number)),
            Change::Unlink { to } => host.remove_link(goal, to),
        }
    }

    /// A step that makes a link where nothing is, or takes away one that leads there.
    fn link_step(
        &self,
        id: Id,
        number: usize,
        step: &Step,
        to: Option<&str>,
    ) -> Result<(), ApplyError> {
        let host = self.journal.host;
        let goal = &step.target;
        let before = match (host.stands(goal)?, to) {
            (Stands::Nothing, None) => None,
            (Stands::Link(link), Some(to)) if link.to == *to => Some(link.facts),
            (Stands::Nothing | Stands::Link(_) | Stands::Other, _) => {
                return Err(ApplyError::Changed(goal.text().to_owned()));
            }
        };
        let folder = host.folder_times(goal)?;
        let record =
            Record { target: goal.text().to_owned(), did: did(&step.change), before, folder };
        self.journal.record(id, number, &record)?;
        self.act(id, number, step, record.before.as_ref())
    }

    /// Moves a path into the journal. On another file system a file is copied and then removed.
    fn quarantine(
        &self,
        id: Id,
        number: usize,
        goal: &Target,
        before: Option<&Facts>,
    ) -> Result<(), ApplyError> {
        let host = self.journal.host;
        let kept = self.journal.file(id, &format!("{number:04}.kept"))?;
        if host.shift(goal, &kept)? {
            return Ok(());
        }
        let opened = host.look(goal)?.ok_or_else(|| ApplyError::Changed(goal.text().to_owned()))?;
        let content = opened.content(goal)?;
        let facts = before.ok_or_else(|| ApplyError::Changed(goal.text().to_owned()))?;
        host.put(&kept, &content, facts, &temporary(id, number))?;
        host.remove(goal)
    }
}

fn is_over(deadline: i64) -> bool {
    burgrave_sys::wall_clock().seconds() >= deadline
}

fn check(witness: &mut dyn Witness) -> Result<(), String> {
    witness.validate()?;
    witness.reload()?;
    witness.verify()
}

pub(crate) fn temporary(id: Id, number: usize) -> String {
    format!(".burgrave-{id}-{number:04}.new")
}

fn did(change: &Change) -> Did {
    match change {
        Change::Write { content, .. } => Did::Write { sha256: digest(content) },
        Change::Folder { .. } => Did::Folder,
        Change::Mode { mode, .. } => Did::Mode { mode: *mode },
        Change::Owner { uid, gid, .. } => Did::Owner { uid: *uid, gid: *gid },
        Change::Remove => Did::Remove,
        Change::Mask => Did::Mask,
        Change::Unlink { to } => Did::Unlink { to: to.clone() },
    }
}

fn about(plan: &Plan, time: i64) -> About {
    About {
        version: 1,
        time,
        checks: plan.mends.iter().map(|mend| mend.id.to_owned()).collect(),
        targets: plan.steps.iter().map(|step| step.target.text().to_owned()).collect(),
        programs: plan.programs.iter().map(|program| program.id().to_owned()).collect(),
        stopped: plan.stops.iter().map(|unit| unit.text().to_owned()).collect(),
    }
}
