//! Start, reload, stop, and the log's faults.

use crate::support::{
    self, PATIENCE, SOON, body, connect, read_all, send, start, start_with, status, until,
};
use burgrave_config::{Files, Limits};
use burgrave_gateway::{Gateway, GatewayError};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

#[test]
fn a_port_in_use_is_an_error_that_names_it() {
    let bed = start();
    let mut settings = bed.settings.clone();
    settings.listeners[0].address = bed.address;
    let error = Gateway::start(settings, None, 1).unwrap_err();
    assert!(matches!(error, GatewayError::Listen { .. }));
    assert!(error.to_string().contains(&bed.address.to_string()), "{error}");
}

#[test]
fn a_missing_web_root_is_an_error_that_names_it() {
    let bed = start();
    let mut settings = bed.settings.clone();
    settings.sites[0].files = Some(Files::new(PathBuf::from("/none/www")));
    let error = Gateway::start(settings, None, 1).unwrap_err();
    assert_eq!(error.to_string(), "cannot open the web root `/none/www` of `site.test`");
}

#[test]
fn a_log_that_cannot_be_opened_is_an_error() {
    let bed = start();
    let mut settings = bed.settings.clone();
    settings.log.access = Some(PathBuf::from("/none/log"));
    assert!(matches!(Gateway::start(settings, None, 1), Err(GatewayError::Log(_))));
}

