//! Signals, reloads and pulled plugs.

use crate::support::{self, Burgrave, ask, configuration, run, site, stderr, upstream};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

fn rewrite(burgrave: &Burgrave, rest: &str) {
    // The listener keeps the port that it has.
    let text = configuration(burgrave.folder.path(), "127.0.0.1:0", rest);
    std::fs::write(burgrave.config(), text).unwrap();
}

#[test]
fn a_reload_takes_effect_and_loses_no_request() {
    let burgrave = Burgrave::start(&site(upstream(ANSWER)));
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (stopped, count, address) = (Arc::clone(&stop), Arc::clone(&sent), burgrave.address);
    let client = std::thread::spawn(move || {
        let mut failed = 0;
        while !stopped.load(Ordering::Relaxed) {
            let raw = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            failed += usize::from(ask(address, raw).0 != 200);
            count.fetch_add(1, Ordering::Relaxed);
        }
        failed
    });
    for round in 0..5 {
        let more = format!(
            "{}[[site]]\nhosts = [\"h{round}.test\"]\nfiles = {{ root = \"/usr/share\" }}\n",
            site(upstream(ANSWER))
        );
        rewrite(&burgrave, &more);
        burgrave.signal("-HUP");
        burgrave.wait_for("configuration taken");
        let host = format!("GET / HTTP/1.1\r\nHost: h{round}.test\r\nConnection: close\r\n\r\n");
        assert_ne!(ask(burgrave.address, &host).0, 421, "the new site is known");
    }
    stop.store(true, Ordering::Relaxed);
    assert_eq!(client.join().unwrap(), 0, "of {} requests", sent.load(Ordering::Relaxed));
    assert!(sent.load(Ordering::Relaxed) > 5);
}

#[test]
fn a_bad_configuration_leaves_the_last_good_one_in_force() {
    let burgrave = Burgrave::start(&site(upstream(ANSWER)));
    for bad in [
        "nonsense = 1\n",
        "[rules]\ninclude = [\"/nonexistent\"]\n[[site]]\nhosts = [\"*\"]\nfiles = { root = \"/usr/share\" }\n",
        "[[site]]\nhosts = [\"*\"]\nfiles = { root = \"/nonexistent\" }\n",
    ] {
        rewrite(&burgrave, bad);
        burgrave.signal("-HUP");
        let said = burgrave.wait_for("the last good one stays");
        assert!(said.len() >= 2, "it says why: {said:?}");
        assert_eq!(burgrave.get("/").0, 200);
    }
}

#[test]
fn the_profile_of_an_application_is_in_force_and_follows_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let [rules, profile] = ["r.conf", "shop.profile"].map(|name| folder.path().join(name));
    let rule = "SecRule ARGS \"@rx -.*-\" \"id:10001,phase:2,deny,status:403,tag:'attack-sqli'\"\n";
    std::fs::write(&rules, rule).unwrap();
    std::fs::write(&profile, "route GET /orders\nquery since date\n").unwrap();
    let rest = format!(
        "[rules]\ninclude = [{rules:?}]\nextra = false\napplication = {profile:?}\n{}",
        site(upstream(ANSWER))
    );
    let burgrave = Burgrave::start(&rest);
    let status = |target: &str| burgrave.get(target).0;
    assert_eq!(status("/orders?since=2024-01-01"), 200);
    for blocked in ["/orders?since=-1-", "/orders?q=2024-01-01", "/other?since=2024-01-01"] {
        assert_eq!(status(blocked), 403, "{blocked}");
    }
    std::fs::write(&profile, "route GET /orders\nquery since text\n").unwrap();
    burgrave.signal("-HUP");
    let said = burgrave.wait_for("the last good one stays").join("\n");
    assert!(said.contains("shop.profile:2: `text` is no type"), "{said}");
    assert_eq!(status("/orders?since=2024-01-01"), 200);
    std::fs::write(&profile, "route GET /orders\nquery q date\n").unwrap();
    burgrave.signal("-HUP");
    burgrave.wait_for("configuration taken");
    assert_eq!(status("/orders?since=2024-01-01"), 403);
    assert_eq!(status("/orders?q=2024-01-01"), 200);
}

#[test]
fn a_rotated_log_is_opened_again() {
    let burgrave = Burgrave::start(&site(upstream(ANSWER)));
    burgrave.get("/before");
    burgrave.records(1);
    std::fs::rename(burgrave.log(), burgrave.folder.path().join("old.ndjson")).unwrap();
    burgrave.signal("-USR1");
    let deadline = std::time::Instant::now() + support::PATIENCE;
    // The file is made before it is handed over; until then lines go to the old one.
    while std::fs::read(burgrave.log()).unwrap_or_default().is_empty() {
        assert!(std::time::Instant::now() < deadline, "the log was not opened again");
        burgrave.get("/after");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(burgrave.records(1)[0]["http.target"], "/after");
}

#[test]
fn a_stop_is_clean_and_a_kill_loses_nothing_that_was_kept() {
    let mut burgrave = Burgrave::start(&site(upstream(ANSWER)));
    burgrave.get("/one");
    burgrave.signal("-TERM");
    assert_eq!(burgrave.wait().code(), Some(0));
    assert_eq!(burgrave.records(1).len(), 1, "the log was written to its end");

    let mut burgrave = Burgrave::start(&site(upstream(ANSWER)));
    burgrave.get("/one");
    burgrave.records(1);
    burgrave.signal("-KILL");
    burgrave.wait();
    assert_eq!(burgrave.records(1)[0]["http.target"], "/one");
}

#[test]
fn a_hashed_user_is_taken() {
    let hash = |name: &str, password: &str| {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_burgrave"))
            .args(["user", "hash", name])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // A name that is refused is refused before anything is read.
        drop(child.stdin.take().unwrap().write_all(password.as_bytes()));
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(hash("a:b", "secret\n").0, Some(2));
    assert_eq!(hash("alice", "\n").0, Some(2));
    let (code, line) = hash("alice", "secret\n");
    assert!(code == Some(0) && line.starts_with("alice:$argon2id$"), "{line}");
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    std::fs::write(&users, line).unwrap();
    let rest = format!(
        "[[listen]]\naddress = \"127.0.0.2:0\"\ntls = true\n[[site]]\nhosts = [\"localhost\"]\n\
         tls = \"self-signed\"\nfiles = {{ root = \"/usr/share\" }}\naccess = {{ users = {users:?} }}\n"
    );
    let file = folder.path().join("burgrave.toml");
    std::fs::write(&file, configuration(folder.path(), "127.0.0.1:0", &rest)).unwrap();
    let output = run(&["check", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    std::fs::write(&users, "alice:secret\n").unwrap();
    let output = run(&["check", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("line 1") && !stderr(&output).contains("secret"));
}
