//! Redis: asked by `redis-cli` without a password, which is what every program of this machine could do.
//!
//! Invariant: a server that wants a password is unknown.

use super::{World, as_account, call, find, idle, ids, is_full};
use crate::facts::{Answers, Asked, Engine, Facts, Process, Row, text_of};
use std::path::Path;

const CLIENTS: [&str; 4] = [
    "/usr/bin/redis-cli",
    "/usr/bin/valkey-cli",
    "/usr/local/bin/redis-cli",
    "/usr/local/bin/valkey-cli",
];
const SERVERS: [&str; 3] = ["redis-server", "valkey-server", "redis-check-rdb"];
const SET_UP: &str = "/etc/redis/redis.conf";
/// What is asked; an `ECHO` stands in front of each answer, so that none is taken for another.
const COMMANDS: &str = "ECHO burgrave-users\nACL LIST\nECHO burgrave-settings\nCONFIG GET protected-mode\nECHO burgrave-file\nINFO server\nECHO burgrave-end\n";

/// Every server of Redis.
pub(super) fn ask(facts: &Facts<'_>, world: &World<'_>, out: &mut Answers) {
    let running = world.running(&SERVERS);
    if running.is_empty() && facts.exists(SET_UP) {
        idle(out, Engine::Redis, Path::new(SET_UP));
    }
    for process in running {
        if is_full(out, Engine::Redis) {
            return;
        }
        let way = way(world, process);
        let place = match &way {
            Some((place, _)) => place.clone(),
            None => format!("redis-server (pid {})", process.pid),
        };
        let mut server = Asked::new(Engine::Redis, place, world.reach(process));
        let printed = way
            .ok_or_else(|| super::hidden(process))
            .and_then(|(_, arguments)| one(facts, process, &arguments));
        match printed.and_then(|printed| rows(&text_of(&printed))) {
            Ok(rows) => server.take(rows),
            Err(why) => server.fail(&why),
        }
        out.servers.push(server);
    }
}

/// A unix socket or an address of this machine, and the client's arguments for it.
fn way(world: &World<'_>, process: &Process) -> Option<(String, Vec<String>)> {
    if let Some(path) = world.paths(process).first() {
        return Some(((*path).to_owned(), vec!["-s".to_owned(), (*path).to_owned()]));
    }
    let listener = world.ports(process).into_iter().min_by_key(|own| own.reach)?;
    let address = match listener.address {
        address if !address.is_unspecified() => address.to_string(),
        address if address.is_ipv6() => "::1".to_owned(),
        _ => "127.0.0.1".to_owned(),
    };
    let arguments = ["-h", &address, "-p", &listener.port.to_string()].map(str::to_owned).to_vec();
    Some((listener.socket(), arguments))
}

fn one(facts: &Facts<'_>, process: &Process, way: &[String]) -> Result<Vec<u8>, String> {
    let client = find(facts, &CLIENTS).ok_or("its client is missing: install redis-tools")?;
    let (uid, gid, _) = ids(facts, process)?;
    let invocation = as_account(facts, (uid, gid), &client)?
        .arg("--no-raw")
        .args(way)
        .variable("LC_ALL", "C")
        .stdin(COMMANDS);
    call(facts, &invocation)
}

/// What the client printed, as rows.
fn rows(printed: &str) -> Result<Vec<Row>, String> {
    let mut out = Vec::new();
    let mut part = "";
    let mut setting: Option<String> = None;
    for line in printed.lines().map(str::trim) {
        if let Some(error) = line.strip_prefix("(error) ") {
            // A refusal of one command leaves its question without an answer.
            if error.starts_with("NOAUTH") {
                return Err("it wants a password: its users are seen with one only".to_owned());
            }
            part = "";
            continue;
        }
        if let Some(next) = line.strip_prefix("\"burgrave-").and_then(|rest| rest.strip_suffix('"'))
        {
            if !part.is_empty() {
                out.push(Row::new("asked", &[part]));
            }
            part = ["users", "settings", "file"].into_iter().find(|own| *own == next).unwrap_or("");
            continue;
        }
        match part {
            "users" => out.extend(item(line).map(|user| Row::new("user", &[&user]))),
            "settings" => match (setting.take(), item(line)) {
                (Some(name), Some(value)) => out.push(Row::new("setting", &[&name, &value])),
                (None, name) => setting = name,
                (Some(_), None) => {}
            },
            // What `INFO` says comes as it is.
            "file" => out.extend(
                line.strip_prefix("config_file:")
                    .map(|file| Row::new("setting", &["config_file", file])),
            ),
            _ => {}
        }
    }
    Ok(out)
}

/// `1) "TEXT"`, with its escapes undone; a text with one that is not known has none.
fn item(line: &str) -> Option<String> {
    let (number, rest) = line.split_once(") \"")?;
    number.parse::<u32>().ok()?;
    let mut letters = rest.strip_suffix('"')?.chars();
    let mut out = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next()? {
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                't' => out.push('\t'),
                // Bytes that are no letters stay as they are written.
                'x' => out.push_str("\\x"),
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(printed: &str) -> Vec<String> {
        let rows = rows(printed).unwrap();
        rows.iter().map(|row| format!("{} {} {}", row.name, row.raw(0), row.raw(1))).collect()
    }

    #[test]
    fn each_answer_stands_behind_its_name() {
        let printed = "\"burgrave-users\"\n1) \"user default on nopass ~* +@all\"\n2) \"user a\\\"\\x07 off\"\n\"burgrave-settings\"\n1) \"protected-mode\"\n2) \"yes\"\n\"burgrave-file\"\n# Server\nconfig_file:/etc/r.conf\n\"burgrave-end\"\n";
        assert_eq!(
            names(printed),
            [
                "user user default on nopass ~* +@all ",
                "user user a\"\\x07 off ",
                "asked users ",
                "setting protected-mode yes",
                "asked settings ",
                "setting config_file /etc/r.conf",
                "asked file "
            ]
        );
    }

    #[test]
    fn a_refusal_leaves_a_question_without_an_answer() {
        let printed = "\"burgrave-users\"\n(error) NOPERM this user has no permissions\n\"burgrave-settings\"\n1) \"protected-mode\"\n2) \"yes\"\n";
        assert_eq!(names(printed), ["setting protected-mode yes"], "cut off: not asked to the end");
        let closed = rows("(error) NOAUTH Authentication required.\n");
        assert!(closed.unwrap_err().contains("wants a password"));
        assert!(names("").is_empty());
    }
}
