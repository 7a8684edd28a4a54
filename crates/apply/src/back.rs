//! Taking a run back, step by step from its end.
//!
//! Invariants: it can be interrupted anywhere and begun again; a step that was never done is as good as
//! one that was taken back; conflicts are found before the first step back is done.

use crate::error::ApplyError;
use crate::facts::{Facts, Kind, digest};
use crate::journal::{Did, Id, Record, target};
use crate::session::{Force, Session, temporary};
use burgrave_model::{MASK, Target};

impl Session<'_> {
    /// Takes every step of a run back, the last first.
    pub(crate) fn take_back(&self, id: Id, force: Force) -> Result<(), ApplyError> {
        let records = self.journal.records(id)?;
        let mut goals = Vec::new();
        for (number, record) in &records {
            goals.push((*number, record, target(&record.target)?));
        }
        // All conflicts are found before the first step back is done. They are looked for where a path
        // was touched last: what lies before that is not on the disk any more.
        if force == Force::No {
            for (at, (_, record, goal)) in goals.iter().enumerate() {
                let later: Vec<&Record> =
                    goals.iter().skip(at + 1).map(|(_, record, _)| *record).collect();
                if let Some(to) = leads(record) {
                    let back = goals.iter().take(at).find_map(|(_, before, _)| {
                        (before.target == record.target).then(|| leads(before)).flatten()
                    });
                    self.link_conflict((to, back), record, goal, &later)?;
                } else {
                    self.conflict(record, goal, &later)?;
                }
            }
        }
        for (number, record, goal) in goals.iter().rev() {
            self.step_back(id, *number, record, goal)?;
        }
        Ok(())
    }

    /// A link may be gone or be the one that was made or taken away; one that a mask replaced is that mask
    /// by now, or was brought `back` already.
    fn link_conflict(
        &self,
        (to, back): (&str, Option<&str>),
        record: &Record,
        goal: &Target,
        later: &[&Record],
    ) -> Result<(), ApplyError> {
        let stands = self.journal.host.stands(goal)?;
        let masked_later =
            later.iter().any(|other| other.target == record.target && other.did == Did::Mask);
        let fine = stands.is_nothing()
            || stands.leads(to)
            || masked_later
            || back.is_some_and(|to| stands.leads(to));
        if fine { Ok(()) } else { Err(ApplyError::Conflict(goal.text().to_owned())) }
    }

    fn conflict(
        &self,
        record: &Record,
        goal: &Target,
        later: &[&Record],
    ) -> Result<(), ApplyError> {
        let conflict = || Err(ApplyError::Conflict(goal.text().to_owned()));
        let removed_later =
            later.iter().any(|other| other.target == record.target && other.did == Did::Remove);
        if removed_later {
            return Ok(());
        }
        let Some(opened) = self.journal.host.look(goal)? else {
            let gone = record.before.is_none() || record.did == Did::Remove;
            return if gone { Ok(()) } else { conflict() };
        };
        let before = record.before.as_ref();
        let fine = match &record.did {
            Did::Write { sha256 } => {
                let now = digest(&opened.content(goal)?);
                let written_later = later.iter().any(|other| {
                    other.target == record.target && matches!(other.did, Did::Write { .. })
                });
                written_later
                    || now == *sha256
                    || before.and_then(|facts| facts.sha256.as_ref()) == Some(&now)
            }
            Did::Folder => opened.kind() == Kind::Folder,
            Did::Mode { mode } => {
                let again = later.iter().any(|other| {
                    other.target == record.target && matches!(other.did, Did::Mode { .. })
                });
                again || opened.mode() == *mode || before.map(|f| f.mode) == Some(opened.mode())
            }
            Did::Owner { uid, gid } => {
                opened.owner() == (*uid, *gid)
                    || before.map(|f| (f.uid, f.gid)) == Some(opened.owner())
                    || before.map(|f| (f.uid, *gid)) == Some(opened.owner())
            }
            // Not moved yet, or somebody made another in its place.
            Did::Remove => match before {
                Some(facts) if facts.kind == Kind::File => {
                    opened.kind() == Kind::File && facts.sha256 == Some(opened.sha256(goal)?)
                }
                Some(_) | None => opened.kind() == Kind::Folder,
            },
            Did::Mask | Did::Unlink { .. } => true,
        };
        if fine { Ok(()) } else { conflict() }
    }

    fn step_back(
        &self,
        id: Id,
        number: usize,
        record: &Record,
        goal: &Target,
    ) -> Result<(), ApplyError> {
        let host = self.journal.host;
        host.tidy(goal, &temporary(id, number))?;
        match (&record.did, &record.before) {
            (Did::Write { .. }, Some(before)) => self.write_back(id, number, goal, before)?,
            (Did::Mode { .. } | Did::Owner { .. }, Some(before)) => host.restore(goal, before)?,
            (Did::Remove, Some(before)) => self.bring_back(id, number, goal, before)?,
            // Where it is gone already, its directory may be gone as well.
            (Did::Write { .. } | Did::Folder | Did::Mask, None) if !host.has_folder_of(goal)? => {
                return Ok(());
            }
            (Did::Write { .. } | Did::Folder, None) => host.remove(goal)?,
            // What stands there by now and is no link of ours is left.
            (Did::Mask, None) => {
                if host.stands(goal)?.leads(MASK) {
                    host.remove_link(goal, MASK)?;
                }
            }
            (Did::Unlink { to }, Some(before)) => {
                if host.stands(goal)?.is_nothing() {
                    host.make_link(goal, to, Some(before), &temporary(id, number))?;
                }
            }
            (Did::Folder | Did::Mask, Some(_))
            | (Did::Mode { .. } | Did::Owner { .. } | Did::Remove | Did::Unlink { .. }, None) => {
                let why = "a step without what was before it".to_owned();
                return Err(ApplyError::Damaged(format!("{id}/{number:04}.json"), why));
            }
        }
        host.set_folder_times(goal, record.folder)
    }

    fn write_back(
        &self,
        id: Id,
        number: usize,
        goal: &Target,
        before: &Facts,
    ) -> Result<(), ApplyError> {
        let host = self.journal.host;
        let file = self.journal.file(id, &format!("{number:04}.old"))?;
        let damaged = |why: &str| ApplyError::Damaged(file.text().to_owned(), why.to_owned());
        let old = host.read(&file)?.ok_or_else(|| damaged("it is not there"))?;
        if before.sha256.as_deref() != Some(digest(&old).as_str()) {
            return Err(damaged("its digest is another"));
        }
        let now = host.look(goal)?;
        let same = match &now {
            Some(opened) => opened.content(goal)? == old,
            None => false,
        };
        if same {
            return host.restore(goal, before);
        }
        host.put(goal, &old, before, &temporary(id, number))
    }

    fn bring_back(
        &self,
        id: Id,
        number: usize,
        goal: &Target,
        before: &Facts,
    ) -> Result<(), ApplyError> {
        let host = self.journal.host;
        let kept = self.journal.file(id, &format!("{number:04}.kept"))?;
        if host.look(goal)?.is_some() {
            // Not moved yet, or back already.
            return Ok(());
        }
        let missing = || ApplyError::Damaged(kept.text().to_owned(), "it is not there".to_owned());
        let opened = host.look(&kept)?.ok_or_else(missing)?;
        if host.shift(&kept, goal)? {
            return host.restore(goal, before);
        }
        let content = opened.content(&kept)?;
        host.put(goal, &content, before, &temporary(id, number))
    }
}

/// Where the link of a step leads; `None`: it is no step of links.
fn leads(record: &Record) -> Option<&str> {
    match &record.did {
        Did::Mask => Some(MASK),
        Did::Unlink { to } => Some(to),
        Did::Write { .. } | Did::Folder | Did::Mode { .. } | Did::Owner { .. } | Did::Remove => {
            None
        }
    }
}
