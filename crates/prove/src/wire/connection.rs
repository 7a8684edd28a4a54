//! One connection, plain or TLS, with an end in time and in bytes.

use super::secure::{self, Client, Session};
use super::{Reply, next_answer, now};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Bytes read at once.
const PIECE_BYTES: usize = 16 * 1024;
/// The shortest wait: the socket takes 0 for no limit at all.
const WAIT_MIN: Duration = Duration::from_millis(1);

/// What a wait for bytes ends in.
#[derive(Debug)]
pub enum Piece {
    /// Some bytes.
    Bytes(Vec<u8>),
    /// The other side ended the connection; how, in words.
    Ended(String),
    /// Nothing yet.
    Quiet,
}

/// How sending ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// All of it.
    All,
    /// The other side takes no more.
    Cut,
    /// The time was over before all was said: what the other side would have taken is not known.
    Late,
}

/// See the module.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    session: Option<Box<Session>>,
    end: Duration,
    bytes_left: usize,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, end: Duration, bytes_max: usize) -> Self {
        Self { stream, session: None, end, bytes_left: bytes_max, buffer: Vec::new() }
    }

    /// Makes the connection end later, for a test of patience.
    pub(crate) fn end_at(&mut self, end: Duration) {
        self.end = end;
    }

    /// Speaks TLS from here on.
    pub(crate) fn secure(mut self, sni: &str, client: Client<'_>) -> Result<Self, Reply> {
        let session = secure::session(sni, client).map_err(Reply::Unsent)?;
        self.greet(session)?;
        Ok(self)
    }

    /// Speaks HTTP/2 over TLS from here on; `None`: the other side does not.
    pub(crate) fn secure_http2(self, sni: &str) -> Result<Option<Self>, Reply> {
        let own = self.secure(sni, Client { protocol: b"h2", ..Client::default() })?;
        let agreed = own.session.as_ref().and_then(|session| session.alpn_protocol());
        Ok((agreed == Some(b"h2")).then_some(own))
    }

    fn greet(&mut self, mut session: Session) -> Result<(), Reply> {
        secure::handshake(&mut session, &mut self.stream, self.end)?;
        self.session = Some(Box::new(session));
        Ok(())
    }

    /// The TLS version and suite in use.
    pub(crate) fn agreed(&self) -> Option<String> {
        let session = self.session.as_ref()?;
        let version = session.protocol_version()?.as_str()?;
        let suite = session.negotiated_cipher_suite()?.suite();
        Some(format!("{version} with {}", suite.as_str().unwrap_or("an unnamed suite")))
    }

    /// The certificates that the server showed, its own first.
    pub(crate) fn certificates(&self) -> Vec<Vec<u8>> {
        let shown = self.session.as_ref().and_then(|session| session.peer_certificates());
        shown.unwrap_or_default().iter().map(|certificate| certificate.to_vec()).collect()
    }

    /// Whether the server has gone on behind the handshake: only then it gives tickets (RFC 8446 §4.6.1).
    pub(crate) fn has_tickets(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.tls13_tickets_received() > 0)
    }

    /// Sends bytes. A server that stops reading may still have answered: read on either way.
    pub fn send(&mut self, bytes: &[u8]) -> Sent {
        for piece in bytes.chunks(PIECE_BYTES) {
            let left = self.end.saturating_sub(now());
            if left.is_zero() {
                return Sent::Late;
            }
            if self.stream.set_write_timeout(Some(left.max(WAIT_MIN))).is_err() {
                return Sent::Cut;
            }
            let sent = match &mut self.session {
                None => self.stream.write_all(piece),
                Some(session) => secure::send(session, &mut self.stream, piece),
            };
            if sent.is_err() {
                return Sent::Cut;
            }
        }
        Sent::All
    }

    /// Reads one answer.
    pub fn answer(&mut self) -> Reply {
        self.answer_within(None)
    }

    /// Reads one answer, which must come within this time when it is given.
    pub(crate) fn answer_within(&mut self, time: Option<Duration>) -> Reply {
        let end = time.map_or(self.end, |time| (now() + time).min(self.end));
        let mut buffer = std::mem::take(&mut self.buffer);
        let reply = next_answer(&mut buffer, || self.piece(end.saturating_sub(now())));
        self.buffer = buffer;
        reply
    }

    /// Reads what comes within this time.
    pub fn piece(&mut self, time: Duration) -> Piece {
        let end = (now() + time).min(self.end);
        let mut scrap = [0; PIECE_BYTES];
        loop {
            let left = end.saturating_sub(now());
            if left.is_zero() {
                return Piece::Quiet;
            }
            if self.bytes_left == 0 {
                return Piece::Ended("said more than a proof reads".to_owned());
            }
            if let Err(error) = self.stream.set_read_timeout(Some(left.max(WAIT_MIN))) {
                return Piece::Ended(error.to_string());
            }
            let room = PIECE_BYTES.min(self.bytes_left);
            let space = scrap.get_mut(..room).unwrap_or_default();
            let read = match &mut self.session {
                None => self.stream.read(space).map(Some),
                Some(session) => secure::receive(session, &mut self.stream, space),
            };
            match read {
                Ok(Some(0)) => return Piece::Ended("connection closed".to_owned()),
                Ok(Some(count)) => {
                    self.bytes_left = self.bytes_left.saturating_sub(count);
                    return Piece::Bytes(space.get(..count).unwrap_or_default().to_vec());
                }
                Ok(None) => {}
                Err(error) if is_wait(error.kind()) => {}
                Err(error) => return Piece::Ended(format!("connection ended: {error}")),
            }
        }
    }
}

/// Whether an error only says that nothing has come yet.
pub(crate) fn is_wait(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
