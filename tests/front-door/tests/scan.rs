//! Bodies that are scanned before the application sees them: with a daemon that speaks clamd's protocol, and with
//! clamd itself where it is installed.

use crate::support::{self, Bed, PATIENCE, start_with, status};
use burgrave_config::{Authority, Clamd, Host, Limits, Scan};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What the daemon finds, at the beginning of a stream only.
const MARK: &str = "A-MARK-THAT-IS-MALWARE";

/// How a daemon answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Well,
    Fails,
    Silent,
    Leaves,
}

/// A daemon, and the streams that it was given.
fn daemon(mood: Mood) -> (SocketAddr, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let streams = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::clone(&streams);
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            if mood == Mood::Leaves {
                continue;
            }
            let mut command = [0; 10];
            client.read_exact(&mut command).unwrap();
            assert_eq!(&command, b"zINSTREAM\0");
            let mut stream = Vec::new();
            loop {
                let mut length = [0; 4];
                client.read_exact(&mut length).unwrap();
                let length = usize::try_from(u32::from_be_bytes(length)).unwrap();
                if length == 0 {
                    break;
                }
                let mut chunk = vec![0; length];
                client.read_exact(&mut chunk).unwrap();
                stream.extend(chunk);
            }
            let found = stream.starts_with(MARK.as_bytes());
            own.lock().unwrap().push(stream);
            let answer = match mood {
                Mood::Fails => "stream: Can't allocate memory ERROR\0",
                Mood::Silent => {
                    std::thread::sleep(PATIENCE);
                    ""
                }
                Mood::Well | Mood::Leaves if found => "stream: Test.Mark FOUND\0",
                Mood::Well | Mood::Leaves => "stream: OK\0",
            };
            drop(client.write_all(answer.as_bytes()));
        }
    });
    (address, streams)
}

fn tcp(address: SocketAddr) -> Clamd {
    Clamd::Tcp(Authority { host: Host::Address(address.ip()), port: address.port() })
}

fn bed(clamd: Clamd) -> Bed {
    bed_within(PATIENCE, clamd)
}

fn bed_within(upstream_time: Duration, clamd: Clamd) -> Bed {
    let limits = Limits { upstream_time, ..Limits::default() };
    start_with(&limits, |settings| {
        settings.sites[0].routes[0].scan = Some(Scan { clamd, bytes: 1 << 20 });
    })
}

