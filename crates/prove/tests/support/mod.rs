//! Servers to attack: one that refuses nothing, one that refuses what it should, one that says
//! nothing. Loopback only; every thread ends by itself.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::disallowed_methods,
    reason = "each test file uses a part"
)]

pub mod deployment;
pub mod http2;
pub mod naive;
pub mod sound;

use burgrave_config::{Challenge, Environment, Limits, RateBy, RequestRate};
use burgrave_prove::{
    Door, Entry, Http3, Inspected, Layer, Place, Serves, Target, TargetCertificate, TargetSite,
    WireLimits,
};
use rustls::server::ResolvesServerCertUsingSni;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

pub const HOST: &str = "shop.test";
/// When a connection of any test server ends at the latest.
const LIFE: Duration = Duration::from_secs(12);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Naive,
    Sound,
    /// As the sound one, but for this.
    SoundBut(Hole),
    /// Refuses every stranger and is kept from search engines.
    Closed,
    /// As the sound one, but takes this version of TLS with this suite as well.
    OldTls(u16, u16),
    Mute,
}

/// One thing that a server does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hole {
    BelievesBothLengths,
    TakesBareLineFeeds,
    TakesOddChunkSizes,
    ForgetsCookies,
    ForgetsJson,
    ServesBackups,
    NamesItselfInErrors,
    TakesAnyHost,
    TakesNoHost,
    WaitsForHeaders,
    WaitsForBodies,
    TakesLargeBodies,
    TakesManyFields,
    RefusesAll,
    FailsAlways,
    LimitsAlways,
    TakesNoBody,
    BreaksDown,
}

/// Bytes in both directions.
pub trait Duplex: Read + Write {}
impl<T: Read + Write> Duplex for T {}

/// What a server reads from, with a last moment.
pub struct Client {
    stream: Box<dyn Duplex>,
    socket: TcpStream,
    pub sni: Option<String>,
    buffer: Vec<u8>,
}

impl Client {
    /// More bytes until `end`; false at the end of the stream or of the time.
    fn more(&mut self, end: Instant) -> bool {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || self.socket.set_read_timeout(Some(left)).is_err() {
            return false;
        }
        let mut scrap = [0; 16384];
        match self.stream.read(&mut scrap) {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.buffer.extend_from_slice(&scrap[..count]);
                true
            }
        }
    }

    pub fn line(&mut self, end: Instant) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.buffer.iter().position(|byte| *byte == b'\n') {
                return Some(self.buffer.drain(..=at).collect());
            }
            if !self.more(end) {
                return None;
            }
        }
    }

    /// Exactly so many bytes, each of which comes within `pause` of the one before.
    pub fn take(&mut self, count: usize, pause: Duration) -> Option<Vec<u8>> {
        while self.buffer.len() < count {
            if !self.more(Instant::now() + pause) {
                return None;
            }
        }
        Some(self.buffer.drain(..count).collect())
    }

    /// False when the client is gone.
    pub fn say(&mut self, bytes: &str) -> bool {
        self.stream.write_all(bytes.as_bytes()).and_then(|()| self.stream.flush()).is_ok()
    }

    /// Says it, and lets the client read it: unread bytes would take it away again.
    pub fn say_last(&mut self, bytes: &str) {
        if self.say(bytes) {
            self.socket.shutdown(std::net::Shutdown::Write).ok();
            let end = Instant::now() + Duration::from_millis(200);
            while self.more(end) {
                self.buffer.clear();
            }
        }
    }
}

/// Starts a server and returns its address.
pub fn start(kind: Kind, layer: Layer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = (layer == Layer::Tls).then(|| server_config(kind));
    let broken = Arc::new(AtomicBool::new(false));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = config.clone();
            let broken = Arc::clone(&broken);
            std::thread::spawn(move || serve(kind, stream, config, &broken));
        }
    });
    address
}

/// An address at which nobody listens.
pub fn dead() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn serve(kind: Kind, socket: TcpStream, config: Option<Arc<ServerConfig>>, broken: &AtomicBool) {
    socket.set_read_timeout(Some(LIFE)).unwrap();
    socket.set_write_timeout(Some(LIFE)).unwrap();
    if kind == Kind::Mute {
        std::thread::sleep(Duration::from_secs(3));
        return;
    }
    let old = match kind {
        Kind::Naive => Some(None),
        Kind::OldTls(version, suite) => Some(Some((version, suite))),
        Kind::Sound | Kind::SoundBut(_) | Kind::Closed | Kind::Mute => None,
    };
    if let Some(only) = old
        && config.is_some()
        && naive::old_hello(&socket, only)
    {
        return;
    }
    let twin = socket.try_clone().unwrap();
    let Some((stream, sni, http2)) = layered(socket, config) else { return };
    let mut client = Client { stream, socket: twin, sni, buffer: Vec::new() };
    if http2 {
        return http2::serve(client, kind != Kind::Naive);
    }
    match kind {
        Kind::Closed => {
            client.line(Instant::now() + LIFE);
            client.say_last(
                "HTTP/1.1 401 Sign in\r\nX-Robots-Tag: noindex\r\nContent-Length: 4\r\n\r\nno.\n",
            );
        }
        Kind::Naive => naive::serve(client),
        Kind::Sound | Kind::OldTls(..) => sound::serve(client, None, &AtomicBool::new(false)),
        Kind::SoundBut(hole) => sound::serve(client, Some(hole), broken),
        Kind::Mute => {}
    }
}

