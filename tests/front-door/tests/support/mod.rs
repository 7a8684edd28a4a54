//! A gateway on a free port, an upstream that records, and raw sockets to talk to both.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::missing_panics_doc,
    unreachable_pub,
    reason = "each test file uses its part; tests may fail"
)]

pub mod backend;
pub mod grpc;
pub mod h2;
pub mod h3;
pub mod tls;

use backend::Backend;
use burgrave_config::{
    Authority, Files, Host, Limits, Listen, Log, Route, Settings, Site, Upstream,
};
use burgrave_gateway::Gateway;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Any request must be over in this time, on a machine that is many times slower than this one as well.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// Far less than any limit of a gateway that a test has not set, and far more than what is done at once takes.
pub const SOON: Duration = Duration::from_secs(5);

/// A good client's requests are answered within a second: the best of some, as a machine may pause for that long.
pub fn within_a_second(mut request: impl FnMut()) {
    let times = (0..5).map(|_| {
        let start = Instant::now();
        request();
        start.elapsed()
    });
    let mut all = Vec::new();
    for time in times {
        all.push(time);
        if time < Duration::from_secs(1) {
            return;
        }
    }
    panic!("none within a second: {all:?}");
}

/// A gateway with its web root, log and upstream.
pub struct Bed {
    pub gateway: Gateway,
    pub address: SocketAddr,
    pub backend: Backend,
    pub directory: tempfile::TempDir,
    pub settings: Settings,
}

pub fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

pub fn http_upstream(address: SocketAddr) -> Upstream {
    Upstream::Http(Authority { host: Host::Address(address.ip()), port: address.port() })
}

pub fn route(path: &str, upstream: Upstream, limits: &Limits) -> Route {
    Route { limits: limits.clone(), ..Route::new(path, vec![upstream]) }
}

pub fn site(host: &str, root: Option<PathBuf>, routes: Vec<Route>, limits: &Limits) -> Site {
    let files = root.map(Files::new);
    Site { files, routes, limits: limits.clone(), ..Site::new(host) }
}

/// Starts with limits and a last change to the settings.
pub fn start_with(limits: &Limits, change: impl FnOnce(&mut Settings)) -> Bed {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("www");
    std::fs::create_dir_all(&root).unwrap();
    std::fs::write(root.join("index.html"), "<p>front</p>\n").unwrap();
    std::fs::write(root.join("1k.txt"), vec![b'a'; 1024]).unwrap();
    let backend = Backend::start();
    let routes = vec![route("/api/", http_upstream(backend.address), limits)];
    let mut settings = Settings {
        listeners: vec![Listen { redirect: false, ..Listen::new(any_port()) }],
        limits: limits.clone(),
        log: Log { access: Some(directory.path().join("access.ndjson")), ..Log::default() },
        sites: vec![site("site.test", Some(root), routes, limits)],
        ..Settings::new(directory.path().join("state"))
    };
    change(&mut settings);
    let gateway = Gateway::start(settings.clone(), None, 2).unwrap();
    let address = gateway.addresses()[0];
    Bed { gateway, address, backend, directory, settings }
}

pub fn start() -> Bed {
    start_with(&Limits::default(), |_| {})
}

impl Bed {
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("www")
    }

    pub fn send(&self, request: &[u8]) -> String {
        send(self.address, request)
    }

    /// A request with `Connection: close`; `head` is the request line with more header lines.
    pub fn ask(&self, head: &str) -> String {
        let request = format!("{head}\r\nHost: site.test\r\nConnection: close\r\n\r\n");
        send(self.address, request.as_bytes())
    }

    /// The line with this reason, once it is there.
    pub fn logged(&self, reason: &str) -> serde_json::Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let lines = self.log(0);
            if let Some(line) = lines.iter().find(|line| line["reason"] == reason) {
                return line.clone();
            }
            assert!(Instant::now() < end, "{lines:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The log's lines once there are at least `count`, in the order of the requests' beginnings.
    pub fn log(&self, count: usize) -> Vec<serde_json::Value> {
        let end = Instant::now() + PATIENCE;
        loop {
            let path = self.directory.path().join("access.ndjson");
            let text = std::fs::read_to_string(path).unwrap();
            // Of the last line there may be half.
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let mut lines: Vec<serde_json::Value> =
                whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            lines.sort_by_key(|line| line["time"].as_str().unwrap().to_owned());
            if lines.len() >= count || Instant::now() > end {
                assert!(lines.len() >= count, "{text}");
                return lines;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Sends and reads until the connection ends, or is silent after it has said something.
pub fn send(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = connect(address);
    // A refusal may come, and the connection end, before all was sent.
    drop(stream.write_all(request));
    read_all(&mut stream)
}

pub fn read_all(stream: &mut TcpStream) -> String {
    let mut out = Vec::new();
    let mut piece = [0; 16384];
    loop {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return text(&out),
            Ok(count) => {
                out.extend_from_slice(&piece[..count]);
                // What is not whole yet may take its time; an answer to HEAD never is.
                let silence = if is_whole(&out) { Duration::from_millis(600) } else { SOON };
                stream.set_read_timeout(Some(silence)).unwrap();
            }
        }
    }
}

/// Whether these are answers of HTTP/1 to the end of the last one's body, as far as its header tells.
fn is_whole(answers: &[u8]) -> bool {
    let (mut rest, mut is_last) = (answers, true);
    while rest.starts_with(b"HTTP/1.") {
        let Some((head, after)) = split(rest, b"\r\n\r\n") else { return false };
        let head = text(head);
        is_last = !matches!(status(&head), 100 | 102..200);
        let after = match header(&head, "content-length").map(str::parse) {
            Some(Ok(length)) => after.get(length..),
            _ if header(&head, "transfer-encoding").is_some() => past_chunks(after),
            _ => Some(after),
        };
        let Some(after) = after else { return false };
        rest = after;
    }
    is_last
}

fn past_chunks(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let (size, after) = split(rest, b"\r\n")?;
        let size = usize::from_str_radix(text(size).split(';').next().unwrap().trim(), 16).ok()?;
        if size == 0 {
            return split(after, b"\r\n").map(|(_, after)| after);
        }
        rest = after.get(size + 2..)?;
    }
}

fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}

/// Waits until something is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An address where nobody listens, and that nobody else is given as long as the connection is kept.
pub fn nobody() -> (SocketAddr, TcpStream) {
    let listener = std::net::TcpListener::bind(any_port()).unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (stream.local_addr().unwrap(), stream)
}

pub fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

pub fn status(answer: &str) -> u16 {
    answer.get(9..12).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// The statuses of all answers in a stream.
pub fn statuses(answers: &str) -> Vec<u16> {
    answers.split("HTTP/1.").skip(1).filter_map(|answer| answer.get(2..5)?.parse().ok()).collect()
}

pub fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap();
    head.split("\r\n").skip(1).find_map(|line| {
        let (other, value) = line.split_once(": ")?;
        other.eq_ignore_ascii_case(name).then_some(value)
    })
}

pub fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}