fn post(bed: &Bed, kind: &str, body: &[u8]) -> u16 {
    let head = format!(
        "POST /api/x HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    status(&bed.send(&[head.as_bytes(), body].concat()))
}

/// A form with one file.
fn form(head: &str, file: &str) -> Vec<u8> {
    format!(
        "--b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nmine\r\n--b\r\n\
         Content-Disposition: form-data; name=\"f\"; filename=\"x.bin\"\r\n{head}\r\n{file}\r\n--b--\r\n"
    )
    .into_bytes()
}

const FORM: &str = "multipart/form-data; boundary=b";
const PLAIN: &str = "application/octet-stream";

#[test]
fn what_is_clean_arrives_as_it_was_sent() {
    let (address, streams) = daemon(Mood::Well);
    let bed = bed(tcp(address));
    let body: Vec<u8> = (0..300_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    assert_eq!(post(&bed, PLAIN, &body), 200);
    assert_eq!(bed.backend.last().body, body);
    assert_eq!(*streams.lock().unwrap(), [body]);
    let body = form("", "all is well");
    assert_eq!(post(&bed, FORM, &body), 200);
    assert_eq!(bed.backend.last().body, body);
    let streams = streams.lock().unwrap();
    assert_eq!(streams[1..], [body, b"mine".to_vec(), b"all is well".to_vec()]);
    drop(streams);
    assert_eq!(status(&bed.ask("GET /api/x HTTP/1.1")), 200, "nothing to scan");
}

#[test]
fn what_is_found_reaches_nobody() {
    let bed = bed(tcp(daemon(Mood::Well).0));
    for (kind, body) in [
        (PLAIN, MARK.as_bytes().to_vec()),
        (FORM, form("", MARK)),
        (FORM, form("Content-Type: image/png\r\n", MARK)),
        ("Multipart/Form-Data; boundary=\"b\"", form("", MARK)),
    ] {
        assert_eq!(post(&bed, kind, &body), 403, "{kind}");
    }
    let line = bed.logged("malware in the body: Test.Mark");
    assert_eq!(
        (line["decision"].as_str(), line["http.status"].as_u64()),
        (Some("block"), Some(403))
    );
    // In pieces, and without a length.
    let text = format!(
        "POST /api/x HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
         1\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        MARK.get(..1).unwrap(),
        MARK.len() - 1,
        MARK.get(1..).unwrap()
    );
    assert_eq!(status(&bed.send(text.as_bytes())), 403);
    assert!(bed.backend.seen().is_empty(), "the application has seen nothing");
}

#[test]
fn what_cannot_be_scanned_does_not_pass() {
    for mood in [Mood::Fails, Mood::Silent, Mood::Leaves] {
        let bed = bed_within(Duration::from_secs(1), tcp(daemon(mood).0));
        assert_eq!(post(&bed, PLAIN, b"x"), 503, "{mood:?}");
        bed.logged("body could not be scanned");
        assert!(bed.backend.seen().is_empty());
    }
    let (nobody, _kept) = support::nobody();
    for clamd in [tcp(nobody), Clamd::Unix("/none/clamd.ctl".into())] {
        let bed = bed(clamd);
        assert_eq!(post(&bed, PLAIN, b"x"), 503);
        assert!(bed.backend.seen().is_empty());
    }
    let bed = bed(tcp(daemon(Mood::Well).0));
    for (kind, body, wanted) in [
        (PLAIN, vec![b'x'; (1 << 20) + 1], 413),
        (FORM, b"no form".to_vec(), 400),
        (FORM, form("Content-Transfer-Encoding: base64\r\n", "QQ=="), 400),
        ("multipart/form-data", form("", "x"), 400),
    ] {
        assert_eq!(post(&bed, kind, &body), wanted, "{kind} {wanted}");
    }
    let upgrade = "GET /api/x HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==";
    let text = format!("{upgrade}\r\nHost: site.test\r\nConnection: upgrade\r\n\r\n");
    let answer = bed.send(text.as_bytes());
    assert_eq!(status(&answer), 403, "{answer}");
    assert!(bed.backend.seen().is_empty());
}

/// Clamd itself, with one signature of the test's own.
struct Own {
    process: Child,
    socket: PathBuf,
    _folder: tempfile::TempDir,
}

impl Own {
    fn start() -> Option<Self> {
        if !Path::new("/usr/sbin/clamd").exists() {
            println!("clamd is not installed: not tried");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display();
        let socket = folder.path().join("clamd.ctl");
        let hex: String = MARK.bytes().map(|byte| format!("{byte:02x}")).collect();
        std::fs::create_dir(folder.path().join("signatures")).unwrap();
        std::fs::write(folder.path().join("signatures/own.ndb"), format!("Own.Mark:0:0:{hex}\n"))
            .unwrap();
        let yara = format!("rule of_yara {{ strings: $a = \"{MARK}-BY-YARA\" condition: $a }}\n");
        std::fs::write(folder.path().join("signatures/own.yar"), yara).unwrap();
        let text = format!(
            "LocalSocket {}\nDatabaseDirectory {place}/signatures\nForeground yes\nStreamMaxLength 2M\n",
            socket.display()
        );
        std::fs::write(folder.path().join("clamd.conf"), text).unwrap();
        let process = Command::new("/usr/sbin/clamd")
            .arg("--config-file")
            .arg(folder.path().join("clamd.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let own = Self { process, socket, _folder: folder };
        let end = Instant::now() + PATIENCE;
        while std::os::unix::net::UnixStream::connect(&own.socket).is_err() {
            assert!(Instant::now() < end, "clamd does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(own)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn clamd_itself_is_understood() {
    let Some(own) = Own::start() else { return };
    let bed = bed(Clamd::Unix(own.socket.clone()));
    assert_eq!(post(&bed, PLAIN, b"all is well"), 200);
    assert_eq!(post(&bed, FORM, &form("", "all is well")), 200);
    let passed = bed.backend.seen().len();
    assert_eq!(passed, 2);
    assert_eq!(post(&bed, PLAIN, MARK.as_bytes()), 403);
    assert_eq!(post(&bed, FORM, &form("", MARK)), 403, "a file within a form");
    bed.logged("malware in the body: Own.Mark.UNOFFICIAL");
    assert_eq!(post(&bed, PLAIN, format!("x {MARK}-BY-YARA").as_bytes()), 403, "a rule of YARA");
    bed.logged("malware in the body: YARA.of_yara.UNOFFICIAL");
    assert_eq!(bed.backend.seen().len(), passed);
}
