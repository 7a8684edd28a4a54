//! A program of this machine: the message is JSON on its standard input; with exit 0 it has taken it.

use super::Failure;
use crate::message::Message;
use burgrave_sys::{Ended, Invocation, Kind, Live, SysError, System as _};
use std::path::Path;
use std::time::Duration;

const TIME_MAX: Duration = Duration::from_mins(1);
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

pub(super) fn check(program: &Path) -> Result<(), String> {
    let facts = Live.metadata(program).map_err(|error| error.to_string())?;
    match facts.kind {
        Kind::Link => Ok(()),
        Kind::File if facts.mode & 0o111 != 0 => Ok(()),
        Kind::File | Kind::Directory | Kind::Other => {
            Err(format!("`{}` is no program", program.display()))
        }
    }
}

pub(super) fn send(
    message: &Message,
    host: &str,
    program: &Path,
    arguments: &[String],
) -> Result<(), Failure> {
    let run = || -> Result<_, SysError> {
        let invocation = Invocation::new(program, TIME_MAX, OUTPUT_BYTES_MAX)?;
        let input = format!("{}\n", message.json(host)).into_bytes();
        Live.run(&invocation.args(arguments).stdin(input))
    };
    let output = run().map_err(|error| Failure::of(error, 0))?;
    if output.ended == Ended::Exit(0) {
        return Ok(());
    }
    let said = output.stderr.escape_ascii();
    Err(Failure::of(format!("`{}` ended with {:?}: {said}", program.display(), output.ended), 0))
}
