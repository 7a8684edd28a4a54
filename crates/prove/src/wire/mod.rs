//! A small blocking client that sends what it is told, byte for byte, and reads what comes.
//!
//! An HTTP library would mend or refuse what an attack needs to send. Invariants: only the target's
//! own addresses are contacted; connections, time and bytes read are bounded; no certificate is
//! trusted or needed, since nothing confidential is sent.

pub(crate) mod answer;
mod connection;
pub(crate) mod greeting;
pub(crate) mod hello;
pub(crate) mod http3;
mod identity;
pub(crate) mod quic;
mod secure;

pub use connection::{Connection, Piece, Sent};
pub use identity::Identity;
pub(crate) use secure::{Client, Offer};

use crate::target::{Door, Target};
use answer::{Answer, Parsed, parse};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

/// Times that a request is repeated when the rate limit answers.
const RATE_LIMITED_TRIES: usize = 5;
/// How long to wait before it is repeated.
const RATE_LIMITED_WAIT: Duration = Duration::from_millis(500);
/// Answers read from one connection.
const ANSWERS_MAX: usize = 8;

/// Bounds of one proof's run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireLimits {
    /// Connections in all.
    pub connections_max: usize,
    /// From the first connection to the end of the last.
    pub run_time: Duration,
    /// For a connection to be made.
    pub connect_time: Duration,
    /// For an exchange, TLS included.
    pub answer_time: Duration,
    /// How long a connection must be quiet before it counts as having said all.
    pub quiet_time: Duration,
    /// Bytes read from one connection.
    pub answer_bytes_max: usize,
    /// How much later than configured a slow client may be cut.
    pub grace_time: Duration,
    /// The longest time limit that is waited for.
    pub slow_time_max: Duration,
    /// The largest body that is really sent.
    pub body_bytes_max: u64,
}

impl Default for WireLimits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            run_time: Duration::from_mins(3),
            connect_time: Duration::from_secs(3),
            answer_time: Duration::from_secs(10),
            quiet_time: Duration::from_millis(700),
            answer_bytes_max: 256 * 1024,
            grace_time: Duration::from_secs(5),
            slow_time_max: Duration::from_mins(1),
            body_bytes_max: 32 * 1024 * 1024,
        }
    }
}

/// Why a request could not be made.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The address is none of the target's.
    #[error("refusing to contact `{0}`: it is none of the configured addresses")]
    Foreign(SocketAddr),
    /// The run's budget is used up.
    #[error("the proof's budget of time or connections is used up")]
    Spent,
    /// No connection.
    #[error("connecting to {address}")]
    Connect {
        /// Where to.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The TLS client could not be set up.
    #[error("setting up TLS for `{host}`")]
    Tls {
        /// The host that was to be asked for.
        host: String,
        /// Why not.
        source: rustls::Error,
    },
    /// There is no certificate to show.
    #[error("making a certificate for `{name}`")]
    Identity {
        /// Whose it was to be.
        name: String,
        /// Why not.
        source: rcgen::Error,
    },
    /// QUIC cannot be spoken.
    #[error("speaking QUIC with `{host}`: {why}")]
    Quic {
        /// The host that was to be asked for.
        host: String,
        /// Why not.
        why: String,
    },
    /// A host that TLS cannot ask for.
    #[error("`{0}` is no name that TLS can ask for")]
    Name(String),
}

/// What came of an exchange.
#[derive(Debug)]
pub enum Reply {
    /// An HTTP answer.
    Answer(Answer),
    /// The server ended the connection or its TLS without an answer; how, in words.
    Closed(String),
    /// Nothing, or nothing whole, within the time.
    Silent,
    /// Bytes that are no HTTP.
    Garbage(Vec<u8>),
    /// The request was not made.
    Unsent(WireError),
}

/// All answers on one connection and how it ended.
#[derive(Debug)]
pub(crate) struct Replies {
    /// In order; empty: see `rest`.
    pub(crate) answers: Vec<Answer>,
    /// What came instead of a further answer.
    pub(crate) rest: Reply,
}

/// The client of one proof.
#[derive(Debug)]
pub struct Wire {
    allowed: BTreeSet<SocketAddr>,
    limits: WireLimits,
    connections_left: usize,
    end: Duration,
}

impl Wire {
    /// A client that reaches this target only.
    pub fn new(target: &Target, limits: WireLimits) -> Self {
        Self {
            allowed: target.addresses().collect(),
            limits,
            connections_left: limits.connections_max,
            end: now() + limits.run_time,
        }
    }

    /// The bounds.
    pub fn limits(&self) -> &WireLimits {
        &self.limits
    }

    /// Sends one request on a connection of its own and reads one answer. When the rate limit
    /// answers, waits a little and tries again, a few times.
    pub fn exchange(&mut self, door: Door, sni: &str, bytes: &[u8]) -> Reply {
        let mut reply = self.exchange_once(door, sni, bytes);
        for _ in 0..RATE_LIMITED_TRIES {
            if !matches!(&reply, Reply::Answer(answer) if answer.status == 429) {
                break;
            }
            std::thread::sleep(RATE_LIMITED_WAIT);
            reply = self.exchange_once(door, sni, bytes);
        }
        reply
    }

    fn exchange_once(&mut self, door: Door, sni: &str, bytes: &[u8]) -> Reply {
        match self.open(door, sni) {
            Ok(mut connection) => {
                connection.send(bytes);
                connection.answer()
            }
            Err(reply) => reply,
        }
    }

