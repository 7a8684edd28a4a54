//! The access log at collectors: a real syslog server over TLS, and one of OTLP.

use crate::support::authority::certificates;
use crate::support::{
    self, Burgrave, PATIENCE, free_port, recording_upstream, run, site, stderr, upstream,
};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
const RSYSLOG: &str = "/usr/sbin/rsyslogd";
const DRIVER: &str = "/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so";

/// A syslog server within TLS; killed when dropped.
struct Server {
    folder: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Server {
    fn new(folder: &Path) -> Self {
        let own = Self { folder: folder.to_path_buf(), port: free_port(), child: None };
        certificates(folder);
        let config = format!(
            "global(workDirectory=\"{0}\" maxMessageSize=\"256k\" defaultNetstreamDriver=\"gtls\" \
             defaultNetstreamDriverCAFile=\"{0}/ca.pem\" defaultNetstreamDriverCertFile=\"{0}/server.pem\" \
             defaultNetstreamDriverKeyFile=\"{0}/server.key\")\n\
             module(load=\"imtcp\" streamDriver.name=\"gtls\" streamDriver.mode=\"1\" streamDriver.authMode=\"anon\")\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{1}\")\n\
             template(name=\"t\" type=\"string\" string=\"%pri% %timestamp:::date-rfc3339% %programname% %msgid%%msg%\\n\")\n\
             action(type=\"omfile\" file=\"{0}/out\" template=\"t\")\n",
            folder.display(),
            own.port
        );
        std::fs::write(folder.join("rsyslog.conf"), config).unwrap();
        own
    }

    fn start(&mut self) {
        let child = Command::new(RSYSLOG)
            .args(["-n", "-f"])
            .arg(self.folder.join("rsyslog.conf"))
            .arg("-i")
            .arg(self.folder.join("pid"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.unwrap());
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
        drop(std::fs::remove_file(self.folder.join("pid")));
    }

    /// Waits until it has every line of the log.
    fn has_all(&self, burgrave: &Burgrave, count: usize) -> Vec<String> {
        burgrave.records(count);
        let lines = std::fs::read_to_string(burgrave.log()).unwrap();
        let lines = support::whole(&lines);
        let end = Instant::now() + PATIENCE;
        loop {
            let out = std::fs::read_to_string(self.folder.join("out")).unwrap_or_default();
            if lines.lines().all(|line| out.contains(line)) {
                return out.lines().map(str::to_owned).collect();
            }
            assert!(Instant::now() < end, "{lines}\nbut\n{out}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

#[test]
fn a_syslog_server_gets_every_line_also_those_that_it_has_missed() {
    if !Path::new(RSYSLOG).exists() || !Path::new(DRIVER).exists() {
        return println!("rsyslog with rsyslog-gnutls is not installed: not tried");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::new(folder.path());
    server.start();
    let ship = format!(
        "[[log.ship]]\nto = \"syslog+tls://localhost:{}\"\nca = \"{}/ca.pem\"\n",
        server.port,
        folder.path().display()
    );
    let burgrave = Burgrave::start(&(ship + &site(upstream(ANSWER))));
    burgrave.get("/first");
    assert_eq!(burgrave.get("/.git/config").0, 404);
    let out = server.has_all(&burgrave, 2);
    // Each event loop hands its lines over by itself.
    let of = |path: &str| out.iter().find(|line| line.contains(path)).unwrap();
    let first = of("/first");
    assert!(
        first.starts_with("134 20") && first.contains(" burgrave access{\"time\":\""),
        "{out:?}"
    );
    assert!(of("/.git/config").starts_with("132 20"), "what is refused is a warning: {out:?}");
    server.stop();
    // The first line after an end may be what the end is noticed by.
    for number in 0..20 {
        burgrave.get(&format!("/missed-{number}"));
    }
    burgrave.wait_for("does not take lines");
    burgrave.signal("-HUP");
    burgrave.wait_for("configuration taken");
    burgrave.get("/after-a-reload");
    server.start();
    server.has_all(&burgrave, 23);
}

#[test]
fn a_server_that_nobody_vouches_for_gets_nothing() {
    if !Path::new(RSYSLOG).exists() || !Path::new(DRIVER).exists() {
        return println!("rsyslog with rsyslog-gnutls is not installed: not tried");
    }
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut server = Server::new(folder.path());
    certificates(other.path());
    server.start();
    let ship = format!(
        "[[log.ship]]\nto = \"syslog+tls://localhost:{}\"\nca = \"{}/ca.pem\"\n",
        server.port,
        other.path().display()
    );
    let burgrave = Burgrave::start(&(ship + &site(upstream(ANSWER))));
    burgrave.get("/secret");
    let end = Instant::now() + PATIENCE;
    while !burgrave.wait_for("does not take lines").last().unwrap().contains("certificate") {
        assert!(Instant::now() < end);
    }
    let out = std::fs::read_to_string(folder.path().join("out")).unwrap_or_default();
    assert!(!out.contains("secret"), "{out}");
    let config = burgrave.config();
    let checked = run(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(0), "{}", stderr(&checked));
    std::fs::remove_file(other.path().join("ca.pem")).unwrap();
    let checked = run(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(2));
    assert!(stderr(&checked).contains("ca.pem"), "{}", stderr(&checked));
}

/// A collector of OTLP that hands over the bodies that it gets.
fn collector() -> (Receiver<serde_json::Value>, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, bodies) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = BufReader::new(stream);
            loop {
                let (mut length, mut line) = (0, String::new());
                while stream.read_line(&mut line).is_ok_and(|count| count > 2) {
                    let lower = line.to_ascii_lowercase();
                    if let Some(value) = lower.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                if length == 0 || stream.read_exact(&mut body).is_err() {
                    break;
                }
                drop(sender.send(serde_json::from_slice(&body).unwrap()));
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                drop(stream.get_mut().write_all(answer));
            }
        }
    });
    (bodies, port)
}

#[test]
fn an_application_joins_the_trace_that_the_collector_gets() {
    let (bodies, port) = collector();
    let (heads, application) = recording_upstream();
    let ship = format!("[[log.ship]]\nto = \"otlp:http://127.0.0.1:{port}\"\n");
    let burgrave = Burgrave::start(&(ship + &site(application)));
    support::ask(
        burgrave.address,
        "GET /o?card=not-for-them HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: a=b\r\n\r\n",
    );
    let head = heads.recv_timeout(PATIENCE).unwrap().to_lowercase();
    let lines = head.lines().filter_map(|line| line.strip_prefix("traceparent: "));
    let lines: Vec<&str> = lines.collect();
    assert!(
        lines.len() == 1 && !head.contains("tracestate") && !head.contains("0af76519"),
        "{head}"
    );
    let parts: Vec<&str> = lines[0].trim().split('-').collect();
    let body = bodies.recv_timeout(PATIENCE).unwrap();
    let span = &body["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!((parts[0], parts[3]), ("00", "01"));
    assert_eq!((&span["traceId"], &span["spanId"]), (&parts[1].into(), &parts[2].into()));
    assert_eq!(burgrave.records(1)[0]["request.id"], span["traceId"]);
    assert!(!body.to_string().contains("not-for-them"), "a query stays here");
}

#[test]
fn without_a_collector_of_traces_headers_stay_as_they_are() {
    let (heads, application) = recording_upstream();
    let burgrave = Burgrave::start(&site(application));
    support::ask(
        burgrave.address,
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\ntraceparent: 00-a-b-01\r\n\r\n",
    );
    let head = heads.recv_timeout(PATIENCE).unwrap().to_lowercase();
    assert!(head.contains("traceparent: 00-a-b-01"), "{head}");
}