fn layered(
    socket: TcpStream,
    config: Option<Arc<ServerConfig>>,
) -> Option<(Box<dyn Duplex>, Option<String>, bool)> {
    let Some(config) = config else { return Some((Box::new(socket), None, false)) };
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), socket);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).ok()?;
    }
    let sni = stream.conn.server_name().map(str::to_owned);
    let http2 = stream.conn.alpn_protocol() == Some(b"h2");
    Some((Box::new(stream), sni, http2))
}

/// The naive one shows whoever comes what is not theirs, and what has ended.
fn server_config(kind: Kind) -> Arc<ServerConfig> {
    let (name, ends) = if kind == Kind::Naive { ("other.test", 2020) } else { (HOST, 2096) };
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2019, 1, 1);
    params.not_after = rcgen::date_time_ymd(ends, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let own = CertifiedKey::from_der(vec![made.der().clone()], key, &provider).unwrap();
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth();
    let mut by_name = ResolvesServerCertUsingSni::new();
    let mut config = if kind == Kind::Naive {
        builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(own)))
    } else {
        by_name.add(HOST, own).unwrap();
        builder.with_cert_resolver(Arc::new(by_name))
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

/// Limits that keep a test short.
pub fn short_limits() -> Limits {
    Limits {
        header_time: Duration::from_millis(600),
        body_time: Duration::from_millis(600),
        body_bytes: 100_000,
        header_bytes: 8_000,
        header_count: 40,
        ..Limits::default()
    }
}

pub fn short_patience() -> WireLimits {
    WireLimits {
        run_time: Duration::from_secs(40),
        answer_time: Duration::from_secs(2),
        quiet_time: Duration::from_millis(100),
        grace_time: Duration::from_millis(1500),
        ..WireLimits::default()
    }
}

/// One site with an application at `/`.
pub fn target(address: SocketAddr, layer: Layer) -> Target {
    let limits = short_limits();
    Target {
        sites: vec![TargetSite {
            name: HOST.to_owned(),
            host: HOST.to_owned(),
            any_host: false,
            door: Some(Door { address, layer }),
            plain: None,
            tls: layer == Layer::Tls,
            places: vec![Place {
                path: "/".to_owned(),
                serves: Serves::Upstream,
                inspected: Inspected::Blocks,
                limits: limits.clone(),
                entry: Entry::Open,
                rate: Some(RequestRate { per_second: 20.0, by: RateBy::Client, burst: 30 }),
                is_scanned: false,
            }],
            limits,
            environment: Environment::Production,
            is_announced: false,
            challenge: Challenge::Off,
            http3: Http3::Off,
        }],
        certificates: (layer == Layer::Tls).then(|| certificate(address)).into_iter().collect(),
        ..Target::default()
    }
}

/// What the site shows, with a key that is nobody else's.
fn certificate(address: SocketAddr) -> TargetCertificate {
    let key = Path::new(env!("CARGO_TARGET_TMPDIR")).join("prove.key");
    std::fs::write(&key, "").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    TargetCertificate {
        name: HOST.to_owned(),
        door: Door { address, layer: Layer::Tls },
        hosts: vec![HOST.to_owned()],
        any_name: false,
        environment: Some(Environment::Production),
        keys: vec![key],
        shown_at: Vec::new(),
    }
}

/// The same, with bodies that are scanned.
pub fn scanned_target(address: SocketAddr, layer: Layer) -> Target {
    let mut target = target(address, layer);
    target.sites[0].places[0].is_scanned = true;
    target
}

/// The same, not in production and not for strangers.
pub fn closed_target(address: SocketAddr, layer: Layer) -> Target {
    let mut target = target(address, layer);
    target.sites[0].environment = Environment::Staging;
    target.sites[0].places[0].entry = Entry::Closed;
    "/staff/".clone_into(&mut target.sites[0].places[0].path);
    target
}
