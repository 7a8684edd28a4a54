//! The commands that work: run, restore, verify, drill, prune.

use super::super::Exit;
use super::show::{self, Progress};
use super::{kept, with};
use crate::cli::BackupJob;
use crate::error::Error;
use crate::output;
use burgrave_backup::{Drilled, Job, Pruned, Ran, Restored, Share, Verified};
use burgrave_ledger::Kind;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Makes a backup.
pub(super) fn run(arguments: &BackupJob) -> Result<Exit, Error> {
    kept(arguments, Kind::BackupRun, |job| {
        let progress = Progress::new();
        let ran = job.run(&mut |seen| {
            progress.tell(|| {
                let (files, bytes) = (seen.files, show::bytes(seen.bytes));
                format!("{files} files, {bytes}, {} read", show::bytes(seen.bytes_read))
            });
        });
        drop(progress);
        let ran = ran?;
        let json = ran_json(job.name(), &ran);
        show::result(arguments.format, &ran_text(job.name(), &ran), &json)?;
        let is_clean =
            ran.report.seen.trouble_count == 0 && ran.report.damage == 0 && ran.failures.is_empty();
        Ok((if is_clean { Exit::Clean } else { Exit::Findings }, json))
    })
}

fn ran_text(job: &str, ran: &Ran) -> String {
    let (report, seen) = (&ran.report, &ran.report.seen);
    let mut text = String::new();
    if ran.is_new {
        text.push_str("a new repository was made; print its recovery sheet: `burgrave backup recovery-sheet`\n");
    }
    text.push_str(&show::lines("notice: ", &report.notices, 0));
    text.push_str(&show::lines("not backed up: ", &seen.trouble, seen.trouble_count));
    text.push_str(&show::lines("changed while it was read: ", &seen.moving, 0));
    text.push_str(&show::lines("odd: ", &ran.odd, 0));
    text.push_str(&show::lines("failed: ", &ran.failures, 0));
    text.push_str(&format!(
        "{job}: snapshot {} of {} files ({} new, {} changed), {}; stored {} in {}\n",
        report.snapshot.short(),
        seen.files,
        seen.files_new,
        seen.files_changed,
        show::bytes(seen.bytes),
        show::bytes(report.stored.packed_bytes),
        show::time(report.took),
    ));
    if let Some(pruned) = &ran.pruned {
        text.push_str(&pruned_text(pruned, false));
    }
    text
}

fn ran_json(job: &str, ran: &Ran) -> Value {
    let (report, seen) = (&ran.report, &ran.report.seen);
    json!({
        "version": 1, "job": job, "snapshot": report.snapshot, "parent": report.parent,
        "files": seen.files, "files_new": seen.files_new, "files_changed": seen.files_changed,
        "files_unchanged": seen.files_unchanged, "folders": seen.folders, "bytes": seen.bytes,
        "bytes_read": seen.bytes_read, "bytes_added": report.stored.plain_bytes,
        "bytes_stored": report.stored.packed_bytes, "seconds": report.took.as_secs_f64(),
        "is_complete": seen.trouble_count == 0, "unreadable": seen.trouble, "changed_while_read": seen.moving,
        "notices": report.notices, "damage": report.damage, "odd": ran.odd, "failures": ran.failures, "is_new_repository": ran.is_new,
        "pruned": ran.pruned.as_ref().map(pruned_json),
    })
}

/// What is restored.
pub(super) struct Restore<'a> {
    pub(super) paths: &'a [OsString],
    pub(super) to: Option<&'a Path>,
    pub(super) snapshot: &'a str,
    pub(super) is_dry: bool,
}

