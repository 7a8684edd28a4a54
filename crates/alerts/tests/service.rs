//! The queue on the disk: nothing that was raised is lost, whatever fails and whoever is killed, and no alert is in two
//! messages.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod support;

use burgrave_alerts::{Event, Order, Said, Service, Spool, Store};
use burgrave_model::Topic;
use burgrave_sys::wall_clock;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::Ordering;
use std::time::Duration;
use support::{Receiver, rules, until};

const CHILD: &str = "BURGRAVE_TEST_ALERTS";
const TO: &str = "BURGRAVE_TEST_TO";
const KILLS: u64 = 40;

fn event(topic: Topic, subject: &str) -> Event {
    Event::new(wall_clock().0, topic, subject, subject, "")
}

fn config(to: std::net::SocketAddr) -> String {
    format!(
        "[[alert]]\nto = \"http://{to}/hook\"\ngroup_wait = \"0s\"\ngroup_interval = \"0s\"\nper_hour = 10000\nlevel = \"info\"\n"
    )
}

fn start(state: &Path, text: &str, said: &mut Vec<Said>) -> Service {
    Service::start(state, &rules(text), "host", &mut |one| said.push(one)).unwrap()
}

#[test]
fn what_was_raised_reaches_its_channel_and_its_file_is_gone() {
    let (state, receiver) = (tempfile::tempdir().unwrap(), Receiver::start());
    let spool = Spool::open(state.path()).unwrap();
    spool.raise(&[event(Topic::BanAdded, "a"), event(Topic::BackupFailed, "j")]).unwrap();
    let mut said = Vec::new();
    let mut service = start(state.path(), &config(receiver.address), &mut said);
    until("both topics", || {
        service.turn(&mut |one| said.push(one)).unwrap();
        receiver.received().len() == 2
    });
    service.stop(&mut |one| said.push(one)).unwrap();
    assert!(spool.take(|_| false).unwrap().is_empty());
    assert!(matches!(&said[..], [Said::Taken(events, false)] if events.len() == 2), "{said:?}");
    let kept = Store::read(state.path()).unwrap().unwrap();
    assert!(kept.queue.is_empty() && kept.alerts.len() == 2);
}

#[test]
fn a_channel_that_is_away_gets_it_later_and_others_do_not_wait() {
    let state = tempfile::tempdir().unwrap();
    let (away, here) = (Receiver::start(), Receiver::start());
    away.status.store(503, Ordering::SeqCst);
    let text = format!(
        "{}{}",
        config(away.address),
        config(here.address).replace("[[alert]]", "[[alert]]\nname = \"here\"")
    );
    let spool = Spool::open(state.path()).unwrap();
    spool.raise(&[event(Topic::BackupFailed, "j")]).unwrap();
    let mut said = Vec::new();
    let mut service = start(state.path(), &text, &mut said);
    until("the other", || {
        service.turn(&mut |one| said.push(one)).unwrap();
        here.received().len() == 1 && said.len() == 2
    });
    let warned = |one: &Said| matches!(one, Said::Notice(text) if text.contains("answers 503"));
    assert!(said.iter().any(warned), "{said:?}");
    // In another process of ours, later.
    service.stop(&mut |one| said.push(one)).unwrap();
    away.status.store(200, Ordering::SeqCst);
    let mut service = start(state.path(), &text, &mut said);
    until("the one that was away", || {
        service.turn(&mut |one| said.push(one)).unwrap();
        away.received().len() == 1
    });
    assert_eq!(here.received().len(), 1);
}

#[test]
fn orders_are_obeyed_and_odd_files_do_not_stop_it() {
    let (state, receiver) = (tempfile::tempdir().unwrap(), Receiver::start());
    let spool = Spool::open(state.path()).unwrap();
    std::fs::write(state.path().join("alerts/new/0.json"), "odd\n").unwrap();
    let silence = Order::Silence {
        id: "s".to_owned(),
        topic: Some("ban".to_owned()),
        subject: None,
        until: i64::MAX,
        reason: "test".to_owned(),
        by: "olga".to_owned(),
    };
    spool.order(silence).unwrap();
    spool.raise(&[event(Topic::BanAdded, "a"), event(Topic::BackupFailed, "j")]).unwrap();
    let mut said = Vec::new();
    let mut service = start(state.path(), &config(receiver.address), &mut said);
    until("what is not silenced", || {
        service.turn(&mut |one| said.push(one)).unwrap();
        receiver.received().len() == 1
    });
    assert!(said.iter().any(|one| matches!(one, Said::Notice(text) if text.contains("no alerts"))));
    assert_eq!(receiver.received()[0].body["group"], "backup.failed");
    let which = "all".to_owned();
    spool.order(Order::Acknowledge { which, by: "olga".to_owned(), time: 1 }).unwrap();
    until("acknowledged", || {
        service.turn(&mut |one| said.push(one)).unwrap();
        let kept = Store::read(state.path()).unwrap().unwrap();
        kept.alerts.values().all(|alert| alert.acknowledged.is_some())
    });
}

