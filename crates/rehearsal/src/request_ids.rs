//! Ids that a stranger gives its request, before an application server and a log that keep what comes to them.
//!
//! Whoever chooses the id of its own request chooses what an operator finds who looks for another one, or writes into
//! the log as if it were the gateway.

use crate::house::{FRONT, House};
use crate::recorder::{ENDS, Recorder};
use crate::{evidence, not_proven};
use burgrave_config::{
    Authority as Place, Host, Limits, Listen, Log, Route, Settings, Site, Tls, Upstream,
};
use burgrave_model::{Evidence, Outcome};
use burgrave_prove::{Door, Http3, Reply, Target, Wire, WireLimits};
use burgrave_sys::{Live, System as _};
use std::any::Any;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const HOST: &str = "rehearsal.test";
/// What a stranger's id has in it. Nobody else says that.
const WORD: &str = "burgrave-prove-chose-this";
/// How long a line of the log is waited for.
const LOG_TIME: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(20);
/// Digits of an id of our own (`docs/access-log.md`).
const DIGITS: usize = 32;
/// The log of a play, at most.
const LOG_BYTES_MAX: u64 = 1 << 20;
const FIELD: &str = "x-request-id";

/// Whether nobody but the gateway says what a request is called.
pub fn request_ids(settings: &Settings) -> Vec<Evidence> {
    let open = |upstream| gateway(settings, upstream);
    play(&open)
}

/// What stands in front of the application server, until it is dropped.
struct Front {
    target: Target,
    log: PathBuf,
    _kept: Box<dyn Any>,
}

type Opening<'a> = &'a dyn Fn(SocketAddr) -> Result<Front, String>;

fn play(open: Opening<'_>) -> Vec<Evidence> {
    let did = "two requests without an id, as the control";
    let mut scene = match Scene::set(open) {
        Ok(scene) => scene,
        Err(why) => return vec![not_proven(did, why)],
    };
    let mut all: Vec<Evidence> = (0..2).map(|_| scene.ask(did, b"")).collect();
    if all.iter().any(|control| control.outcome != Outcome::Held) || scene.known.len() < 2 {
        let saw = all.pop().map_or_else(String::new, |control| control.saw);
        return vec![not_proven(did, format!("not each of them has an id of its own: {saw}"))];
    }
    for (what, lines) in wrong_lines(scene.known.first().map_or("", String::as_str)) {
        all.push(scene.ask(what, &lines));
    }
    for (what, value) in wrong_values() {
        all.extend(scene.ask_by_http3(what, &value));
    }
    all.push(scene.page());
    // A gateway that was brought down passes nothing on, either.
    all.push(scene.ask("a request without an id, as the control", b""));
    all
}

/// Lines of a header by HTTP/1.1, each ended.
fn wrong_lines(earlier: &str) -> Vec<(&'static str, Vec<u8>)> {
    let line = |value: &str| format!("X-Request-Id: {value}\r\n").into_bytes();
    let raw = |before: &[u8], after: &[u8]| {
        [b"X-Request-Id: ", before, WORD.as_bytes(), after, b"\r\n"].concat()
    };
    vec![
        ("a stranger's id", line(WORD)),
        ("a stranger's id in other spellings", {
            format!("X-REQUEST-ID: {WORD}\r\nx_request_id: {WORD}\r\n").into_bytes()
        }),
        ("two ids of a stranger", [line(WORD), line(WORD)].concat()),
        ("the id of an earlier request", line(earlier)),
        ("an id of 10,000 bytes", line(&format!("{WORD}{}", "a".repeat(10_000)))),
        ("an id with a line feed", raw(b"a\n", b": b")),
        ("an id with a carriage return", raw(b"", b"\rX-Forged: 1")),
        ("an id on a second line", raw(b"a\r\n ", b"")),
        ("an id with a zero and an escape", raw(b"", b"\0\x1b[2J")),
        ("an id that is no UTF-8", raw(b"\xff\xfe", b"\xc0\x80")),
        ("an id that ends a value of JSON", raw(b"a\",\"request.id\":\"", b"\"}")),
    ]
}

