//! The standard output of a program, as one file.

use super::failure;
use crate::archive::Seen;
use crate::error::BackupError;
use crate::repository::Repository;
use crate::run::{Labels, Report, What, run};
use burgrave_sys::{Ended, Invocation, Program};
use std::sync::Arc;
use std::time::Duration;

/// How long a program may take to end after its output has.
const END_TIME: Duration = Duration::from_mins(5);

/// Runs the program and backs up what it writes.
pub(super) fn back_up(
    command: &[String],
    variables: &[(&str, &str)],
    file: &str,
    repository: &Arc<Repository>,
    labels: &mut Labels,
    progress: &mut dyn FnMut(&Seen),
) -> Result<Report, BackupError> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| BackupError::Refused("the command names no program".to_owned()))?;
    labels.paths = vec![format!("/{file}")];
    let mut invocation = Invocation::new(program, END_TIME, 0)?
        .args(arguments)
        .variable("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    for (name, value) in variables {
        invocation = invocation.variable(*name, *value);
    }
    let mut running = Program::start(invocation)?;
    drop(running.take_input());
    let failed = |cause: String| BackupError::Source { name: program.clone(), cause };
    let mut output = running.take_output().ok_or_else(|| failed("it has no output".to_owned()))?;
    let mut running = Some(running);
    let mut finish = || {
        let Some(running) = running.take() else { return Ok(()) };
        let (ended, said) = running.finish(END_TIME)?;
        if ended == Ended::Exit(0) { Ok(()) } else { Err(failed(failure(&ended, &said))) }
    };
    let what = What::Stream { name: file, input: &mut output, finish: &mut finish };
    run(repository, labels, what, progress)
}
