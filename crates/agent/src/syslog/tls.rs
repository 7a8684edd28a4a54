//! Messages of syslog over TLS (RFC 5425), from clients that show a certificate: they may come from anywhere, because
//! nobody else is heard.
//!
//! Invariants: nothing waits, so one client holds up nobody; a handshake has an end, and those that are not through have
//! bounds of their own, in all and by address, so who only connects takes no place of one that is; not a byte is taken
//! before the certificate was verified, nor a last message of a stream that was cut off. Sessions are not resumed: each
//! connection shows its certificate anew. Whether one was revoked is not asked.

use super::{Cut, MESSAGES_MAX, SILENCE, STREAMS_MAX};
use crate::error::AgentError;
use burgrave_config::SyslogTls;
use burgrave_sys::{Together, listen_tcp, read_own, read_secret};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use std::io::{ErrorKind, Read as _};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PEM_BYTES_MAX: u64 = 1024 * 1024;
/// How long a handshake may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// Handshakes at once, in all and of one address. The oldest makes room for the next.
const HANDSHAKES_MAX: usize = 64;
const HANDSHAKES_OF_ONE_MAX: usize = 8;
/// Connections that are accepted in a turn: each may cost a handshake.
const ACCEPTED_MAX: usize = 16;
/// Readings of one stream in a turn.
const READINGS_MAX: usize = 8;

/// See the module.
#[derive(Debug)]
pub(super) struct Secure {
    listener: TcpListener,
    config: Arc<ServerConfig>,
    handshakes: Vec<Stream>,
    streams: Vec<Stream>,
}

#[derive(Debug)]
struct Stream {
    socket: TcpStream,
    from: IpAddr,
    tls: ServerConnection,
    began: Instant,
    spoke: Instant,
    cut: Cut,
}

/// How a stream does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waits,
    HasMore,
    Ended,
}

impl Secure {
    /// Reads the files and listens.
    pub(super) fn open(from: &SyslogTls, together: &Together) -> Result<Self, AgentError> {
        let config = config(from)?;
        let listener = listen_tcp(from.address, burgrave_sys::Sharing::Alone, 64)?;
        together.add(&listener)?;
        Ok(Self { listener, config, handshakes: Vec::new(), streams: Vec::new() })
    }

    /// Gives what has come, a line at a time. Whether more is to be had at once.
    pub(super) fn read(
        &mut self,
        together: &Together,
        space: &mut [u8],
        each: &mut impl FnMut(&[u8], bool),
    ) -> std::io::Result<bool> {
        let now = Instant::now();
        // Those who are here are heard also where nobody else can come in.
        let accepted = self.accept(together, now);
        let mut is_more = false;
        for mut own in std::mem::take(&mut self.handshakes) {
            let state = own.read(space, now, each);
            is_more |= state == State::HasMore;
            let is_late = now.saturating_duration_since(own.began) >= HANDSHAKE_TIME;
            match (state, own.tls.is_handshaking()) {
                (State::Ended, _) => {}
                (State::Waits | State::HasMore, true) if is_late => {}
                (State::Waits | State::HasMore, true) => self.handshakes.push(own),
                (State::Waits | State::HasMore, false) => {
                    if has_room(&mut self.streams, now) {
                        self.streams.push(own);
                    }
                }
            }
        }
        self.streams.retain_mut(|own| {
            let state = own.read(space, now, each);
            is_more |= state == State::HasMore;
            state != State::Ended
        });
        Ok(accepted? || is_more)
    }

