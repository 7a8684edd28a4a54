//! A connection from its acceptance to its end: TLS, then HTTP/1.1 or HTTP/2, then what is left to
//! say.

use crate::accept::Seat;
use crate::guard::head::{Head, HeadBuilder, Version};
use crate::guard::io::{Refused, Wire};
use crate::handshake::{TlsFacts, handshake, tls_facts};
use crate::http1;
use crate::http2;
use crate::log::line::{Decided, Line};
use crate::plan::Plan;
use crate::refusal::Reason;
use crate::stall::Stall;
use crate::streams::Passed;
use crate::upstream::tunnel::Tunnel;
use crate::worker::{Door, Worker};
use burgrave_seclang::{Connection as Ends, Record};
use http::HeaderValue;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

/// Bytes that the HTTP library may hold of one request or answer.
pub(crate) const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// One connection, as its requests see it.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    server: SocketAddr,
    /// The listener's address as configured.
    pub(crate) listener: SocketAddr,
    pub(crate) tls: Option<TlsFacts>,
    /// The address as a header value.
    pub(crate) ip_value: HeaderValue,
    pub(crate) wire: Rc<Wire>,
    pub(crate) stall: Stall,
    pub(crate) seat: Arc<Seat>,
    pub(crate) tunnel: RefCell<Option<Tunnel>>,
}

impl Client {
    /// `ends`: the client's address and ours.
    pub(crate) fn new(
        (address, server): (SocketAddr, SocketAddr),
        listener: SocketAddr,
        tls: Option<TlsFacts>,
        seat: Arc<Seat>,
    ) -> Self {
        let ip = address.ip().to_canonical().to_string();
        Self {
            address,
            server,
            listener,
            tls,
            ip_value: HeaderValue::try_from(ip).unwrap_or(HeaderValue::from_static("unknown")),
            wire: Rc::default(),
            stall: Stall::new(),
            seat,
            tunnel: RefCell::default(),
        }
    }

    /// The two ends, for the rules.
    pub(crate) fn engine_connection(&self) -> Ends {
        Ends {
            client: (self.address.ip().to_canonical(), self.address.port()),
            server: (self.server.ip().to_canonical(), self.server.port()),
        }
    }
}

/// Serves a connection to its end. What a connection needs only for a while is in boxes of its own, so that one
/// that is idle holds little.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    door: Door,
    stream: TcpStream,
    address: SocketAddr,
    seat: Arc<Seat>,
) {
    let plan = worker.plan();
    let listener = door.configured;
    // A listener that a reload has just given up serves nobody.
    let Some(secure) = plan.listener(listener).map(|listen| listen.tls) else { return };
    let Some(server) = door.own.or_else(|| stream.local_addr().ok()) else { return };
    let client = Client::new((address, server), listener, None, seat);
    if secure {
        if let Some((client, stream)) = Box::pin(shake(&worker, client, stream, &plan)).await {
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                Box::pin(http2::serve(worker, client, stream, &plan)).await;
            } else {
                Box::pin(http1::serve(worker, client, stream, &plan)).await;
            }
        }
    } else {
        Box::pin(http1::serve(worker, Rc::new(client), stream, &plan)).await;
    }
}

/// The handshake; `None`: it failed, or there is no more to say.
async fn shake(
    worker: &Rc<Worker>,
    mut client: Client,
    stream: TcpStream,
    plan: &Plan,
) -> Option<(Rc<Client>, Box<TlsStream<TcpStream>>)> {
    let handshake = handshake(plan.tls.as_ref()?, stream);
    let (stream, client_ca) = match timeout(plan.settings.limits.header_time, handshake).await {
        Ok(Ok(secured)) => secured,
        // No HTTP has been spoken yet: there is nobody to tell.
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            worker.counters.refuse();
            return None;
        }
        Ok(Err(_)) => {
            refused_unread(worker, &client, "tls handshake failed", None);
            return None;
        }
        Err(_) => {
            refused_unread(worker, &client, "tls handshake too slow", None);
            return None;
        }
    };
    if stream.get_ref().1.alpn_protocol() == Some(crate::acme::PROTOCOL) {
        // An authority has seen what it wanted to see.
        return None;
    }
    client.tls = Some(tls_facts(&stream, client_ca));
    Some((Rc::new(client), Box::new(stream)))
}

/// The record of a connection over its limits, which is closed unheard.
pub(crate) fn turned_away(worker: &Rc<Worker>, address: SocketAddr) {
    let id = worker.next_id();
    let record = Record::default();
    let line = Line {
        decision: Decided::Limit,
        reason: Some("too many connections"),
        ..unheard(&id, address, &record)
    };
    worker.log.add(|out| line.write(out, std::iter::empty()));
}

/// The record of a connection that should have begun by naming its client.
pub(crate) fn unannounced(worker: &Rc<Worker>, sender: SocketAddr) {
    worker.counters.refuse();
    let id = worker.next_id();
    let record = Record::default();
    let line = Line {
        reason: Some("no valid header of the proxy protocol"),
        ..unheard(&id, sender, &record)
    };
    worker.log.add(|out| line.write(out, std::iter::empty()));
}

