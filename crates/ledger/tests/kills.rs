//! A writer is killed at many moments; what it was told to be written is there, and nothing is broken.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

use burgrave_ledger::{Event, Fault, Filter, Kind, Ledger, check, folder, last};
use burgrave_sys::wall_clock;
use serde_json::json;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const CHILD: &str = "BURGRAVE_TEST_LEDGER";
const KILLS: u64 = 40;

/// In a process of its own: writes until it is killed, and says what is written.
#[test]
fn writer() {
    let Ok(state) = std::env::var(CHILD) else { return };
    let ledger = Ledger::open(Path::new(&state)).unwrap();
    for n in 0.. {
        let text = "x".repeat(n % 3_000);
        let batch = 1 + n % 40;
        let events: Vec<Event> = (0..batch)
            .map(|_| Event::new(wall_clock(), Kind::BanAdded, "x", json!({ "text": text })))
            .collect();
        let link = ledger.append(&events).unwrap();
        writeln!(std::io::stdout(), "wrote {}", link.seq).unwrap();
    }
}

#[test]
fn no_kill_loses_a_row_that_was_written_or_breaks_the_chain() {
    let state = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writer", "--nocapture"])
            .env(CHILD, state.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = |line: &str| line.split("wrote ").nth(1)?.trim().parse::<u64>().ok();
        // After so many appends, and then somewhere within the next one.
        let mut left = kill % 4;
        for line in lines.by_ref() {
            if let Some(seq) = said(&line.unwrap()) {
                acknowledged = seq;
                if left == 0 {
                    break;
                }
                left -= 1;
            }
        }
        std::thread::sleep(Duration::from_micros(kill * 173 % 5_000));
        child.kill().unwrap();
        child.wait().unwrap();
        // What it had said before its end was read late.
        acknowledged =
            lines.map_while(Result::ok).filter_map(|line| said(&line)).fold(acknowledged, u64::max);
        let found = check(&folder(state.path()), None, None).unwrap();
        let told = |fault: &Fault| matches!(fault, Fault::Unsigned(_, _));
        assert!(found.verdict.faults.iter().all(told), "{:?}", found.verdict.faults);
        assert!(found.verdict.rows >= acknowledged, "{} of {acknowledged}", found.verdict.rows);
    }
    let event = Event::new(wall_clock(), Kind::BanRemoved, "last", json!({}));
    Ledger::open(state.path()).unwrap().append(&[event]).unwrap();
    let found = check(&folder(state.path()), None, None).unwrap();
    assert!(found.verdict.is_sound(), "{:?}", found.verdict.faults);
    let all = Filter { kind: None, subject: None, most: usize::MAX };
    assert_eq!(last(&folder(state.path()), &all).unwrap().0.last().unwrap().subject, "last");
}
