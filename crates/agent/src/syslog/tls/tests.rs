//! Clients with the right certificate, with another, with none, and those that say nothing.

use super::*;
use crate::syslog::Receiver;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned, SupportedProtocolVersion};
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::thread::JoinHandle;

type Authority = CertifiedIssuer<'static, KeyPair>;
type Shown = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);
type Client = StreamOwned<ClientConnection, TcpStream>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate (PEM) with its key.
fn signed(by: &Authority) -> (String, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["log.test".to_owned()]).unwrap();
    (params.signed_by(&key, by).unwrap().pem(), key)
}

fn shown(by: &Authority) -> Shown {
    let (certificate, key) = signed(by);
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    (vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()], key)
}

#[expect(clippy::disallowed_methods, reason = "the test's own file")]
fn write(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// A machine that takes messages from clients of `ours`.
struct Stage {
    ours: Authority,
    files: SyslogTls,
    folder: tempfile::TempDir,
    together: Together,
}

impl Stage {
    fn new() -> Self {
        let ours = authority();
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (certificate, key) = signed(&ours);
        write(&at("certificate"), &certificate, 0o644);
        write(&at("key"), &key.serialize_pem(), 0o600);
        write(&at("ca"), &ours.pem(), 0o644);
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let files = SyslogTls {
            address: free,
            certificate: at("certificate"),
            key: at("key"),
            client_ca: at("ca"),
        };
        Self { ours, files, folder, together: Together::new().unwrap() }
    }

    fn receiver(&self) -> Receiver {
        Receiver::open_tls(&self.files, &self.together).unwrap()
    }

    fn client(&self, shown: Option<Shown>, version: &'static SupportedProtocolVersion) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(self.ours.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots);
        let config = match shown {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
        };
        let name = ServerName::try_from("log.test").unwrap();
        let socket = TcpStream::connect(self.files.address).unwrap();
        StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), socket)
    }

    /// Reads until there are so many lines, or the client has done.
    fn lines<T>(
        &self,
        receiver: &mut Receiver,
        client: Option<&JoinHandle<T>>,
        count: usize,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        let end = Instant::now() + Duration::from_mins(1);
        let mut is_last = false;
        while lines.len() < count && !is_last {
            is_last = client.is_some_and(JoinHandle::is_finished);
            let each = |line: &[u8], _| lines.push(String::from_utf8(line.to_vec()).unwrap());
            receiver.read(&self.together, each).unwrap();
            assert!(Instant::now() < end, "{lines:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
        lines
    }
}

fn secure(receiver: &mut Receiver) -> &mut Secure {
    let super::super::Socket::Tls(secure) = &mut receiver.socket else {
        panic!("it is another socket")
    };
    secure
}

#[test]
fn who_shows_a_certificate_is_heard() {
    let stage = Stage::new();
    let mut receiver = stage.receiver();
    assert_eq!(receiver.name(), format!("syslog:tls://{}", stage.files.address));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut client = stage.client(Some(shown(&stage.ours)), version);
        let client = std::thread::spawn(move || {
            client.write_all(b"7 <13>one<13>two\n").unwrap();
            let long = vec![b'x'; 100_000];
            client.write_all(&[b"<13>", &long[..], b"\n9 <13>three5 <13>f"].concat()).unwrap();
            client.conn.send_close_notify();
            client.flush().unwrap();
            client
        });
        let lines = stage.lines::<Client>(&mut receiver, None, 5);
        let short: Vec<String> = lines.iter().map(|line| line.chars().take(5).collect()).collect();
        assert_eq!(short, ["one", "two", "xxxxx", "three", "f"]);
        drop(client.join().unwrap());
    }
    stage.lines::<()>(&mut receiver, None, 0);
    let end = Instant::now() + Duration::from_mins(1);
    while !secure(&mut receiver).streams.is_empty() {
        receiver.read(&stage.together, |line, _| panic!("{}", line.escape_ascii())).unwrap();
        assert!(Instant::now() < end, "they have gone");
    }
}

#[test]
fn who_shows_none_or_another_is_not() {
    let stage = Stage::new();
    let mut receiver = stage.receiver();
    let other = authority();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for shown in [None, Some(shown(&other))] {
            let mut client = stage.client(shown, version);
            let client = std::thread::spawn(move || {
                // With TLS 1.3 a client may speak before it hears that it is not believed.
                let written = client.write_all(b"<13>one\n").and_then(|()| client.flush());
                let answer = client.read(&mut [0; 8]);
                (written.is_err() || answer.is_err(), ())
            });
            let lines = stage.lines(&mut receiver, Some(&client), 1);
            assert!(lines.is_empty(), "{lines:?}");
            assert!(client.join().unwrap().0, "it is told");
            let secure = secure(&mut receiver);
            assert!(secure.streams.is_empty() && secure.handshakes.is_empty());
        }
    }
    let mut plain = TcpStream::connect(stage.files.address).unwrap();
    plain.write_all(b"<13>one\n").unwrap();
    let client = std::thread::spawn(move || plain.read_to_end(&mut Vec::new()).is_ok());
    assert!(stage.lines(&mut receiver, Some(&client), 1).is_empty());
}

