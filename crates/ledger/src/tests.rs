//! The ledger on a disk: what is done to its files is found, and what a crash leaves is told and goes on.

use crate::book::{HEAD, PUBLIC};
use crate::{Check, Event, Fault, Filter, Key, Kind, Ledger, Noted, check, folder, last};
use burgrave_sys::UnixTime;
use proptest::prelude::*;
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

fn event(n: u64) -> Event {
    let time = UnixTime(i64::try_from(n).unwrap());
    Event::new(time, Kind::BanAdded, format!("192.0.2.{n}"), json!({ "secs": n }))
}

fn events(count: u64) -> Vec<Event> {
    (0..count).map(event).collect()
}

fn found(state: &Path) -> Check {
    check(&folder(state), None, None).unwrap()
}

fn segment(state: &Path, number: u32) -> PathBuf {
    folder(state).join(format!("{number:08}.ndjson"))
}

fn kinds(state: &Path) -> Vec<String> {
    let filter = Filter { kind: Some("ledger".to_owned()), subject: None, most: 1_000 };
    let (rows, _) = last(&folder(state), &filter).unwrap();
    rows.into_iter().map(|row| row.kind).filter(|kind| kind != "ledger.checkpoint").collect()
}

#[test]
fn rows_go_on_from_process_to_process_and_from_segment_to_segment() {
    let state = tempfile::tempdir().unwrap();
    for round in 0..40 {
        let ledger = Ledger::with_segments(state.path(), 4_000).unwrap();
        ledger.append(&events(10 + round)).unwrap();
    }
    let found = found(state.path());
    assert!(found.verdict.is_sound(), "{:?}", found.verdict.faults);
    assert!(found.segments > 20, "{}", found.segments);
    assert_eq!(found.verdict.checkpoints, found.verdict.rows / 256);
    assert!(!found.is_key_given && found.verdict.notices.is_empty());
    // Nobody else may read the rows or the private key.
    for (name, mode) in [("key", 0o600), ("00000001.ndjson", 0o600), ("HEAD", 0o644), ("", 0o700)] {
        let facts = std::fs::metadata(folder(state.path()).join(name)).unwrap();
        assert_eq!(facts.permissions().mode() & 0o777, mode, "{name}");
    }
}

