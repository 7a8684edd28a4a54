//! The corpus of real log lines and what each must yield, where `BURGRAVE_SHARED` (default: a folder
//! `shared` beside the checkout) holds it. It is read where it lies and never copied.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that its corpus is broken")]

use burgrave_watch::{Kind, Reader, by_name};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Modes that the plain reading answers for, and those that only the strict one does.
const PLAIN: &[&str] = &["default", "normal"];
const STRICT: &[&str] = &["aggressive", "extra", "ddos", "fallback"];

/// Cases that are read otherwise than their label says, with the reason. One that is right again, or
/// that is not there, fails the test.
const EXCEPTIONS: &[(&str, &str)] = &[
    (
        "for invalid user test from 127.0.0.1 port 58946 ssh2: from 10.10.1.2 port 55555 ssh2",
        "sshd writes nothing behind a password's `ssh2`: the user name is `test from 127.0.0.1 port 58946 ssh2:`, \
     and the label would ban whom the client named",
    ),
    (
        "sshd[8148]: Connection closed by 61.0.0.1 [preauth]",
        "by itself this is no failure in the plain mode, as the same line of 192.0.2.111 says: the label is of the strict one",
    ),
    (
        "Accepted password for known from 192.0.2.116 port 52100 ssh2",
        "labelled as three failures, though the lines before it tell of one",
    ),
];

fn shared(name: &str) -> Option<Vec<Value>> {
    let root = std::env::var_os("BURGRAVE_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    #[expect(clippy::disallowed_methods, reason = "a test reads its corpus itself")]
    let text = std::fs::read_to_string(root.join("data/logs").join(name)).ok()?;
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// What is wrong with a reading of the row; `None`: nothing.
fn wrong(row: &Value, is_strict: bool) -> Option<String> {
    let Some(service) = by_name(text(row, "service")) else {
        return Some("no such service".to_owned());
    };
    let mut reader = Reader::new(service, is_strict);
    for before in row.get("before").and_then(Value::as_array).into_iter().flatten() {
        reader.line(before.as_str().unwrap().as_bytes());
    }
    let line = format!("{}{}", text(row, "prefix"), text(row, "line"));
    let event = reader.line(line.as_bytes()).filter(|event| event.kind != Kind::AuthSuccess);
    let is_match = row.get("match").and_then(Value::as_bool).unwrap();
    let Some(event) = event else { return is_match.then(|| "not seen".to_owned()) };
    if !is_match {
        return Some(format!("seen, but is nothing: {event:?}"));
    }
    let host = text(row, "host");
    let is_host = match text(row, "host_kind") {
        "ip4" | "ip6" => event.ip == host.parse().ok(),
        _ => event.ip.is_none(),
    };
    let user = row.get("user").and_then(Value::as_str);
    let is_user = user.is_none_or(|user| event.user == Some(user.as_bytes()));
    let count = row.get("attempts").and_then(Value::as_u64);
    let is_count = count.is_none_or(|count| u64::from(event.count) == count);
    (!is_host || !is_user || !is_count).then(|| format!("seen as {event:?}"))
}

/// Every case in every mode that it is labelled for.
fn cases(rows: &[Value]) -> Vec<(&Value, bool)> {
    let in_modes = |row: &Value, of: &[&str]| {
        let modes = row.get("modes").and_then(Value::as_array).unwrap();
        modes.iter().any(|mode| of.contains(&mode.as_str().unwrap()))
    };
    let plain = rows.iter().filter(|row| in_modes(row, PLAIN)).map(|row| (row, false));
    let strict = rows.iter().filter(|row| in_modes(row, STRICT)).map(|row| (row, true));
    plain.chain(strict).collect()
}

#[test]
fn real_lines_yield_what_they_must() {
    let (Some(lines), Some(multi)) = (shared("lines.ndjson"), shared("multi.ndjson")) else {
        println!("skipped: no corpus of log lines (set BURGRAVE_SHARED)");
        return;
    };
    let rows: Vec<Value> = lines.into_iter().chain(multi).collect();
    let all = cases(&rows);
    let mut failures: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut excused = vec![false; EXCEPTIONS.len()];
    let mut false_matches = 0;
    for (row, is_strict) in &all {
        let Some(why) = wrong(row, *is_strict) else { continue };
        let line = text(row, "line");
        if let Some(index) = EXCEPTIONS.iter().position(|(part, _)| line.contains(part)) {
            excused[index] = true;
            continue;
        }
        false_matches += usize::from(row.get("match") == Some(&Value::Bool(false)));
        let shown = format!("{}{why}\n      {line}", if *is_strict { "strictly: " } else { "" });
        failures.entry(text(row, "service").to_owned()).or_default().push(shown);
    }
    let failed: usize = failures.values().map(Vec::len).sum();
    println!(
        "{} cases of {} lines, {failed} wrong, {} as excepted",
        all.len(),
        rows.len(),
        EXCEPTIONS.len()
    );
    for (service, list) in &failures {
        println!("{service}:\n    {}", list.join("\n    "));
    }
    assert_eq!(false_matches, 0, "no line that is nothing may be seen");
    assert!(
        excused.iter().all(|excused| *excused),
        "an exception is right now, or not there: remove it"
    );
    assert!(failed * 100 <= all.len() * 2, "{failed} of {} wrong", all.len());
}