#[test]
fn who_says_nothing_holds_up_nobody_and_is_sent_away() {
    let stage = Stage::new();
    let mut receiver = stage.receiver();
    let connect = |receiver: &mut Receiver| {
        let socket = TcpStream::connect(stage.files.address).unwrap();
        receiver.read(&stage.together, |_, _| {}).unwrap();
        socket
    };
    let silent: Vec<TcpStream> = (0..100).map(|_| connect(&mut receiver)).collect();
    let mut client = stage.client(Some(shown(&stage.ours)), &rustls::version::TLS13);
    let client = std::thread::spawn(move || {
        client.write_all(b"<13>heard\n").unwrap();
        client
    });
    assert_eq!(stage.lines::<Client>(&mut receiver, None, 1), ["heard"]);
    let mut client = client.join().unwrap();
    let secure_now = secure(&mut receiver);
    assert!(secure_now.handshakes.len() <= HANDSHAKES_OF_ONE_MAX);
    assert_eq!(secure_now.streams.len(), 1);
    for own in &mut secure_now.handshakes {
        own.began = Instant::now().checked_sub(HANDSHAKE_TIME).unwrap();
    }
    client.write_all(b"<13>again\n").unwrap();
    assert_eq!(stage.lines::<()>(&mut receiver, None, 1), ["again"]);
    assert!(secure(&mut receiver).handshakes.is_empty());
    drop(silent);
}

#[test]
fn what_a_stream_that_was_cut_off_had_begun_is_not_believed() {
    let stage = Stage::new();
    let mut receiver = stage.receiver();
    let mut client = stage.client(Some(shown(&stage.ours)), &rustls::version::TLS13);
    let client = std::thread::spawn(move || {
        client.write_all(b"<13>whole\n<13>from 192.0.2.1").unwrap();
        client.flush().unwrap();
        client.sock.shutdown(std::net::Shutdown::Both).unwrap();
    });
    assert_eq!(stage.lines(&mut receiver, None::<&JoinHandle<()>>, 1), ["whole"]);
    client.join().unwrap();
    let end = Instant::now() + Duration::from_mins(1);
    while !secure(&mut receiver).streams.is_empty() {
        receiver.read(&stage.together, |line, _| panic!("{}", line.escape_ascii())).unwrap();
        assert!(Instant::now() < end, "it has ended");
    }
}

fn stream(config: &Arc<ServerConfig>, at: &TcpListener, from: u32) -> Stream {
    let now = Instant::now();
    let _client = TcpStream::connect(at.local_addr().unwrap()).unwrap();
    Stream {
        socket: at.accept().unwrap().0,
        from: Ipv4Addr::from(from).into(),
        tls: ServerConnection::new(Arc::clone(config)).unwrap(),
        began: now,
        spoke: now,
        cut: Cut::default(),
    }
}

#[test]
fn handshakes_and_clients_have_bounds() {
    let stage = Stage::new();
    let config = config(&stage.files).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut all = Vec::new();
    for from in 0..200 {
        make_room(&mut all, Ipv4Addr::from(from).into());
        all.push(stream(&config, &listener, from));
        assert!(all.len() <= HANDSHAKES_MAX);
    }
    assert_eq!(all[0].from, Ipv4Addr::from(136), "the oldest made room");
    for _ in 0..50 {
        make_room(&mut all, Ipv4Addr::from(7).into());
        all.push(stream(&config, &listener, 7));
    }
    let of = |from: u32| all.iter().filter(|own| own.from == Ipv4Addr::from(from)).count();
    assert_eq!((of(7), of(199)), (HANDSHAKES_OF_ONE_MAX, 1), "one address ends its own");
    let mut streams: Vec<Stream> = (0..64).map(|from| stream(&config, &listener, from)).collect();
    let now = Instant::now();
    assert!(!has_room(&mut streams, now), "none is silent");
    streams[7].spoke = now.checked_sub(SILENCE).unwrap();
    assert!(has_room(&mut streams, now));
    assert!(streams.iter().all(|own| own.from != Ipv4Addr::from(7)));
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let stage = Stage::new();
    let check = |change: &dyn Fn(&mut SyslogTls), why: &str| {
        let mut files = stage.files.clone();
        change(&mut files);
        let said = burgrave_sys::chain(&config(&files).unwrap_err());
        assert!(said.contains(why), "{said}");
    };
    let at = |name: &str| stage.folder.path().join(name);
    let key = signed(&stage.ours).1.serialize_pem();
    write(&at("open"), &key, 0o640);
    write(&at("other"), &key, 0o600);
    write(&at("empty"), "", 0o600);
    check(&|files| files.key = at("open"), "open` cannot be used: it may be used by others");
    check(&|files| files.key = at("none"), "none` cannot be used: it does not exist");
    check(&|files| files.key = at("."), "it is no regular file");
    check(&|files| files.key = at("empty"), "empty` cannot be used");
    check(&|files| files.key = at("other"), "TLS cannot be spoken");
    check(&|files| files.certificate = at("empty"), "it holds no certificate");
    check(&|files| files.client_ca = at("empty"), "it holds no certificate");
    assert!(config(&stage.files).is_ok());
}
