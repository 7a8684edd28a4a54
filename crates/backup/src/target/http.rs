//! A small client of HTTP/1.1 for repositories: connections that are kept, bodies that are bounded, attempts that are
//! repeated while a server is away.

use super::{FileKind, Target, fault};
use crate::error::BackupError;
use burgrave_config::HttpAddress;
use burgrave_sys::read_own;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long is waited for a connection, and for the next bytes.
const CONNECT_TIME: Duration = Duration::from_secs(20);
const IDLE_TIME: Duration = Duration::from_mins(5);
/// After a failure it is tried again so much later.
const AGAIN: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];
/// Connections that are kept.
const KEPT_MAX: usize = 8;
/// Lines of a head, and bytes of each.
const HEAD_LINES_MAX: usize = 200;
const LINE_BYTES_MAX: u64 = 16 * 1024;
/// The certificates of the authorities that this machine trusts, as Debian and Red Hat keep them.
const AUTHORITIES: [&str; 2] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];
const AUTHORITIES_BYTES_MAX: u64 = 16 * 1024 * 1024;

trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

type Connection = BufReader<Box<dyn Wire>>;

/// A request.
pub(super) struct Request<'r> {
    pub(super) method: &'static str,
    /// Path and query, as they are sent.
    pub(super) target: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: &'r [u8],
    /// The most bytes of an answer's body.
    pub(super) answer_bytes_max: u64,
}

/// A whole file, by a request for it; without a repository there is no configuration.
pub(super) fn whole(
    target: &dyn Target,
    kind: FileKind,
    get: impl FnOnce(Option<String>) -> Result<Answer, BackupError>,
) -> Result<Vec<u8>, BackupError> {
    match get(None) {
        Err(BackupError::Missing { .. }) if kind == FileKind::Config => {
            Err(BackupError::NoRepository(target.name()))
        }
        other => other.map(|answer| answer.body),
    }
}

