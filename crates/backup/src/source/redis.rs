//! Redis, and servers that speak as it does: its own dump (RDB), as a replica gets it, and loaded by a server of its own.

use super::program::{Running, find, output};
use super::server::{Room, serve};
use crate::error::BackupError;
use crate::keyfile::Password;
use burgrave_config::{Redis, RedisAt};
use std::path::Path;
use std::time::Duration;

/// What the dump is called in a snapshot.
pub(crate) const FILE: &str = "dump.rdb";
const QUERY_TIME: Duration = Duration::from_mins(5);
/// Where the program looks for the password: not among its arguments, which everybody can read.
const AUTH: &str = "REDISCLI_AUTH";

/// Names of an environment, with what they hold.
pub(crate) type Variables = Vec<(&'static str, String)>;

/// The command that writes the dump, and its environment.
pub(crate) fn dump(redis: &Redis) -> Result<(Vec<String>, Variables), BackupError> {
    let program = find(&["redis-cli", "valkey-cli"])?.display().to_string();
    let mut command = vec![program];
    match &redis.at {
        RedisAt::Socket(path) => command.extend(["-s".to_owned(), path.display().to_string()]),
        RedisAt::Tcp(host, port) => {
            command.extend(["-h", host, "-p", &port.to_string()].map(str::to_owned));
        }
    }
    if let Some(user) = &redis.user {
        command.extend(["--user".to_owned(), user.clone()]);
    }
    command.extend(["--rdb", "-"].map(str::to_owned));
    let password = redis.password.as_deref().map(Password::read).transpose()?;
    let text = |password: Password| {
        String::from_utf8(password.bytes().to_vec())
            .map_err(|_odd| BackupError::Refused("the file of `password` is no text".to_owned()))
    };
    let password = password.map(text).transpose()?;
    Ok((command, password.map(|password| (AUTH, password)).into_iter().collect()))
}

/// A server that holds a dump.
pub(crate) struct Loaded {
    room: Room,
    _server: Running,
}

impl Loaded {
    /// Loads a dump. One that is not whole ends the server, which is told.
    pub(crate) fn load(place: &Path, dump: &Path) -> Result<Self, BackupError> {
        let room = Room::make(place, "redis")?;
        room.take(dump, FILE)?;
        let (data, socket) = (room.data.display().to_string(), room.socket.display().to_string());
        let program = find(&["redis-server", "valkey-server"])?;
        let arguments = [
            "--port",
            "0",
            "--unixsocket",
            &socket,
            "--dir",
            &data,
            "--dbfilename",
            FILE,
            "--save",
            "",
            "--appendonly",
            "no",
            "--daemonize",
            "no",
        ];
        let command = room.command(&program, &arguments)?;
        // While it loads it answers with an error.
        let is_ready = || match ask(&room, "PING")?.as_str() {
            "PONG" => Ok(()),
            other => Err(BackupError::Source {
                name: "redis-server".to_owned(),
                cause: other.to_owned(),
            }),
        };
        let server = serve(&command, &is_ready)?;
        Ok(Self { room, _server: server })
    }

    /// The answer to a command, its words with spaces between.
    pub(crate) fn ask(&self, command: &str) -> Result<String, BackupError> {
        ask(&self.room, command)
    }
}

fn ask(room: &Room, command: &str) -> Result<String, BackupError> {
    let program = find(&["redis-cli", "valkey-cli"])?;
    let socket = room.socket.display().to_string();
    let mut arguments = vec!["-s", &socket, "-e", "--raw"];
    arguments.extend(command.split_whitespace());
    let answer = output(&room.command(&program, &arguments)?, QUERY_TIME)?;
    Ok(String::from_utf8(answer.trim_ascii().to_vec())
        .unwrap_or_else(|odd| odd.into_bytes().escape_ascii().to_string()))
}
