//! What an engine tells, in every order, and who is banned for it.

use super::*;
use burgrave_agent::{Home, parse_target};
use burgrave_config::HttpAddress;
use burgrave_sys::Fake;
use std::os::unix::fs::PermissionsExt;

struct Stage {
    _folder: tempfile::TempDir,
    source: Source,
    journal: Journal,
    shield: Shield,
    heard: Vec<Heard>,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key_file = folder.path().join("key");
        std::fs::write(&key_file, "0123456789abcdef").unwrap();
        std::fs::set_permissions(&key_file, PermissionsExt::from_mode(0o600)).unwrap();
        let host = "127.0.0.1".to_owned();
        let engine = Engine {
            name: "crowdsec".to_owned(),
            // Nobody listens there.
            address: HttpAddress { is_secure: false, host, port: 1, path: String::new() },
            key_file,
            ca: None,
            every: Duration::from_secs(10),
        };
        let journal = Journal::open(&Home::open(folder.path()).unwrap()).unwrap();
        let shield = Shield::of(&Fake::new(), &[], Some("192.0.2.55 1 192.0.2.1 22"));
        let source = Source::open(&engine).unwrap();
        Self { _folder: folder, source, journal, shield, heard: Vec::new() }
    }

    /// The engine tells this; who is banned afterwards, and by whom.
    fn tell(&mut self, part: Part, new: &[Decision], over: &[Decision], now: u64) -> Vec<String> {
        let heard = &mut self.heard;
        let list = |all: &[Decision]| List { all: all.to_vec(), more: 0 };
        let stream = Stream { new: list(new), deleted: list(over) };
        self.source.merge(stream, part, now, &mut |told| heard.push(told));
        self.settle(now)
    }

    fn settle(&mut self, now: u64) -> Vec<String> {
        let heard = &mut self.heard;
        let mut tell = |told| heard.push(told);
        self.source.settle(&mut self.journal, &self.shield, now, &mut tell).unwrap();
        self.banned(now)
    }

    fn banned(&self, now: u64) -> Vec<String> {
        let of = |ban: &Ban| {
            format!(
                "{} {} {}",
                ban.target,
                ban.until,
                ban.origin.as_deref().unwrap_or("own").trim_start_matches(ENGINE)
            )
        };
        let mut all: Vec<String> = self.journal.book().all(now).map(of).collect();
        all.sort();
        all
    }

    fn by_hand(&mut self, text: &str, until: u64, now: u64) {
        let target = parse_target(text).unwrap();
        let ban = Ban { until, ..Ban::by_hand(target, now, 0, "test") };
        self.journal.append(&[ban.entry()], now).unwrap();
    }

    fn unban(&mut self, text: &str, now: u64) {
        let entry = Entry::unban(parse_target(text).unwrap(), now);
        self.journal.append(&[entry], now).unwrap();
    }
}

fn decision(id: i64, value: &str, secs: u64) -> Decision {
    let scope = if value.contains('/') { "Range" } else { "Ip" };
    Decision {
        id,
        duration: format!("{secs}s"),
        scope: scope.to_owned(),
        kind: "ban".to_owned(),
        value: value.to_owned(),
        scenario: "crowdsecurity/ssh-bf".to_owned(),
        origin: "crowdsec".to_owned(),
    }
}

