//! Services that are no HTTP: a connection is admitted, its TLS ended or its name read, its first FIX
//! message checked, and then its bytes are passed on.
//!
//! Invariants: nothing reaches an upstream before all that the configuration asks for was seen; one
//! record for each connection, when it is over; what is read before is bounded in bytes and time.

mod fix;
mod hello;

use crate::accept::Seat;
use crate::connection;
use crate::handshake::{Shown, shown};
use crate::pass;
use crate::plan::Plan;
use crate::proxy_protocol;
use crate::tls::StreamConfig;
use crate::upstream::{connect_tcp, place};
use crate::worker::Worker;
use burgrave_config::{Announce, Authority, Stream, StreamTls};
use bytes::Bytes;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// A stream, ready to serve.
pub(crate) struct StreamPlan {
    pub(crate) stream: Stream,
    /// Where TLS ends here.
    pub(crate) tls: Option<StreamConfig>,
    turn: std::sync::atomic::AtomicUsize,
}

impl StreamPlan {
    pub(crate) fn new(stream: Stream, tls: Option<StreamConfig>) -> Self {
        Self { stream, tls, turn: std::sync::atomic::AtomicUsize::new(0) }
    }

    /// The upstreams from the one whose turn it is.
    fn upstreams(&self) -> impl Iterator<Item = &Authority> {
        let turn = self.turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let all = &self.stream.upstream;
        all.iter().cycle().skip(turn % all.len().max(1)).take(all.len())
    }
}

/// A connection, for its record.
pub(crate) struct Passed<'a> {
    pub(crate) client: SocketAddr,
    pub(crate) name: Option<&'a str>,
    pub(crate) upstream: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) tls: Option<&'static str>,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) time: Duration,
    /// Why it was refused or cut.
    pub(crate) refused: Option<&'static str>,
}

/// Serves a connection to one of the streams of an address.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    plan: Arc<Plan>,
    configured: SocketAddr,
    socket: TcpStream,
    client: SocketAddr,
    seat: Arc<Seat>,
) {
    let started = Instant::now();
    let mut passed = Passed {
        client,
        name: None,
        upstream: None,
        user: None,
        tls: None,
        bytes_in: 0,
        bytes_out: 0,
        time: Duration::ZERO,
        refused: None,
    };
    let outcome = steps(&plan, configured, socket, &mut passed, &seat).await;
    passed.refused = outcome.err();
    passed.time = started.elapsed();
    connection::passed(&worker, &passed);
}

async fn steps<'p>(
    plan: &'p Plan,
    configured: SocketAddr,
    socket: TcpStream,
    passed: &mut Passed<'p>,
    seat: &Seat,
) -> Result<(), &'static str> {
    let time = plan.settings.limits.header_time;
    let name = if plan.streams_at(configured).any(|own| own.stream.tls.is_some()) {
        let read = timeout(time, hello::server_name(&socket)).await;
        read.map_err(|_slow| "tls handshake too slow")?.map_err(|_odd| "tls handshake failed")?
    } else {
        None
    };
    let own = plan.stream_of(configured, name.as_deref()).ok_or("no stream has this name")?;
    passed.name = Some(&own.stream.name);
    let networks = &own.stream.networks;
    if !networks.is_empty() && !networks.iter().any(|own| own.contains(passed.client.ip())) {
        return Err("client network not allowed");
    }
    let local = socket.local_addr().map_err(|_gone| "client left")?;
    match (&own.stream.tls, &own.tls) {
        (Some(StreamTls::Ended(_)), Some(config)) => {
            let acceptor = TlsAcceptor::from(Arc::clone(&config.config));
            let secured = timeout(time, acceptor.accept(socket)).await;
            let secured = secured.map_err(|_slow| "tls handshake too slow")?;
            let secured = secured.map_err(|_failed| "tls handshake failed")?;
            let ca = own.stream.client_ca.as_deref().map(Arc::from);
            let certificate = shown(&secured, ca);
            passed.tls = Some(crate::handshake::version(&secured));
            passed.user = certificate.as_ref().map(|shown| shown.fingerprint.to_string());
            carry(own, secured, (local, certificate, time), passed, seat).await
        }
        (Some(StreamTls::Ended(_)), None) => Err("tls is not set up"),
        (Some(StreamTls::Passed) | None, _) => {
            carry(own, socket, (local, None, time), passed, seat).await
        }
    }
}

async fn carry<S: AsyncRead + AsyncWrite + Unpin>(
    own: &StreamPlan,
    mut client: S,
    (local, certificate, time): (SocketAddr, Option<Shown>, Duration),
    passed: &mut Passed<'_>,
    seat: &Seat,
) -> Result<(), &'static str> {
    let mut ahead = Vec::new();
    if !own.stream.fix.is_empty() {
        let read = timeout(time, logon(&mut client, &mut ahead)).await;
        let logon = read.map_err(|_slow| "fix logon too slow")??;
        passed.user = Some(permitted(own, &logon, certificate.as_ref(), passed.client)?);
    }
    let (mut upstream, name) = connect(own).await?;
    passed.upstream = Some(name);
    let header = match own.stream.announce {
        None => Vec::new(),
        Some(Announce::Text) => proxy_protocol::text_header(passed.client, local),
        Some(Announce::Binary) => proxy_protocol::binary_header(passed.client, local),
    };
    let first = [header, ahead].concat();
    upstream.write_all(&first).await.map_err(|_gone| "upstream left")?;
    // From here on neither side waits for us.
    seat.busy();
    let counts =
        pass::both_ways((client, Bytes::new()), (upstream, Bytes::new()), own.stream.idle_time)
            .await;
    (passed.bytes_in, passed.bytes_out) = counts;
    Ok(())
}

/// Reads the first message, bounded.
async fn logon<S: AsyncRead + Unpin>(
    client: &mut S,
    ahead: &mut Vec<u8>,
) -> Result<fix::Logon, &'static str> {
    let mut piece = [0; 1024];
    loop {
        let count = client.read(&mut piece).await.map_err(|_gone| "client left")?;
        if count == 0 {
            return Err("client left");
        }
        ahead.extend_from_slice(piece.get(..count).unwrap_or_default());
        match fix::parse(ahead) {
            fix::Read::Partial => {}
            fix::Read::Wrong(why) => return Err(why),
            fix::Read::Logon(logon) => return Ok(logon),
        }
    }
}

/// The client's name, if one of the sessions is its own.
fn permitted(
    own: &StreamPlan,
    logon: &fix::Logon,
    certificate: Option<&Shown>,
    client: SocketAddr,
) -> Result<String, &'static str> {
    let named = own.stream.fix.iter().find(|session| {
        session.sender.as_bytes() == logon.sender && session.target.as_bytes() == logon.target
    });
    let session = named.ok_or("unknown fix session")?;
    if let Some(wanted) = &session.certificate
        && certificate.is_none_or(|shown| &*shown.fingerprint != wanted.as_str())
    {
        return Err("fix session of another certificate");
    }
    let networks = &session.networks;
    if !networks.is_empty() && !networks.iter().any(|network| network.contains(client.ip())) {
        return Err("fix session of another network");
    }
    Ok(session.sender.clone())
}

async fn connect(own: &StreamPlan) -> Result<(TcpStream, String), &'static str> {
    let mut last = "upstream refused the connection";
    for authority in own.upstreams() {
        match timeout(own.stream.connect_time, connect_tcp(authority)).await {
            Ok(Ok(stream)) => return Ok((stream, format!("tcp://{}", place(authority)))),
            Ok(Err(_refused)) => {}
            Err(_slow) => last = "connecting to the upstream took too long",
        }
    }
    Err(last)
}
