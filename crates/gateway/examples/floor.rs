//! The parts that a server cannot do without, and nothing around them: what is left for a front door to save.
//!
//! `floor PLAIN TLS FOLDER` answers whatever comes to 127.0.0.1 on port `PLAIN` with `FOLDER/web/100k.txt`, by epoll, one
//! `recv`, one `send` of a fixed header and `sendfile`; and on port `TLS`, with the certificate and key `FOLDER/cert.pem` and
//! `FOLDER/key.pem` and the gateway's own TLS library, with `FOLDER/web/1k.txt` and the end of the connection, everything
//! after the handshake in one write. It reads no request, keeps no log and has no limit or time: **no server**, only the
//! measure beside which `cargo xtask bench gateway` puts servers. It listens on loopback alone.

#![allow(clippy::disallowed_methods, reason = "a measure has no root and no system to be shown")]

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::net::SendFlags;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::path::Path;
use std::sync::Arc;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is sent to everybody.
struct Answers {
    large: File,
    large_bytes: u64,
    large_head: Vec<u8>,
    small: Vec<u8>,
    tls: Arc<ServerConfig>,
}

enum Peer {
    /// How many bytes of the file have been sent; `None`: it has asked for nothing.
    Plain(TcpStream, Option<u64>),
    Tls(TcpStream, Box<ServerConnection>),
}

/// Of an epoll's events, which are the listeners'.
const PLAIN: u64 = 0;
const TLS: u64 = 1;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [plain, tls, folder] = arguments.as_slice() else {
        return Err("floor PLAIN TLS FOLDER".into());
    };
    let answers = Answers::read(Path::new(folder))?;
    let events = epoll::create(CreateFlags::CLOEXEC)?;
    let plain = listen(plain, PLAIN, &events)?;
    let tls = listen(tls, TLS, &events)?;
    eprintln!("ready");
    let mut peers: HashMap<u64, Peer> = HashMap::new();
    let mut buffer = Vec::with_capacity(64);
    loop {
        epoll::wait(&events, rustix::buffer::spare_capacity(&mut buffer), None)?;
        for event in buffer.drain(..) {
            match event.data.u64() {
                PLAIN => take(&plain, &events, &mut peers, |stream| Ok(Peer::Plain(stream, None)))?,
                TLS => take(&tls, &events, &mut peers, |stream| {
                    let own = ServerConnection::new(Arc::clone(&answers.tls))?;
                    Ok(Peer::Tls(stream, Box::new(own)))
                })?,
                other => {
                    let stays = peers.get_mut(&other).is_some_and(|peer| peer.turn(&answers));
                    if !stays {
                        peers.remove(&other);
                    }
                }
            }
        }
    }
}

impl Answers {
    fn read(folder: &Path) -> Outcome<Self> {
        let large = File::open(folder.join("web/100k.txt"))?;
        let large_bytes = large.metadata()?.len();
        let text = std::fs::read(folder.join("web/1k.txt"))?;
        let mut small = head(text.len().try_into()?, "Connection: close\r\n");
        small.extend_from_slice(&text);
        let chain = CertificateDer::pem_file_iter(folder.join("cert.pem"))?;
        let chain = chain.collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_file(folder.join("key.pem"))?;
        let library = aws_lc_rs::default_provider();
        let suites = vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256];
        let provider = CryptoProvider { cipher_suites: suites, ..library };
        let mut tls = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        tls.ticketer = aws_lc_rs::Ticketer::new()?;
        tls.send_tls13_tickets = 1;
        let large_head = head(large_bytes, "");
        Ok(Self { large, large_bytes, large_head, small, tls: Arc::new(tls) })
    }
}

/// As long as the gateway's own, or so.
fn head(length: u64, more: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
         X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n\
         Content-Security-Policy: default-src 'self'\r\n{more}\r\n"
    )
    .into_bytes()
}

fn listen(port: &str, name: u64, events: &OwnedFd) -> Outcome<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?))?;
    listener.set_nonblocking(true)?;
    // Connections inherit it.
    rustix::net::sockopt::set_tcp_nodelay(&listener, true)?;
    epoll::add(events, &listener, EventData::new_u64(name), EventFlags::IN)?;
    Ok(listener)
}

/// All who wait at a listener.
fn take(
    listener: &TcpListener,
    events: &OwnedFd,
    peers: &mut HashMap<u64, Peer>,
    peer: impl Fn(TcpStream) -> Outcome<Peer>,
) -> Outcome<()> {
    while let Ok((stream, _)) = listener.accept() {
        stream.set_nonblocking(true)?;
        let name = u64::try_from(stream.as_raw_fd())?;
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
        epoll::add(events, stream.as_fd(), EventData::new_u64(name), flags)?;
        peers.insert(name, peer(stream)?);
    }
    Ok(())
}

impl Peer {
    /// Goes on as far as it can. `false`: it is over.
    fn turn(&mut self, answers: &Answers) -> bool {
        match self {
            Self::Plain(stream, sent) => plain(stream, sent, answers),
            Self::Tls(stream, own) => secure(stream, own, answers).unwrap_or(false),
        }
    }
}

fn plain(stream: &mut TcpStream, sent: &mut Option<u64>, answers: &Answers) -> bool {
    if sent.is_none() {
        let mut request = [0; 4096];
        match stream.read(&mut request) {
            Ok(1..) => {}
            Ok(0) => return false,
            Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
        }
        if rustix::net::send(&*stream, &answers.large_head, SendFlags::MORE).is_err() {
            return false;
        }
    }
    let mut at = sent.unwrap_or(0);
    while let Ok(left @ 1..) = usize::try_from(answers.large_bytes - at) {
        match rustix::fs::sendfile(&*stream, &answers.large, Some(&mut at), left) {
            Ok(1..) => {}
            Ok(0) => return false,
            Err(error) => {
                *sent = Some(at);
                return error == rustix::io::Errno::AGAIN;
            }
        }
    }
    *sent = None;
    true
}

fn secure(stream: &mut TcpStream, own: &mut ServerConnection, answers: &Answers) -> Outcome<bool> {
    loop {
        match own.read_tls(stream) {
            Ok(0) => return Ok(false),
            Ok(_) => {}
            Err(error) => return Ok(error.kind() == std::io::ErrorKind::WouldBlock),
        }
        let heard = own.process_new_packets()?;
        if own.is_handshaking() {
            while own.wants_write() {
                own.write_tls(stream)?;
            }
        }
        if heard.plaintext_bytes_to_read() > 0 {
            own.writer().write_all(&answers.small)?;
            own.send_close_notify();
            while own.wants_write() {
                own.write_tls(stream)?;
            }
            return Ok(false);
        }
    }
}
