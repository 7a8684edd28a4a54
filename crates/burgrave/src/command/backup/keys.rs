//! The commands about keys and locks.

use super::super::Exit;
use super::{show, with};
use crate::cli::BackupJob;
use crate::error::Error;
use serde_json::json;
use std::path::Path;

/// Shows, makes, adds or removes keys.
pub(super) fn key(
    arguments: &BackupJob,
    is_new: bool,
    add: Option<&Path>,
    remove: Option<&str>,
) -> Result<Exit, Error> {
    with(arguments, |job| {
        let file = job.settings().key.display().to_string();
        if is_new {
            job.new_key()?;
            let text = format!(
                "a new password is in `{file}`, which nobody but its owner may read; keep its recovery sheet on paper: \
                 `burgrave backup recovery-sheet {}`\n",
                job.name()
            );
            show::result(
                arguments.format,
                &text,
                &json!({ "version": 1, "job": job.name(), "made": file }),
            )?;
            return Ok(Exit::Clean);
        }
        let changed = match (add, remove) {
            (Some(add), _) => Some(("added", job.add_key(add)?)),
            (None, Some(remove)) => Some(("removed", job.remove_key(remove)?)),
            (None, None) => None,
        };
        let keys = job.keys()?;
        let mut text = String::new();
        if let Some((word, id)) = &changed {
            text.push_str(&format!("{word} {}\n", id.short()));
        }
        for (id, created, by) in &keys {
            let when = created.get(..19).unwrap_or(created);
            text.push_str(&format!("{}  {when}  {by}\n", id.short()));
        }
        let json = json!({
            "version": 1, "job": job.name(),
            "changed": changed.map(|(word, id)| json!({ "what": word, "id": id })),
            "keys": keys.iter().map(|(id, created, by)| json!({
                "id": id, "created": created, "by": by,
            })).collect::<Vec<_>>(),
        });
        show::result(arguments.format, &text, &json)?;
        Ok(Exit::Clean)
    })
}

/// Prints the sheet.
pub(super) fn recovery_sheet(arguments: &BackupJob) -> Result<Exit, Error> {
    with(arguments, |job| {
        let sheet = burgrave_backup::sheet(job)?;
        let json = json!({ "version": 1, "job": job.name(), "sheet": sheet });
        show::result(arguments.format, &sheet, &json)?;
        Ok(Exit::Clean)
    })
}

/// Removes locks.
pub(super) fn unlock(arguments: &BackupJob) -> Result<Exit, Error> {
    with(arguments, |job| {
        let removed = job.unlock()?;
        let json = json!({ "version": 1, "job": job.name(), "removed": removed });
        show::result(arguments.format, &format!("{removed} locks removed\n"), &json)?;
        Ok(Exit::Clean)
    })
}