#[test]
fn several_writers_share_it() {
    let state = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let ledger = Ledger::with_segments(state.path(), 10_000).unwrap();
                for n in 0..50 {
                    ledger.append(&[event(n)]).unwrap();
                }
            });
        }
        for _ in 0..20 {
            // Whoever looks meanwhile sees a sound one.
            match check(&folder(state.path()), None, None) {
                Ok(found) if found.verdict.rows > 0 => {
                    assert!(found.verdict.is_sound(), "{:?}", found.verdict.faults);
                }
                Ok(_) | Err(crate::LedgerError::NoLedger(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
    assert_eq!(found(state.path()).verdict.rows, 4 * 50 + 1);
}

#[test]
fn ten_thousand_bans_are_one_append() {
    let state = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(state.path()).unwrap();
    let link = ledger.append(&events(10_000)).unwrap();
    assert_eq!(link.seq, 10_000 + 1 + 39);
    assert!(found(state.path()).verdict.is_sound());
}

#[test]
fn what_a_crash_leaves_is_told_and_does_not_break_the_chain() {
    let state = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(state.path()).unwrap();
    ledger.append(&events(3)).unwrap();
    let path = segment(state.path(), 1);
    let head = folder(state.path()).join(HEAD);
    for left in ["{\"seq\":5,\"ti", "{\"seq\":7,\"time\"", "x"] {
        let text = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&text[..], left.as_bytes()].concat()).unwrap();
        let torn = found(state.path());
        assert!(torn.verdict.is_sound(), "nothing that was signed is lost: {torn:?}");
        assert!(torn.verdict.notices.iter().any(|said| said.contains("never finished")));
        ledger.append(&[event(9)]).unwrap();
        let told = found(state.path());
        assert!(told.verdict.is_sound(), "{:?}", told.verdict.faults);
    }
    // Rows are on the disk, and the head is not yet.
    let before = std::fs::read(&head).unwrap();
    ledger.append(&events(2)).unwrap();
    std::fs::write(&head, &before).unwrap();
    let unsigned = found(state.path());
    assert!(matches!(unsigned.verdict.faults[..], [Fault::Unsigned(_, _)]), "{unsigned:?}");
    ledger.append(&[event(9)]).unwrap();
    let told = found(state.path());
    assert!(told.verdict.is_sound(), "{:?}", told.verdict.faults);
    let expected =
        ["ledger.begun", "ledger.torn", "ledger.torn", "ledger.torn", "ledger.recovered"];
    assert_eq!(kinds(state.path()), expected);
    assert_eq!(told.verdict.notices.len(), 4, "{:?}", told.verdict.notices);
}

#[test]
fn a_writer_does_not_heal_what_was_cut() {
    let state = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(state.path()).unwrap();
    ledger.append(&events(20)).unwrap();
    let path = segment(state.path(), 1);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    std::fs::write(&path, lines[..15].concat()).unwrap();
    let cut = found(state.path());
    assert_eq!(cut.verdict.faults, [Fault::Cut(16, 21)]);
    ledger.append(&[event(1)]).unwrap();
    let after = found(state.path());
    let said: Vec<String> = after.verdict.faults.iter().map(ToString::to_string).collect();
    assert!(said[0].contains("rows 16 to 21 are missing"), "{said:?}");
    assert!(said[1].contains("row 22 tells"), "{said:?}");
    // Nor where the head was taken away, another key is there, or everything but the key is gone.
    std::fs::remove_file(folder(state.path()).join(HEAD)).unwrap();
    ledger.append(&[event(1)]).unwrap();
    let (_, other) = Key::generate().unwrap();
    std::fs::write(folder(state.path()).join("key"), other).unwrap();
    Ledger::open(state.path()).unwrap().append(&[event(1)]).unwrap();
    let broken = kinds(state.path()).iter().filter(|kind| *kind == "ledger.broken").count();
    assert_eq!(broken, 3);
    assert!(!found(state.path()).verdict.is_sound());
}

#[test]
fn a_full_disk_leaves_nothing_half_done() {
    let state = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(state.path()).unwrap();
    ledger.append(&events(3)).unwrap();
    let (path, away) = (segment(state.path(), 1), state.path().join("away"));
    std::fs::rename(&path, &away).unwrap();
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    assert!(ledger.append(&[event(1)]).is_err());
    std::fs::rename(&away, &path).unwrap();
    ledger.append(&[event(1)]).unwrap();
    assert!(found(state.path()).verdict.is_sound());
    assert_eq!(found(state.path()).verdict.rows, 5);
}

#[test]
fn a_segment_that_is_gone_and_a_ledger_begun_anew_are_found() {
    let state = tempfile::tempdir().unwrap();
    let ledger = Ledger::with_segments(state.path(), 1_000).unwrap();
    for n in 0..30 {
        ledger.append(&[event(n)]).unwrap();
    }
    let noted = found(state.path()).head.unwrap();
    let again = check(&folder(state.path()), None, Some(noted)).unwrap();
    assert!(again.verdict.is_sound());
    std::fs::rename(segment(state.path(), 2), state.path().join("away")).unwrap();
    let gone = found(state.path());
    assert!(gone.verdict.faults.iter().any(|fault| matches!(fault, Fault::Missing(..))));
    assert!(gone.verdict.faults.iter().any(|fault| fault.to_string().contains("segment 2")));
    std::fs::remove_dir_all(folder(state.path())).unwrap();
    let ledger = Ledger::open(state.path()).unwrap();
    ledger.append(&events(50)).unwrap();
    assert!(found(state.path()).verdict.is_sound(), "by itself it is sound");
    let anew = check(&folder(state.path()), None, Some(noted)).unwrap();
    let Noted(link) = noted;
    assert_eq!(anew.verdict.faults, [Fault::Rewritten(link)]);
}

#[test]
fn the_key_is_the_auditors_own_where_it_is_given() {
    let state = tempfile::tempdir().unwrap();
    Ledger::open(state.path()).unwrap().append(&events(300)).unwrap();
    let folder = folder(state.path());
    let own = state.path().join("auditor.pub");
    std::fs::copy(folder.join(PUBLIC), &own).unwrap();
    let found = check(&folder, Some(&own), None).unwrap();
    assert!(found.verdict.is_sound() && found.is_key_given);
    std::fs::write(&own, Key::generate().unwrap().0.public().armoured()).unwrap();
    let other = check(&folder, Some(&own), None).unwrap();
    assert_eq!(other.verdict.fault_count, 2, "head and checkpoint: {:?}", other.verdict.faults);
    for path in [state.path().join("none"), segment(state.path(), 1)] {
        assert!(check(&folder, Some(&path), None).is_err());
    }
    assert!(check(&state.path().join("none"), None, None).is_err());
    assert!(check(state.path(), None, None).is_err(), "a folder that is no ledger");
}

/// A sound ledger's files, made once.
fn sound() -> &'static (Vec<u8>, Vec<u8>, Vec<u8>) {
    static SOUND: std::sync::OnceLock<(Vec<u8>, Vec<u8>, Vec<u8>)> = std::sync::OnceLock::new();
    SOUND.get_or_init(|| {
        let state = tempfile::tempdir().unwrap();
        Ledger::open(state.path()).unwrap().append(&events(270)).unwrap();
        let read = |name: &str| std::fs::read(folder(state.path()).join(name)).unwrap();
        (read("00000001.ndjson"), read(HEAD), read(PUBLIC))
    })
}

