//! The two processes of `burgrave run`: what the gateway may do, and what happens when one is killed.

use crate::support::{self, Burgrave, PATIENCE, configuration, site, upstream};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

/// The processes that this one has started.
fn children(parent: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(id) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let status = status(id);
        if field(&status, "PPid") == parent.to_string() && field(&status, "State") != "Z (zombie)" {
            found.push(id);
        }
    }
    found
}

fn status(id: u32) -> String {
    std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default()
}

fn field(status: &str, name: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.unwrap_or_default().trim().to_owned()
}

fn kill(id: u32) {
    assert!(Command::new("kill").args(["-9", &id.to_string()]).status().unwrap().success());
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_gateway_gives_up_its_rights() {
    let burgrave = Burgrave::start(&site(upstream(ANSWER)));
    let [gateway] = children(burgrave.child.id())[..] else { panic!("one gateway") };
    let status = status(gateway);
    for name in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(field(&status, name), "0000000000000000", "{name}");
    }
    assert_eq!((field(&status, "NoNewPrivs"), field(&status, "Seccomp")), ("1".into(), "2".into()));
    // Nothing is said of pages that the system does not have.
    assert!(matches!(field(&status, "THP_enabled").as_str(), "0" | ""));
    if field(&self::status(burgrave.child.id()), "Uid").starts_with('0') {
        let ids = field(&status, "Uid");
        assert!(ids.split_whitespace().all(|id| id != "0"), "{ids}");
        assert_eq!(field(&status, "Groups"), "");
    }
    assert_eq!(burgrave.get("/").0, 200);
}

#[test]
fn a_gateway_that_is_killed_comes_back() {
    let burgrave = Burgrave::start(&site(upstream(ANSWER)));
    for _ in 0..2 {
        let [gateway] = children(burgrave.child.id())[..] else { panic!("one gateway") };
        kill(gateway);
        // The sockets are the supervisor's: this one waits for the next gateway.
        assert_eq!(burgrave.get("/").0, 200);
        burgrave.wait_for("it is started again");
        burgrave.wait_for("ready");
    }
}

#[test]
fn a_gateway_does_not_outlive_its_supervisor() {
    let mut burgrave = Burgrave::start(&site(upstream(ANSWER)));
    let [gateway] = children(burgrave.child.id())[..] else { panic!("one gateway") };
    kill(burgrave.child.id());
    burgrave.wait();
    // Whoever inherits it may take its time to bury it.
    until("the gateway ends", || {
        let status = status(gateway);
        status.is_empty() || field(&status, "State").starts_with('Z')
    });
    // Its sockets go with the last of its threads.
    until("nobody listens", || TcpStream::connect(burgrave.address).is_err());
}

/// Whether an answer with a length, in lower case, has come to its end.
fn is_whole(answer: &str) -> bool {
    answer.split_once("\r\n\r\n").is_some_and(|(head, body)| {
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        length.unwrap().parse::<usize>().unwrap() == body.len()
    })
}

#[test]
fn a_kept_connection_survives_a_reload_for_one_more_answer() {
    let burgrave = Burgrave::start(
        "[[site]]\nhosts = [\"localhost\"]\nfiles = { root = \"/usr/share/common-licenses\" }\n",
    );
    let mut stream = TcpStream::connect(burgrave.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let ask = b"GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut piece = [0; 4096];
    stream.write_all(ask).unwrap();
    let mut first = String::new();
    while !is_whole(&first) {
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "{first}");
        first.push_str(&String::from_utf8_lossy(&piece[..count]).to_lowercase());
    }
    assert!(!first.contains("connection: close"), "{first}");
    burgrave.signal("-HUP");
    burgrave.wait_for("configuration taken");
    stream.write_all(ask).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    let text = String::from_utf8_lossy(&rest).to_lowercase();
    assert!(text.starts_with("http/1.1 404") && text.contains("connection: close"), "{text}");
}

#[test]
fn a_rotated_log_is_opened_anew_by_the_supervisor() {
    let burgrave = Burgrave::start(&site(upstream(ANSWER)));
    assert_eq!(burgrave.get("/first").0, 200);
    burgrave.records(1);
    for (name, signal) in [("old.1", true), ("old.2", false)] {
        let old = burgrave.folder.path().join(name);
        std::fs::rename(burgrave.log(), old).unwrap();
        if signal {
            burgrave.signal("-USR1");
        }
        until("a new log", || {
            assert_eq!(burgrave.get("/next").0, 200);
            std::fs::read_to_string(burgrave.log()).is_ok_and(|text| text.contains("/next"))
        });
    }
    let all = ["old.1", "old.2", "access.ndjson"]
        .map(|name| std::fs::read_to_string(burgrave.folder.path().join(name)).unwrap());
    assert!(all[0].contains("/first"));
    let all = support::whole(&all.concat()).to_owned();
    assert!(all.lines().all(|line| line.starts_with('{') && line.ends_with('}')));
}

#[test]
fn a_log_that_is_large_is_rotated_and_loses_no_line() {
    let rest = format!("[log.rotate]\nsize = \"4KiB\"\nkeep = 50\n{}", site(upstream(ANSWER)));
    let burgrave = Burgrave::start(&rest);
    let mut asked = 0;
    let rotated = |folder: &std::path::Path| {
        let names = std::fs::read_dir(folder).unwrap().flatten();
        let is = |name: &str| name.starts_with("access.ndjson.") && name.ends_with('Z');
        names
            .map(|entry| entry.path())
            .filter(|path| is(&path.file_name().unwrap().to_string_lossy()))
            .collect::<Vec<_>>()
    };
    until("no second file", || {
        for _ in 0..10 {
            assert_eq!(burgrave.get("/").0, 200);
            asked += 1;
        }
        rotated(burgrave.folder.path()).len() >= 2
    });
    until("lines are missing", || {
        let mut files = rotated(burgrave.folder.path());
        files.push(burgrave.log());
        let lines =
            |path| std::fs::read_to_string(path).map_or(0, |text: String| text.lines().count());
        files.into_iter().map(lines).sum::<usize>() == asked
    });
}

#[test]
fn sockets_of_systemd_are_taken() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("burgrave.toml");
    let text = configuration(folder.path(), &address.to_string(), &site(upstream(ANSWER)));
    std::fs::write(&file, text).unwrap();
    let mut child = Command::new("/bin/sh")
        .args(["-c", "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_burgrave"))
        .args(["run", "--config", file.to_str().unwrap()])
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(listener)))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It was listening before the program was there.
    let (code, _) =
        support::ask(address, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    drop(child.kill());
    drop(child.wait());
    assert_eq!(code, 200);
}
