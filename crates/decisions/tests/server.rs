//! Bouncers are answered: who may ask, what they are told, and that nobody holds it up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, clippy::disallowed_methods, reason = "tests")]

use burgrave_agent::{Ban, Entry, Home, Journal, parse_target};
use burgrave_config::{Bouncer, Bouncers};
use burgrave_decisions::{DecisionsError, Server};
use burgrave_sys::wall_clock;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

const KEYS: [&str; 2] = ["0123456789abcdef-one", "0123456789abcdef-two"];

struct Bed {
    folder: tempfile::TempDir,
    address: SocketAddr,
    journal: Journal,
}

fn now() -> u64 {
    u64::try_from(wall_clock().seconds()).unwrap()
}

fn bouncers(folder: &tempfile::TempDir, keys: [&str; 2]) -> Bouncers {
    let client = |(number, key): (usize, &str)| {
        let key_file = folder.path().join(format!("key{number}"));
        std::fs::write(&key_file, key).unwrap();
        std::fs::set_permissions(&key_file, PermissionsExt::from_mode(0o600)).unwrap();
        Bouncer { name: format!("b{number}"), key_file }
    };
    let clients = keys.into_iter().enumerate().map(client).collect();
    Bouncers { address: "127.0.0.1:0".parse().unwrap(), tls: None, clients }
}

impl Bed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&Home::open(folder.path()).unwrap()).unwrap();
        let server = Server::open(&bouncers(&folder, KEYS), folder.path()).unwrap();
        let address = server.address().unwrap();
        std::thread::spawn(move || server.run());
        Self { folder, address, journal }
    }

    fn ban(&mut self, text: &str) {
        let ban = Ban::by_hand(parse_target(text).unwrap(), now(), 3_600, "sshd");
        self.journal.append(&[ban.entry()], now()).unwrap();
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream
    }

    /// Says this, and gives all that is answered until the end.
    fn say(&self, text: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        String::from_utf8(answer).unwrap()
    }

    fn ask(&self, method: &str, path: &str, key: &str) -> (u16, String) {
        let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        let key = if key.is_empty() { String::new() } else { format!("x-api-key: {key}\r\n") };
        let answer = self.say(&format!("{head}{key}content-length: 0\r\n\r\n"));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        (head.get(9..12).unwrap_or("0").parse().unwrap(), body.to_owned())
    }

    fn read(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, KEYS[0]);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }
}

#[test]
fn who_shows_no_key_learns_nothing() {
    let mut bed = Bed::new();
    bed.ban("192.0.2.7");
    for key in ["", "0", "0123456789abcdef-onf", "0123456789abcdef-one1"] {
        for path in
            ["/v1/decisions", "/v1/decisions/stream?startup=true", "/v1/usage-metrics", "/x"]
        {
            let (status, body) = bed.ask("GET", path, key);
            assert_eq!(
                (status, body.as_str()),
                (403, r#"{"message":"access forbidden"}"#),
                "{key} {path}"
            );
        }
    }
    for key in KEYS {
        assert_eq!(bed.ask("HEAD", "/v1/decisions/stream", key), (200, String::new()));
        assert_eq!(bed.ask("GET", "/v1/alerts", key).0, 404);
        assert_eq!(bed.ask("DELETE", "/v1/decisions", key).0, 404);
        assert_eq!(bed.ask("POST", "/v1/usage-metrics", key).0, 201);
        assert_eq!(bed.ask("GET", "/v1/decisions?ip=nobody", key).0, 400);
    }
}

#[test]
fn bans_are_told_as_they_come_and_go() {
    let mut bed = Bed::new();
    assert_eq!(
        bed.read("/v1/decisions/stream?startup=true"),
        json!({"new": null, "deleted": null})
    );
    bed.ban("192.0.2.7");
    bed.ban("2001:db8::/64");
    let told = bed.read("/v1/decisions/stream?startup=false");
    assert_eq!(told["new"].as_array().unwrap().len(), 2, "{told}");
    let one = &bed.read("/v1/decisions?ip=192.0.2.7")[0];
    assert_eq!(
        (&one["type"], &one["scope"], &one["scenario"]),
        (&json!("ban"), &json!("Ip"), &json!("sshd"))
    );
    let left = one["duration"].as_str().unwrap();
    assert!(left.starts_with("59m5") || left == "1h0m0s", "{one}");
    assert_eq!(bed.read("/v1/decisions?ip=2001:db8::99")[0]["scope"], "Range");
    assert_eq!(bed.read("/v1/decisions?ip=192.0.2.8"), Value::Null);
    let entry = Entry::unban(parse_target("192.0.2.7").unwrap(), now());
    bed.journal.append(&[entry], now()).unwrap();
    let told = bed.read("/v1/decisions/stream");
    assert_eq!(told["deleted"][0]["value"], "192.0.2.7", "{told}");
    // Another bouncer begins where it begins.
    let (_, told) = bed.ask("GET", "/v1/decisions/stream?startup=true", KEYS[1]);
    assert!(told.contains("2001:db8::/64") && told.contains("\"deleted\":null"), "{told}");
}

#[test]
fn a_file_that_cannot_be_read_is_no_empty_list() {
    let mut bed = Bed::new();
    bed.ban("192.0.2.7");
    let file = bed.folder.path().join("firewall/bans.ndjson");
    assert!(file.is_file());
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let (status, body) = bed.ask("GET", "/v1/decisions", KEYS[0]);
    assert_eq!(status, 500, "{body}");
}

#[test]
fn what_is_no_request_is_ended_and_holds_nobody_up() {
    let bed = Bed::new();
    // As many as one address may have, and one that says its request a byte at a time.
    let mut slow: Vec<TcpStream> = (0..31).map(|_| bed.connect()).collect();
    slow[0].write_all(b"GET /v1/deci").unwrap();
    assert_eq!(bed.ask("GET", "/v1/decisions", KEYS[0]).0, 200);
    let one_more = bed.connect();
    std::thread::sleep(Duration::from_millis(200));
    let mut too_many = bed.connect();
    let mut answer = Vec::new();
    drop(too_many.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    drop(too_many.read_to_end(&mut answer));
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
    drop(one_more);
    drop(slow.split_off(1));
    for text in ["\0\x01\x02\r\n\r\n", "GET\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let answer = bed.say(text);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{text:?}: {answer}");
    }
    let long = format!("GET /v1/decisions?{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000));
    let mut stream = bed.connect();
    drop(stream.write_all(long.as_bytes()));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    // A head that never ends is cut off.
    let mut head = slow.remove(0);
    let mut answer = Vec::new();
    drop(head.read_to_end(&mut answer));
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    assert_eq!(bed.ask("GET", "/v1/decisions", KEYS[0]).0, 200);
}

#[test]
fn keys_and_certificates_are_checked_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let open = |bouncers: &Bouncers| Server::open(bouncers, folder.path()).map(drop);
    let same = bouncers(&folder, [KEYS[0], KEYS[0]]);
    assert!(matches!(open(&same), Err(DecisionsError::SameKey(..))));
    let mut without = bouncers(&folder, KEYS);
    let odd = folder.path().join("odd.pem");
    std::fs::write(&odd, "nothing").unwrap();
    without.tls = Some((odd.clone(), odd));
    assert!(matches!(open(&without), Err(DecisionsError::File { .. })));
    assert!(open(&bouncers(&folder, KEYS)).is_ok());
}