/// Whether anything is found wrong in these files.
fn is_found(text: &[u8], head: &[u8], public: &[u8]) -> bool {
    let state = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    for (name, content) in [("00000001.ndjson", text), (HEAD, head), (PUBLIC, public)] {
        std::fs::write(state.path().join(name), content).unwrap();
    }
    check(state.path(), None, None).map_or(true, |found| !found.verdict.is_sound())
}

fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

#[test]
fn the_sound_one_is_sound() {
    let (text, head, public) = sound();
    assert!(!is_found(text, head, public));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_changed_byte_is_found(at in any::<prop::sample::Index>(), by in 1_u8..=255) {
        let (text, head, public) = sound();
        let mut text = text.clone();
        let at = at.index(text.len());
        text[at] ^= by;
        prop_assert!(is_found(&text, head, public));
    }

    #[test]
    fn any_byte_that_is_gone_or_new_is_found(at in any::<prop::sample::Index>(), new in any::<Option<u8>>()) {
        let (text, head, public) = sound();
        let mut text = text.clone();
        let at = at.index(text.len());
        match new {
            None => drop(text.remove(at)),
            Some(new) => text.insert(at, new),
        }
        prop_assert!(is_found(&text, head, public));
    }

    #[test]
    fn any_changed_byte_of_head_or_key_is_found(at in any::<prop::sample::Index>(), by in 1_u8..=255, of_head: bool) {
        let (text, head, public) = sound();
        let (mut head, mut public) = (head.clone(), public.clone());
        let spoilt = if of_head { &mut head } else { &mut public };
        let at = at.index(spoilt.len());
        spoilt[at] ^= by;
        // A time is for people and not signed; white space at the end of a line says nothing.
        let says_as_before = crate::Head::parse(&head).is_ok_and(|spoilt| {
            let sound = crate::Head::parse(&sound().1).unwrap();
            crate::Head { time: sound.time.clone(), ..spoilt } == sound
        });
        let same_key = crate::PublicKey::parse(&public, Path::new("")).is_ok_and(|key| {
            key == crate::PublicKey::parse(&sound().2, Path::new("")).unwrap()
        });
        prop_assert!(is_found(text, &head, &public) || says_as_before && same_key);
    }

    #[test]
    fn any_row_removed_doubled_moved_or_put_elsewhere_is_found(
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        how in 0..4,
    ) {
        let (text, head, public) = sound();
        let mut lines = lines(text);
        let (from, to) = (from.index(lines.len()), to.index(lines.len()));
        match how {
            0 => drop(lines.remove(from)),
            1 => { let line = lines[from].clone(); lines.insert(to, line); }
            2 if from != to => lines.swap(from, to),
            _ => lines.truncate(from),
        }
        prop_assert!(is_found(&lines.concat(), head, public));
    }

    #[test]
    fn hostile_files_are_answered(text in prop::collection::vec(prop_oneof![
        any::<u8>(), Just(b'\n'), Just(b'{'), Just(b'"'), Just(b'[')], 0..3_000), head: Vec<u8>) {
        let (_, good, public) = sound();
        prop_assert!(is_found(&text, good, public), "what is no ledger is not sound");
        prop_assert!(is_found(&text, &head, public));
        let state = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        std::fs::create_dir(folder(state.path())).unwrap();
        std::fs::write(segment(state.path(), 1), &text).unwrap();
        std::fs::write(folder(state.path()).join(HEAD), &head).unwrap();
        let ledger = Ledger::open(state.path()).unwrap();
        ledger.append(&[event(1)]).unwrap();
        let (rows, _) = last(&folder(state.path()), &Filter { kind: None, subject: None, most: 1 }).unwrap();
        prop_assert_eq!(&rows[0].subject, "192.0.2.1", "and a writer goes on");
    }
}

#[test]
fn deep_wide_and_long_lines_take_linear_time() {
    let (_, head, public) = sound();
    let deep = "[".repeat(4 << 20);
    let wide = "{\"a\":0},".repeat(1 << 19);
    let short = "\n".repeat(4 << 20);
    for text in [deep, wide, short] {
        let begun = std::time::Instant::now();
        assert!(is_found(text.as_bytes(), head, public));
        assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    }
}
