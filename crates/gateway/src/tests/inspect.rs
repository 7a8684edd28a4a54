//! The engine's word on requests and answers, with an engine that the test plays.

use super::*;
use crate::Gateway;
use burgrave_config::{Authority, Files, Host, Listen, Log, Route, Settings, Site, Upstream};
use burgrave_seclang::{Disruption, MatchedRule};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::time::Duration;

type Journal = Arc<Mutex<Vec<String>>>;

/// Blocks where a piece says so: `block-1` in a target, `block-2` in a body, and so on.
struct Played {
    journal: Journal,
    target: Vec<u8>,
    body: Vec<u8>,
    answer: Vec<u8>,
}

struct Source(Journal);

impl RuleSource for Source {
    fn transaction(
        &self,
        connection: Connection,
        mode: Option<Mode>,
        id: &str,
        now: UnixTime,
    ) -> Box<dyn Engine> {
        assert!(connection.client.0.is_loopback() && id.len() == 32 && now.seconds() > 0);
        self.0.lock().unwrap().push(format!("begin {mode:?}"));
        let (target, body, answer) = Default::default();
        Box::new(Played { journal: Arc::clone(&self.0), target, body, answer })
    }
}

impl Played {
    fn note(&self, text: impl Into<String>) {
        self.journal.lock().unwrap().push(text.into());
    }

    fn has(part: &[u8], mark: &str) -> bool {
        memchr::memmem::find(part, mark.as_bytes()).is_some()
    }

    fn decide(&self, part: &[u8], phase: u8) -> Decision {
        assert!(!Self::has(&self.target, &format!("panic-{phase}")), "played");
        let action = if Self::has(part, &format!("block-{phase}")) {
            Disruption::Deny(403)
        } else if Self::has(part, &format!("drop-{phase}")) {
            Disruption::Drop
        } else if Self::has(part, &format!("away-{phase}")) {
            Disruption::Redirect { status: 302, location: b"https://site.test/away".to_vec() }
        } else {
            return Decision::Continue;
        };
        let reason = format!("rule of phase {phase}");
        Decision::Interrupt(Interruption { action, rule: Some(1), reason })
    }
}

impl Engine for Played {
    fn listings(&mut self, _listings: burgrave_seclang::Listings) {}
    fn request_line(&mut self, line: &RequestLine<'_>) {
        self.target = line.target.to_vec();
        self.note(format!("line {}", line.protocol.escape_ascii()));
    }
    fn request_header(&mut self, name: &[u8], value: &[u8]) {
        self.note(format!("header {}={}", name.escape_ascii(), value.escape_ascii()));
    }
    fn request_headers_done(&mut self) -> Decision {
        self.decide(&self.target, 1)
    }
    fn inspects_responses(&self) -> bool {
        true
    }
    fn wants_request_body(&self) -> bool {
        !Self::has(&self.target, "nobody")
    }
    fn request_body(&mut self, piece: &[u8]) -> BodyIntake {
        self.body.extend_from_slice(piece);
        if self.body.len() >= 1000 { BodyIntake::Enough } else { BodyIntake::Wanted }
    }
    fn request_body_done(&mut self) -> Decision {
        self.note(format!("body {}", self.body.len()));
        self.decide(&self.body, 2)
    }
    fn response_line(&mut self, status: u16, _protocol: &[u8]) {
        self.note(format!("status {status}"));
    }
    fn response_header(&mut self, _name: &[u8], value: &[u8]) {
        self.answer.extend_from_slice(value);
    }
    fn response_headers_done(&mut self, _decodes: bool) -> Decision {
        self.decide(&self.answer, 3)
    }
    fn response_undecodable(&mut self) -> Decision {
        self.note("undecodable");
        self.decide(&self.target, 4)
    }
    fn wants_response_body(&self) -> bool {
        true
    }
    fn response_body(&mut self, piece: &[u8]) -> BodyIntake {
        self.answer.extend_from_slice(piece);
        if self.answer.len() >= 5000 { BodyIntake::Enough } else { BodyIntake::Wanted }
    }
    fn response_body_done(&mut self) -> Decision {
        self.decide(&self.answer, 4)
    }
    fn finish(self: Box<Self>) -> Record {
        self.note("finish");
        assert!(!Self::has(&self.target, "panic-5"), "played");
        let rule = MatchedRule {
            id: 7,
            phase: 1,
            severity: Some(2),
            message: b"played".to_vec(),
            data: Vec::new(),
            tags: Vec::new(),
            variable: b"ARGS".to_vec(),
            matched: b"x".to_vec(),
        };
        Record { matches: vec![rule], score_in: 5, ..Record::default() }
    }
}

struct Bed {
    gateway: Option<Gateway>,
    address: SocketAddr,
    journal: Journal,
    directory: tempfile::TempDir,
}

/// An upstream that sends the request's body back.
fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || echo(&mut stream));
        }
    });
    address
}