#[test]
fn a_reload_loses_no_request() {
    let mut bed = start();
    let address = bed.address;
    let slow = std::thread::spawn(move || {
        send(address, b"GET /api/slow HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n")
    });
    let over = Arc::new(AtomicBool::new(false));
    let busy: Vec<_> = (0..4)
        .map(|_| {
            let over = Arc::clone(&over);
            std::thread::spawn(move || {
                let mut count = 0;
                while count < 6 || !over.load(Ordering::SeqCst) {
                    let request =
                        b"GET /1k.txt HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n";
                    assert_eq!(status(&send(address, request)), 200);
                    count += 1;
                }
                count
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(100));
    let other = bed.directory.path().join("other");
    std::fs::create_dir_all(&other).unwrap();
    std::fs::write(other.join("1k.txt"), "new").unwrap();
    let mut settings = bed.settings.clone();
    for round in 0..10 {
        let root = if round % 2 == 0 { other.clone() } else { bed.root() };
        settings.sites[0].files = Some(Files::new(root));
        bed.gateway.reload(settings.clone(), None).unwrap();
        std::thread::sleep(Duration::from_millis(30));
    }
    settings.sites[0].files = Some(Files::new(other));
    bed.gateway.reload(settings, None).unwrap();
    over.store(true, Ordering::SeqCst);
    assert_eq!(body(&slow.join().unwrap()), "slow");
    assert!(busy.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>() > 20);
    assert_eq!(body(&bed.ask("GET /1k.txt HTTP/1.1")), "new");
}

#[test]
fn a_bad_reload_leaves_everything_as_it_was() {
    let mut bed = start();
    let mut settings = bed.settings.clone();
    settings.sites[0].files = Some(Files::new(PathBuf::from("/none")));
    assert!(bed.gateway.reload(settings, None).is_err());
    let mut settings = bed.settings.clone();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    settings.listeners[0].address = taken.local_addr().unwrap();
    assert!(bed.gateway.reload(settings, None).is_err());
    assert_eq!(status(&bed.ask("GET /1k.txt HTTP/1.1")), 200);
}

#[test]
fn a_reload_moves_to_another_address() {
    let mut bed = start();
    let mut settings = bed.settings.clone();
    settings.listeners[0].address = "127.0.0.2:0".parse().unwrap();
    bed.gateway.reload(settings, None).unwrap();
    let moved = bed.gateway.addresses();
    assert_eq!(moved.len(), 1);
    let request = b"GET /1k.txt HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&send(moved[0], request)), 200);
    until("the old address is given up", || std::net::TcpStream::connect(bed.address).is_err());
}

#[test]
fn a_stop_lets_requests_finish_and_closes_idle_connections() {
    let bed = start();
    let mut idle = connect(bed.address);
    idle.write_all(b"GET /1k.txt HTTP/1.1\r\nHost: site.test\r\n\r\n").unwrap();
    assert_eq!(status(&read_all(&mut idle)), 200);
    let mut slow = connect(bed.address);
    slow.write_all(b"GET /api/slow HTTP/1.1\r\nHost: site.test\r\n\r\n").unwrap();
    until("it has begun", || !bed.backend.seen().is_empty());
    let start = Instant::now();
    bed.gateway.shutdown(PATIENCE);
    assert!(start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
    assert_eq!(body(&read_all(&mut slow)), "slow");
    assert!(std::net::TcpStream::connect(bed.address).is_err());
    let log = std::fs::read_to_string(bed.directory.path().join("access.ndjson")).unwrap();
    assert_eq!(log.lines().count(), 2, "{log}");
}

#[test]
fn a_stop_does_not_wait_longer_than_its_grace() {
    let bed = start();
    let mut hang = connect(bed.address);
    hang.write_all(b"GET /api/hang HTTP/1.1\r\nHost: site.test\r\n\r\n").unwrap();
    until("it has begun", || !bed.backend.seen().is_empty());
    let start = Instant::now();
    bed.gateway.shutdown(Duration::from_millis(300));
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn a_full_disk_costs_lines_but_no_request() {
    let bed = start_with(&Limits::default(), |settings| {
        settings.log.access = Some(PathBuf::from("/dev/full"));
    });
    for _ in 0..3 {
        assert_eq!(status(&bed.ask("GET /1k.txt HTTP/1.1")), 200);
    }
    until("three lines are lost", || bed.gateway.counts().log_lines_lost >= 3);
    assert_eq!(bed.gateway.counts().requests, 3);
}

#[test]
fn a_deleted_log_is_made_anew() {
    let bed = start();
    bed.ask("GET /1k.txt HTTP/1.1");
    bed.log(1);
    let file = bed.directory.path().join("access.ndjson");
    std::fs::remove_file(&file).unwrap();
    bed.gateway.reopen_log();
    until("it is made anew", || {
        bed.ask("GET /again HTTP/1.1");
        std::fs::read(&file).is_ok_and(|text| !text.is_empty())
    });
    assert_eq!(bed.log(1)[0]["http.target"], "/again");
}

#[test]
fn recorded_headers_and_bad_bytes_are_in_the_log() {
    let bed = start_with(&Limits::default(), |settings| {
        settings.log.headers = vec!["user-agent".to_owned(), "referer".to_owned()];
    });
    bed.send(
        b"GET /\xff\"x HTTP/1.1\r\nHost: site.test\r\nUser-Agent: a\"\xfe\r\nConnection: close\r\n\r\n",
    );
    let line = &bed.log(1)[0];
    assert_eq!(line["headers"], serde_json::json!({"user-agent": "a\"\\xfe"}));
    assert_eq!(line["http.target"], "/\\xff\"x");
    assert_eq!(line["site"], "site.test");
}

/// A rule file that is no file.
struct Memory(String);

impl burgrave_seclang::RuleFiles for Memory {
    fn read(&self, _: &std::path::Path) -> Result<Vec<u8>, String> {
        Ok(self.0.clone().into_bytes())
    }

    fn glob(&self, pattern: &std::path::Path) -> Result<Vec<PathBuf>, String> {
        Ok(vec![pattern.to_path_buf()])
    }
}

fn audited(path: &std::path::Path) -> std::sync::Arc<burgrave_seclang::RuleSet> {
    let text = format!(
        "SecAuditEngine RelevantOnly\nSecAuditLog {}\nSecRule ARGS \"@contains attack\" \"id:1,phase:1,deny,status:403,sanitiseArg:key\"",
        path.display()
    );
    let options = burgrave_seclang::Options::default();
    let include = [PathBuf::from("t.conf")];
    std::sync::Arc::new(
        burgrave_seclang::RuleSet::compile(&include, &Memory(text), options).unwrap(),
    )
}

fn audit_rules(settings: &mut burgrave_config::Settings) {
    settings.rules = burgrave_config::parse(
        "state = \"/s\"\n[[listen]]\naddress = \"127.0.0.1:1\"\n[rules]\ninclude = [\"/unused\"]\n[[site]]\nhosts = [\"a\"]\nfiles = { root = \"/w\" }\n",
    )
    .unwrap()
    .rules;
}

#[test]
fn answers_that_come_compressed_are_read_by_the_rules() {
    let bed = start();
    let mut settings = bed.settings.clone();
    audit_rules(&mut settings);
    settings.log.access = None;
    let start = |engine: &str| {
        let text = format!(
            "SecRuleEngine {engine}\nSecResponseBodyAccess On\nSecResponseBodyMimeType text/html\n\
             SecRule RESPONSE_BODY \"@contains ORA-\" \"id:1,phase:4,deny,status:502\""
        );
        let include = [PathBuf::from("t.conf")];
        let options = burgrave_seclang::Options::default();
        let rules = burgrave_seclang::RuleSet::compile(&include, &Memory(text), options).unwrap();
        Gateway::start(settings.clone(), Some(std::sync::Arc::new(rules)), 1).unwrap()
    };
    let ask = |gateway: &Gateway, target: &str| {
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n");
        send(gateway.addresses()[0], request.as_bytes())
    };
    let blocking = start("On");
    let fine = ask(&blocking, "/api/zipped");
    assert_eq!((status(&fine), support::header(&fine, "content-encoding")), (200, Some("gzip")));
    assert_eq!(status(&ask(&blocking, "/api/leak")), 502);
    // What cannot be read is not passed.
    assert!(status(&ask(&blocking, "/api/cut")) >= 500);
    let detecting = start("DetectionOnly");
    for target in ["/api/zipped", "/api/leak", "/api/cut"] {
        assert_eq!(status(&ask(&detecting, target)), 200, "{target}");
    }
}

#[test]
fn audit_records_are_written_to_their_file_and_follow_a_reload() {
    let bed = start();
    let mut settings = bed.settings.clone();
    audit_rules(&mut settings);
    settings.log.access = None;
    let [first, second] = ["a.log", "b.log"].map(|name| bed.directory.path().join(name));
    let mut gateway = Gateway::start(settings.clone(), Some(audited(&first)), 1).unwrap();
    let ask = |gateway: &Gateway, target: &str| {
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n");
        status(&send(gateway.addresses()[0], request.as_bytes()))
    };
    assert_eq!(ask(&gateway, "/?q=harmless"), 200);
    assert_eq!(ask(&gateway, "/?q=attack&key=hunter2"), 403);
    until("the first record", || !std::fs::read_to_string(&first).unwrap().is_empty());
    gateway.reload(settings.clone(), Some(audited(&second))).unwrap();
    assert_eq!(ask(&gateway, "/?q=attack-2"), 403);
    let missing = audited(std::path::Path::new("/none/audit.log"));
    assert!(matches!(gateway.reload(settings, Some(missing)), Err(GatewayError::Log(_))));
    gateway.shutdown(PATIENCE);
    let [first, second] = [first, second].map(|path| std::fs::read_to_string(path).unwrap());
    assert_eq!(first.matches("---A--").count(), 1, "what is not relevant has no record: {first}");
    assert!(first.contains("GET /?q=attack&key=******* HTTP/1.1") && !first.contains("hunter2"));
    assert!(first.contains("[id \"1\"]") && second.contains("attack-2"), "{second}");
    assert!(!first.contains("attack-2"));
}
