//! Snapshots: which tree there was when, of which paths and machine.

use crate::error::BackupError;
use crate::id::Id;
use crate::repository::{Repository, from_json};
use crate::target::FileKind;
use crate::time::parse_time;
use burgrave_sys::UnixTime;
use serde::{Deserialize, Serialize};

/// A snapshot as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotFile {
    /// RFC 3339.
    pub time: String,
    /// The one before, that unchanged files were taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Id>,
    /// The top directory. Every snapshot has one.
    pub tree: Option<Id>,
    /// What was backed up.
    #[serde(default, deserialize_with = "or_default")]
    pub paths: Vec<String>,
    /// The machine.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// The account.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// Its number.
    #[serde(default)]
    pub uid: u32,
    /// Its group.
    #[serde(default)]
    pub gid: u32,
    /// What was left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub excludes: Vec<String>,
    /// Words; ours begin with `burgrave:`.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub tags: Vec<String>,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub program_version: String,
    /// What was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
}

fn or_default<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// What was counted, in restic's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// RFC 3339.
    #[serde(default)]
    pub backup_start: String,
    /// RFC 3339.
    #[serde(default)]
    pub backup_end: String,
    /// Files that were not in the one before.
    #[serde(default)]
    pub files_new: u64,
    /// Files that had changed.
    #[serde(default)]
    pub files_changed: u64,
    /// Files that had not.
    #[serde(default)]
    pub files_unmodified: u64,
    /// New pieces.
    #[serde(default)]
    pub data_blobs: u64,
    /// New lists.
    #[serde(default)]
    pub tree_blobs: u64,
    /// Bytes of what was new, as it was.
    #[serde(default)]
    pub data_added: u64,
    /// Bytes of what was new, in the repository.
    #[serde(default)]
    pub data_added_packed: u64,
    /// All files.
    #[serde(default)]
    pub total_files_processed: u64,
    /// All bytes of them.
    #[serde(default)]
    pub total_bytes_processed: u64,
}

/// A snapshot with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name.
    pub id: Id,
    /// What it says.
    pub file: SnapshotFile,
    /// When, as a number.
    pub time: UnixTime,
}

/// The tag of a job's snapshots.
pub(crate) fn tag(job: &str) -> String {
    format!("burgrave:{job}")
}

/// The tag of a snapshot of which some files could not be read.
pub(crate) const INCOMPLETE: &str = "burgrave-incomplete";

impl Snapshot {
    /// The job that made it, if it was ours.
    pub fn job(&self) -> Option<&str> {
        self.file.tags.iter().find_map(|tag| tag.strip_prefix("burgrave:"))
    }

    /// Whether some files could not be read.
    pub fn is_incomplete(&self) -> bool {
        self.file.tags.iter().any(|tag| tag == INCOMPLETE)
    }

    /// The top directory.
    pub(crate) fn tree(&self) -> Result<Id, BackupError> {
        self.file.tree.ok_or_else(|| {
            BackupError::damaged(format!("snapshot `{}`", self.id), "it names no tree")
        })
    }
}

/// Snapshots, and what is wrong with those that cannot be read.
pub type Snapshots = (Vec<Snapshot>, Vec<BackupError>);

/// All snapshots, oldest first.
pub(crate) fn all(repository: &Repository) -> Result<Snapshots, BackupError> {
    let (mut snapshots, mut damaged) = (Vec::new(), Vec::new());
    for listed in repository.target().list(FileKind::Snapshot)? {
        match one(repository, &listed.name) {
            Ok(snapshot) => snapshots.push(snapshot),
            Err(error @ BackupError::Damaged { .. }) => damaged.push(error),
            // Forgotten between the two looks.
            Err(BackupError::Missing { .. }) => {}
            Err(other) => return Err(other),
        }
    }
    snapshots.sort_by_key(|snapshot| (snapshot.time, snapshot.id));
    Ok((snapshots, damaged))
}

fn one(repository: &Repository, name: &str) -> Result<Snapshot, BackupError> {
    let json = repository.load(FileKind::Snapshot, name)?;
    let file: SnapshotFile = from_json(FileKind::Snapshot, name, &json)?;
    let wrong = |why| BackupError::damaged(format!("snapshot `{name}`"), why);
    let time = parse_time(&file.time).ok_or_else(|| wrong("its time is none"))?;
    let id = Id::parse(name).ok_or_else(|| wrong("its name is no digest"))?;
    Ok(Snapshot { id, file, time })
}

/// The one that is asked for: `latest`, or the beginning of its name. `latest` is the job's own, where it has any.
pub fn choose(snapshots: &[Snapshot], wanted: &str, job: &str) -> Result<Snapshot, BackupError> {
    if wanted == "latest" {
        let own = snapshots.iter().rev().find(|snapshot| snapshot.job() == Some(job));
        return own
            .or_else(|| snapshots.iter().rev().find(|snapshot| snapshot.job().is_none()))
            .cloned()
            .ok_or_else(|| BackupError::Refused(format!("the job `{job}` has no snapshot yet")));
    }
    let digits = wanted.len() >= 4 && wanted.bytes().all(|byte| byte.is_ascii_hexdigit());
    let matching: Vec<&Snapshot> =
        snapshots.iter().filter(|found| digits && found.id.hex().starts_with(wanted)).collect();
    match matching.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(BackupError::Refused(format!(
            "no snapshot is called `{wanted}`: `burgrave backup list` shows all (`latest`, or four or more of the \
             first digits)"
        ))),
        many => Err(BackupError::Refused(format!(
            "`{wanted}` is the beginning of {} snapshots: write more digits",
            many.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(text: &str, tags: &[&str]) -> Snapshot {
        let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
        let file = SnapshotFile { tags, ..SnapshotFile::default() };
        Snapshot { id: Id::of(text.as_bytes()), file, time: UnixTime(0) }
    }

    #[test]
    fn the_latest_is_the_jobs_own() {
        let all = [
            snapshot("a", &["burgrave:web"]),
            snapshot("b", &["burgrave:ledger"]),
            snapshot("c", &["burgrave:web", INCOMPLETE]),
            snapshot("d", &[]),
        ];
        for (job, expected) in [("web", 2), ("ledger", 1), ("other", 3)] {
            assert_eq!(choose(&all, "latest", job).unwrap(), all[expected], "{job}");
        }
        assert!(all[2].is_incomplete() && !all[0].is_incomplete());
        assert!(choose(&all[..2], "latest", "other").is_err(), "another job's is not this one's");
    }

    #[test]
    fn a_name_may_be_shortened_while_it_is_one() {
        let all = [snapshot("a", &[]), snapshot("b", &[])];
        let full = all[0].id.hex();
        assert_eq!(choose(&all, &full, "").unwrap(), all[0]);
        assert_eq!(choose(&all, full.get(..4).unwrap(), "").unwrap(), all[0]);
        for wanted in ["", "ffff", "xyzw", full.get(..3).unwrap()] {
            assert!(choose(&all, wanted, "").is_err(), "{wanted}");
        }
    }

    #[test]
    fn what_restic_leaves_out_or_adds_is_no_fault() {
        let json = r#"{"time":"2024-01-02T03:04:05.6+01:00","tree":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","paths":["/a"],"hostname":"h","username":"root","tags":null,"original":"x"}"#;
        let file: SnapshotFile = serde_json::from_str(json).unwrap();
        assert_eq!((file.paths.len(), file.tags.len()), (1, 0));
    }
}
