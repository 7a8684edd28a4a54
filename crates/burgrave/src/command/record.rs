//! Rows of commands: written when what they tell has been done, and told when they could not be.

use crate::output;
use burgrave_agent::Ban;
use burgrave_ledger::{Event, Kind, Ledger};
use burgrave_sys::{own_ids, wall_clock};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Of a name that the environment says.
const NAME_BYTES_MAX: usize = 256;

/// An event of now.
pub(crate) fn event(kind: Kind, subject: impl Into<String>, detail: Value) -> Event {
    Event::new(wall_clock(), kind, subject, detail)
}

/// Who gave a command, as far as the machine knows: the account's number, and the person's name where `sudo` says it.
pub(crate) fn by() -> Value {
    let (uid, _) = own_ids();
    let sudo = std::env::var("SUDO_USER").ok().filter(|name| name.len() <= NAME_BYTES_MAX);
    json!({ "uid": uid, "sudo_user": sudo })
}

/// What a long answer comes to: its numbers, words and lists' lengths.
pub(crate) fn brief(answer: &Value) -> Map<String, Value> {
    let own = answer.as_object();
    let own = own.into_iter().flatten().filter(|(key, _)| *key != "version" && *key != "job");
    own.filter_map(|(key, value)| {
        let value = match value {
            Value::Array(all) => json!(all.len()),
            Value::Object(_) | Value::Null => return None,
            Value::String(_) | Value::Bool(_) | Value::Number(_) => value.clone(),
        };
        Some((key.clone(), value))
    })
    .collect()
}

/// A ban's row; `by`: who gave the command, where it was one.
pub(crate) fn banned(ban: &Ban, by: Option<Value>) -> Event {
    let mut detail = json!({
        "secs": ban.until.saturating_sub(ban.since), "until": ban.until, "times": ban.times,
        "reason": ban.reason, "evidence": ban.evidence,
    });
    if let (Some(by), Some(detail)) = (by, detail.as_object_mut()) {
        detail.insert("by".to_owned(), by);
    }
    event(Kind::BanAdded, ban.target.to_string(), detail)
}

/// Writes a row for each event. What was done was done, so a ledger that cannot be written is told and ends nothing.
pub(crate) fn record(state: &Path, events: &[Event]) {
    if events.is_empty() {
        return;
    }
    if let Err(error) = Ledger::open(state).and_then(|ledger| ledger.append(events)) {
        let words: Vec<&str> = events.iter().map(|event| event.kind.word()).collect();
        output::notice(&format!(
            "warning: no row was kept of {} in the ledger: {}",
            words.join(", "),
            burgrave_sys::chain(&error)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_answer_is_brief() {
        let answer = json!({"version": 1, "job": "j", "files": 3, "ok": true, "odd": ["a", "b"], "more": {"x": 1}});
        assert_eq!(Value::Object(brief(&answer)), json!({"files": 3, "ok": true, "odd": 2}));
        assert!(brief(&Value::Null).is_empty());
        assert!(by()["uid"].is_u64());
    }

    #[test]
    fn a_row_is_written_and_where_it_cannot_be_nothing_ends() {
        let state = tempfile::tempdir().unwrap();
        record(state.path(), &[event(Kind::BanRemoved, "192.0.2.7", json!({}))]);
        let folder = burgrave_ledger::folder(state.path());
        let found = burgrave_ledger::check(&folder, None, None).unwrap();
        assert_eq!(found.verdict.rows, 2);
        record(state.path(), &[]);
        record(Path::new("/proc/none"), &[event(Kind::BanRemoved, "192.0.2.7", json!({}))]);
    }
}
