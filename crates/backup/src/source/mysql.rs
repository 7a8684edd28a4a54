//! `MySQL` and `MariaDB`: dumped in one transaction, and loaded into a server of its own.

use super::program::{Running, find, output};
use super::server::{Room, serve};
use crate::error::BackupError;
use burgrave_config::Database;
use std::path::Path;
use std::time::Duration;

const SET_UP_TIME: Duration = Duration::from_mins(10);
const LOAD_TIME: Duration = Duration::from_hours(12);
const QUERY_TIME: Duration = Duration::from_mins(30);
/// What a dump is loaded into, whatever it was called.
const DATABASE: &str = "drill";

/// The command that writes the dump.
pub(crate) fn dump(database: &Database) -> Result<Vec<String>, BackupError> {
    let program = find(&["mariadb-dump", "mysqldump"])?;
    let mut command = vec![program.display().to_string()];
    let options = [
        "--single-transaction",
        "--quick",
        "--routines",
        "--events",
        "--triggers",
        "--hex-blob",
        "--skip-dump-date",
    ];
    command.extend(options.map(str::to_owned));
    match &database.host {
        Some(socket) if socket.starts_with('/') => command.push(format!("--socket={socket}")),
        Some(host) => command.push(format!("--host={host}")),
        None => {}
    }
    let user = database.user.as_deref().unwrap_or("root");
    command.push(format!("--user={user}"));
    command.push("--".to_owned());
    command.push(database.name.clone());
    Ok(command)
}

/// A server that holds a dump.
pub(crate) struct Loaded {
    room: Room,
    _server: Running,
}

impl Loaded {
    /// Loads a dump; a part of it that the server does not take is an error.
    pub(crate) fn load(place: &Path, dump: &Path) -> Result<Self, BackupError> {
        let room = Room::make(place, "mysql")?;
        let data = format!("--datadir={}", room.data.display());
        set_up(&room, &data)?;
        let socket = format!("--socket={}", room.socket.display());
        let pid = format!("--pid-file={}/pid", room.data.display());
        let program = find(&["mariadbd", "mysqld"])?;
        let arguments = [
            "--no-defaults",
            &data,
            &socket,
            &pid,
            "--skip-networking",
            "--skip-grant-tables",
            "--skip-log-bin",
        ];
        let command = room.command(&program, &arguments)?;
        let server = serve(&command, &|| ask(&room, "", "select 1").map(drop))?;
        ask(&room, "", &format!("create database {DATABASE}"))?;
        let dump = room.take(dump, "dump.sql")?;
        run(&room, DATABASE, &format!("source {}", dump.display()), LOAD_TIME)?;
        Ok(Self { room, _server: server })
    }

    /// The answer to a query, as one value.
    pub(crate) fn ask(&self, query: &str) -> Result<String, BackupError> {
        ask(&self.room, DATABASE, query)
    }
}

/// Makes the server's own tables.
fn set_up(room: &Room, data: &str) -> Result<(), BackupError> {
    let command = if let Ok(program) = find(&["mariadb-install-db"]) {
        let arguments =
            ["--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db"];
        room.command(&program, &arguments)?
    } else {
        let program = find(&["mysqld"])?;
        room.command(&program, &["--no-defaults", "--initialize-insecure", data])?
    };
    output(&command, SET_UP_TIME).map(drop)
}

fn ask(room: &Room, database: &str, query: &str) -> Result<String, BackupError> {
    let answer = run(room, database, query, QUERY_TIME)?;
    Ok(String::from_utf8(answer.trim_ascii().to_vec())
        .unwrap_or_else(|odd| odd.into_bytes().escape_ascii().to_string()))
}

fn run(room: &Room, database: &str, query: &str, time: Duration) -> Result<Vec<u8>, BackupError> {
    let program = find(&["mariadb", "mysql"])?;
    let socket = format!("--socket={}", room.socket.display());
    let (execute, database) = (format!("--execute={query}"), format!("--database={database}"));
    let mut arguments = vec![
        "--no-defaults",
        &socket,
        "--user=root",
        "--batch",
        "--raw",
        "--skip-column-names",
        &execute,
    ];
    if database != "--database=" {
        arguments.push(&database);
    }
    output(&room.command(&program, &arguments)?, time)
}