#[test]
fn decisions_come_stay_and_go() {
    let mut stage = Stage::new();
    let first = [decision(1, "192.0.2.7", 400), decision(2, "203.0.113.0/24", 900)];
    let banned = stage.tell(Part::Begin, &first, &[], 100);
    assert_eq!(banned, ["192.0.2.7 500 crowdsec", "203.0.113.0/24 1000 crowdsec"]);
    assert!(matches!(&stage.heard[..], [Heard::Taken(_), Heard::Taken(_)]));
    assert_eq!(stage.tell(Part::News, &[], &[], 110), banned, "nothing new");
    // Told again with what is left of it: no second ban.
    stage.heard.clear();
    assert_eq!(stage.tell(Part::News, &[decision(1, "192.0.2.7", 390)], &[], 110), banned);
    assert!(stage.heard.is_empty());
    // A longer one, and the end of the shorter.
    let longer = [decision(3, "192.0.2.7", 1_000)];
    let banned = stage.tell(Part::News, &longer, &[decision(1, "192.0.2.7", 0)], 120);
    assert_eq!(banned[0], "192.0.2.7 1120 crowdsec");
    let banned = stage.tell(Part::News, &[], &[decision(2, "203.0.113.0/24", 0)], 130);
    assert_eq!(banned, ["192.0.2.7 1120 crowdsec"]);
    assert!(matches!(&stage.heard[..], [Heard::Freed(_)]), "{:?}", stage.heard);
    // What is in no whole list is held no more.
    assert_eq!(stage.tell(Part::Whole, &[decision(4, "192.0.2.9", 50)], &[], 140).len(), 1);
    assert_eq!(stage.banned(200), [""; 0], "it ends by itself");
}

#[test]
fn our_own_bans_are_not_ended_and_decisions_take_over() {
    let mut stage = Stage::new();
    stage.by_hand("192.0.2.7", 200, 100);
    let theirs = decision(1, "192.0.2.7", 900);
    let banned = stage.tell(Part::Begin, std::slice::from_ref(&theirs), &[], 100);
    assert_eq!(banned, ["192.0.2.7 200 own"], "it stays ours for as long as it lasts");
    assert_eq!(stage.settle(201), ["192.0.2.7 1000 crowdsec"], "then theirs begins");
    stage.by_hand("192.0.2.7", 2_000, 300);
    assert_eq!(stage.tell(Part::News, &[], &[theirs], 310), ["192.0.2.7 2000 own"]);
}

#[test]
fn who_was_let_in_by_hand_is_banned_by_a_new_decision_only() {
    let mut stage = Stage::new();
    let old = decision(1, "192.0.2.7", 900);
    stage.tell(Part::Begin, std::slice::from_ref(&old), &[], 100);
    stage.unban("192.0.2.7", 150);
    assert_eq!(stage.settle(160), [""; 0]);
    assert_eq!(stage.tell(Part::Whole, std::slice::from_ref(&old), &[], 170), [""; 0]);
    assert_eq!(stage.tell(Part::News, &[decision(2, "192.0.2.7", 900)], &[], 180).len(), 1);
    // After a restart nobody knows which decision is older.
    stage.unban("192.0.2.7", 190);
    stage.source.held.clear();
    assert_eq!(stage.tell(Part::Begin, &[old], &[], 200), [""; 0]);
    // That the engine itself had let somebody in is no hand of ours.
    let other = decision(5, "192.0.2.8", 900);
    stage.tell(Part::News, std::slice::from_ref(&other), &[], 210);
    assert_eq!(stage.tell(Part::News, &[], std::slice::from_ref(&other), 220), [""; 0]);
    stage.source.held.clear();
    assert_eq!(stage.tell(Part::Begin, &[other], &[], 230).len(), 1);
}

#[test]
fn what_may_not_be_banned_or_is_no_ban_is_told_once() {
    let mut stage = Stage::new();
    let captcha = Decision { kind: "captcha".to_owned(), ..decision(3, "192.0.2.8", 50) };
    let all = [decision(1, "192.0.2.55", 50), decision(2, "192.0.2.0/24", 50), captcha];
    assert_eq!(stage.tell(Part::Begin, &all, &[], 100), [""; 0]);
    let count =
        |stage: &Stage, is: fn(&Heard) -> bool| stage.heard.iter().filter(|own| is(own)).count();
    assert_eq!(count(&stage, |own| matches!(own, Heard::Spared(..))), 2);
    assert_eq!(count(&stage, |own| matches!(own, Heard::Left(1))), 1);
    stage.heard.clear();
    stage.tell(Part::Whole, &all, &[], 110);
    assert!(stage.heard.is_empty(), "{:?}", stage.heard);
}

