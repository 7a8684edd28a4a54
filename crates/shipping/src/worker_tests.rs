//! A collector that comes and goes, and a process that is killed.
#![expect(clippy::disallowed_methods, reason = "the tests write the log")]

use super::*;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Seen {
    lines: Vec<String>,
    is_away: bool,
}

struct Sink(Arc<Mutex<Seen>>);

impl Collector for Sink {
    fn deliver(&mut self, lines: &[Vec<u8>]) -> std::io::Result<()> {
        let mut seen = self.0.lock().unwrap();
        if seen.is_away {
            return Err(std::io::ErrorKind::ConnectionRefused.into());
        }
        seen.lines.extend(lines.iter().map(|line| String::from_utf8(line.clone()).unwrap()));
        Ok(())
    }
}

struct Bed {
    folder: tempfile::TempDir,
    seen: Arc<Mutex<Seen>>,
}

impl Bed {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), seen: Arc::default() }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("access.ndjson")
    }

    fn add(&self, text: &str) {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(self.log());
        file.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn rotate(&self, stamp: &str) {
        std::fs::rename(self.log(), self.folder.path().join(format!("access.ndjson.{stamp}")))
            .unwrap();
    }

    fn settings(&self) -> Settings {
        Settings::new(self.folder.path().join("state"))
    }

    fn start(&self) -> Result<Shipper, ShippingError> {
        let ship = Ship {
            name: "journal".to_owned(),
            to: burgrave_config::ShipTo::Journal,
            ca: None,
            own: None,
            one_in: 1,
        };
        let sink = Box::new(Sink(Arc::clone(&self.seen)));
        Shipper::with(&self.settings(), &ship, &self.log(), sink)
    }

    fn away(&self, is_away: bool) {
        self.seen.lock().unwrap().is_away = is_away;
    }

    fn lines(&self) -> Vec<String> {
        self.seen.lock().unwrap().lines.clone()
    }
}

#[test]
fn a_log_is_sent_from_its_first_line_and_nothing_twice() {
    let bed = Bed::new();
    let mut shipper = bed.start().unwrap();
    shipper.turn().unwrap();
    bed.add("one\ntwo\nhal");
    shipper.turn().unwrap();
    assert_eq!(bed.lines(), ["one", "two"]);
    bed.add("f\n");
    shipper.turn().unwrap();
    shipper.keep().unwrap();
    drop(shipper);
    bed.add("while nobody looked\n");
    bed.start().unwrap().turn().unwrap();
    assert_eq!(bed.lines(), ["one", "two", "half", "while nobody looked"]);
}

#[test]
fn a_collector_that_is_away_gets_what_it_has_missed() {
    let bed = Bed::new();
    let mut shipper = bed.start().unwrap();
    bed.away(true);
    bed.add("one\n");
    assert!(matches!(shipper.turn(), Err(ShippingError::Away { .. })));
    bed.rotate("20261126T060000Z");
    bed.add("two\n");
    bed.rotate("20261126T070000Z");
    bed.add("three\n");
    assert!(shipper.turn().is_err());
    // A kill here has not delivered anything.
    shipper.keep().unwrap();
    drop(shipper);
    let mut shipper = bed.start().unwrap();
    assert!(shipper.turn().is_err());
    bed.away(false);
    while shipper.turn().unwrap() {}
    assert_eq!(bed.lines(), ["one", "two", "three"]);
}

#[test]
fn a_kill_at_once_misses_nothing() {
    let bed = Bed::new();
    drop(bed.start().unwrap());
    bed.add("one\n");
    bed.start().unwrap().turn().unwrap();
    assert_eq!(bed.lines(), ["one"]);
}

#[test]
fn a_log_that_is_not_there_yet_is_sent_from_its_first_line() {
    let bed = Bed::new();
    let mut shipper = bed.start().unwrap();
    bed.away(true);
    bed.add("one\ntwo\n");
    assert!(shipper.turn().is_err());
    shipper.keep().unwrap();
    drop(shipper);
    bed.add("three\n");
    bed.away(false);
    bed.start().unwrap().turn().unwrap();
    assert_eq!(bed.lines(), ["one", "two", "three"]);
}

#[test]
fn trouble_is_said_once_and_so_is_its_end() {
    let bed = Bed::new();
    let shipper = bed.start().unwrap();
    bed.away(true);
    bed.add("one\n");
    let told = Arc::new(Mutex::new(Vec::new()));
    let is_over = Arc::new(AtomicBool::new(false));
    let (heard, ends) = (Arc::clone(&told), Arc::clone(&is_over));
    let thread = std::thread::spawn(move || {
        shipper.run(&ends, &|said| heard.lock().unwrap().push(said));
    });
    let until = |what: &dyn Fn() -> bool| {
        let end = Instant::now() + Duration::from_mins(1);
        while !what() {
            assert!(Instant::now() < end, "{:?}", told.lock().unwrap());
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    until(&|| !told.lock().unwrap().is_empty());
    std::thread::sleep(PAUSE * 2);
    bed.away(false);
    until(&|| told.lock().unwrap().len() > 1);
    is_over.store(true, Ordering::Relaxed);
    thread.join().unwrap();
    let told = told.lock().unwrap();
    assert!(
        matches!(&told[0], Told::Trouble(name, text) if name == "journal" && text.contains("`journal` does not take lines: "))
    );
    assert_eq!(told[1..], [Told::Better("journal".to_owned())]);
    assert_eq!(bed.lines(), ["one"]);
}

#[test]
fn a_position_that_is_none_is_told() {
    let bed = Bed::new();
    std::fs::create_dir_all(folder(&bed.settings())).unwrap();
    std::fs::write(folder(&bed.settings()).join("journal.json"), "{").unwrap();
    assert!(matches!(bed.start().err(), Some(ShippingError::Position(..))));
    // Of another collector, whose name became the same.
    let shipper = Bed::new();
    shipper.add("one\n");
    shipper.start().unwrap().turn().unwrap();
    let file = folder(&shipper.settings()).join("journal.json");
    let text = std::fs::read_to_string(&file).unwrap().replace("\"journal\"", "\"journal.\"");
    std::fs::write(&file, text).unwrap();
    assert!(position(&file, "journal").unwrap().is_none());
}
