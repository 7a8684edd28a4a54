//! What a drill asks a database that was restored.

use super::{Drilled, QUERY_TIME};
use crate::checks::judge;
use crate::error::BackupError;
use crate::source::{Cluster, DATABASE, file_name, find, mysql, output, recover, redis};
use burgrave_config::DrillCheck;
use std::path::Path;

fn ask_all(
    checks: &[DrillCheck],
    drilled: &mut Drilled,
    ask: &mut dyn FnMut(&str) -> Result<String, BackupError>,
) {
    for check in checks {
        match ask(&check.query) {
            Ok(value) => drilled.checks.push(judge(check, value)),
            Err(error) => drilled.fail(format!("`{}`: {}", check.query, error.told())),
        }
    }
}

/// A dump, restored into a cluster of its own and asked.
pub(super) fn dump(
    place: &Path,
    name: &str,
    checks: &[DrillCheck],
    drilled: &mut Drilled,
) -> Result<(), BackupError> {
    let dump = place.join(format!("{}.dump", file_name(name)));
    let server = Cluster::create(place)?;
    server.load(&dump)?;
    let count = "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'm', 'v', 'S') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')";
    if server.ask(DATABASE, count)? == "0" {
        drilled.fail("the dump restores, and holds no table at all".to_owned());
    }
    ask_all(checks, drilled, &mut |query| server.ask(DATABASE, query));
    Ok(())
}

/// A base backup with its WAL, started and asked.
pub(super) fn cluster(
    place: &Path,
    user: &str,
    checks: &[DrillCheck],
    drilled: &mut Drilled,
) -> Result<(), BackupError> {
    let data = recover(place, None)?;
    let server = Cluster::start(place, &data, user)?;
    ask_all(checks, drilled, &mut |query| {
        // `database: query` asks another database than `postgres`.
        let (database, query) = query
            .split_once(": ")
            .filter(|(name, _)| !name.contains(' '))
            .unwrap_or(("postgres", query));
        server.ask(database, query)
    });
    Ok(())
}

/// A copy, looked over and asked.
pub(super) fn sqlite(
    path: &Path,
    checks: &[DrillCheck],
    drilled: &mut Drilled,
) -> Result<(), BackupError> {
    let program = find(&["sqlite3"])?.display().to_string();
    let text = path.display().to_string();
    let mut ask = |query: &str| {
        let command = [&program, "-bail", "-batch", "-readonly", &text, query].map(str::to_owned);
        let answer = output(&command, QUERY_TIME)?;
        Ok(String::from_utf8(answer.trim_ascii().to_vec()).unwrap_or_default())
    };
    let sound: String = ask("pragma integrity_check")?;
    if sound != "ok" {
        drilled.fail(format!("the database is not sound: {sound}"));
    }
    ask_all(checks, drilled, &mut ask);
    Ok(())
}

/// A dump, loaded into a server of its own and asked.
pub(super) fn mysql_dump(
    place: &Path,
    name: &str,
    checks: &[DrillCheck],
    drilled: &mut Drilled,
) -> Result<(), BackupError> {
    let server = mysql::Loaded::load(place, &place.join(format!("{}.sql", file_name(name))))?;
    let count = "select count(*) from information_schema.tables where table_schema = database()";
    if server.ask(count)? == "0" {
        drilled.fail("the dump loads, and holds no table at all".to_owned());
    }
    ask_all(checks, drilled, &mut |query| server.ask(query));
    Ok(())
}

/// A dump, loaded by a server of its own and asked.
pub(super) fn redis_dump(
    place: &Path,
    checks: &[DrillCheck],
    drilled: &mut Drilled,
) -> Result<(), BackupError> {
    let server = redis::Loaded::load(place, &place.join(redis::FILE))?;
    if server.ask("INFO keyspace")?.trim() == "# Keyspace" {
        drilled.fail("the dump loads, and holds no key at all".to_owned());
    }
    ask_all(checks, drilled, &mut |query| server.ask(query));
    Ok(())
}