/// Restores.
pub(super) fn restore(
    arguments: &BackupJob,
    wanted: &Restore<'_>,
    time: Option<&str>,
) -> Result<Exit, Error> {
    if let Some(time) = time {
        return recover(arguments, wanted, time);
    }
    let act = |job: &Job<'_>| {
        let repository = job.open()?;
        let snapshot = job.snapshot(&repository, wanted.snapshot)?;
        if snapshot.is_incomplete() {
            output::notice(
                "this snapshot is incomplete: some files could not be read when it was made",
            );
        }
        let progress = Progress::new();
        let paths = wanted.paths.iter().map(|path| path.as_bytes().to_vec()).collect();
        let to = wanted.to.map(std::path::absolute).transpose();
        let to = to.map_err(|error| Error::Backup(format!("the directory of `--to`: {error}")))?;
        let to = to.as_deref().unwrap_or(Path::new("/"));
        let done = job.restore(&repository, &snapshot, to, paths, wanted.is_dry, &|done, of| {
            progress.bar(done, of);
        });
        drop(progress);
        let done = done?;
        let text = restored_text(&done, &snapshot.id.short(), to, wanted.is_dry);
        let json = json!({
            "version": 1, "job": job.name(), "snapshot": snapshot.id, "to": to.display().to_string(),
            "is_dry_run": wanted.is_dry, "files": done.files, "files_same": done.same, "folders": done.folders,
            "others": done.others, "bytes": done.bytes, "overwritten": done.overwritten,
            "overwritten_count": done.overwritten_count,
            "kept": done.kept.as_ref().map(|kept| kept.display().to_string()),
            "not_restored": done.trouble, "not_restored_count": done.trouble_count,
            "seconds": done.took.as_secs_f64(),
        });
        show::result(arguments.format, &text, &json)?;
        Ok((if done.trouble_count == 0 { Exit::Clean } else { Exit::Findings }, json))
    };
    if wanted.is_dry {
        return with(arguments, |job| Ok(act(job)?.0));
    }
    kept(arguments, Kind::BackupRestored, act)
}

/// Restores a cluster of `PostgreSQL` to a moment.
fn recover(arguments: &BackupJob, wanted: &Restore<'_>, time: &str) -> Result<Exit, Error> {
    let to = wanted.to.map(std::path::absolute).transpose();
    let to = to.map_err(|error| Error::Backup(format!("the directory of `--to`: {error}")))?;
    let (Some(to), true) = (to, wanted.paths.is_empty() && !wanted.is_dry) else {
        let why = "`--time` restores a whole cluster: with `--to`, without paths and `--dry-run`";
        return Err(Error::Backup(why.to_owned()));
    };
    kept(arguments, Kind::BackupRestored, |job| {
        let repository = job.open()?;
        let recovered = job.recover(&repository, time, &to)?;
        let data = recovered.data.display().to_string();
        let text = format!(
            "the base backup of {} and WAL up to snapshot {} are in {data}; start the server with\n  pg_ctl -D {data} start\n\
             it goes on to {}, and takes writes from there\n",
            recovered.base_time,
            recovered.wal.short(),
            recovered.time,
        );
        let json = json!({
            "version": 1, "job": job.name(), "base": recovered.base, "wal": recovered.wal, "data": data,
            "base_time": recovered.base_time, "time": recovered.time,
        });
        show::result(arguments.format, &text, &json)?;
        Ok((Exit::Clean, json))
    })
}

fn restored_text(done: &Restored, snapshot: &str, to: &Path, is_dry: bool) -> String {
    let (would, overwritten) = if is_dry {
        ("would restore", "would overwrite, and keep: ")
    } else {
        ("restored", "overwritten, and kept: ")
    };
    let mut text = show::lines(overwritten, &done.overwritten, done.overwritten_count);
    if let Some(kept) = &done.kept {
        text.push_str(&format!("what was there before is in {}\n", kept.display()));
    }
    text.push_str(&show::lines("not restored: ", &done.trouble, done.trouble_count));
    text.push_str(&format!(
        "{would} {} files of snapshot {snapshot} to {}, {}; {} were there already ({})\n",
        done.files,
        to.display(),
        show::bytes(done.bytes),
        done.same,
        show::time(done.took),
    ));
    text
}

/// Reads back and compares.
pub(super) fn verify(arguments: &BackupJob, share: Option<&str>) -> Result<Exit, Error> {
    let share = match share {
        None => Some(Share::ALL),
        Some("next") => None,
        Some(text) => Some(Share::parse(text).ok_or_else(|| {
            Error::Backup(format!("`{text}` is no share: `2/7` is the second of seven"))
        })?),
    };
    kept(arguments, Kind::BackupVerified, |job| {
        let progress = Progress::new();
        let verified = job.verify(share, &|done, of| {
            progress.tell(|| format!("{done} of {of} packs read"));
        });
        drop(progress);
        let verified = verified?;
        let json = json!({
            "version": 1, "job": job.name(), "is_sound": verified.fault_count == 0, "snapshots": verified.snapshots,
            "packs": verified.packs, "packs_read": verified.packs_read, "bytes_read": verified.bytes_read,
            "faults": verified.faults, "fault_count": verified.fault_count, "notices": verified.notices,
            "affected": verified.affected.iter().map(|(id, time, files)| json!({
                "snapshot": id, "time": time, "files": files,
            })).collect::<Vec<_>>(),
            "seconds": verified.took.as_secs_f64(),
        });
        show::result(arguments.format, &verified_text(job.name(), &verified), &json)?;
        Ok((if verified.fault_count == 0 { Exit::Clean } else { Exit::Findings }, json))
    })
}

