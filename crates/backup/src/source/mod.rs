//! What is no part of the file system as it is: streams of programs, and databases that have to be asked.
//!
//! Invariant: there is a snapshot only of what came to its end; a program that fails leaves none.

mod stream;

use crate::archive::Seen;
use crate::error::BackupError;
use crate::job::HOOK_TIME;
use crate::repository::Repository;
use crate::run::{Labels, Report};
use burgrave_config::BackupSource;
use burgrave_sys::{Ended, Invocation, Live, System as _};
use std::path::Path;
use std::sync::Arc;

/// What a hook may write.
const HOOK_BYTES_MAX: usize = 1024 * 1024;

/// Backs up a source that is no path.
pub(crate) fn back_up(
    source: &BackupSource,
    _work: &Path,
    repository: &Arc<Repository>,
    labels: &mut Labels,
    progress: &mut dyn FnMut(&Seen),
) -> Result<Report, BackupError> {
    match source {
        BackupSource::Command { command, file } => {
            stream::back_up(command, &[], file, repository, labels, progress)
        }
        BackupSource::Paths { .. }
        | BackupSource::Sqlite(_)
        | BackupSource::Postgresql(_)
        | BackupSource::Mysql(_) => Err(BackupError::Refused("not yet".to_owned())),
    }
}

/// Runs a program before or after a backup.
pub(crate) fn hook(when: &str, command: &[String]) -> Result<(), BackupError> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| BackupError::Refused(format!("`{when}` names no program")))?;
    let invocation = Invocation::new(program, HOOK_TIME, HOOK_BYTES_MAX)?
        .args(arguments)
        .variable("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    let output = Live.run(&invocation)?;
    if output.ended == Ended::Exit(0) {
        return Ok(());
    }
    Err(BackupError::Source {
        name: format!("{when}: {program}"),
        cause: failure(&output.ended, &output.stderr),
    })
}

/// How a program failed, with the last of what it said.
pub(crate) fn failure(ended: &Ended, said: &[u8]) -> String {
    let said: String = said.trim_ascii().escape_ascii().to_string().replace("\\n", "\n");
    let last: Vec<&str> = said.lines().rev().take(5).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    let how = match ended {
        Ended::Exit(code) => format!("it ended with {code}"),
        Ended::Signal(signal) => format!("it was ended by signal {signal}"),
    };
    if last.is_empty() { how } else { format!("{how}: {}", last.join(" | ")) }
}