#[test]
fn an_engine_that_is_away_changes_nothing() {
    let mut stage = Stage::new();
    let turn = |stage: &mut Stage, now| {
        let heard = &mut stage.heard;
        let at = Instant::now() + Duration::from_secs(now);
        let tell = &mut |told| heard.push(told);
        stage.source.turn(&mut stage.journal, &stage.shield, (&|| now, at), false, tell).unwrap();
    };
    let origin = Some(format!("{ENGINE}crowdsec"));
    let ban = Ban { origin, ..Ban::by_hand(parse_target("192.0.2.7").unwrap(), 90, 500, "x") };
    stage.journal.append(&[ban.entry()], 90).unwrap();
    turn(&mut stage, 100);
    turn(&mut stage, 200);
    assert!(matches!(&stage.heard[..], [Heard::Away(_)]), "{:?}", stage.heard);
    assert_eq!(stage.banned(200).len(), 1, "it was taken before this process began");
}

#[test]
fn strange_answers_are_no_decisions() {
    let read = |text: &str| serde_json::from_str::<Stream>(text);
    for text in [r#"{"new":null,"deleted":null}"#, r#"{"new":[{}],"deleted":[{"id":1}],"x":1}"#] {
        let mut stage = Stage::new();
        stage.source.merge(read(text).unwrap(), Part::Begin, 100, &mut |_| {});
        assert_eq!(stage.settle(100), [""; 0], "{text}");
    }
    // What is no answer of an engine is not one that says that nobody is banned.
    for text in
        ["{}", r#"{"new":[]}"#, r#"{"message":"down"}"#, "[]", "null", r#"{"new":1,"deleted":[]}"#]
    {
        assert!(read(text).is_err(), "{text}");
    }
    let many = format!(r#"{{"new":[{}{{}}],"deleted":null}}"#, "{},".repeat(HELD_MAX));
    let many = read(&many).unwrap();
    assert_eq!((many.new.all.len(), many.new.more), (HELD_MAX, 1));
    let mut stage = Stage::new();
    let long = Decision { duration: "4294967295h".to_owned(), ..decision(1, "192.0.2.7", 1) };
    let odd = Decision { duration: "soon".to_owned(), ..decision(1, "192.0.2.8", 1) };
    let banned = stage.tell(Part::Begin, &[long, odd, decision(0, "192.0.2.9", 0)], &[], 100);
    assert_eq!(banned.len(), 1, "{banned:?}");
    // Without a number all of a target's are over.
    assert_eq!(stage.tell(Part::News, &[], &[decision(0, "192.0.2.7", 0)], 110), [""; 0]);
}

#[test]
fn what_is_held_of_one_address_is_bounded_and_the_longest_counts() {
    let mut stage = Stage::new();
    let all: Vec<Decision> =
        (1..100).map(|id| decision(id, "192.0.2.7", 1_000 - u64::try_from(id).unwrap())).collect();
    assert_eq!(stage.tell(Part::Begin, &all, &[], 100), ["192.0.2.7 1099 crowdsec"]);
    assert_eq!(stage.source.held.values().map(Vec::len).sum::<usize>(), OF_ONE_MAX);
}

#[test]
fn a_hand_on_another_machine_counts_as_one_here() {
    let mut stage = Stage::new();
    stage.tell(Part::Begin, &[decision(1, "192.0.2.7", 900)], &[], 100);
    let entry = Entry::unban(parse_target("192.0.2.7").unwrap(), 150);
    let by = Some("web2".to_owned());
    stage.journal.append(&[Entry { origin: by, ..entry }], 150).unwrap();
    assert_eq!(stage.settle(160), [""; 0]);
}
