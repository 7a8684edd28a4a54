//! The parts that a server cannot do without, and nothing around them: what is left for a front door to save.
//!
//! `floor PLAIN TLS FOLDER BACKEND` answers whatever comes to 127.0.0.1 on port `PLAIN` with `FOLDER/web/100k.txt`, by epoll,
//! one `recv`, one `send` of a fixed header and `sendfile`; what begins with `GET /api/` it passes on to port `BACKEND` and its
//! answer back, byte for byte. On port `TLS`, with the certificate and key `FOLDER/cert.pem` and `FOLDER/key.pem` and the
//! gateway's own TLS library, it answers with `FOLDER/web/1k.txt` and the end of the connection, everything after the
//! handshake in one write; and where HTTP/2 is spoken, each stream with a fixed header and the 100 KB, in frames that fill
//! a record each. It reads no request further, keeps no log, no window and no limit or time: **no server**, only the measure
//! beside which `cargo xtask bench gateway` puts servers. It listens on loopback alone.

#![allow(clippy::disallowed_methods, reason = "a measure has no root and no system to be shown")]

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::net::SendFlags;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
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
    /// As frames of HTTP/2, without the streams' numbers, and where these belong.
    frames: Vec<u8>,
    numbers: Vec<usize>,
    tls: Arc<ServerConfig>,
}

enum Peer {
    /// How many bytes of the file have been sent; `None`: it has asked for nothing.
    Plain(TcpStream, Option<u64>),
    Tls(TcpStream, Box<ServerConnection>, Streams),
    /// A connection to the backend, the client that waits for its answer, and bytes of that to come, once they are known.
    Backend(TcpStream, Option<u64>, Option<usize>),
}

/// What a client of HTTP/2 has asked for.
#[derive(Default)]
struct Streams {
    input: Vec<u8>,
    greeted: bool,
    asked: VecDeque<u32>,
}

/// What a turn comes to.
enum Turn {
    Stays,
    Over,
    /// This is to go to the backend.
    Ask(Vec<u8>),
    /// This is to go to the client of this name; whether it is all.
    Answer(u64, Vec<u8>, bool),
}

