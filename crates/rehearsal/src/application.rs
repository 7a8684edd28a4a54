//! An application server that dies, hangs or is sick when it is told to, and counts what it was asked.

mod others;

use crate::authority::Papers;
use crate::stand_in::StandIn;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longest header of a request.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// How long one that hangs holds a request: longer than anybody waits for it.
const HANG_TIME: Duration = Duration::from_secs(20);
const WELL: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const SICK: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

/// What it speaks.
#[derive(Clone)]
pub(crate) enum Speech {
    Http,
    /// HTTP/1.1 within TLS, with these papers.
    Https(Papers),
    /// HTTP/2 without TLS.
    H2c,
    FastCgi,
}

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// Ends the connection in the place of an answer, but that it is asked how it is: then it thinks that it is well.
    Ends,
    /// Takes requests, and says nothing; the same of its health.
    Hangs,
    /// As when it is well, but that it says otherwise when its health is asked.
    Sick,
}

/// See the module. It is dead when it is dropped.
#[derive(Debug)]
pub(crate) struct Application {
    state: Arc<State>,
    stand_in: StandIn,
}

#[derive(Debug)]
struct State {
    health: Option<String>,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    mood: Mood,
    /// Requests.
    seen: usize,
    checks: usize,
}

impl Application {
    /// Starts it. `health`: the path at which it is asked how it is, by HTTP/1.1.
    pub(crate) fn start(speech: &Speech, health: Option<&str>) -> Result<Self, String> {
        let config = match speech {
            Speech::Https(papers) => Some(secured(papers)?),
            Speech::Http | Speech::H2c | Speech::FastCgi => None,
        };
        let speech = speech.clone();
        let known = Known { mood: Mood::Well, seen: 0, checks: 0 };
        let health = health.map(str::to_owned);
        let state = Arc::new(State { health, known: Mutex::new(known) });
        let own = Arc::clone(&state);
        let stand_in = StandIn::start(move |mut client| match (&speech, &config) {
            (Speech::H2c, _) => drop(others::http2(&own, &mut client)),
            (Speech::FastCgi, _) => drop(others::fastcgi(&own, &mut client)),
            (Speech::Http | Speech::Https(_), None) => own.serve(client),
            (Speech::Http | Speech::Https(_), Some(config)) => {
                if let Some(client) = greeted(config, client) {
                    own.serve(client);
                }
            }
        })?;
        Ok(Self { state, stand_in })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.stand_in.address
    }

    pub(crate) fn be(&self, mood: Mood) {
        self.state.known().mood = mood;
    }

    /// How many requests it has seen, but for questions of health.
    pub(crate) fn count(&self) -> usize {
        self.state.known().seen
    }

    /// How often its health was asked.
    pub(crate) fn checks(&self) -> usize {
        self.state.known().checks
    }
}

impl State {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut client: impl Read + Write) {
        while let Some(target) = request(&mut client) {
            let is_check = self.health.as_deref() == Some(target.as_str());
            let mood = self.note(is_check);
            let said = match mood {
                Mood::Sick if is_check => client.write_all(SICK),
                Mood::Ends if !is_check => return,
                Mood::Hangs if !is_check => return std::thread::sleep(HANG_TIME),
                Mood::Well | Mood::Sick | Mood::Ends | Mood::Hangs => client.write_all(WELL),
            };
            if said.and_then(|()| client.flush()).is_err() {
                return;
            }
        }
    }

    fn note(&self, is_check: bool) -> Mood {
        let mut known = self.known();
        *(if is_check { &mut known.checks } else { &mut known.seen }) += 1;
        known.mood
    }
}

/// Reads one request with its body; its target.
fn request(client: &mut impl Read) -> Option<String> {
    head(client)?.split(' ').nth(1).map(str::to_owned)
}

/// Reads one request with its body; its header, each byte a character.
pub(crate) fn head(client: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= HEAD_BYTES_MAX || client.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.extend_from_slice(&byte);
    }
    let head: String = head.iter().map(|byte| char::from(*byte)).collect();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<u64>().ok())?
    });
    let mut body = client.take(length.unwrap_or(0));
    std::io::copy(&mut body, &mut std::io::sink()).ok()?;
    Some(head)
}

fn secured(papers: &Papers) -> Result<Arc<ServerConfig>, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = vec![CertificateDer::from(papers.certificate.clone())];
    let key = PrivateKeyDer::Pkcs8(papers.key.clone().into());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    config.map(Arc::new).map_err(|error| format!("setting up TLS: {error}"))
}

/// TLS, once the client has taken the certificate.
fn greeted(
    config: &Arc<ServerConfig>,
    client: TcpStream,
) -> Option<StreamOwned<ServerConnection, TcpStream>> {
    let session = ServerConnection::new(Arc::clone(config)).ok()?;
    let mut stream = StreamOwned::new(session, client);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).ok()?;
    }
    Some(stream)
}