#[test]
fn a_disk_that_takes_nothing_keeps_the_spool_and_sends_nothing() {
    let (state, receiver) = (tempfile::tempdir().unwrap(), Receiver::start());
    let spool = Spool::open(state.path()).unwrap();
    spool.raise(&[event(Topic::BackupFailed, "j")]).unwrap();
    let mut said = Vec::new();
    let mut service = start(state.path(), &config(receiver.address), &mut said);
    let blocked = state.path().join("alerts/state.json");
    std::fs::create_dir(&blocked).unwrap();
    for _ in 0..3 {
        service.turn(&mut |one| said.push(one)).unwrap();
    }
    assert_eq!(receiver.received().len(), 0, "a kill now would send it twice");
    assert_eq!(spool.take(|_| false).unwrap().len(), 1);
    assert!(
        matches!(&said[..], [Said::Notice(text)] if text.contains("cannot be kept")),
        "{said:?}"
    );
    std::fs::remove_dir(&blocked).unwrap();
    until("sent", || {
        service.turn(&mut |one| said.push(one)).unwrap();
        receiver.received().len() == 1
    });
}

/// In a process of its own: delivers until it is killed.
#[test]
fn deliverer() {
    let Ok(state) = std::env::var(CHILD) else { return };
    let to = std::env::var(TO).unwrap().parse().unwrap();
    let mut service = start(Path::new(&state), &config(to), &mut Vec::new());
    loop {
        service.turn(&mut |_| {}).unwrap();
    }
}

fn deliver(state: &Path, receiver: &Receiver) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "deliverer"])
        .env(CHILD, state)
        .env(TO, receiver.address.to_string())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn no_kill_loses_an_alert_or_puts_one_into_two_messages() {
    let (state, receiver) = (tempfile::tempdir().unwrap(), Receiver::start());
    let spool = Spool::open(state.path()).unwrap();
    let mut raised = BTreeSet::new();
    for kill in 0..KILLS {
        let mut child = deliver(state.path(), &receiver);
        let before = receiver.received().len();
        for n in 0..3 {
            let subject = format!("{kill}-{n}");
            spool.raise(&[event(Topic::BanAdded, &subject)]).unwrap();
            raised.insert(subject);
            std::thread::sleep(Duration::from_micros(kill * 311 % 7_000));
        }
        // Now and then right after something has arrived, where the note of it may be missing.
        if kill % 3 == 0 {
            until("something arrives", || receiver.received().len() > before);
        } else {
            std::thread::sleep(Duration::from_micros(kill * 7_919 % 120_000));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut child = deliver(state.path(), &receiver);
    let heard = || {
        let mut messages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for one in receiver.received() {
            let items = one.body["alerts"].as_array().unwrap();
            let subjects = items.iter().map(|item| item["subject"].as_str().unwrap().to_owned());
            let subjects: BTreeSet<String> = subjects.collect();
            let id = one.body["id"].as_str().unwrap().to_owned();
            // A repeat is the same to the last letter.
            assert_eq!(messages.entry(id).or_insert_with(|| subjects.clone()), &subjects);
        }
        messages
    };
    until("all of them", || {
        heard().values().flatten().collect::<BTreeSet<_>>().len() == raised.len()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let messages = heard();
    let named: Vec<&String> = messages.values().flatten().collect();
    assert_eq!(named.len(), raised.len(), "each is in one message");
    let repeats = receiver.received().len() - messages.len();
    assert!(repeats <= usize::try_from(KILLS).unwrap(), "{repeats} messages came again");
    eprintln!("{} messages, {repeats} of them twice after a kill", messages.len());
}
