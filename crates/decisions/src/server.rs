//! Bouncers are answered: HTTP/1.1 in plain on this machine, else within TLS.
//!
//! Invariants: who shows no key gets one answer and is gone; a connection has an end, and those at once a bound in all and
//! by address, so that who only connects shuts nobody out for long; nothing that is sent here changes anything.

use crate::answers::Answers;
use crate::error::DecisionsError;
use crate::key::ApiKey;
use crate::query::Query;
use burgrave_agent::{Home, Journal};
use burgrave_config::{Bouncer, Bouncers};
use burgrave_sys::{Sharing, listen_tcp, read_own, read_secret, wall_clock};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

const BACKLOG: u16 = 64;
const CONNECTIONS_MAX: usize = 128;
const CONNECTIONS_OF_ONE_MAX: usize = 32;
const HANDSHAKE_TIME: Duration = Duration::from_secs(5);
/// How long a request's head may take, and how long nothing may be said between two.
const HEAD_TIME: Duration = Duration::from_secs(15);
/// After that the answer under way is the last, and after that it is over.
const CONNECTION_TIME: Duration = Duration::from_mins(2);
const LAST_TIME: Duration = Duration::from_secs(30);
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// What bouncers tell of themselves is taken and not looked at.
const BODY_BYTES_MAX: usize = 1024 * 1024;
const PEM_BYTES_MAX: u64 = 1024 * 1024;

/// Who may ask, with their keys.
#[derive(Debug)]
pub(crate) struct Keys(Vec<(String, ApiKey)>);

pub(crate) fn keys(bouncers: &[Bouncer]) -> Result<Keys, DecisionsError> {
    let mut all: Vec<(String, ApiKey)> = Vec::new();
    for bouncer in bouncers {
        let key = ApiKey::read(&bouncer.key_file)?;
        if let Some((other, _)) = all.iter().find(|(_, own)| own.is(key.reveal().as_bytes())) {
            return Err(DecisionsError::SameKey(other.clone(), bouncer.name.clone()));
        }
        all.push((bouncer.name.clone(), key));
    }
    Ok(Keys(all))
}

impl Keys {
    /// Whose key that is. All are compared, whichever it is.
    fn owner(&self, shown: &[u8]) -> Option<&str> {
        let mut owner = None;
        for (name, key) in &self.0 {
            if key.is(shown) {
                owner = Some(name.as_str());
            }
        }
        owner
    }
}

pub(crate) fn secure(from: &Bouncers) -> Result<Option<Arc<ServerConfig>>, DecisionsError> {
    let Some((certificate, key)) = &from.tls else { return Ok(None) };
    let odd = |file: &Path, why: String| DecisionsError::File { file: file.to_path_buf(), why };
    let text = read_own(certificate, PEM_BYTES_MAX)
        .map_err(|error| odd(certificate, burgrave_sys::chain(&error)))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| odd(certificate, error.to_string()))?;
    let text = read_secret(key, PEM_BYTES_MAX)
        .map_err(|error| odd(key, format!("it {}", burgrave_sys::chain(&error))))?;
    let private =
        PrivateKeyDer::from_pem_slice(&text).map_err(|error| odd(key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|error| odd(certificate, error.to_string()))?;
    Ok(Some(Arc::new(config)))
}

/// Answers bouncers.
#[derive(Debug)]
pub struct Server {
    listener: std::net::TcpListener,
    tls: Option<Arc<ServerConfig>>,
    keys: Keys,
    journal: Journal,
}

/// What all connections share.
struct Shared {
    keys: Keys,
    journal: RefCell<Journal>,
    answers: RefCell<Answers>,
    /// Connections by address, of IPv6 by /64.
    seats: RefCell<HashMap<IpAddr, usize>>,
}

impl Server {
    /// Reads keys and certificate, and listens.
    ///
    /// # Errors
    ///
    /// A file cannot be used, or the address is taken.
    pub fn open(from: &Bouncers, state: &Path) -> Result<Self, DecisionsError> {
        let (keys, tls) = (keys(&from.clients)?, secure(from)?);
        let journal = Journal::open(&Home::open(state)?)?;
        let listener = listen_tcp(from.address, Sharing::Alone, BACKLOG)?;
        Ok(Self { listener, tls, keys, journal })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// The kernel does not say.
    pub fn address(&self) -> Result<SocketAddr, DecisionsError> {
        Ok(self.listener.local_addr()?)
    }

    /// Answers until the process ends.
    ///
    /// # Errors
    ///
    /// There are no means to.
    pub fn run(self) -> Result<Infallible, DecisionsError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Rc::new(Shared {
            keys: self.keys,
            journal: RefCell::new(self.journal),
            answers: RefCell::default(),
            seats: RefCell::default(),
        });
        let acceptor = self.tls.map(TlsAcceptor::from);
        LocalSet::new().block_on(&runtime, async move {
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            loop {
                match listener.accept().await {
                    Ok((socket, from)) => {
                        if let Some(seat) = Seat::take(&shared, from.ip()) {
                            spawn_local(connection(seat, socket, acceptor.clone()));
                        }
                    }
                    // Out of descriptors: others end meanwhile.
                    Err(_) => sleep(Duration::from_millis(100)).await,
                }
            }
        })
    }
}

