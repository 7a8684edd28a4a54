//! Listening sockets: opened here, or handed over by whoever opened them before.
//!
//! Each event loop has sockets of its own (`SO_REUSEPORT`), so that none waits for another.

use crate::error::GatewayError;
use crate::http3::QuicSocket;
use burgrave_config::Settings;
use burgrave_sys::{Sharing, listen_tcp, listen_udp, send_at_once};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, UdpSocket};

/// Connections that wait to be accepted, a listener and event loop.
const BACKLOG: u16 = 1024;
/// How often a free port is looked for that is free for UDP, too.
const PORT_TRIES: usize = 16;

/// Listening sockets that somebody else has opened, by the address as it is configured.
#[derive(Debug, Default)]
pub struct Handed {
    /// For HTTP/1.1, HTTP/2 and streams.
    pub tcp: BTreeMap<SocketAddr, Vec<TcpListener>>,
    /// For HTTP/3, one for each event loop.
    pub quic: BTreeMap<SocketAddr, Vec<QuicSocket>>,
}

/// Opens the sockets of a listener, one for each of `loops` event loops; with `http3` as many of UDP.
pub fn listen(
    configured: SocketAddr,
    loops: usize,
    http3: bool,
) -> Result<(Vec<TcpListener>, Vec<UdpSocket>), GatewayError> {
    let (bound, quic) = bind_one(configured, loops, http3)?;
    Ok((bound.sockets, quic))
}

/// Opens a listener's sockets of UDP alone.
pub fn listen_quic(address: SocketAddr, loops: usize) -> Result<Vec<UdpSocket>, GatewayError> {
    let wrong = |source| GatewayError::Listen { address, source };
    drop(listen_udp(address, Sharing::Alone).map_err(wrong)?);
    (0..loops).map(|_| listen_udp(address, Sharing::Shared).map_err(wrong)).collect()
}

/// A listener's sockets, one for each event loop.
pub(crate) struct Bound {
    pub(crate) configured: SocketAddr,
    pub(crate) real: SocketAddr,
    pub(crate) sockets: Vec<TcpListener>,
    pub(crate) quic: Vec<QuicSocket>,
}

/// Binds what is configured and not bound yet.
pub(crate) fn bind(
    settings: &Settings,
    have: &BTreeMap<SocketAddr, SocketAddr>,
    loops: usize,
    handed: &mut Handed,
) -> Result<Vec<Bound>, GatewayError> {
    let all = settings.addresses().into_iter();
    all.filter(|address| !have.contains_key(address))
        .map(|address| {
            let http3 = settings.speaks_http3(address);
            let quic = handed.quic.remove(&address);
            let (mut bound, opened) = match handed.tcp.remove(&address) {
                Some(sockets) => (take(address, sockets, loops)?, Vec::new()),
                None => bind_one(address, loops, http3 && quic.is_none())?,
            };
            bound.quic = match quic {
                _ if !http3 => Vec::new(),
                Some(handed) => handed,
                None if opened.is_empty() => alone(listen_quic(bound.real, loops)?),
                None => alone(opened),
            };
            Ok(bound)
        })
        .collect()
}

fn alone(sockets: Vec<UdpSocket>) -> Vec<QuicSocket> {
    sockets.into_iter().map(QuicSocket::alone).collect()
}

/// Shares handed sockets out among the event loops. There may be fewer or more of them: then loops
/// share one, or one has several.
fn take(
    configured: SocketAddr,
    mut sockets: Vec<TcpListener>,
    loops: usize,
) -> Result<Bound, GatewayError> {
    let wrong = |error| {
        let source = burgrave_sys::SysError::from_io("taking", configured.to_string(), error);
        GatewayError::Listen { address: configured, source }
    };
    let first = sockets.first().ok_or_else(|| wrong(std::io::ErrorKind::NotFound.into()))?;
    let real = first.local_addr().map_err(wrong)?;
    sockets.iter().try_for_each(send_at_once).map_err(wrong)?;
    let mut turn = 0;
    while sockets.len() < loops {
        let copy = sockets.get(turn).map(TcpListener::try_clone);
        sockets.extend(copy.transpose().map_err(wrong)?);
        turn += 1;
    }
    Ok(Bound { configured, real, sockets, quic: Vec::new() })
}

fn bind_one(
    configured: SocketAddr,
    loops: usize,
    http3: bool,
) -> Result<(Bound, Vec<UdpSocket>), GatewayError> {
    let mut tries = if configured.port() == 0 { PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        let bound = bind_tcp(configured, loops)?;
        if !http3 {
            return Ok((bound, Vec::new()));
        }
        match listen_quic(bound.real, loops) {
            Ok(quic) => return Ok((bound, quic)),
            Err(error) if tries == 0 => return Err(error),
            Err(_taken) => {}
        }
    }
}

fn bind_tcp(configured: SocketAddr, loops: usize) -> Result<Bound, GatewayError> {
    let wrong = |source| GatewayError::Listen { address: configured, source };
    // A shared socket would silently share with another process of the same user; one that is not
    // shared finds out.
    drop(listen_tcp(configured, Sharing::Alone, 1).map_err(wrong)?);
    let first = listen_tcp(configured, Sharing::Shared, BACKLOG).map_err(wrong)?;
    let real = first.local_addr().map_err(|error| {
        wrong(burgrave_sys::SysError::from_io(
            "asking the address of",
            configured.to_string(),
            error,
        ))
    })?;
    let mut sockets = vec![first];
    while sockets.len() < loops {
        sockets.push(listen_tcp(real, Sharing::Shared, BACKLOG).map_err(wrong)?);
    }
    Ok(Bound { configured, real, sockets, quic: Vec::new() })
}
