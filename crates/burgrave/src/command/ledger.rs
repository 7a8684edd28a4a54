//! `burgrave ledger`: what happened, and whether all of it is there.

use super::Exit;
use crate::cli::{Format, Ledger, LedgerWhich};
use crate::error::Error;
use crate::{load, output};
use burgrave_ledger::{Check, Filter, LedgerError, Noted, Row};
use burgrave_sys::{Live, System as _};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A noted head's file.
const HEAD_BYTES_MAX: u64 = 64 * 1024;

/// Runs the command.
pub(super) fn dispatch(command: &Ledger) -> Result<Exit, Error> {
    match command {
        Ledger::List { which, kind, subject, last } => {
            let filter = Filter { kind: kind.clone(), subject: subject.clone(), most: *last };
            list(which, &filter)
        }
        Ledger::Verify { which, key, since } => verify(which, key.as_deref(), since.as_deref()),
    }
}

fn folder(which: &LedgerWhich) -> Result<PathBuf, Error> {
    match &which.folder {
        Some(folder) => Ok(folder.clone()),
        None => Ok(burgrave_ledger::folder(&load::settings(&Live, &which.config)?.state)),
    }
}

fn list(which: &LedgerWhich, filter: &Filter) -> Result<Exit, Error> {
    let (rows, odd) = burgrave_ledger::last(&folder(which)?, filter)?;
    output::text(&match which.format {
        Format::Text => rows.iter().map(as_text).collect(),
        Format::Json => {
            let rows: Vec<Value> = rows.iter().map(as_json).collect();
            format!("{}\n", json!({ "version": 1, "rows": rows, "odd": odd }))
        }
    })?;
    if odd == 0 {
        return Ok(Exit::Clean);
    }
    output::notice(&format!("{odd} line(s) are no sound rows: see `burgrave ledger verify`"));
    Ok(Exit::Findings)
}

fn as_text(row: &Row) -> String {
    let detail = row.detail.iter().map(|(key, value)| match value.as_str() {
        Some(text) => format!("{}={text:?}", key.escape_debug()),
        None => format!("{}={}", key.escape_debug(), value.to_string().escape_debug()),
    });
    let detail: Vec<String> = detail.collect();
    let time = row.time.split('.').next().unwrap_or_default();
    format!(
        "{:>8}  {}Z  {:<22} {}  {}\n",
        row.seq,
        time.escape_debug(),
        row.kind.escape_debug().to_string(),
        row.subject.escape_debug(),
        detail.join(" "),
    )
}

fn as_json(row: &Row) -> Value {
    json!({
        "seq": row.seq, "time": row.time, "kind": row.kind, "subject": row.subject,
        "detail": row.detail, "hash": row.hash,
    })
}

fn verify(which: &LedgerWhich, key: Option<&Path>, since: Option<&str>) -> Result<Exit, Error> {
    let since = since.map(noted).transpose()?;
    let check = burgrave_ledger::check(&folder(which)?, key, since)?;
    output::text(&match which.format {
        Format::Text => verified_text(&check),
        Format::Json => format!("{}\n", verified_json(&check)),
    })?;
    if !check.is_key_given {
        output::notice(
            "the key beside the rows was trusted: keep a copy of `key.pub` elsewhere and name it by `--key`",
        );
    }
    Ok(if check.verdict.is_sound() { Exit::Clean } else { Exit::Findings })
}

/// A head as it was noted, or the file of that name.
fn noted(text: &str) -> Result<Noted, Error> {
    match Live.read(Path::new(text), HEAD_BYTES_MAX) {
        Ok(file) => Ok(Noted::parse(&file)?),
        Err(_) => Ok(Noted::parse(text.as_bytes())?),
    }
}

fn verified_text(check: &Check) -> String {
    let verdict = &check.verdict;
    let mut text = String::new();
    verdict.notices.iter().for_each(|notice| text.push_str(&format!("notice: {notice}\n")));
    verdict.faults.iter().for_each(|fault| text.push_str(&format!("fault: {fault}\n")));
    let more = verdict.fault_count.saturating_sub(verdict.faults.len());
    if more > 0 {
        text.push_str(&format!("fault: … and {more} more\n"));
    }
    let word = if verdict.is_sound() { "sound" } else { "NOT SOUND" };
    let head = check.head.map_or_else(|| "none".to_owned(), |Noted(link)| link.to_string());
    text.push_str(&format!(
        "{word}: {} rows and {} signed checkpoints in {} file(s), key {}\nhead: {head}\n",
        verdict.rows, verdict.checkpoints, check.segments, check.key
    ));
    text
}

fn verified_json(check: &Check) -> Value {
    let verdict = &check.verdict;
    json!({
        "version": 1, "is_sound": verdict.is_sound(), "rows": verdict.rows,
        "checkpoints": verdict.checkpoints, "segments": check.segments, "key": check.key,
        "is_key_given": check.is_key_given,
        "head": check.head.map(|Noted(link)| link.to_string()),
        "faults": verdict.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "fault_count": verdict.fault_count, "notices": verdict.notices,
    })
}

impl From<LedgerError> for Error {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_ledger::{Event, Kind};
    use burgrave_sys::UnixTime;

    #[test]
    fn rows_and_faults_are_shown_in_a_line_each() {
        let state = tempfile::tempdir().unwrap();
        let ledger = burgrave_ledger::Ledger::open(state.path()).unwrap();
        let detail = json!({ "secs": 60, "reason": "too \u{1b}many" });
        let event =
            Event::new(UnixTime(1_795_228_938_000_123), Kind::BanAdded, "192.0.2.7", detail);
        ledger.append(&[event]).unwrap();
        let folder = burgrave_ledger::folder(state.path());
        let filter = Filter { kind: Some("ban".to_owned()), subject: None, most: 5 };
        let (rows, odd) = burgrave_ledger::last(&folder, &filter).unwrap();
        assert_eq!((rows.len(), odd), (1, 0));
        let text = as_text(&rows[0]);
        assert!(text.starts_with("       2  2026-11-21T02:42:18Z  ban.added"), "{text}");
        assert!(text.contains("192.0.2.7  reason=\"too \\u{1b}many\" secs=60"), "{text}");
        assert_eq!(as_json(&rows[0])["detail"]["secs"], 60);
        let check = burgrave_ledger::check(&folder, None, None).unwrap();
        assert!(
            verified_text(&check)
                .starts_with("sound: 2 rows and 0 signed checkpoints in 1 file(s)")
        );
        assert_eq!(verified_json(&check)["is_sound"], true);
        assert!(noted(&check.head.unwrap().0.to_string()).is_ok());
        assert!(noted(folder.join("HEAD").to_str().unwrap()).is_ok());
        assert!(noted("/none").is_err());
    }
}