/// The place of a connection.
struct Seat {
    shared: Rc<Shared>,
    ip: IpAddr,
}

impl Seat {
    fn take(shared: &Rc<Shared>, ip: IpAddr) -> Option<Self> {
        // Whoever has one address of IPv6 has all of its network.
        let ip = match ip.to_canonical() {
            IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) & !u128::from(u64::MAX)).into()),
            ipv4 @ IpAddr::V4(_) => ipv4,
        };
        let mut seats = shared.seats.borrow_mut();
        let all: usize = seats.values().sum();
        let own = seats.entry(ip).or_default();
        if all >= CONNECTIONS_MAX || *own >= CONNECTIONS_OF_ONE_MAX {
            return None;
        }
        *own += 1;
        Some(Self { shared: Rc::clone(shared), ip })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.shared.seats.borrow_mut();
        if let Some(own) = seats.get_mut(&self.ip) {
            *own = own.saturating_sub(1);
        }
        seats.retain(|_, count| *count > 0);
    }
}

async fn connection(seat: Seat, socket: TcpStream, acceptor: Option<TlsAcceptor>) {
    // What a bouncer is told is small or long: either goes at once.
    drop(socket.set_nodelay(true));
    match acceptor {
        None => serve(&seat.shared, socket).await,
        Some(acceptor) => {
            if let Ok(Ok(stream)) = timeout(HANDSHAKE_TIME, acceptor.accept(socket)).await {
                serve(&seat.shared, stream).await;
            }
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin + 'static>(shared: &Rc<Shared>, stream: S) {
    let service = service_fn(|request: Request<Incoming>| {
        let shared = Rc::clone(shared);
        async move { Ok::<_, Infallible>(answer(&shared, request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(HEAD_BYTES_MAX);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // A client that goes away, or says what is no HTTP, has ended its connection.
    if timeout(CONNECTION_TIME, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        drop(timeout(LAST_TIME, connection).await);
    }
}

async fn answer(shared: &Shared, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let shown = request.headers().get("x-api-key").map(HeaderValue::as_bytes);
    let Some(bouncer) = shown.and_then(|shown| shared.keys.owner(shown)) else {
        let mut refused = said(StatusCode::FORBIDDEN, "access forbidden");
        refused.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        return refused;
    };
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    match request.uri().path() {
        path @ ("/v1/decisions" | "/v1/decisions/stream") if is_read => {
            let query = match Query::parse(request.uri().query().unwrap_or_default()) {
                Ok(query) => query,
                Err(why) => return said(StatusCode::BAD_REQUEST, &why),
            };
            // Who asks for the head only is not told anything, and so nothing is new to it afterwards.
            if *request.method() == Method::HEAD {
                return json(StatusCode::OK, Vec::new());
            }
            decisions(shared, bouncer, &query, path == "/v1/decisions/stream")
        }
        "/v1/usage-metrics" if *request.method() == Method::POST => {
            let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect();
            match timeout(HEAD_TIME, body).await {
                Ok(Ok(_)) => json(StatusCode::CREATED, Vec::new()),
                _ => said(StatusCode::PAYLOAD_TOO_LARGE, "too large, or too slow"),
            }
        }
        _ => said(StatusCode::NOT_FOUND, "this is not here: a bouncer reads /v1/decisions"),
    }
}

fn decisions(
    shared: &Shared,
    bouncer: &str,
    query: &Query,
    is_stream: bool,
) -> Response<Full<Bytes>> {
    let now = u64::try_from(wall_clock().seconds()).unwrap_or(0);
    let mut journal = shared.journal.borrow_mut();
    // Of what cannot be read nothing is said: "nobody is banned" would let everybody in.
    if journal.refresh().is_err() {
        return said(StatusCode::INTERNAL_SERVER_ERROR, "the file of bans cannot be read");
    }
    let book = journal.book();
    let text = if is_stream {
        shared.answers.borrow_mut().stream(bouncer, query, book, now)
    } else {
        Answers::list(query, book, now)
    };
    json(StatusCode::OK, text)
}

fn said(status: StatusCode, words: &str) -> Response<Full<Bytes>> {
    // A string can always be written.
    json(status, serde_json::to_vec(&HashMap::from([("message", words)])).unwrap_or_default())
}

fn json(status: StatusCode, text: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
