//! An HTTP/1.1 upstream that records what it gets, byte for byte, and misbehaves on demand.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// See the module.
pub struct Backend {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Connections that are open now.
    pub open: Arc<AtomicUsize>,
    /// Whether `/up` is answered with 503.
    sick: Arc<AtomicBool>,
    /// Whether answers that pause are said to their end.
    goes_on: Arc<AtomicBool>,
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub head: String,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Vec<String> {
        let lines = self.head.split("\r\n").skip(1);
        lines
            .filter_map(|line| line.split_once(':'))
            .filter(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
            .collect()
    }
}

impl Backend {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let open = Arc::new(AtomicUsize::new(0));
        let sick = Arc::new(AtomicBool::new(false));
        let goes_on = Arc::new(AtomicBool::new(false));
        let (records, count, ill) = (Arc::clone(&seen), Arc::clone(&open), Arc::clone(&sick));
        let go = Arc::clone(&goes_on);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (records, count) = (Arc::clone(&records), Arc::clone(&count));
                let (ill, go) = (Arc::clone(&ill), Arc::clone(&go));
                std::thread::spawn(move || {
                    count.fetch_add(1, Ordering::SeqCst);
                    serve(stream, &records, &ill, &go);
                    count.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, seen, open, sick, goes_on }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn set_sick(&self, sick: bool) {
        self.sick.store(sick, Ordering::SeqCst);
    }

    /// Lets answers that pause go on.
    pub fn go_on(&self) {
        self.goes_on.store(true, Ordering::SeqCst);
    }

    pub fn last(&self) -> Seen {
        self.seen().pop().expect("the upstream was asked")
    }
}

fn serve(mut stream: TcpStream, records: &Mutex<Vec<Seen>>, sick: &AtomicBool, go: &AtomicBool) {
    stream.set_read_timeout(Some(super::PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = Vec::new();
    while let Some(head) = until(&mut stream, &mut buffer, b"\r\n\r\n") {
        let head = super::text(&head);
        let mut seen = Seen { head, body: Vec::new() };
        if !read_body(&mut stream, &mut buffer, &mut seen) {
            return;
        }
        let target = seen.head.split(' ').nth(1).unwrap_or_default().to_owned();
        let head = seen.head.clone();
        records.lock().unwrap().push(seen);
        if target == "/up" && sick.load(Ordering::SeqCst) {
            say(&mut stream, b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
            continue;
        }
        if !answer(&mut stream, &target, &head, go) {
            return;
        }
    }
}

fn until(stream: &mut TcpStream, buffer: &mut Vec<u8>, mark: &[u8]) -> Option<Vec<u8>> {
    let mut piece = [0; 16384];
    loop {
        if let Some(at) = buffer.windows(mark.len()).position(|window| window == mark) {
            return Some(buffer.drain(..at + mark.len()).collect());
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(count) => buffer.extend_from_slice(&piece[..count]),
        }
    }
}

fn read_body(stream: &mut TcpStream, buffer: &mut Vec<u8>, seen: &mut Seen) -> bool {
    if let Some(length) = seen.header("content-length").first() {
        let length: usize = length.parse().unwrap();
        return take(stream, buffer, length, &mut seen.body);
    }
    if seen.header("transfer-encoding").is_empty() {
        return true;
    }
    loop {
        let Some(line) = until(stream, buffer, b"\r\n") else { return false };
        let size = usize::from_str_radix(super::text(&line).trim(), 16).unwrap();
        if !take(stream, buffer, size, &mut seen.body) {
            return false;
        }
        if until(stream, buffer, b"\r\n").is_none() {
            return false;
        }
        if size == 0 {
            return true;
        }
    }
}

fn take(stream: &mut TcpStream, buffer: &mut Vec<u8>, count: usize, out: &mut Vec<u8>) -> bool {
    let mut piece = [0; 16384];
    let end = out.len() + count;
    loop {
        let here = buffer.len().min(end - out.len());
        out.extend(buffer.drain(..here));
        if out.len() == end {
            return true;
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return false,
            Ok(count) => buffer.extend_from_slice(&piece[..count]),
        }
    }
}

/// Whether the connection stays.
fn answer(stream: &mut TcpStream, target: &str, head: &str, go: &AtomicBool) -> bool {
    match target.split('?').next().unwrap() {
        "/api/diehead" => false,
        "/api/garbage" => last(stream, b"SSH-2.0-OpenSSH\r\n\r\n"),
        "/api/hugehdr" => {
            let huge = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(1 << 20));
            last(stream, huge.as_bytes())
        }
        "/api/diebody" => last(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789"),
        "/api/diechunk" => {
            last(stream, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        }
        "/api/1xx" => {
            let flood = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(20_000);
            say(stream, &flood) && say(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        "/api/hang" => {
            // Ends when the gateway gives the connection up.
            let mut piece = [0; 16];
            drop(stream.read(&mut piece));
            false
        }
        "/api/text" => text(stream),
        "/api/zipped" | "/api/leak" | "/api/cut" => zipped(stream, target),
        "/api/drip" => {
            let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
            say(stream, head) && {
                pause(go);
                say(stream, b"6\r\nsecond\r\n0\r\n\r\n")
            }
        }
        "/api/slow" => {
            std::thread::sleep(Duration::from_millis(400));
            say(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")
        }
        "/api/once" => last(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nonce"),
        "/api/stream" => {
            let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            let mut fine = say(stream, head) && say(stream, b"4\r\ntick\r\n");
            pause(go);
            for _ in 0..3 {
                fine = fine && say(stream, b"4\r\ntick\r\n");
                std::thread::sleep(Duration::from_millis(100));
            }
            fine && say(stream, b"0\r\nX-Trailer: t\r\n\r\n")
        }
        "/api/revealing" => say(
            stream,
            b"HTTP/1.1 200 OK\r\nServer: Apache/2.4.1\r\nX-Powered-By: PHP/5\r\nVia: 1.1 x\r\n\
              X-AspNet-Version: 4\r\nX-Runtime: 1\r\nX-Generator: g\r\nKeep-Alive: timeout=5\r\n\
              Connection: keep-alive, X-Named\r\nX-Named: 1\r\nX-Kept: 1\r\n\
              X-Frame-Options: SAMEORIGIN\r\nContent-Length: 2\r\n\r\nok",
        ),
        "/api/ws" => tunnel(stream),
        "/api/switch" => last(stream, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
        _ => {
            let out = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{head}",
                head.len()
            );
            say(stream, out.as_bytes())
        }
    }
}

/// Until the test lets it go on.
fn pause(go: &AtomicBool) {
    let end = Instant::now() + super::PATIENCE;
    while !go.load(Ordering::SeqCst) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A page in gzip: a fine one, one with an error of a database, and one that is cut.
fn zipped(stream: &mut TcpStream, target: &str) -> bool {
    let word = if target == "/api/leak" { "ORA-00942" } else { "fine" };
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(format!("a page, {word}\n").repeat(50).as_bytes()).unwrap();
    let mut body = encoder.finish().unwrap();
    if target == "/api/cut" {
        body.truncate(20);
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    say(stream, [head.as_bytes(), &body].concat().as_slice())
}

/// A long text that gains by being compressed.
fn text(stream: &mut TcpStream) -> bool {
    let text = "the same over and over; ".repeat(200);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: \"1\"\r\nAccept-Ranges: bytes\r\nContent-Length: {}\r\n\r\n",
        text.len()
    );
    say(stream, [head.as_bytes(), text.as_bytes()].concat().as_slice())
}

fn say(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).is_ok()
}

/// The last word on a connection.
fn last(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    drop(stream.write_all(bytes));
    false
}

fn tunnel(stream: &mut TcpStream) -> bool {
    let head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nServer: ws/1\r\n\r\nhello";
    if stream.write_all(head).is_err() {
        return false;
    }
    let mut piece = [0; 1024];
    while let Ok(count) = stream.read(&mut piece) {
        if count == 0 || stream.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    false
}
