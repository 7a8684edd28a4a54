//! The commands that look: list, find, diff.

use super::super::Exit;
use super::{show, with};
use crate::cli::BackupJob;
use crate::error::Error;
use burgrave_backup::{Change, Snapshot};
use burgrave_sys::NodeKind;
use serde_json::{Value, json};

/// Shows the snapshots.
pub(super) fn list(arguments: &BackupJob) -> Result<Exit, Error> {
    with(arguments, |job| {
        let repository = job.open()?;
        let (snapshots, damaged) = job.snapshots(&repository)?;
        let damage: Vec<String> = damaged.iter().map(burgrave_backup::BackupError::told).collect();
        let mut text = show::lines("damage: ", &damage, 0);
        for snapshot in &snapshots {
            text.push_str(&line(snapshot));
        }
        text.push_str(&format!("{} snapshots in {}\n", snapshots.len(), job.repository_name()));
        let json = json!({
            "version": 1, "job": job.name(), "repository": job.repository_name(), "id": repository.id(),
            "snapshots": snapshots.iter().map(object).collect::<Vec<_>>(), "damage": damage,
        });
        show::result(arguments.format, &text, &json)?;
        Ok(if damage.is_empty() { Exit::Clean } else { Exit::Findings })
    })
}

fn line(snapshot: &Snapshot) -> String {
    let file = &snapshot.file;
    let size = file.summary.as_ref().map_or_else(String::new, |summary| {
        let bytes = show::bytes(summary.total_bytes_processed);
        format!("  {} files, {bytes}", summary.total_files_processed)
    });
    let mark = if snapshot.is_incomplete() { "  incomplete" } else { "" };
    format!(
        "{}  {}  {}  {}  {}{size}{mark}\n",
        snapshot.id.short(),
        snapshot.time.rfc3339().get(..19).unwrap_or_default(),
        file.hostname,
        snapshot.job().unwrap_or("-"),
        file.paths.join(" "),
    )
}

fn object(snapshot: &Snapshot) -> Value {
    let file = &snapshot.file;
    let summary = file.summary.as_ref();
    json!({
        "id": snapshot.id, "short": snapshot.id.short(), "time": file.time, "host": file.hostname,
        "job": snapshot.job(), "paths": file.paths, "tags": file.tags, "parent": file.parent, "tree": file.tree,
        "is_complete": !snapshot.is_incomplete(), "program": file.program_version,
        "files": summary.map(|summary| summary.total_files_processed),
        "bytes": summary.map(|summary| summary.total_bytes_processed),
        "bytes_added": summary.map(|summary| summary.data_added),
        "bytes_stored": summary.map(|summary| summary.data_added_packed),
    })
}

fn kind(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::File => "file",
        NodeKind::Directory => "directory",
        NodeKind::Link => "link",
        NodeKind::Block => "block device",
        NodeKind::Character => "character device",
        NodeKind::Pipe => "pipe",
        NodeKind::Socket => "socket",
    }
}

/// Looks for names.
pub(super) fn find(
    arguments: &BackupJob,
    pattern: &str,
    snapshot: Option<&str>,
) -> Result<Exit, Error> {
    with(arguments, |job| {
        let repository = job.open()?;
        let found = job.find(&repository, pattern, snapshot)?;
        let time = |secs: i64| burgrave_sys::UnixTime(secs.saturating_mul(1_000_000)).rfc3339();
        let mut text = String::new();
        for one in &found {
            text.push_str(&format!(
                "{}  {}  {}  {}\n",
                one.snapshot.short(),
                time(one.modified.secs).get(..19).unwrap_or_default(),
                show::bytes(one.size),
                one.path
            ));
        }
        text.push_str(&format!("{} found\n", found.len()));
        let json = json!({
            "version": 1, "job": job.name(), "pattern": pattern,
            "found": found.iter().map(|one| json!({
                "snapshot": one.snapshot, "path": one.path, "kind": kind(one.kind), "bytes": one.size,
                "modified": time(one.modified.secs),
            })).collect::<Vec<_>>(),
        });
        show::result(arguments.format, &text, &json)?;
        Ok(if found.is_empty() { Exit::Findings } else { Exit::Clean })
    })
}

/// Shows what differs.
pub(super) fn diff(arguments: &BackupJob, old: &str, new: &str) -> Result<Exit, Error> {
    with(arguments, |job| {
        let repository = job.open()?;
        let (old, new) = (job.snapshot(&repository, old)?, job.snapshot(&repository, new)?);
        let changes = job.diff(&repository, &old, &new)?;
        let words = |change: Change| match change {
            Change::Added => ("+", "added"),
            Change::Removed => ("-", "removed"),
            Change::Content => ("M", "content"),
            Change::Attributes => ("U", "attributes"),
        };
        let mut text = String::new();
        for (change, path) in &changes {
            text.push_str(&format!("{}  {path}\n", words(*change).0));
        }
        text.push_str(&format!("{} differ\n", changes.len()));
        let json = json!({
            "version": 1, "job": job.name(), "old": old.id, "new": new.id,
            "changes": changes.iter().map(|(change, path)| json!({
                "change": words(*change).1, "path": path,
            })).collect::<Vec<_>>(),
        });
        show::result(arguments.format, &text, &json)?;
        Ok(if changes.is_empty() { Exit::Clean } else { Exit::Findings })
    })
}
