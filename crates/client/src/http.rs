//! HTTP/1.1 (RFC 9112) as a client: connections that are kept, bodies that are bounded, attempts that are repeated while a
//! server is away.

use crate::tls::Tls;
use crate::wire::{Address, Connection, Patience, connect};
use std::io::{BufRead as _, Read as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

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

/// A request.
#[derive(Debug)]
pub struct Request<'r> {
    /// Such as `GET`.
    pub method: &'static str,
    /// Path and query, as they are sent.
    pub target: String,
    /// Names in lower case, beside `host` and `content-length`.
    pub headers: Vec<(&'static str, String)>,
    /// What is sent.
    pub body: &'r [u8],
    /// The most bytes of an answer's body.
    pub answer_bytes_max: u64,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// From 200 on.
    pub status: u16,
    /// As long as was asked for at most, or 64 KiB.
    pub body: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// What a refusal says, in one short line.
    pub fn words(&self) -> String {
        let text: String = self.body.iter().take(200).map(|&byte| char::from(byte)).collect();
        let text: String =
            text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        format!("the server answers {}: {}", self.status, text.trim())
    }
}

/// A server.
#[derive(Debug)]
pub struct Client {
    address: Address,
    tls: Option<Tls>,
    patience: Patience,
    kept: Mutex<Vec<Connection>>,
}

impl Client {
    /// Of a server, within TLS where it is given. Connects when it is asked.
    pub fn new(address: Address, tls: Option<Tls>, patience: Patience) -> Self {
        Self { address, tls, patience, kept: Mutex::default() }
    }

    /// As it stands in the header `host`.
    pub fn host(&self) -> String {
        let standard = if self.tls.is_some() { 443 } else { 80 };
        if self.address.port == standard {
            return self.address.host.clone();
        }
        format!("{}:{}", self.address.host, self.address.port)
    }

    /// Sends a request, again when the server is away or says that it is overloaded. What is asked for may be done
    /// twice without harm.
    ///
    /// # Errors
    ///
    /// The last attempt's; an answer of any status is none.
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

    /// Sends a request once; where a kept connection has ended meanwhile, once more on a new one.
    ///
    /// # Errors
    ///
    /// Nobody answers, or not as HTTP/1.1 wants it, or with more than was asked for.
    pub fn attempt(&self, request: &Request<'_>) -> Result<Answer, std::io::Error> {
        self.attempt_until(request, None)
    }

    /// The same with an end to all of it, for a server that could send a byte now and then for ever.
    ///
    /// # Errors
    ///
    /// As above, and an answer that is not whole by then.
    pub fn attempt_within(
        &self,
        request: &Request<'_>,
        time: Duration,
    ) -> Result<Answer, std::io::Error> {
        self.attempt_until(request, Some(Instant::now() + time))
    }

    fn attempt_until(
        &self,
        request: &Request<'_>,
        deadline: Option<Instant>,
    ) -> Result<Answer, std::io::Error> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(mut connection) = kept {
            connection.end_at(deadline);
            // One that was kept may have been closed meanwhile; then a new one is taken.
            if let Ok(answer) = exchange(&mut connection, &self.host(), request) {
                self.keep(connection, &answer);
                return Ok(answer);
            }
        }
        let mut connection = connect(&self.address, self.tls.as_ref(), self.patience)?;
        connection.end_at(deadline);
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
    connection.write_all(head.as_bytes())?;
    connection.write_all(request.body)?;
    connection.flush()?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    const PATIENCE: Patience =
        Patience { connect: Duration::from_mins(1), idle: Duration::from_mins(1) };

    /// A server that gives these answers, one a request, on connections that stay open.
    fn server(answers: Vec<&'static str>) -> (Client, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            let mut heads = Vec::new();
            let (mut stream, _) = listener.accept().unwrap();
            for answer in answers {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") {
                    if stream.read(&mut byte).unwrap() == 0 {
                        (stream, _) = listener.accept().unwrap();
                        continue;
                    }
                    head.extend(byte);
                }
                heads.push(head.iter().map(|byte| char::from(*byte)).collect());
                stream.write_all(answer.as_bytes()).unwrap();
            }
            heads
        });
        let address = Address { host: "127.0.0.1".to_owned(), port };
        (Client::new(address, None, PATIENCE), thread)
    }

    #[test]
    fn a_byte_now_and_then_does_not_hold_anybody_for_ever() {
        let slow = |pause| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n").unwrap();
                // The other side may be gone before the end.
                while stream.write_all(b"x").is_ok() {
                    std::thread::sleep(pause);
                }
            });
            Client::new(Address { host: "127.0.0.1".to_owned(), port }, None, PATIENCE)
        };
        let pause = Duration::from_millis(100);
        assert_eq!(slow(pause).attempt(&get()).unwrap().body, b"xxxxxxxxxx", "the control");
        let error =
            slow(pause * 20).attempt_within(&get(), Duration::from_millis(300)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut, "{error}");
        assert!(slow(pause).attempt_within(&get(), Duration::from_mins(1)).is_ok());
    }

    fn get() -> Request<'static> {
        Request {
            method: "GET",
            target: "/a".to_owned(),
            headers: vec![("accept", "x".to_owned())],
            body: b"",
            answer_bytes_max: 10,
        }
    }

    #[test]
    fn answers_of_either_framing_are_read_on_one_connection() {
        let (client, thread) = server(vec![
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
            "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
        ]);
        let answer = client.ask(&get()).unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"ab"[..]));
        let answer = client.ask(&get()).unwrap();
        assert_eq!(answer.words(), "the server answers 404: abc");
        assert_eq!(client.ask(&get()).unwrap().status, 204);
        let heads = thread.join().unwrap();
        let port = client.address.port;
        let wanted = format!(
            "GET /a HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\naccept: x\r\ncontent-length: 0\r\n\r\n"
        );
        assert_eq!(heads, [wanted.clone(), wanted.clone(), wanted]);
    }

    #[test]
    fn an_overloaded_server_is_asked_again() {
        let (client, thread) = server(vec![
            "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ]);
        assert_eq!(client.ask(&get()).unwrap().status, 200);
        assert_eq!(thread.join().unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_answer_or_too_long_is_refused() {
        for wrong in [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            "HTTP/2 200\r\n\r\n",
            "SSH-2.0-x\r\n",
        ] {
            let (client, thread) = server(vec![wrong]);
            let error = client.ask(&get()).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{wrong:?}");
            thread.join().unwrap();
        }
    }
}
