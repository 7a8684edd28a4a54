//! `kill -9` at fifty random moments of backups, prunes and restores: what was there stays, and the next run succeeds.

use crate::backup::support::{Place, has, noise};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Moments at which a command is killed: spread over the time that it takes, in an order without a pattern. One that was done
/// before its moment says how long it takes now, whatever else the machine does.
struct Moments {
    count: u32,
    number: u32,
    over: Duration,
    deaths: u32,
}

impl Moments {
    fn new(count: u32, over: Duration) -> Self {
        Self { count, number: 0, over, deaths: 0 }
    }

    /// Starts a command and kills it at the next moment, unless it is done.
    fn kill(&mut self, place: &Place, arguments: &[&str]) {
        let after = self.over * ((self.number * 37) % self.count) / self.count;
        self.number += 1;
        let begun = Instant::now();
        let mut child =
            place.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while begun.elapsed() < after {
            if child.try_wait().unwrap().is_some() {
                self.over = self.over.min(begun.elapsed());
                return;
            }
            std::thread::sleep(Duration::from_millis(1).min(after));
        }
        child.kill().unwrap();
        self.deaths += u32::from(!child.wait().unwrap().success());
    }
}

fn usual(place: &Place, arguments: &[&str]) -> Duration {
    let begun = Instant::now();
    place.expect(0, arguments);
    begun.elapsed()
}

fn change(place: &Place, round: u64) {
    for file in 0..4 {
        let content = noise(2_500_000, round * 100 + file);
        std::fs::write(place.source().join(format!("f{}", (round + file) % 12)), content).unwrap();
    }
}

fn snapshots(place: &Place) -> Vec<String> {
    let list = place.json(0, &["list", "job"]);
    let all = list["snapshots"].as_array().unwrap().iter();
    all.map(|snapshot| snapshot["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_backup_may_die_at_any_moment() {
    let place = Place::new();
    change(&place, 0);
    let time = usual(&place, &["run", "job"]);
    let mut moments = Moments::new(20, time + time / 2);
    for round in 1..=20 {
        change(&place, round);
        let before = snapshots(&place);
        moments.kill(&place, &["run", "job"]);
        let now = snapshots(&place);
        assert!(now.starts_with(&before), "no snapshot is lost");
    }
    assert!(moments.deaths > 5, "{} of 20 were killed at work", moments.deaths);
    let said = place.expect(0, &["run", "job"]);
    println!("{said}");
    place.expect(0, &["verify", "job"]);
    place.restores_as_it_is();
    if has("restic") {
        place.restic_expect(&["check", "--read-data"]);
    }
}

#[test]
fn what_an_interrupted_backup_stored_is_taken_up() {
    let place = Place::new();
    std::fs::write(place.source().join("small"), "x").unwrap();
    place.expect(0, &["run", "job"]);
    for number in 0..8 {
        std::fs::write(place.source().join(format!("f{number}")), noise(20_000_000, number))
            .unwrap();
    }
    let before = place.files("data").len();
    let mut child = place.command(&["run", "job"]).stdout(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_mins(3);
    while place
        .files("data")
        .iter()
        .filter(|pack| !pack.to_str().unwrap().contains(".burgrave"))
        .count()
        < before + 4
    {
        assert!(Instant::now() < deadline, "packs come");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let ran = place.json(0, &["run", "job"]);
    let notices = ran["notices"].to_string();
    assert!(notices.contains("interrupted"), "{notices}");
    assert!(ran["bytes_stored"].as_u64().unwrap() < 110_000_000, "not all is stored again: {ran}");
    place.restores_as_it_is();
}

#[test]
fn a_prune_may_die_at_any_moment() {
    let place = Place::new();
    for round in 0..4 {
        change(&place, round);
        place.expect(0, &["run", "job"]);
    }
    place.configure("identity = \"keeper\"\nkeep = { last = 2 }");
    let time = usual(&place, &["prune", "job"]);
    let mut moments = Moments::new(15, time * 2);
    for round in 10..25 {
        place.configure("identity = \"writer\"");
        change(&place, round);
        place.expect(0, &["run", "job"]);
        let before = snapshots(&place);
        place.configure("identity = \"keeper\"\nkeep = { last = 2 }");
        moments.kill(&place, &["prune", "job"]);
        let now = snapshots(&place);
        assert_eq!(now.last(), before.last(), "what is kept is kept");
        let verified = place.json(0, &["verify", "job"]);
        assert_eq!(verified["is_sound"], true);
    }
    place.expect(0, &["prune", "job"]);
    place.configure("");
    place.restores_as_it_is();
    if has("restic") {
        place.restic_expect(&["check", "--read-data"]);
    }
}

#[test]
fn a_restore_may_die_at_any_moment() {
    let place = Place::new();
    change(&place, 0);
    change(&place, 5);
    place.expect(0, &["run", "job"]);
    let top = place.source();
    let arguments = ["restore", "job", "--in-place", top.to_str().unwrap()].map(str::to_owned);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let whole = crate::backup::support::facts(&top);
    for entry in std::fs::read_dir(&top).unwrap() {
        std::fs::write(entry.unwrap().path(), "since").unwrap();
    }
    let time = usual(&place, &arguments);
    let mut moments = Moments::new(15, time * 3 / 2);
    for _ in 0..15 {
        for entry in std::fs::read_dir(&top).unwrap() {
            std::fs::write(entry.unwrap().path(), "written since").unwrap();
        }
        moments.kill(&place, &arguments);
        for entry in std::fs::read_dir(&top).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with('f') {
                let bytes = std::fs::metadata(&path).unwrap().len();
                assert!(
                    matches!(bytes, 13 | 2_500_000),
                    "a file is the old or the new one, not a part: {bytes}"
                );
            }
        }
    }
    place.expect(0, &arguments);
    let names = |facts: &[Vec<u8>]| {
        facts.iter().filter(|line| line.starts_with(b"f")).cloned().collect::<Vec<_>>()
    };
    assert_eq!(names(&crate::backup::support::facts(&top)), names(&whole));
    place.expect(0, &["verify", "job"]);
}
