//! `burgrave watch`: one command a file.

mod import;
mod trial;

use super::Exit;
use crate::cli::Watch;
use crate::error::Error;

/// Runs one of them.
pub(super) fn dispatch(command: &Watch) -> Result<Exit, Error> {
    match command {
        Watch::Try(trial) => trial::run(trial),
        Watch::ImportFail2ban { folder } => import::run(folder),
    }
}