/// Of an epoll's events, which are the listeners'.
const PLAIN: u64 = 0;
const TLS: u64 = 1;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [plain, tls, folder, backend] = arguments.as_slice() else {
        return Err("floor PLAIN TLS FOLDER BACKEND".into());
    };
    let backend = SocketAddr::from(([127, 0, 0, 1], backend.parse()?));
    let answers = Answers::read(Path::new(folder))?;
    let events = epoll::create(CreateFlags::CLOEXEC)?;
    let plain = listen(plain, PLAIN, &events)?;
    let tls = listen(tls, TLS, &events)?;
    eprintln!("ready");
    let mut peers = Peers { events, all: HashMap::new(), idle: Vec::new(), backend };
    let mut buffer = Vec::with_capacity(64);
    loop {
        epoll::wait(&peers.events, rustix::buffer::spare_capacity(&mut buffer), None)?;
        for event in buffer.drain(..) {
            match event.data.u64() {
                PLAIN => peers.take(&plain, |stream| Ok(Peer::Plain(stream, None)))?,
                TLS => peers.take(&tls, |stream| {
                    let mut own = ServerConnection::new(Arc::clone(&answers.tls))?;
                    own.set_buffer_limit(None);
                    Ok(Peer::Tls(stream, Box::new(own), Streams::default()))
                })?,
                other => peers.turn(other, &answers)?,
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
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        tls.ticketer = aws_lc_rs::Ticketer::new()?;
        tls.send_tls13_tickets = 1;
        let large_head = head(large_bytes, "");
        let (frames, numbers) = frames(&std::fs::read(folder.join("web/100k.txt"))?)?;
        Ok(Self { large, large_bytes, large_head, small, frames, numbers, tls: Arc::new(tls) })
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

/// A header of a status and a length, then the content in frames that fill a TLS record each.
fn frames(content: &[u8]) -> Outcome<(Vec<u8>, Vec<usize>)> {
    let length = content.len().to_string();
    let block = [&[0x88, 0x0f, 13, u8::try_from(length.len())?][..], length.as_bytes()].concat();
    let (mut out, mut numbers) = (Vec::new(), Vec::new());
    let mut frame = |kind: u8, flags: u8, content: &[u8]| -> Outcome<()> {
        let [_, size @ ..] = u32::try_from(content.len())?.to_be_bytes();
        out.extend(size);
        out.extend([kind, flags]);
        numbers.push(out.len());
        out.extend([0; 4]);
        out.extend_from_slice(content);
        Ok(())
    };
    frame(1, 4, &block)?;
    let pieces: Vec<_> = content.chunks(16 * 1024 - 9).collect();
    for (index, piece) in pieces.iter().enumerate() {
        frame(0, u8::from(index + 1 == pieces.len()), piece)?;
    }
    Ok((out, numbers))
}

/// All connections, by the numbers of their descriptors.
struct Peers {
    events: OwnedFd,
    all: HashMap<u64, Peer>,
    /// Connections to the backend that wait for a request.
    idle: Vec<u64>,
    backend: SocketAddr,
}

impl Peers {
    /// All who wait at a listener.
    fn take(
        &mut self,
        from: &TcpListener,
        peer: impl Fn(TcpStream) -> Outcome<Peer>,
    ) -> Outcome<()> {
        while let Ok((stream, _)) = from.accept() {
            self.add(stream, &peer)?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        stream: TcpStream,
        peer: impl Fn(TcpStream) -> Outcome<Peer>,
    ) -> Outcome<u64> {
        stream.set_nonblocking(true)?;
        let name = u64::try_from(stream.as_raw_fd())?;
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
        epoll::add(&self.events, stream.as_fd(), EventData::new_u64(name), flags)?;
        self.all.insert(name, peer(stream)?);
        Ok(name)
    }

    /// Goes on with one as far as it can.
    fn turn(&mut self, name: u64, answers: &Answers) -> Outcome<()> {
        let turn = self.all.get_mut(&name).map_or(Turn::Over, |peer| peer.turn(answers));
        match turn {
            Turn::Stays => {}
            Turn::Over => drop(self.all.remove(&name)),
            Turn::Ask(request) => self.ask(name, &request)?,
            Turn::Answer(client, answer, is_all) => {
                if let Some(Peer::Plain(stream, _)) = self.all.get_mut(&client) {
                    stream.write_all(&answer)?;
                }
                if is_all {
                    self.idle.push(name);
                }
            }
        }
        Ok(())
    }

    fn ask(&mut self, client: u64, request: &[u8]) -> Outcome<()> {
        let name = if let Some(name) = self.idle.pop() {
            name
        } else {
            let stream = TcpStream::connect(self.backend)?;
            stream.set_nodelay(true)?;
            self.add(stream, |stream| Ok(Peer::Backend(stream, None, None)))?
        };
        if let Some(Peer::Backend(stream, waits, _)) = self.all.get_mut(&name) {
            *waits = Some(client);
            stream.write_all(request)?;
        }
        Ok(())
    }
}

impl Peer {
    /// Goes on as far as it can.
    fn turn(&mut self, answers: &Answers) -> Turn {
        match self {
            Self::Plain(stream, sent) => plain(stream, sent, answers),
            Self::Tls(stream, own, streams) => {
                let stays = secure(stream, own, streams, answers).unwrap_or(false);
                if stays { Turn::Stays } else { Turn::Over }
            }
            Self::Backend(stream, client, left) => passed(stream, client, left),
        }
    }
}

/// What the backend has answered.
fn passed(stream: &mut TcpStream, client: &mut Option<u64>, left: &mut Option<usize>) -> Turn {
    let mut answer = vec![0; 4096];
    let count = match stream.read(&mut answer) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Turn::Stays,
        Ok(0) | Err(_) => return Turn::Over,
        Ok(count) => count,
    };
    answer.truncate(count);
    let end = memchr::memmem::find(&answer, b"\r\n\r\n").map_or(count, |end| end + 4);
    // Of the one file that is asked for.
    let rest = left.take().unwrap_or(end + 1024).saturating_sub(count);
    *left = (rest > 0).then_some(rest);
    let Some(name) = *client else { return Turn::Over };
    if rest == 0 {
        *client = None;
    }
    Turn::Answer(name, answer, rest == 0)
}

fn plain(stream: &mut TcpStream, sent: &mut Option<u64>, answers: &Answers) -> Turn {
    if sent.is_none() {
        let mut request = [0; 4096];
        match stream.read(&mut request) {
            Ok(count @ 1..) => {
                let request = request.get(..count).unwrap_or_default();
                if request.starts_with(b"GET /api/") {
                    return Turn::Ask(request.to_vec());
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Turn::Stays,
            Ok(0) | Err(_) => return Turn::Over,
        }
        if rustix::net::send(&*stream, &answers.large_head, SendFlags::MORE).is_err() {
            return Turn::Over;
        }
    }
    let mut at = sent.unwrap_or(0);
    while let Ok(left @ 1..) = usize::try_from(answers.large_bytes - at) {
        match rustix::fs::sendfile(&*stream, &answers.large, Some(&mut at), left) {
            Ok(1..) => {}
            Ok(0) => return Turn::Over,
            Err(error) => {
                *sent = Some(at);
                return if error == rustix::io::Errno::AGAIN { Turn::Stays } else { Turn::Over };
            }
        }
    }
    *sent = None;
    Turn::Stays
}

fn secure(
    stream: &mut TcpStream,
    own: &mut ServerConnection,
    streams: &mut Streams,
    answers: &Answers,
) -> Outcome<bool> {
    loop {
        match own.read_tls(stream) {
            Ok(0) => return Ok(false),
            Ok(_) => {}
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return Ok(false),
            Err(_) if is_http2(own) => return streams.answer(stream, own, answers),
            Err(_) => return Ok(true),
        }
        let heard = own.process_new_packets()?;
        if own.is_handshaking() {
            while own.wants_write() {
                own.write_tls(stream)?;
            }
        }
        if is_http2(own) {
            let mut plain = vec![0; heard.plaintext_bytes_to_read()];
            own.reader().read_exact(&mut plain)?;
            streams.input.extend(plain);
            streams.hear(own)?;
        } else if heard.plaintext_bytes_to_read() > 0 {
            own.writer().write_all(&answers.small)?;
            own.send_close_notify();
            while own.wants_write() {
                own.write_tls(stream)?;
            }
            return Ok(false);
        }
    }
}

fn is_http2(own: &ServerConnection) -> bool {
    !own.is_handshaking() && own.alpn_protocol() == Some(b"h2")
}

/// Bytes before a client's first frame, and those of a frame's head (RFC 9113 §3.4, §4.1).
const PREFACE_BYTES: usize = 24;
const HEAD_BYTES: usize = 9;

impl Streams {
    /// Takes the frames that have come.
    fn hear(&mut self, own: &mut ServerConnection) -> Outcome<()> {
        let mut at = 0;
        if !self.greeted && self.input.len() >= PREFACE_BYTES {
            self.greeted = true;
            own.writer().write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])?;
            at = PREFACE_BYTES;
        }
        while self.greeted
            && let Some(head) = self.input.get(at..).and_then(<[u8]>::first_chunk::<HEAD_BYTES>)
        {
            let [high, middle, low, kind, flags, number @ ..] = *head;
            let length = usize::try_from(u32::from_be_bytes([0, high, middle, low]))?;
            if at + HEAD_BYTES + length > self.input.len() {
                break;
            }
            at += HEAD_BYTES + length;
            match (kind, flags & 1) {
                (1, _) => self.asked.push_back(u32::from_be_bytes(number)),
                (4, 0) => own.writer().write_all(&[0, 0, 0, 4, 1, 0, 0, 0, 0])?,
                _ => {}
            }
        }
        self.input.drain(..at);
        Ok(())
    }

    /// Answers as long as the client takes it.
    fn answer(
        &mut self,
        stream: &mut TcpStream,
        own: &mut ServerConnection,
        answers: &Answers,
    ) -> Outcome<bool> {
        loop {
            while own.wants_write() {
                match own.write_tls(stream) {
                    Ok(_) => {}
                    Err(error) => return Ok(error.kind() == std::io::ErrorKind::WouldBlock),
                }
            }
            let Some(number) = self.asked.pop_front() else { return Ok(true) };
            let mut at = 0;
            for place in &answers.numbers {
                own.writer().write_all(answers.frames.get(at..*place).unwrap_or_default())?;
                own.writer().write_all(&number.to_be_bytes())?;
                at = place + 4;
            }
            own.writer().write_all(answers.frames.get(at..).unwrap_or_default())?;
        }
    }
}