    /// Sends bytes and reads every answer until the server closes or goes quiet.
    pub(crate) fn exchange_all(&mut self, door: Door, sni: &str, bytes: &[u8]) -> Replies {
        let mut connection = match self.open(door, sni) {
            Ok(connection) => connection,
            Err(rest) => return Replies { answers: Vec::new(), rest },
        };
        connection.send(bytes);
        let mut answers = Vec::new();
        loop {
            let quiet = (!answers.is_empty()).then_some(self.limits.quiet_time);
            match connection.answer_within(quiet) {
                Reply::Answer(answer) if answers.len() < ANSWERS_MAX => answers.push(answer),
                rest @ (Reply::Answer(_)
                | Reply::Closed(_)
                | Reply::Silent
                | Reply::Garbage(_)
                | Reply::Unsent(_)) => return Replies { answers, rest },
            }
        }
    }

    /// Connects, with TLS where the door has it.
    pub fn open(&mut self, door: Door, sni: &str) -> Result<Connection, Reply> {
        self.open_as(door, sni, Client::default())
    }

    /// Connects and shows a certificate, where it is asked for one.
    pub fn open_showing(
        &mut self,
        door: Door,
        sni: &str,
        identity: Option<&Identity>,
    ) -> Result<Connection, Reply> {
        self.open_as(door, sni, Client { identity, ..Client::default() })
    }

    pub(crate) fn open_offering(
        &mut self,
        door: Door,
        sni: &str,
        offer: Offer,
    ) -> Result<Connection, Reply> {
        self.open_as(door, sni, Client { offer, ..Client::default() })
    }

    pub(crate) fn open_as(
        &mut self,
        door: Door,
        sni: &str,
        client: Client<'_>,
    ) -> Result<Connection, Reply> {
        let plain = self.open_raw(door)?;
        match door.layer {
            crate::target::Layer::Plain => Ok(plain),
            crate::target::Layer::Tls => plain.secure(sni, client),
        }
    }

    /// Connects with TLS and HTTP/2 inside; `None`: the other side does not speak it.
    pub(crate) fn open_http2(
        &mut self,
        door: Door,
        sni: &str,
    ) -> Result<Option<Connection>, Reply> {
        self.open_raw(door)?.secure_http2(sni)
    }

    /// Connects without TLS, whatever the door speaks.
    pub fn open_raw(&mut self, door: Door) -> Result<Connection, Reply> {
        let (stream, end) = self.connect(door.address, None).map_err(Reply::Unsent)?;
        Ok(Connection::new(stream, end, self.limits.answer_bytes_max))
    }

    /// Connects as [`Wire::open`] does, from one of this machine's own addresses.
    pub fn open_from(&mut self, own: IpAddr, door: Door, sni: &str) -> Result<Connection, Reply> {
        let (stream, end) = self.connect(door.address, Some(own)).map_err(Reply::Unsent)?;
        let plain = Connection::new(stream, end, self.limits.answer_bytes_max);
        match door.layer {
            crate::target::Layer::Plain => Ok(plain),
            crate::target::Layer::Tls => plain.secure(sni, Client::default()),
        }
    }

    /// Counts a connection to this address; how long the run may still take.
    fn admit(&mut self, address: SocketAddr) -> Result<Duration, WireError> {
        if !self.allowed.contains(&address) {
            return Err(WireError::Foreign(address));
        }
        let left = self.end.saturating_sub(now());
        if self.connections_left == 0 || left.is_zero() {
            return Err(WireError::Spent);
        }
        self.connections_left -= 1;
        Ok(left)
    }

    /// Begins a connection by QUIC, to the UDP port of the same number.
    pub(crate) fn open_quic(
        &mut self,
        address: SocketAddr,
        sni: &str,
        client: &quic::Client,
    ) -> Result<quic::Quic, Reply> {
        let left = self.admit(address).map_err(Reply::Unsent)?;
        let end = now() + self.limits.answer_time.min(left);
        quic::Quic::begin(address, sni, client, end, self.limits.answer_bytes_max)
            .map_err(Reply::Unsent)
    }

    fn connect(
        &mut self,
        address: SocketAddr,
        own: Option<IpAddr>,
    ) -> Result<(TcpStream, Duration), WireError> {
        let left = self.admit(address)?;
        let wrong = |source| WireError::Connect { address, source };
        let time = self.limits.connect_time.min(left);
        let stream = match own {
            None => TcpStream::connect_timeout(&address, time),
            Some(own) => burgrave_sys::connect_tcp_from(own, address, time),
        };
        let stream = stream.map_err(wrong)?;
        stream.set_nodelay(true).map_err(wrong)?;
        Ok((stream, (now() + self.limits.answer_time).min(self.end)))
    }
}

/// The monotonic clock.
pub(crate) fn now() -> Duration {
    burgrave_sys::monotonic().0
}

/// Reads one answer out of what a connection delivers.
pub(crate) fn next_answer(buffer: &mut Vec<u8>, mut read: impl FnMut() -> Piece) -> Reply {
    let mut ended: Option<Piece> = None;
    loop {
        match parse(buffer, ended.is_some()) {
            Parsed::Answer(answer, used) => {
                buffer.drain(..used.min(buffer.len()));
                return Reply::Answer(answer);
            }
            Parsed::Garbage if !buffer.is_empty() => {
                return Reply::Garbage(std::mem::take(buffer));
            }
            Parsed::Garbage | Parsed::More => {}
        }
        match ended.take() {
            Some(Piece::Ended(how)) => return Reply::Closed(how),
            Some(Piece::Quiet | Piece::Bytes(_)) => return Reply::Silent,
            None => {}
        }
        match read() {
            Piece::Bytes(bytes) => buffer.extend_from_slice(&bytes),
            // A part of an answer is no answer, but what there is of its body will do.
            Piece::Quiet if buffer.is_empty() => return Reply::Silent,
            end @ (Piece::Quiet | Piece::Ended(_)) => ended = Some(end),
        }
    }
}