fn echo(stream: &mut TcpStream) {
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(at) = memchr::memmem::find(&all, b"\r\n\r\n") {
            let head = String::from_utf8(all[..at].to_ascii_lowercase()).unwrap();
            let length = head
                .split("content-length: ")
                .nth(1)
                .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
            if all.len() >= at + 4 + length {
                let head = format!(
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(&all[at + 4..]).unwrap();
                return;
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(count) => all.extend_from_slice(&piece[..count]),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the test makes its web root")]
fn bed(mode: Option<Mode>) -> Bed {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("www");
    std::fs::create_dir_all(&root).unwrap();
    std::fs::write(root.join("a.txt"), "plain").unwrap();
    std::fs::write(root.join("leak.txt"), format!("{}block-4", "x".repeat(2000))).unwrap();
    std::fs::write(root.join("large.txt"), "y".repeat(400_000)).unwrap();
    let up = upstream();
    let authority = Authority { host: Host::Address(up.ip()), port: up.port() };
    let site = Site {
        files: Some(Files::new(root)),
        routes: vec![Route::new("/api/", vec![Upstream::Http(authority)])],
        mode,
        ..Site::new("site.test")
    };
    let settings = Settings {
        listeners: vec![Listen { redirect: false, ..Listen::new("127.0.0.1:0".parse().unwrap()) }],
        log: Log {
            access: Some(directory.path().join("log")),
            headers: vec!["x-a".to_owned()],
            ..Log::default()
        },
        sites: vec![site],
        ..Settings::new(directory.path().join("state"))
    };
    let journal = Journal::default();
    let source = Arc::new(Source(Arc::clone(&journal)));
    let gateway = Gateway::start_with(settings, Some(source), 1).unwrap();
    let address = gateway.addresses()[0];
    Bed { gateway: Some(gateway), address, journal, directory }
}

impl Bed {
    fn ask(&self, line: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: site.test\r\nX-A: b\r\nX_Odd: c\r\nConnection: close\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // A dropped connection may end in a reset.
        drop(stream.read_to_end(&mut answer));
        answer.iter().map(|byte| char::from(*byte)).collect()
    }

    fn log(mut self) -> Vec<serde_json::Value> {
        self.gateway.take().unwrap().shutdown(Duration::from_mins(1));
        let text = burgrave_sys::read_own(&self.directory.path().join("log"), 1 << 20).unwrap();
        text.split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }
}

#[test]
fn the_engine_sees_the_request_as_it_was_sent() {
    let bed = bed(None);
    assert!(bed.ask("GET /a.txt", "").starts_with("HTTP/1.1 200"));
    assert_eq!(
        *bed.journal.lock().unwrap(),
        [
            "begin None",
            "line HTTP/1.1",
            "header Host=site.test",
            "header X-A=b",
            "header X_Odd=c",
            "header Connection=close",
            "header Content-Length=0",
            "body 0",
            "status 200",
            "finish"
        ]
    );
    let line = bed.log().remove(0);
    assert_eq!(line["rules"][0]["id"], 7);
    assert_eq!((&line["score.in"], &line["headers"]["x-a"]), (&5.into(), &"b".into()));
}

#[test]
fn each_phase_can_end_the_request() {
    let bed = bed(None);
    for (line, body, phase) in [
        ("GET /a.txt?block-1", "", 1),
        ("POST /api/x", "block-2", 2),
        ("POST /api/x?nobody", "block-4", 4),
        ("GET /leak.txt", "", 4),
    ] {
        let answer = bed.ask(line, body);
        assert!(answer.starts_with("HTTP/1.1 403"), "{line}: {answer}");
        assert!(!answer.contains("block-"), "{line}: {answer}");
        assert!(answer.contains("x-content-type-options: nosniff"), "{phase}");
    }
    for (line, reason) in bed.log().iter().zip([1, 2, 4, 4]) {
        assert_eq!((&line["decision"], &line["http.status"]), (&"block".into(), &403.into()));
        assert_eq!(line["reason"], format!("rule of phase {reason}"));
    }
}

#[test]
fn a_drop_gives_no_answer_and_a_redirect_leads_away() {
    let bed = bed(None);
    assert_eq!(bed.ask("GET /?drop-1", ""), "");
    let away = bed.ask("GET /?away-1", "");
    assert!(away.starts_with("HTTP/1.1 302") && away.contains("location: https://site.test/away"));
    let lines = bed.log();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line["decision"] == "block"));
}

#[test]
fn an_engine_that_panics_never_lets_pass() {
    let bed = bed(None);
    for phase in 1..=4 {
        let answer = bed.ask(&format!("POST /api/x?panic-{phase}"), "b");
        assert!(answer.starts_with("HTTP/1.1 500"), "{phase}: {answer}");
    }
    assert!(bed.ask("GET /a.txt?panic-5", "").starts_with("HTTP/1.1 200"));
    let lines = bed.log();
    assert_eq!(lines.len(), 5);
    assert!(lines.iter().all(|line| line["reason"] == "rule engine fault"), "{lines:?}");
    assert!(lines[..4].iter().all(|line| line["decision"] == "refuse"), "{lines:?}");
}

/// Only what a route's upstreams speak decides that a body is a stream of messages.
#[test]
fn a_clients_word_spares_no_body() {
    let bed = bed(None);
    let mut stream = TcpStream::connect(bed.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let head = "POST /api/x HTTP/1.1\r\nHost: site.test\r\nContent-Type: application/grpc\r\n\
                Connection: close\r\nContent-Length: 12\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&[0; 5]).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    stream.write_all(b"block-2").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 403"), "{}", answer.escape_ascii());
}

#[test]
fn inspected_bodies_arrive_whole() {
    let bed = bed(None);
    for size in [0, 1, 999, 1000, 100_000] {
        let body = "z".repeat(size);
        let answer = bed.ask("POST /api/x", &body);
        assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{size}");
    }
    assert!(bed.ask("GET /large.txt", "").ends_with(&"y".repeat(400_000)));
}

#[test]
fn a_site_without_rules_asks_no_engine() {
    let bed = bed(Some(Mode::Off));
    assert!(bed.ask("GET /a.txt?block-1", "").starts_with("HTTP/1.1 200"));
    assert!(bed.journal.lock().unwrap().is_empty());
}
