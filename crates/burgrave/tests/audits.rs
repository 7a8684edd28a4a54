//! `[audit]` from end to end: a change is told, an audit is done when it is due, only differences are raised.

use crate::support::{self, Burgrave, configuration, run, stderr};
use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// A folder with a configuration that audits.
fn place(audit: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("www")).unwrap();
    std::fs::write(dir.path().join("www/index.html"), "hello").unwrap();
    let rest = format!(
        "[[site]]\nhosts = [\"*\"]\nfiles = {{ root = \"{}/www\" }}\n[audit]\n{audit}\n",
        dir.path().display()
    );
    let text = configuration(dir.path(), "127.0.0.1:0", &rest);
    std::fs::write(dir.path().join("burgrave.toml"), text).unwrap();
    dir
}

fn config(dir: &Path) -> String {
    dir.join("burgrave.toml").to_str().unwrap().to_owned()
}

/// The event of a line.
fn event(line: &str) -> Option<Value> {
    serde_json::from_str(line.strip_prefix("event: ")?).ok()
}

/// A report that is long due, with one fault that no check finds.
fn kept(dir: &Path) {
    let fault = r#"{"id":"made-up","safeguard":"logs","severity":"high","title":"made up","evidence":[],"key":"made-up"}"#;
    let text = format!(r#"{{"version":1,"time":1,"host":"h","faults":[{fault}],"unknown":[]}}"#);
    std::fs::create_dir_all(dir.join("state/audit")).unwrap();
    std::fs::write(dir.join("state/audit/report.json"), text).unwrap();
}

#[test]
fn a_change_of_what_was_accepted_is_told_while_it_runs() {
    let dir = place("every = \"1d\"");
    let www = dir.path().join("www").canonicalize().unwrap();
    let folder = www.to_str().unwrap();
    let output = run(&["baseline", "accept", "--folder", folder, "--config", &config(dir.path())]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let burgrave = Burgrave::start_in(dir);
    let told = |path: &str, what: Value| {
        let said = burgrave.wait_for(&format!("{folder}/{path}\""));
        let event = event(said.last().unwrap()).unwrap();
        assert_eq!((&event["event"], &event["what"]), (&"baseline.changed".into(), &what));
        assert_eq!(event["severity"], "high");
    };
    // Nothing says when it watches but that it tells.
    let end = Instant::now() + support::PATIENCE;
    for number in 0.. {
        std::fs::write(www.join(format!("first-{number}")), "").unwrap();
        std::thread::sleep(Duration::from_millis(50));
        if burgrave.said().iter().any(|line| line.contains("baseline.changed")) {
            break;
        }
        assert!(Instant::now() < end, "no change is told");
    }
    std::fs::write(www.join("x.php"), "<?php").unwrap();
    told("x.php", serde_json::json!(["new"]));
    // Written anew as it was, and never empty between: nothing to tell. What comes after it is told.
    let mut index = std::fs::File::options().write(true).open(www.join("index.html")).unwrap();
    index.write_all(b"hello").unwrap();
    drop(index);
    std::fs::remove_file(www.join("index.html")).unwrap();
    told("index.html", serde_json::json!(["gone"]));
    std::fs::create_dir(www.join("new")).unwrap();
    told("new", serde_json::json!(["new"]));
    std::fs::write(www.join("new/inner"), "").unwrap();
    told("new/inner", serde_json::json!(["new"]));
}

#[test]
fn a_program_that_begins_to_listen_is_told_once() {
    let dir = place("every = \"1d\"");
    let file = dir.path().join("state/audit/appeared.json");
    let burgrave = Burgrave::start_in(dir);
    let learned = || {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        serde_json::from_str::<Value>(&text).is_ok_and(|kept| kept["listening"].is_object())
    };
    let end = Instant::now() + support::PATIENCE;
    while !learned() {
        assert!(Instant::now() < end, "nothing is learned: {:?}", burgrave.said());
        std::thread::sleep(Duration::from_millis(20));
    }
    // Below the ports that the kernel gives out, so that its number counts.
    let listener = (20_000..30_000)
        .find_map(|port| std::net::TcpListener::bind(("127.0.0.1", port)).ok())
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    let place = format!("listens on tcp 127.0.0.1:{port}, reachable from this machine only");
    let said = burgrave.wait_for(&place);
    let event = event(said.last().unwrap()).unwrap();
    assert_eq!((&event["event"], &event["severity"]), (&"listener.new".into(), &"low".into()));
    assert!(
        event["text"].as_str().unwrap().contains("end_to_end-"),
        "this test's program: {event}"
    );
    drop(listener);
    std::thread::sleep(Duration::from_secs(3));
    let _again = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let beside = (port + 1..30_000)
        .find_map(|port| std::net::TcpListener::bind(("127.0.0.1", port)).ok())
        .unwrap();
    let other = format!("listens on tcp 127.0.0.1:{},", beside.local_addr().unwrap().port());
    let said = burgrave.wait_for(&other);
    assert!(!said.iter().any(|line| line.contains(&place)), "it came again within a week");
}

#[test]
fn an_audit_that_is_due_is_done_and_raises_only_what_is_different() {
    let dir = place("every = \"1d\"\nwatch = false");
    kept(dir.path());
    let burgrave = Burgrave::start_in(dir);
    // A whole machine is looked at, beside whatever else runs on it.
    let end = Instant::now() + 4 * support::PATIENCE;
    let gone = loop {
        let said = burgrave.said();
        if let Some(line) = said.iter().find(|line| line.contains("audit.gone")) {
            break event(line).unwrap();
        }
        assert!(Instant::now() < end, "no audit was done");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!((&gone["id"], &gone["severity"]), (&"made-up".into(), &"info".into()));
    let file = burgrave.folder.path().join("state/audit/report.json");
    let end = Instant::now() + support::PATIENCE;
    let report = loop {
        let report: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        if report["time"] != 1 {
            break report;
        }
        assert!(Instant::now() < end, "the report was not kept");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(report["faults"].as_array().unwrap().iter().all(|fault| fault["id"] != "made-up"));
}

#[test]
fn what_is_different_since_the_last_report_is_shown() {
    let dir = place("every = \"1d\"");
    let config = config(dir.path());
    let output = run(&["audit", "--diff", "--config", &config]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no report is kept"), "{}", stderr(&output));
    kept(dir.path());
    let output = run(&["audit", "--diff", "--config", &config, "--format", "json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let changes = found["changes"].as_array().unwrap();
    let of = |news: &str| changes.iter().filter(|change| change["change"] == news).count();
    assert_eq!((of("gone"), &found["since"]), (1, &1.into()));
    assert!(changes.iter().any(|change| change["id"] == "made-up"));
    assert_eq!(output.status.code(), Some(i32::from(of("new") > 0)));
    let text = run(&["audit", "--diff", "--config", &config]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("gone     high     made up (made-up)"));
    assert_eq!(
        run(&["audit", "--diff", "--config", &config, "--format", "html"]).status.code(),
        Some(2)
    );
    assert_eq!(run(&["audit", "--diff", "--root", "/"]).status.code(), Some(2), "no tree is kept");
}
