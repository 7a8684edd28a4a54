//! A cluster of `PostgreSQL` for as long as it is needed: in a directory of its own, on a socket of its own, no network.

use super::program::{as_account, find, find_postgresql, output};
use super::server::give;
use crate::error::BackupError;
use burgrave_sys::Folder;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a server may take to start, with the WAL that it has to go through.
const START_TIME: Duration = Duration::from_hours(1);
const STOP_TIME: Duration = Duration::from_mins(5);
const RESTORE_TIME: Duration = Duration::from_hours(12);
const QUERY_TIME: Duration = Duration::from_mins(30);
/// The account of its servers on Debian and Red Hat.
const ACCOUNT: &str = "postgres";
/// What a dump is restored into, whatever it was called.
pub(crate) const DATABASE: &str = "drill";

/// A server that runs; it is stopped when dropped.
pub(crate) struct Cluster {
    data: PathBuf,
    socket: PathBuf,
    user: String,
    is_running: bool,
}

/// Words of a command that runs as the server's account.
fn command(program: &Path, arguments: &[&str]) -> Result<Vec<String>, BackupError> {
    let mut command = as_account(ACCOUNT)?;
    command.push(program.display().to_string());
    command.extend(arguments.iter().map(|&argument| argument.to_owned()));
    Ok(command)
}

impl Cluster {
    /// Makes an empty one.
    pub(crate) fn create(at: &Path) -> Result<Self, BackupError> {
        let data = at.join("data");
        let folder = Folder::open(at)?;
        folder.make_folder(b"data")?;
        give(&data, ACCOUNT)?;
        let path = data.display().to_string();
        let arguments =
            ["-D", &path, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"];
        output(&command(&find_postgresql("initdb")?, &arguments)?, START_TIME)?;
        Self::start(at, &data, "postgres")
    }

    /// Starts the one whose data are there.
    pub(crate) fn start(at: &Path, data: &Path, user: &str) -> Result<Self, BackupError> {
        let socket = at.join("socket");
        Folder::open(at)?.make_folder(b"socket")?;
        give(&socket, ACCOUNT)?;
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off -c archive_mode=off \
             -c hba_file='{}' -c logging_collector=off -c ssl=off -c shared_preload_libraries=''",
            socket.display(),
            hba(at)?.display(),
        );
        let (path, log) =
            (data.display().to_string(), data.join("drill.log").display().to_string());
        let mut cluster =
            Self { data: data.to_path_buf(), socket, user: user.to_owned(), is_running: true };
        let arguments = ["-D", &path, "-l", &log, "-w", "-t", "3600", "-o", &options, "start"];
        let started = output(&command(&find_postgresql("pg_ctl")?, &arguments)?, START_TIME);
        if let Err(error) = started {
            let said =
                burgrave_sys::read_own(Path::new(&log), 16 * 1024 * 1024).unwrap_or_default();
            let cause = format!(
                "{}: {}",
                error.told(),
                super::failure(burgrave_sys::Ended::Exit(1), &said)
            );
            cluster.stop();
            return Err(BackupError::Source { name: "postgresql".to_owned(), cause });
        }
        cluster.wait_for_promotion()?;
        Ok(cluster)
    }

    /// A server that recovers answers before it has come to its end.
    fn wait_for_promotion(&self) -> Result<(), BackupError> {
        let deadline = std::time::Instant::now() + START_TIME;
        loop {
            match self.ask("postgres", "select pg_is_in_recovery()") {
                Ok(answer) if answer == "f" => return Ok(()),
                Ok(_) if std::time::Instant::now() < deadline => {}
                Ok(_) => {
                    return Err(BackupError::Source {
                        name: "postgresql".to_owned(),
                        cause: "the server does not come to the end of its recovery".to_owned(),
                    });
                }
                Err(error) if std::time::Instant::now() >= deadline => return Err(error),
                // A server that ended in its recovery is not waited for.
                Err(error) if !self.is_alive() => return Err(self.last_words(&error)),
                Err(_) => {}
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn is_alive(&self) -> bool {
        let path = self.data.display().to_string();
        let status = find_postgresql("pg_ctl")
            .and_then(|program| command(&program, &["-D", &path, "status"]))
            .and_then(|command| output(&command, STOP_TIME));
        status.is_ok()
    }

    fn last_words(&self, error: &BackupError) -> BackupError {
        let said = burgrave_sys::read_own(&self.data.join("drill.log"), 16 * 1024 * 1024)
            .unwrap_or_default();
        BackupError::Source {
            name: "postgresql".to_owned(),
            cause: format!(
                "{}: {}",
                error.told(),
                super::failure(burgrave_sys::Ended::Exit(1), &said)
            ),
        }
    }

    /// Restores a dump into a new database.
    pub(crate) fn load(&self, dump: &Path) -> Result<(), BackupError> {
        give(dump, ACCOUNT)?;
        let host = format!("--host={}", self.socket.display());
        let user = format!("--username={}", self.user);
        let create = command(
            &find_postgresql("createdb")?,
            &[&host, &user, "--template=template0", "--", DATABASE],
        )?;
        output(&create, START_TIME)?;
        let (name, path) = (format!("--dbname={DATABASE}"), dump.display().to_string());
        let arguments =
            [&host, &user, &name, "--no-owner", "--no-privileges", "--exit-on-error", "--", &path];
        output(&command(&find_postgresql("pg_restore")?, &arguments)?, RESTORE_TIME).map(drop)
    }

    /// The answer to a query, as one value.
    pub(crate) fn ask(&self, database: &str, query: &str) -> Result<String, BackupError> {
        let host = format!("--host={}", self.socket.display());
        let (user, name) = (format!("--username={}", self.user), format!("--dbname={database}"));
        let arguments = [
            &host,
            &user,
            &name,
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "-v",
            "ON_ERROR_STOP=1",
            "--command",
            query,
        ];
        let answer = output(
            &command(&find_postgresql("psql").or_else(|_| find(&["psql"]))?, &arguments)?,
            QUERY_TIME,
        )?;
        Ok(String::from_utf8(answer.trim_ascii().to_vec())
            .unwrap_or_else(|odd| odd.into_bytes().escape_ascii().to_string()))
    }

    fn stop(&mut self) {
        if !std::mem::take(&mut self.is_running) {
            return;
        }
        let path = self.data.display().to_string();
        let stopped = find_postgresql("pg_ctl")
            .and_then(|program| command(&program, &["-D", &path, "-m", "immediate", "-w", "stop"]))
            .and_then(|command| output(&command, STOP_TIME));
        // One that has ended already cannot be stopped.
        drop(stopped);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Who may sign in: whoever reaches the socket, which lies in a directory of the server's account.
fn hba(at: &Path) -> Result<PathBuf, BackupError> {
    let path = at.join("pg_hba.conf");
    burgrave_sys::replace_own(&path, b"local all all trust\n", burgrave_sys::Access::Owner)?;
    give(&path, ACCOUNT)?;
    Ok(path)
}
