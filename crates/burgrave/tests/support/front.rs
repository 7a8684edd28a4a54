//! A front of the authority that adds what the installed one does not have: windows of renewal (RFC 9773). All
//! else is passed on as it is, so that signatures, nonces and addresses stay the authority's own.

use crate::support::authority::Authority;
use crate::support::{PATIENCE, free_port};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// See the module.
pub struct Front {
    pub port: u16,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    asked: Vec<String>,
    orders: Vec<Option<String>>,
    /// Requests that were passed on, and the one whose answer is kept back.
    passed: usize,
    kept_back: Option<(usize, Sender<()>)>,
}

impl Front {
    /// Starts it with the authority's own certificate.
    pub fn start(authority: &Authority) -> Self {
        let (port, behind) = (free_port(), authority.port);
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let (server, client) = configs(authority.folder.path());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let own = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = ServerConnection::new(Arc::clone(&server)).unwrap();
                let mut stream = StreamOwned::new(connection, stream);
                let Some(request) = message(&mut stream) else { continue };
                let answer = answer(&request, port, &own).unwrap_or_else(|| {
                    let answer = pass_on(&request, port, behind, &client);
                    ordered(&request, answer, &own)
                });
                if is_kept_back(&own) {
                    // Nobody is to make anything of it before the plug is pulled, and then the connection ends.
                    stream.sock.set_read_timeout(Some(PATIENCE)).unwrap();
                    drop(stream.sock.read(&mut [0; 64]));
                    continue;
                }
                drop(stream.write_all(&answer).and_then(|()| stream.flush()));
                stream.conn.send_close_notify();
                drop(stream.flush());
            }
        });
        Self { port, seen }
    }

    /// From now on counts requests anew; the answer to this one is given to nobody, and the receiver hears of it.
    pub fn keep_back(&self, request: usize) -> Receiver<()> {
        let (sender, receiver) = channel();
        let mut seen = self.seen.lock().unwrap();
        (seen.passed, seen.kept_back) = (0, Some((request, sender)));
        seen.orders.clear();
        // None is to be renewed early.
        seen.asked.push("none".to_owned());
        receiver
    }

    /// The certificates that were asked about, by the authority's names for them.
    pub fn asked(&self) -> Vec<String> {
        self.seen.lock().unwrap().asked.clone()
    }

    /// Orders that were made, each with the certificate that it replaces.
    pub fn orders(&self) -> Vec<Option<String>> {
        self.seen.lock().unwrap().orders.clone()
    }
}

/// Whether this answer is the one.
fn is_kept_back(seen: &Mutex<Seen>) -> bool {
    let mut seen = seen.lock().unwrap();
    seen.passed += 1;
    let Some((request, sender)) = seen.kept_back.take() else { return false };
    if seen.passed < request {
        seen.kept_back = Some((request, sender));
        return false;
    }
    sender.send(()).unwrap_or_default();
    true
}

fn configs(folder: &Path) -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let pem = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let chain = CertificateDer::pem_slice_iter(&pem("server.pem")).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(&pem("server.key")).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem("ca.pem")).unwrap()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

/// A whole message with a length.
fn message(stream: &mut impl std::io::Read) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if head.starts_with("head ") || bytes.len() >= end + 4 + length {
                return Some(bytes);
            }
        }
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
    }
}

/// What the front answers by itself.
fn answer(request: &[u8], port: u16, seen: &Mutex<Seen>) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(request);
    let path = text.split(' ').nth(1)?;
    let mut seen = seen.lock().unwrap();
    if path == "/dir" {
        // As the authority has them.
        let own = |name: &str| format!("https://localhost:{port}/{name}");
        let body = format!(
            "{{\"newNonce\":\"{}\",\"newAccount\":\"{}\",\"newOrder\":\"{}\",\"renewalInfo\":\"{}\"}}",
            own("nonce-plz"),
            own("sign-me-up"),
            own("order-plz"),
            own("renewal")
        );
        return Some(json(&body, ""));
    }
    let name = path.strip_prefix("/renewal/")?.to_owned();
    let is_first = seen.asked.first().is_none_or(|first| *first == name);
    seen.asked.push(name);
    let window = if is_first { PAST } else { FAR };
    let body =
        format!("{{\"suggestedWindow\":{{\"start\":\"{}\",\"end\":\"{}\"}}}}", window.0, window.1);
    Some(json(&body, "Retry-After: 3600\r\n"))
}

const PAST: (&str, &str) = ("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z");
/// Too late to be in the life of any certificate: then two thirds of it count.
const FAR: (&str, &str) = ("2300-01-01T00:00:00Z", "2300-01-02T00:00:00Z");

/// An answer to an order tells what it replaces (RFC 9773, 5).
fn ordered(request: &[u8], answer: Vec<u8>, seen: &Mutex<Seen>) -> Vec<u8> {
    let text = String::from_utf8_lossy(request);
    if !text.starts_with("POST /order-plz ") || !answer.starts_with(b"HTTP/1.1 201") {
        return answer;
    }
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let payload = decode(body["payload"].as_str().unwrap());
    let payload: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    let replaces = payload["replaces"].as_str().map(str::to_owned);
    seen.lock().unwrap().orders.push(replaces.clone());
    let Some(replaces) = replaces else { return answer };
    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut body: serde_json::Value = serde_json::from_str(body).unwrap();
    body["replaces"] = replaces.into();
    let body = body.to_string();
    let fields =
        head.split("\r\n").filter(|line| !line.to_lowercase().starts_with("content-length"));
    let head: Vec<&str> = fields.collect();
    format!("{}\r\nContent-Length: {}\r\n\r\n{body}", head.join("\r\n"), body.len()).into_bytes()
}

/// Base64url (RFC 4648, 5).
fn decode(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = Vec::new();
    for group in text.as_bytes().chunks(4) {
        let digit = |byte: &u8| LETTERS.iter().position(|own| own == byte).unwrap();
        let bits =
            group.iter().fold(0, |sum, byte| sum << 6 | digit(byte)) << (6 * (4 - group.len()));
        let bytes = [bits >> 16, bits >> 8, bits].map(|bits| u8::try_from(bits & 0xff).unwrap());
        out.extend_from_slice(&bytes[..group.len() - 1]);
    }
    out
}

fn json(body: &str, fields: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{fields}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn pass_on(request: &[u8], port: u16, behind: u16, client: &Arc<ClientConfig>) -> Vec<u8> {
    let tcp = TcpStream::connect(("127.0.0.1", behind)).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut stream = StreamOwned::new(connection, tcp);
    // One request a connection, so that the end of the answer is the end of it.
    let text = String::from_utf8_lossy(request);
    let request = text.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    assert!(request.contains(&format!("localhost:{port}")), "its own address is kept");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    answer
}
