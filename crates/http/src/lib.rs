//! A small client of HTTP/1.1 over threads, for repositories of backups and for webhooks: connections that are kept,
//! bodies that are bounded, attempts that are repeated while a server is away, where the caller wants that.
//!
//! Invariants: TLS is verified, or nothing is sent; no redirect is followed; an answer has a bound in bytes, and each
//! wait one in time.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make the files they look at"))]

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

/// How long is waited for a connection.
const CONNECT_TIME: Duration = Duration::from_secs(20);
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
pub const AUTHORITIES: [&str; 2] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];
const AUTHORITIES_BYTES_MAX: u64 = 16 * 1024 * 1024;

trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

type Connection = BufReader<Box<dyn Wire>>;

/// A request.
pub struct Request<'r> {
    /// In capitals.
    pub method: &'static str,
    /// Path and query, as they are sent.
    pub target: String,
    /// Beside `host` and `content-length`.
    pub headers: Vec<(&'static str, String)>,
    /// May be empty.
    pub body: &'r [u8],
    /// The most bytes of an answer's body.
    pub answer_bytes_max: u64,
}

/// An answer.
pub struct Answer {
    /// Three digits.
    pub status: u16,
    /// Whole.
    pub body: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// A server.
pub struct Client {
    address: HttpAddress,
    tls: Option<Arc<ClientConfig>>,
    idle_time: Duration,
    kept: Mutex<Vec<Connection>>,
}

/// Why a server cannot be spoken to at all.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// TLS cannot be spoken.
    #[error("TLS cannot be spoken: {0}")]
    Tls(String),
}

/// Who vouches for servers: the certificates of a file, else those of the authorities that this machine trusts.
///
/// # Errors
/// When there is none, or a file of one's own holds something that is no certificate.
pub fn certificates(file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let mut known = RootCertStore::empty();
    let mut all = Vec::new();
    if let Some(file) = file {
        let wrong = |why: String| HttpError::Tls(format!("`{}`: {why}", file.display()));
        let text =
            read_own(file, AUTHORITIES_BYTES_MAX).map_err(|error| wrong(error.to_string()))?;
        for certificate in CertificateDer::pem_slice_iter(&text) {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            known.add(certificate.clone()).map_err(|error| wrong(error.to_string()))?;
            all.push(certificate);
        }
        return if all.is_empty() {
            Err(wrong("it holds no certificate".to_owned()))
        } else {
            Ok(all)
        };
    }
    for file in AUTHORITIES {
        let Ok(text) = read_own(Path::new(file), AUTHORITIES_BYTES_MAX) else { continue };
        // One that this library does not take vouches for nobody.
        let certificates = CertificateDer::pem_slice_iter(&text).flatten();
        all.extend(certificates.filter(|certificate| known.add(certificate.clone()).is_ok()));
    }
    if all.is_empty() {
        let why = "this machine has no certificates of authorities (`ca-certificates`)";
        return Err(HttpError::Tls(why.to_owned()));
    }
    Ok(all)
}

fn authorities(file: Option<&Path>) -> Result<RootCertStore, HttpError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(file)?);
    Ok(roots)
}

fn tls(authorities: RootCertStore) -> Result<Arc<ClientConfig>, HttpError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpError::Tls(error.to_string()))?;
    Ok(Arc::new(config.with_root_certificates(authorities).with_no_client_auth()))
}

impl Client {
    /// One that waits so long for the next bytes. `ca`: who vouches for the server, where this machine's
    /// authorities do not.
    pub fn new(
        address: &HttpAddress,
        ca: Option<&Path>,
        idle_time: Duration,
    ) -> Result<Self, HttpError> {
        let tls = if address.is_secure { Some(tls(authorities(ca)?)?) } else { None };
        Ok(Self { address: address.clone(), tls, idle_time, kept: Mutex::default() })
    }