/// Values of the field by HTTP/3, which frames do not end.
fn wrong_values() -> Vec<(&'static str, Vec<u8>)> {
    let value = |after: &[u8]| [WORD.as_bytes(), after].concat();
    vec![
        ("a stranger's id over HTTP/3", value(b"")),
        ("an id with line breaks over HTTP/3", value(b"\r\nx-forged: 1\r\n")),
        ("an id with a zero over HTTP/3", value(b"\0")),
        ("an id of 10,000 bytes over HTTP/3", value(&[b'a'; 10_000])),
    ]
}

struct Scene {
    front: Front,
    door: Door,
    http3: Http3,
    recorder: Recorder,
    wire: Wire,
    /// Every id that there was.
    known: BTreeSet<String>,
    /// Bytes of the log that were looked at.
    read: usize,
}

impl Scene {
    fn set(open: Opening<'_>) -> Result<Self, String> {
        let recorder = Recorder::start()?;
        let front = open(recorder.address())?;
        let site = front.target.sites.first().ok_or("there is no site")?;
        let door = site.door.ok_or("there is no way in")?;
        let wire = Wire::new(&front.target, WireLimits::default());
        let http3 = site.http3;
        Ok(Self { front, door, http3, recorder, wire, known: BTreeSet::new(), read: 0 })
    }

    /// One request by HTTP/1.1 with these lines in its header.
    fn ask(&mut self, what: &str, lines: &[u8]) -> Evidence {
        let head = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n");
        let request = [head.as_bytes(), lines, b"\r\n"].concat();
        let reply = self.wire.exchange(self.door, HOST, &request);
        self.judged(what, &reply)
    }

    fn ask_by_http3(&mut self, what: &str, value: &[u8]) -> Option<Evidence> {
        if self.http3 == Http3::Off {
            return None;
        }
        let address = self.door.address;
        let reply = self.wire.get_by_http3(address, HOST, "/", &[(FIELD, value)]);
        Some(self.judged(what, &reply))
    }

    /// By what the application server got and what the log has of it, whatever the client was told.
    fn judged(&mut self, what: &str, reply: &Reply) -> Evidence {
        let said = match reply {
            Reply::Answer(answer) => answer.status.to_string(),
            Reply::Closed(how) => how.clone(),
            Reply::Silent | Reply::Garbage(_) | Reply::Unsent(_) => {
                return not_proven(what, format!("{reply:?}"));
            }
        };
        let heads = self.recorder.take();
        match self.looked(&heads) {
            Ok(id) if heads.is_empty() => {
                let saw = format!("{said}; nothing passed, and the log has {id}");
                evidence(what, saw, Outcome::Held)
            }
            Ok(id) => evidence(what, format!("{said}; it is {id} on both sides"), Outcome::Held),
            Err(Some(why)) => evidence(what, why, Outcome::Fell),
            Err(None) => not_proven(what, "the log says nothing of it"),
        }
    }

    /// The id of a request, or what is wrong with it. `None`: nothing can be said.
    fn looked(&mut self, heads: &[String]) -> Result<String, Option<String>> {
        let wrong = |why: &str| Err(Some(why.to_owned()));
        if heads.iter().any(|head| head.contains(WORD)) {
            // Its line is not the next one's.
            drop(self.lines(&[]));
            return wrong("the application server got it");
        }
        let mut passed = Vec::new();
        for head in heads {
            let ids: Vec<&str> = fields(head).collect();
            let [id] = ids.as_slice() else { return wrong("the application server got no id") };
            passed.push((*id).to_owned());
        }
        let mut found = Vec::new();
        for line in self.lines(&passed) {
            // What is to be logged of a header is in its own place there, and escaped.
            let own = line.split(",\"headers\":").next().unwrap_or_default();
            if own.contains(WORD) {
                return wrong("the log has it");
            }
            let Some(id) = logged(own) else { return wrong("the log has a line without an id") };
            if !self.known.insert(id.clone()) {
                return wrong("another request has the same id");
            }
            found.push(id);
        }
        if let Some(other) = passed.iter().find(|id| !found.contains(id)) {
            let seen = found.first().map_or("nothing", String::as_str);
            return Err(Some(format!("the application server has {other}, and the log {seen}")));
        }
        passed.pop().or_else(|| found.pop()).ok_or(None)
    }