fn verified_text(job: &str, verified: &Verified) -> String {
    let mut text = show::lines("notice: ", &verified.notices, 0);
    text.push_str(&show::lines("damage: ", &verified.faults, verified.fault_count));
    for (id, time, files) in &verified.affected {
        text.push_str(&show::lines(&format!("affected: {} of {time}: ", id.short()), files, 0));
    }
    let said = if verified.fault_count == 0 { "sound" } else { "damaged" };
    text.push_str(&format!(
        "{job}: {said}; {} snapshots, {} packs, {} of them ({}) read back in {}\n",
        verified.snapshots,
        verified.packs,
        verified.packs_read,
        show::bytes(verified.bytes_read),
        show::time(verified.took),
    ));
    text
}

/// Restores into a place of its own.
pub(super) fn drill(arguments: &BackupJob) -> Result<Exit, Error> {
    kept(arguments, Kind::BackupDrilled, |job| {
        let progress = Progress::new();
        let drilled = job.drill(&|done, of| progress.bar(done, of));
        drop(progress);
        let drilled = drilled?;
        let json = drilled.json();
        show::result(arguments.format, &drilled_text(&drilled), &json)?;
        Ok((if drilled.held() { Exit::Clean } else { Exit::Findings }, json))
    })
}

fn drilled_text(drilled: &Drilled) -> String {
    let mut text = String::new();
    text.push_str(&show::lines("failed: ", &drilled.failures, 0));
    for check in &drilled.checks {
        let word = if check.held { "held" } else { "fell" };
        let expect = check.expect.as_deref().unwrap_or("something");
        text.push_str(&format!(
            "{word}: `{}` gave `{}`, expected {expect}\n",
            check.query, check.value
        ));
    }
    text.push_str(&format!(
        "{}: the drill {}; snapshot {}: {} files, {} restored, {} compared with their source, {} changed since; ready after {}\n",
        drilled.job,
        if drilled.held() { "held" } else { "fell" },
        drilled.snapshot.short(),
        drilled.files,
        show::bytes(drilled.bytes),
        drilled.compared,
        drilled.changed,
        show::time(drilled.ready),
    ));
    text
}

/// Forgets.
pub(super) fn prune(arguments: &BackupJob, is_dry: bool, forget: &[String]) -> Result<Exit, Error> {
    let act = |job: &Job<'_>| {
        let pruned = job.prune(is_dry, forget)?;
        let mut json = pruned_json(&pruned);
        if let Some(object) = json.as_object_mut() {
            object.insert("version".to_owned(), 1.into());
            object.insert("job".to_owned(), job.name().into());
            object.insert("is_dry_run".to_owned(), is_dry.into());
        }
        show::result(arguments.format, &pruned_text(&pruned, is_dry), &json)?;
        Ok((Exit::Clean, json))
    };
    if is_dry {
        return with(arguments, |job| Ok(act(job)?.0));
    }
    kept(arguments, Kind::BackupPruned, act)
}

fn pruned_text(pruned: &Pruned, is_dry: bool) -> String {
    let mut text = show::lines("notice: ", &pruned.notices, 0);
    for (id, why) in &pruned.decision.keep {
        text.push_str(&format!("kept {}: {}\n", id.short(), why.join(", ")));
    }
    let word = if is_dry { "would forget" } else { "forgot" };
    for id in &pruned.decision.forget {
        text.push_str(&format!("{word} {}\n", id.short()));
    }
    if !is_dry {
        text.push_str(&format!(
            "{} packs removed, {} made smaller: {} freed\n",
            pruned.packs_removed,
            pruned.packs_moved,
            show::bytes(pruned.bytes_freed),
        ));
    }
    text
}

fn pruned_json(pruned: &Pruned) -> Value {
    let kept = pruned.decision.keep.iter();
    json!({
        "kept": kept.map(|(id, why)| json!({ "snapshot": id, "because": why })).collect::<Vec<_>>(),
        "forgotten": pruned.decision.forget, "packs_removed": pruned.packs_removed,
        "packs_moved": pruned.packs_moved, "bytes_freed": pruned.bytes_freed, "notices": pruned.notices,
    })
}