    /// As it stands in the header `host`.
    pub fn host(&self) -> String {
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
                    stream.set_read_timeout(Some(self.idle_time))?;
                    stream.set_write_timeout(Some(self.idle_time))?;
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
    pub fn ask(&self, request: &Request<'_>) -> Result<Answer, std::io::Error> {
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

    /// Sends a request once: twice only over a connection that was kept and has turned out to be closed.
    pub fn attempt(&self, request: &Request<'_>) -> Result<Answer, std::io::Error> {
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
pub fn words(answer: &Answer) -> String {
    let text: String = answer.body.iter().take(200).map(|&byte| char::from(byte)).collect();
    let text: String =
        text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    format!("the server answers {}: {}", answer.status, text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::PrivatePkcs8KeyDer;
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    const SOON: Duration = Duration::from_secs(5);

    fn address(listener: &TcpListener, is_secure: bool) -> HttpAddress {
        let port = listener.local_addr().unwrap().port();
        HttpAddress { is_secure, host: "127.0.0.1".to_owned(), port, path: String::new() }
    }

    fn request() -> Request<'static> {
        Request {
            method: "POST",
            target: "/x".to_owned(),
            headers: vec![("a", "b".to_owned())],
            body: b"body",
            answer_bytes_max: 1_000,
        }
    }

    /// Answers one request after another, each on a connection of its own; what it was sent.
    fn server(answers: Vec<&'static str>) -> (HttpAddress, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = address(&listener, false);
        let thread = std::thread::spawn(move || {
            let mut seen = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut text = Vec::new();
                while !text.ends_with(b"\r\n\r\nbody") {
                    let mut byte = [0; 1];
                    stream.read_exact(&mut byte).unwrap();
                    text.extend(byte);
                }
                seen.push(text.iter().map(|byte| char::from(*byte)).collect());
                stream.write_all(answer.as_bytes()).unwrap();
            }
            seen
        });
        (address, thread)
    }

    fn check(answer: &'static str, expected: Result<(u16, &str), std::io::ErrorKind>) {
        let (address, server) = server(vec![answer]);
        let client = Client::new(&address, None, SOON).unwrap();
        let got = client.attempt(&request());
        let got = got.map(|answer| (answer.status, String::from_utf8(answer.body).unwrap()));
        let got = got.map_err(|error| error.kind());
        assert_eq!(got, expected.map(|(status, body)| (status, body.to_owned())), "{answer}");
        let seen = server.join().unwrap();
        let head = format!("POST /x HTTP/1.1\r\nhost: 127.0.0.1:{}\r\na: b\r\n", address.port);
        assert!(seen[0].starts_with(&head), "{}", seen[0]);
    }

    #[test]
    fn answers_are_read_whole_or_refused() {
        use std::io::ErrorKind::{InvalidData, UnexpectedEof};
        check("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Ok((200, "ok")));
        check("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n", Ok((204, "")));
        check(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            Ok((200, "ok")),
        );
        check("HTTP/1.1 302 Found\r\nlocation: /y\r\ncontent-length: 0\r\n\r\n", Ok((302, "")));
        check("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok", Err(UnexpectedEof));
        check("HTTP/1.1 200 OK\r\n\r\nok", Err(InvalidData));
        check("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n", Err(InvalidData));
        check("SSH-2.0-x\r\n", Err(InvalidData));
        check("", Err(UnexpectedEof));
    }

    #[test]
    fn a_server_that_is_overloaded_is_asked_again_where_that_is_wanted() {
        let busy = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let good = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let (address, server) = server(vec![busy, good, busy]);
        let client = Client::new(&address, None, SOON).unwrap();
        assert_eq!(client.ask(&request()).unwrap().status, 200);
        let client = Client::new(&address, None, SOON).unwrap();
        assert_eq!(client.attempt(&request()).unwrap().status, 503);
        assert_eq!(server.join().unwrap().len(), 3);
    }

    /// A server of TLS for `127.0.0.1` that answers one request, and its certificate.
    fn secure() -> (HttpAddress, String, JoinHandle<()>) {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = address(&listener, true);
        let thread = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let session = rustls::ServerConnection::new(Arc::new(config)).unwrap();
            let mut stream = StreamOwned::new(session, stream);
            let mut text = [0; 4096];
            // A client that does not trust it ends the handshake.
            if stream.read(&mut text).is_ok_and(|read| read > 0) {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(answer).unwrap();
                stream.flush().unwrap();
            }
        });
        (address, made.cert.pem(), thread)
    }

    #[test]
    fn only_a_server_that_somebody_vouches_for_is_spoken_to() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let (address, pem, server) = secure();
        std::fs::write(&file, &pem).unwrap();
        let client = Client::new(&address, Some(&file), SOON).unwrap();
        assert_eq!(client.attempt(&request()).unwrap().status, 200);
        server.join().unwrap();
        let (address, _, server) = secure();
        let client = Client::new(&address, Some(&file), SOON).unwrap();
        assert!(client.attempt(&request()).is_err(), "another's certificate");
        server.join().unwrap();
        for text in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&file, text).unwrap();
            assert!(Client::new(&address, Some(&file), SOON).is_err(), "{text}");
        }
    }
}
