//! A server for as long as a drill needs it: in a directory of its own, on a socket of its own, no network.

use super::program::{Running, as_account, find, output};
use crate::error::BackupError;
use burgrave_sys::Folder;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long one may take until it answers.
const START_TIME: Duration = Duration::from_hours(1);
const GIVE_TIME: Duration = Duration::from_mins(5);
const PAUSE: Duration = Duration::from_millis(100);

/// Where a server works: nobody but its account gets at what is in it.
pub(crate) struct Room {
    pub(crate) data: PathBuf,
    pub(crate) socket: PathBuf,
    account: &'static str,
}

impl Room {
    /// Makes it below a directory, for an account where that is known here and this process may give it away.
    pub(crate) fn make(at: &Path, account: &'static str) -> Result<Self, BackupError> {
        let folder = Folder::open(at)?;
        for name in ["data", "socket"] {
            folder.make_folder(name.as_bytes())?;
            give(&at.join(name), account)?;
        }
        Ok(Self { data: at.join("data"), socket: at.join("socket/s"), account })
    }

    /// Words of a command that the server's account runs.
    pub(crate) fn command(
        &self,
        program: &Path,
        arguments: &[&str],
    ) -> Result<Vec<String>, BackupError> {
        let mut command = as_account(self.account)?;
        command.push(program.display().to_string());
        command.extend(arguments.iter().map(|&argument| argument.to_owned()));
        Ok(command)
    }

    /// Takes a file that was restored into the server's directory, under another name.
    pub(crate) fn take(&self, file: &Path, name: &str) -> Result<PathBuf, BackupError> {
        let (from, old) =
            (file.parent().unwrap_or(Path::new("/")), file.file_name().unwrap_or_default());
        let (from, to) = (Folder::open(from)?, Folder::open(&self.data)?);
        from.rename(old.as_encoded_bytes(), &to, name.as_bytes())?;
        let taken = self.data.join(name);
        give(&taken, self.account)?;
        Ok(taken)
    }
}

/// Gives a path to an account.
pub(crate) fn give(path: &Path, account: &str) -> Result<(), BackupError> {
    if as_account(account)?.is_empty() {
        return Ok(());
    }
    let chown = find(&["chown"])?.display().to_string();
    let (path, owner) = (path.display().to_string(), format!("{account}:{account}"));
    output(&[&chown, "-h", &owner, "--", &path].map(str::to_owned), GIVE_TIME).map(drop)
}

/// Starts one and waits until it answers. It is killed with the value: what it has is thrown away.
pub(crate) fn serve(
    command: &[String],
    is_ready: &dyn Fn() -> Result<(), BackupError>,
) -> Result<Running, BackupError> {
    let mut running = Running::start(command, &[])?;
    running.ignore_output();
    let deadline = Instant::now() + START_TIME;
    loop {
        match is_ready() {
            Ok(()) => return Ok(running),
            // One that has ended never will: what it said is the cause.
            Err(error) if !running.is_running() => {
                return Err(running.finish().err().unwrap_or(error));
            }
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}