    /// The page that says that nothing came of a request names it.
    fn page(&mut self) -> Evidence {
        let did = "a page of the gateway's own, with a stranger's id";
        let request = format!(
            "GET {ENDS} HTTP/1.1\r\nHost: {HOST}\r\nX-Request-Id: {WORD}\r\nConnection: close\r\n\r\n"
        );
        let reply = self.wire.exchange(self.door, HOST, request.as_bytes());
        let part = self.judged(did, &reply);
        let Reply::Answer(answer) = &reply else { return part };
        let text: String = answer.body.iter().map(|byte| char::from(*byte)).collect();
        let id = text.split(|own: char| !own.is_ascii_hexdigit()).find(|own| own.len() == DIGITS);
        match id {
            _ if part.outcome != Outcome::Held => part,
            _ if text.contains(WORD) => evidence(did, "the page has it", Outcome::Fell),
            Some(id) if part.saw.contains(id) => {
                evidence(did, format!("the page says {id}, as both others do"), Outcome::Held)
            }
            Some(id) => evidence(did, format!("the page says {id}; {}", part.saw), Outcome::Fell),
            None => not_proven(did, "the page names no id"),
        }
    }

    /// Lines of the log that are new, once these ids are in them, and there is one at all.
    fn lines(&mut self, wanted: &[String]) -> Vec<String> {
        let end = Instant::now() + LOG_TIME;
        let mut lines: Vec<String> = Vec::new();
        loop {
            let all = Live.read(&self.front.log, LOG_BYTES_MAX).unwrap_or_default();
            let new = all.get(self.read..).unwrap_or_default();
            if new.ends_with(b"\n") {
                let text: String = new.iter().map(|byte| char::from(*byte)).collect();
                lines.extend(text.lines().map(str::to_owned));
                self.read = all.len();
            }
            let is_there = |id: &String| lines.iter().any(|line| line.contains(id.as_str()));
            let is_all = !lines.is_empty() && wanted.iter().all(is_there);
            if is_all || Instant::now() >= end {
                return lines;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// The values of the field that names a request.
fn fields(head: &str) -> impl Iterator<Item = &str> {
    head.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(FIELD).then(|| value.trim())
    })
}

/// The id of a line, where it is one of the gateway's.
fn logged(line: &str) -> Option<String> {
    let id = line.split("\"request.id\":\"").nth(1)?.split('"').next()?;
    let is_ours = id.len() == DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_ours.then(|| id.to_owned())
}

/// The gateway itself, with the machine's own limits and log.
fn gateway(settings: &Settings, upstream: SocketAddr) -> Result<Front, String> {
    let mut log = PathBuf::new();
    let house = House::open(|folder| {
        log = folder.join("access.log");
        Ok(staged(settings, upstream, folder, &log))
    })?;
    Ok(Front { target: house.target.clone(), log, _kept: Box::new(house) })
}

fn staged(settings: &Settings, upstream: SocketAddr, folder: &Path, log: &Path) -> Settings {
    let place = Place { host: Host::Address(upstream.ip()), port: upstream.port() };
    let limits = Limits { connect_time: Duration::from_secs(5), ..settings.limits.clone() };
    let route = Route { limits: limits.clone(), ..Route::new("/", vec![Upstream::Http(place)]) };
    let site = Site {
        tls: Some(Tls::SelfSigned),
        routes: vec![route],
        limits: limits.clone(),
        ..Site::new(HOST)
    };
    Settings {
        listeners: vec![Listen::secure(FRONT)],
        limits,
        log: Log {
            access: Some(log.to_path_buf()),
            rotate: None,
            headers: settings.log.headers.clone(),
            ship: Vec::new(),
        },
        sites: vec![site],
        ..Settings::new(folder.join("state"))
    }
}

#[cfg(test)]
mod tests;