/// The record of a connection whose bytes were passed on, or refused.
pub(crate) fn passed(worker: &Rc<Worker>, passed: &Passed<'_>) {
    worker.counters.request();
    if passed.refused.is_some() {
        worker.counters.refuse();
    }
    let id = worker.next_id();
    let record = Record::default();
    let line = Line {
        tls: passed.tls,
        bytes_in: passed.bytes_in,
        bytes_out: passed.bytes_out,
        duration_us: u64::try_from(passed.time.as_micros()).unwrap_or(u64::MAX),
        site: passed.name,
        upstream: passed.upstream.as_deref(),
        user: passed.user.as_deref(),
        decision: if passed.refused.is_some() { Decided::Refuse } else { Decided::Forward },
        reason: passed.refused,
        ..unheard(&id, passed.client, &record)
    };
    worker.log.add(|out| line.write(out, std::iter::empty()));
}

/// A line about something that was no request.
fn unheard<'a>(id: &'a str, address: SocketAddr, record: &'a Record) -> Line<'a> {
    Line {
        time: burgrave_sys::wall_clock(),
        id,
        client: address,
        tls: None,
        version: None,
        method: None,
        host: None,
        target: None,
        status: 0,
        bytes_in: 0,
        bytes_out: 0,
        duration_us: 0,
        site: None,
        route: None,
        upstream: None,
        user: None,
        decision: Decided::Refuse,
        reason: None,
        record,
    }
}

/// The record of bytes that never became a request.
pub(crate) fn record(
    worker: &Rc<Worker>,
    client: &Client,
    refused: &Refused,
    id: &str,
    body_bytes: u64,
) {
    worker.counters.request();
    worker.counters.refuse();
    let record = Record::default();
    let first = refused.received.split(|byte| *byte == b'\n').find(|line| line.len() > 1);
    let line = first.unwrap_or_default();
    let mut words = line.strip_suffix(b"\r").unwrap_or(line).split(|byte| *byte == b' ');
    let line = Line {
        tls: client.tls.as_ref().map(|tls| tls.version),
        version: Some("HTTP/1.1"),
        method: words.next().filter(|method| !method.is_empty()),
        target: words.next(),
        status: refused.reason.status().as_u16(),
        bytes_out: body_bytes,
        reason: Some(refused.reason.text()),
        ..unheard(id, client.address, &record)
    };
    worker.log.add(|out| line.write(out, std::iter::empty()));
}

/// The record of a request, or of a connection, that nobody here has read.
pub(crate) fn refused_unread(
    worker: &Rc<Worker>,
    client: &Client,
    reason: &'static str,
    version: Option<&'static str>,
) {
    worker.counters.request();
    worker.counters.refuse();
    let id = worker.next_id();
    let record = Record::default();
    let line = Line {
        tls: client.tls.as_ref().map(|tls| tls.version),
        version,
        reason: Some(reason),
        ..unheard(&id, client.address, &record)
    };
    worker.log.add(|out| line.write(out, std::iter::empty()));
}

/// A request's header, as a library for HTTP/2 or HTTP/3 hands it out.
pub(crate) struct Parts<'a> {
    pub(crate) method: &'a http::Method,
    pub(crate) uri: &'a http::Uri,
    pub(crate) fields: &'a http::HeaderMap,
    pub(crate) version: Version,
}

/// The header of a request, or the reason to refuse it beside a header for the record. `open` when a
/// body follows.
pub(crate) fn head_of(
    parts: &Parts<'_>,
    open: bool,
    fields_max: usize,
) -> (Option<Head>, Result<(), Reason>) {
    match build(parts, open, fields_max) {
        Ok(head) => (Some(head), Ok(())),
        Err(reason) => {
            let target = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            let method = parts.method.as_str().as_bytes();
            let bare = HeadBuilder::bare(method, target.as_bytes(), parts.version);
            (bare.finish(false), Err(reason))
        }
    }
}

fn build(parts: &Parts<'_>, open: bool, fields_max: usize) -> Result<Head, Reason> {
    if parts.fields.len() > fields_max {
        return Err(Reason::HeaderMany);
    }
    let target = parts.uri.path_and_query().ok_or(Reason::Target)?.as_str();
    let method = parts.method.as_str().as_bytes();
    let mut builder = HeadBuilder::new(method, target.as_bytes(), parts.version)?;
    if parts.uri.scheme_str().is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
        return Err(Reason::Target);
    }
    if parts.fields.get_all(http::header::HOST).iter().nth(1).is_some() {
        return Err(Reason::HostConflict);
    }
    let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    if let Some(authority) = authority {
        builder.field(b"Host", authority)?;
    }
    for (name, value) in parts.fields {
        if name == http::header::HOST {
            match authority {
                Some(authority) if authority == value.as_bytes() => continue,
                Some(_) => return Err(Reason::HostConflict),
                None => {}
            }
        }
        if name != http::header::COOKIE {
            builder.field(name.as_str().as_bytes(), value.as_bytes())?;
        }
    }
    // One field again, as it was before it was split for compression (RFC 9113 §8.2.3, RFC 9114 §4.2.1).
    let cookies = parts.fields.get_all(http::header::COOKIE);
    let cookies: Vec<&[u8]> = cookies.iter().map(http::HeaderValue::as_bytes).collect();
    if !cookies.is_empty() {
        builder.field(b"cookie", &cookies.join(&b"; "[..]))?;
    }
    builder.finish(open).ok_or(Reason::RequestLine)
}
