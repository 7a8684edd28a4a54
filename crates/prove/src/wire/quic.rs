//! A connection by QUIC (RFC 9000), of which only the protocol is a library's: datagrams are sent and read here, one
//! after the other, by a plain socket.
//!
//! Invariants: one remote address; an end in time and in bytes, as every connection of a proof has; no runtime.

use super::secure::{self, Client as TlsClient, Offer};
use super::{Reply, WireError, now};
use bytes::BytesMut;
use quinn_proto::crypto::rustls::QuicClientConfig;
use quinn_proto::{
    ClientConfig, Connection, ConnectionError, ConnectionHandle, DatagramEvent, Dir, Endpoint,
    EndpointConfig, Event, ReadError, StreamId, WriteError,
};
use rustls::NamedGroup;
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Resumption, Tls12ClientSessionValue,
    Tls13ClientSessionValue,
};
use rustls::pki_types::ServerName;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The largest datagram that is read: ours say that none over 1472 bytes is wanted.
const DATAGRAM_BYTES_MAX: usize = 2048;
/// The longest and the shortest wait for one.
const WAIT_MAX: Duration = Duration::from_millis(50);
const WAIT_MIN: Duration = Duration::from_millis(1);
/// Servers that one client keeps tickets of.
const SERVERS_MAX: usize = 4;

/// Tickets that a server gave (RFC 8446 §4.6.1).
#[derive(Debug)]
pub(crate) struct Tickets {
    kept: ClientSessionMemoryCache,
    count: AtomicUsize,
}

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        self.kept.set_kx_hint(name, group);
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        self.kept.kx_hint(name)
    }

    // QUIC knows TLS 1.3 alone.
    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.kept.insert_tls13_ticket(name, value);
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.kept.take_tls13_ticket(name)
    }
}

/// Who comes: with early data, as far as a ticket of an earlier connection allows it.
#[derive(Debug)]
pub(crate) struct Client {
    config: ClientConfig,
    tickets: Arc<Tickets>,
}

impl Client {
    /// One without a ticket.
    pub(crate) fn new(host: &str) -> Result<Self, WireError> {
        let own = TlsClient { offer: Offer::Tls13, protocol: b"h3", identity: None };
        let mut config = secure::config(host, own)?;
        let kept = ClientSessionMemoryCache::new(SERVERS_MAX);
        let tickets = Arc::new(Tickets { kept, count: AtomicUsize::new(0) });
        let store: Arc<dyn ClientSessionStore> = Arc::<Tickets>::clone(&tickets);
        config.resumption = Resumption::store(store);
        config.enable_early_data = true;
        let suite = QuicClientConfig::try_from(config);
        let suite = suite.map_err(|error| wrong(host, &error))?;
        Ok(Self { config: ClientConfig::new(Arc::new(suite)), tickets })
    }

    /// How many tickets it was given.
    pub(crate) fn tickets(&self) -> usize {
        self.tickets.count.load(Ordering::Relaxed)
    }
}

fn wrong(host: &str, why: &impl ToString) -> WireError {
    WireError::Quic { host: host.to_owned(), why: why.to_string() }
}

/// What has come of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// More may come.
    Open,
    /// All is there.
    Finished,
    /// The server gave it up, with this code.
    Reset(u64),
}

/// See the module.
pub(crate) struct Quic {
    socket: UdpSocket,
    remote: SocketAddr,
    endpoint: Endpoint,
    handle: ConnectionHandle,
    connection: Connection,
    end: Duration,
    bytes_left: usize,
    is_connected: bool,
    lost: Option<ConnectionError>,
    /// The socket's own, such as that nobody listens.
    broken: Option<String>,
}

impl Quic {
    pub(crate) fn begin(
        remote: SocketAddr,
        sni: &str,
        client: &Client,
        end: Duration,
        bytes_max: usize,
    ) -> Result<Self, WireError> {
        let failed = |source| WireError::Connect { address: remote, source };
        let own = match remote {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(own).map_err(failed)?;
        // From anybody else nothing is read.
        socket.connect(remote).map_err(failed)?;
        let mut endpoint = Endpoint::new(Arc::new(EndpointConfig::default()), None, false, None);
        let (handle, connection) = endpoint
            .connect(Instant::now(), client.config.clone(), remote, sni)
            .map_err(|error| wrong(sni, &error))?;
        Ok(Self {
            socket,
            remote,
            endpoint,
            handle,
            connection,
            end,
            bytes_left: bytes_max,
            is_connected: false,
            lost: None,
            broken: None,
        })
    }

    /// Waits for the end of the handshake.
    pub(crate) fn connected(&mut self) -> Result<(), Reply> {
        while !self.is_connected && !self.is_over() {
            self.step();
        }
        if self.is_connected { Ok(()) } else { Err(self.why()) }
    }

    /// Whether a ticket lets it speak before the handshake has ended.
    pub(crate) fn speaks_early(&self) -> bool {
        self.connection.has_0rtt()
    }

    /// Whether what was said early was taken.
    pub(crate) fn was_heard_early(&self) -> bool {
        self.is_connected && self.connection.accepted_0rtt()
    }

    /// Says this on a stream of its own. `None`: it cannot be said, for the connection has ended.
    pub(crate) fn say(&mut self, direction: Dir, bytes: &[u8], is_all: bool) -> Option<StreamId> {
        let stream = self.connection.streams().open(direction)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.connection.send_stream(stream).write(rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(WriteError::Blocked) if !self.is_over() => self.step(),
                // The server wants no more of it, and may have said why.
                Err(_) => break,
            }
        }
        if is_all {
            // Fails only where the server has stopped it.
            drop(self.connection.send_stream(stream).finish());
        }
        self.flush();
        Some(stream)
    }