/// A part of a file, by a request for a range of so many bytes at most: as long as asked for, or an error.
pub(super) fn part(
    target: &dyn Target,
    (kind, name): (FileKind, &str),
    (offset, bytes): (u64, usize),
    get: impl FnOnce(Option<String>, u64) -> Result<Answer, BackupError>,
) -> Result<Vec<u8>, BackupError> {
    let length = u64::try_from(bytes).unwrap_or(u64::MAX);
    if length == 0 {
        return Ok(Vec::new());
    }
    let range = format!("bytes={offset}-{}", offset.saturating_add(length) - 1);
    let answer = get(Some(range), length)?;
    if answer.status != 206 {
        return Err(fault(target, "reading a part of", kind, name, "the server gives no parts"));
    }
    if answer.body.len() != bytes {
        let why = format!("it is cut short: {} bytes of {bytes}", answer.body.len());
        return Err(BackupError::damaged(format!("{} `{name}`", kind.word()), why));
    }
    Ok(answer.body)
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl Answer {
    /// A header's value.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// A server.
pub(super) struct Client {
    address: HttpAddress,
    tls: Option<Arc<ClientConfig>>,
    kept: Mutex<Vec<Connection>>,
}

fn tls() -> Result<Arc<ClientConfig>, BackupError> {
    let mut roots = RootCertStore::empty();
    for file in AUTHORITIES {
        let Ok(text) = read_own(Path::new(file), AUTHORITIES_BYTES_MAX) else { continue };
        for certificate in CertificateDer::pem_slice_iter(&text).flatten() {
            // One that this library does not take vouches for nobody.
            drop(roots.add(certificate));
        }
    }
    let wrong = |why: String| BackupError::Refused(format!("TLS cannot be spoken: {why}"));
    if roots.is_empty() {
        return Err(wrong(
            "this machine has no certificates of authorities (`ca-certificates`)".to_owned(),
        ));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(error.to_string()))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

impl Client {
    pub(super) fn new(address: &HttpAddress) -> Result<Self, BackupError> {
        let tls = if address.is_secure { Some(tls()?) } else { None };
        Ok(Self { address: address.clone(), tls, kept: Mutex::default() })
    }

    /// As it stands in the header `host`.
    pub(super) fn host(&self) -> String {
        let standard = if self.address.is_secure { 443 } else { 80 };
        if self.address.port == standard {
            return self.address.host.clone();
        }
        format!("{}:{}", self.address.host, self.address.port)
    }

    fn connect(&self) -> Result<Connection, std::io::Error> {
        let host = self.address.host.trim_start_matches('[').trim_end_matches(']');
        let mut last = std::io::Error::other("the name has no address");
        for address in (host, self.address.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT_TIME) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(IDLE_TIME))?;
                    stream.set_write_timeout(Some(IDLE_TIME))?;
                    return self.secure(stream, host);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn secure(&self, stream: TcpStream, host: &str) -> Result<Connection, std::io::Error> {
        let Some(tls) = &self.tls else { return Ok(BufReader::new(Box::new(stream))) };
        let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
        let session =
            ClientConnection::new(Arc::clone(tls), name).map_err(std::io::Error::other)?;
        Ok(BufReader::new(Box::new(StreamOwned::new(session, stream))))
    }

    /// Sends a request, again when the server is away or says that it is overloaded. What is asked for may be done
    /// twice without harm.
    pub(super) fn ask(&self, request: &Request<'_>) -> Result<Answer, std::io::Error> {
        let mut pauses = AGAIN.iter();
        loop {
            let done = self.attempt(request);
            let is_final = match &done {
                Ok(answer) => !matches!(answer.status, 429 | 500 | 502 | 503 | 504),
                Err(error) => error.kind() == std::io::ErrorKind::InvalidData,
            };
            let Some(pause) = pauses.next().filter(|_| !is_final) else { return done };
            std::thread::sleep(*pause);
        }
    }

    fn attempt(&self, request: &Request<'_>) -> Result<Answer, std::io::Error> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(mut connection) = kept {
            // One that was kept may have been closed meanwhile; then a new one is taken.
            if let Ok(answer) = exchange(&mut connection, &self.host(), request) {
                self.keep(connection, &answer);
                return Ok(answer);
            }
        }
        let mut connection = self.connect()?;
        let answer = exchange(&mut connection, &self.host(), request)?;
        self.keep(connection, &answer);
        Ok(answer)
    }

    fn keep(&self, connection: Connection, answer: &Answer) {
        let closes =
            answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if !closes && kept.len() < KEPT_MAX {
            kept.push(connection);
        }
    }
}

fn exchange(
    connection: &mut Connection,
    host: &str,
    request: &Request<'_>,
) -> Result<Answer, std::io::Error> {
    let mut head = format!("{} {} HTTP/1.1\r\nhost: {host}\r\n", request.method, request.target);
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", request.body.len()));
    let wire = connection.get_mut();
    wire.write_all(head.as_bytes())?;
    wire.write_all(request.body)?;
    wire.flush()?;
    loop {
        let answer = receive(connection, request)?;
        // "Continue" and the like come before the answer.
        if answer.status >= 200 {
            return Ok(answer);
        }
    }
}

fn invalid(why: &'static str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, why)
}

fn line(connection: &mut Connection) -> Result<String, std::io::Error> {
    let mut line = Vec::new();
    connection.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let line = line.trim_ascii_end().to_vec();
    String::from_utf8(line).map_err(|_odd| invalid("its head is no text"))
}

fn receive(connection: &mut Connection, request: &Request<'_>) -> Result<Answer, std::io::Error> {
    let first = line(connection)?;
    let status = first.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
    let status = status.ok_or_else(|| invalid("it does not speak HTTP/1.1"))?;
    let mut headers = Vec::new();
    loop {
        let line = line(connection)?;
        if line.is_empty() {
            break;
        }
        let (name, value) =
            line.split_once(':').ok_or_else(|| invalid("a line of its head is none"))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        if headers.len() > HEAD_LINES_MAX {
            return Err(invalid("its head is too long"));
        }
    }
    let mut answer = Answer { status, body: Vec::new(), headers };
    if request.method == "HEAD" || status < 200 || matches!(status, 204 | 304) {
        return Ok(answer);
    }
    // What comes with a failure is read to a bound of its own, for its words.
    let most = request.answer_bytes_max.max(64 * 1024);
    let chunked = answer
        .header("transfer-encoding")
        .is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
    if chunked {
        loop {
            let size = line(connection)?;
            let size = size.split(';').next().unwrap_or_default().trim();
            let size =
                u64::from_str_radix(size, 16).map_err(|_odd| invalid("a chunk has no length"))?;
            take(connection, size, most, &mut answer.body)?;
            line(connection)?;
            if size == 0 {
                return Ok(answer);
            }
        }
    }
    let length = answer.header("content-length").and_then(|length| length.parse().ok());
    let length: u64 = length.ok_or_else(|| invalid("it does not say how long its answer is"))?;
    take(connection, length, most, &mut answer.body)?;
    Ok(answer)
}

fn take(
    connection: &mut Connection,
    bytes: u64,
    most: u64,
    into: &mut Vec<u8>,
) -> Result<(), std::io::Error> {
    let have = u64::try_from(into.len()).unwrap_or(u64::MAX);
    if have.saturating_add(bytes) > most {
        return Err(invalid("its answer is longer than it may be"));
    }
    let read = connection.take(bytes).read_to_end(into)?;
    if u64::try_from(read).unwrap_or(0) < bytes {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// What a refusal says, in one short line.
pub(super) fn words(answer: &Answer) -> String {
    let text: String = answer.body.iter().take(200).map(|&byte| char::from(byte)).collect();
    let text: String =
        text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    format!("the server answers {}: {}", answer.status, text.trim())
}