    /// Takes connections that wait. Whether there may be more.
    fn accept(&mut self, together: &Together, now: Instant) -> std::io::Result<bool> {
        for _ in 0..ACCEPTED_MAX {
            let (socket, from) = match self.listener.accept() {
                Ok((socket, from)) => (socket, from.ip()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                // Who has gone again before it was its turn is nobody's trouble.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            socket.set_nonblocking(true)?;
            let tls = ServerConnection::new(Arc::clone(&self.config));
            let tls = tls.map_err(std::io::Error::other)?;
            make_room(&mut self.handshakes, from);
            together.add(&socket).map_err(std::io::Error::other)?;
            let cut = Cut::default();
            self.handshakes.push(Stream { socket, from, tls, began: now, spoke: now, cut });
        }
        Ok(true)
    }
}

/// Ends the oldest handshake of an address that has as many as it may, else the oldest of all where there are too many.
fn make_room(handshakes: &mut Vec<Stream>, from: IpAddr) {
    // They stand in the order in which they came.
    let its = handshakes.iter().filter(|own| own.from == from).count();
    let oldest = if its >= HANDSHAKES_OF_ONE_MAX {
        handshakes.iter().position(|own| own.from == from)
    } else {
        (handshakes.len() >= HANDSHAKES_MAX).then_some(0)
    };
    if let Some(place) = oldest {
        handshakes.remove(place);
    }
}

/// Makes room for one more client, where one has been silent for long.
fn has_room(streams: &mut Vec<Stream>, now: Instant) -> bool {
    if streams.len() < STREAMS_MAX {
        return true;
    }
    let silent = streams.iter().enumerate().min_by_key(|(_, own)| own.spoke);
    let is_silent = |own: &Stream| now.saturating_duration_since(own.spoke) >= SILENCE;
    match silent.filter(|(_, own)| is_silent(own)).map(|(place, _)| place) {
        Some(place) => {
            streams.swap_remove(place);
            true
        }
        None => false,
    }
}

impl Stream {
    fn read(
        &mut self,
        space: &mut [u8],
        now: Instant,
        each: &mut impl FnMut(&[u8], bool),
    ) -> State {
        for _ in 0..READINGS_MAX {
            let is_end = match self.tls.read_tls(&mut self.socket) {
                Ok(count) => count == 0,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return self.write(),
                Err(_) => return State::Ended,
            };
            let is_sound = self.tls.process_new_packets().is_ok();
            // Also what is wrong is said, as far as it can be: it is an alert of TLS.
            let written = self.write();
            if !is_sound {
                return State::Ended;
            }
            let open = self.messages(space, now, each);
            if is_end || open == State::Ended || written == State::Ended {
                return State::Ended;
            }
        }
        State::HasMore
    }

    /// What the client has said, once it is known who it is.
    fn messages(
        &mut self,
        space: &mut [u8],
        now: Instant,
        each: &mut impl FnMut(&[u8], bool),
    ) -> State {
        if self.tls.is_handshaking() || self.tls.peer_certificates().is_none() {
            return State::Waits;
        }
        // What is decrypted at once has a bound, and each reading takes some of it.
        for _ in 0..MESSAGES_MAX {
            match self.tls.reader().read(space) {
                Ok(0) => {
                    self.cut.end(each);
                    return State::Ended;
                }
                Ok(count) => {
                    self.spoke = now;
                    self.cut.take(space.get(..count).unwrap_or_default(), each);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return State::Waits,
                // The stream was cut off: what it had begun to say is not known.
                Err(_) => return State::Ended,
            }
        }
        State::Waits
    }

    /// Sends what TLS has to say; what does not go now goes with the next turn.
    fn write(&mut self) -> State {
        for _ in 0..READINGS_MAX {
            if !self.tls.wants_write() {
                break;
            }
            match self.tls.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return State::Ended,
            }
        }
        State::Waits
    }
}

pub(super) fn config(from: &SyslogTls) -> Result<Arc<ServerConfig>, AgentError> {
    let wrong = |error: &dyn std::error::Error| AgentError::Tls(error.to_string());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&from.client_ca)? {
        roots.add(certificate).map_err(|error| wrong(&error))?;
    }
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|error| wrong(&error))?;
    let key = private_key(&from.key)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates(&from.certificate)?, key)
        .map_err(|error| wrong(&error))?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, AgentError> {
    let text = read_own(path, PEM_BYTES_MAX)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let odd = |why: &str| AgentError::File { file: path.to_path_buf(), why: why.to_owned() };
    let found = found.map_err(|error| odd(&error.to_string()))?;
    if found.is_empty() { Err(odd("it holds no certificate")) } else { Ok(found) }
}

/// The key, of a file that its owner alone may read.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, AgentError> {
    let refuse = |why: String| AgentError::File { file: path.to_path_buf(), why };
    let text = read_secret(path, PEM_BYTES_MAX)
        .map_err(|error| refuse(format!("it {}", burgrave_sys::chain(&error))))?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| refuse(error.to_string()))
}

#[cfg(test)]
mod tests;