    /// Adds what has come of a stream.
    pub(crate) fn hear(&mut self, stream: StreamId, into: &mut Vec<u8>) -> Heard {
        let mut receive = self.connection.recv_stream(stream);
        let Ok(mut chunks) = receive.read(true) else { return Heard::Finished };
        let heard = loop {
            match chunks.next(self.bytes_left) {
                Ok(Some(chunk)) => {
                    self.bytes_left = self.bytes_left.saturating_sub(chunk.bytes.len());
                    into.extend_from_slice(&chunk.bytes);
                    if self.bytes_left == 0 {
                        break Heard::Finished;
                    }
                }
                Ok(None) => break Heard::Finished,
                Err(ReadError::Blocked) => break Heard::Open,
                Err(ReadError::Reset(code)) => break Heard::Reset(code.into_inner()),
            }
        };
        // What it asks to be sent goes with the next step.
        let _ = chunks.finalize().should_transmit();
        heard
    }

    /// The code with which the server's application has ended the connection.
    pub(crate) fn ended_with(&self) -> Option<u64> {
        match &self.lost {
            Some(ConnectionError::ApplicationClosed(close)) => Some(close.error_code.into_inner()),
            Some(_) | None => None,
        }
    }

    /// Whether nothing more will come.
    pub(crate) fn is_over(&self) -> bool {
        self.lost.is_some() || self.broken.is_some() || now() >= self.end
    }

    /// Why nothing has come.
    pub(crate) fn why(&self) -> Reply {
        match (&self.lost, &self.broken) {
            // What nobody answered was refused by nobody.
            (Some(ConnectionError::TimedOut), _) | (None, None) => Reply::Silent,
            (Some(ConnectionError::ApplicationClosed(close)), _) => Reply::Closed(format!(
                "connection ended with 0x{:03x}",
                close.error_code.into_inner()
            )),
            (Some(lost), _) => Reply::Closed(format!("connection ended: {lost}")),
            (None, Some(why)) => Reply::Unsent(wrong(&self.remote.to_string(), why)),
        }
    }

    /// Sends what there is, and waits a little for a datagram.
    pub(crate) fn step(&mut self) {
        self.flush();
        let left = self.end.saturating_sub(now());
        let timer = self.connection.poll_timeout();
        let timer = timer.map(|at| at.saturating_duration_since(Instant::now()));
        let wait = timer.unwrap_or(WAIT_MAX).min(WAIT_MAX).min(left).max(WAIT_MIN);
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        let read = self.socket.set_read_timeout(Some(wait));
        match read.and_then(|()| self.socket.recv(&mut datagram)) {
            Ok(count) => self.take(datagram.get(..count).unwrap_or_default()),
            Err(error) if super::connection::is_wait(error.kind()) => {}
            Err(error) => self.broken = Some(error.to_string()),
        }
        let now = Instant::now();
        if self.connection.poll_timeout().is_some_and(|at| at <= now) {
            self.connection.handle_timeout(now);
        }
        self.flush();
    }

    fn take(&mut self, datagram: &[u8]) {
        let mut answer = Vec::new();
        let datagram = BytesMut::from(datagram);
        let event =
            self.endpoint.handle(Instant::now(), self.remote, None, None, datagram, &mut answer);
        match event {
            Some(DatagramEvent::ConnectionEvent(_, event)) => self.connection.handle_event(event),
            Some(DatagramEvent::Response(_)) => self.send(&answer),
            // There is no server here.
            Some(DatagramEvent::NewConnection(_)) | None => {}
        }
    }

    fn flush(&mut self) {
        let mut datagram = Vec::new();
        while self.connection.poll_transmit(Instant::now(), 1, &mut datagram).is_some() {
            self.send(&datagram);
            datagram.clear();
        }
        while let Some(event) = self.connection.poll_endpoint_events() {
            if let Some(event) = self.endpoint.handle_event(self.handle, event) {
                self.connection.handle_event(event);
            }
        }
        while let Some(event) = self.connection.poll() {
            match event {
                Event::Connected => self.is_connected = true,
                Event::ConnectionLost { reason } => self.lost = Some(reason),
                Event::HandshakeDataReady
                | Event::Stream(_)
                | Event::DatagramReceived
                | Event::DatagramsUnblocked => {}
            }
        }
    }

    fn send(&mut self, datagram: &[u8]) {
        if let Err(error) = self.socket.send(datagram)
            && !super::connection::is_wait(error.kind())
        {
            self.broken = Some(error.to_string());
        }
    }
}

impl Drop for Quic {
    /// Says that it is over, so that the server need not wait.
    fn drop(&mut self) {
        if self.lost.is_none() {
            // H3_NO_ERROR.
            self.connection.close(Instant::now(), 0x100_u32.into(), bytes::Bytes::new());
            self.flush();
        }
    }
}
