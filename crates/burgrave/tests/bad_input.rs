//! What an operator or an upstream may get wrong: each a clear error or record.

use crate::support::{self, Burgrave, configuration, run, site, stderr, upstream};
use std::io::{Read as _, Write as _};

const FILES: &str = "[[site]]\nhosts = [\"localhost\"]\nfiles = { root = \"/usr/share\" }\n";

/// Exit code and standard error of a command on a configuration.
fn fails(command: &str, listen: &str, rest: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("burgrave.toml");
    std::fs::write(&file, configuration(folder.path(), listen, rest)).unwrap();
    let output = run(&[command, "--config", file.to_str().unwrap()]);
    (output.status.code(), stderr(&output))
}

#[test]
fn configurations_that_cannot_be_used() {
    let rules = |text: &str| format!("[rules]\ninclude = [\"{text}\"]\n{FILES}");
    let tls = "[[listen]]\naddress = \"127.0.0.2:0\"\ntls = true\n[[site]]\nhosts = [\"a.test\"]\nfiles = { root = \"/usr/share\" }\ntls = { certificate = \"/nonexistent/c.pem\", key = \"/nonexistent/k.pem\" }\n";
    for (command, rest, expected) in [
        ("check", format!("lisen = 1\n{FILES}"), "unknown key `lisen`"),
        ("check", format!("[limits]\nbody_bytes = true\n{FILES}"), "body_bytes"),
        ("check", "[[site]".to_owned(), "not TOML"),
        ("check", rules("/nonexistent/*.conf"), "no file matches `/nonexistent/*.conf`"),
        ("check", rules("/nonexistent/a.conf"), "does not exist"),
        ("check", format!("[[backup]]\nname = \"x\"\n{FILES}"), "backup"),
        ("run", tls.to_owned(), "/nonexistent/c.pem"),
        ("check", tls.to_owned(), "/nonexistent/c.pem"),
        ("check", FILES.replace("/usr/share", "/nonexistent"), "/nonexistent"),
        ("run", FILES.replace("/usr/share", "/nonexistent"), "/nonexistent"),
    ] {
        let (code, text) = fails(command, "127.0.0.1:0", &rest);
        assert_eq!(code, Some(2), "{rest}\n{text}");
        assert!(text.contains(expected), "`{expected}` is not in:\n{text}");
        assert!(!text.contains("panicked"), "{text}");
    }
}

#[test]
fn every_configuration_error_comes_at_once_with_its_line() {
    let (_, text) = fails(
        "check",
        "127.0.0.1:0",
        &format!("[limits]\nheder_time = \"1s\"\nbody_time = 5\n{FILES}"),
    );
    assert!(text.contains("burgrave.toml:7:1") && text.contains("burgrave.toml:8:"), "{text}");
    assert!(text.contains("did you mean `header_time`?"), "{text}");
}

#[test]
fn an_unreadable_rule_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo.conf");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let rest = format!("[rules]\ninclude = [\"{}\"]\n{FILES}", fifo.display());
    let (code, text) = fails("check", "127.0.0.1:0", &rest);
    assert_eq!(code, Some(2));
    assert!(text.contains("fifo.conf"), "{text}");
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, text) = fails("run", &address, FILES);
    assert_eq!(code, Some(2));
    assert!(text.contains(&address) && text.contains("cannot listen"), "{text}");
}

#[test]
fn bad_upstreams_are_the_gateways_502_and_a_record() {
    let refused = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    for (upstream, what) in [
        (refused, "down"),
        (upstream(b"SSH-2.0-OpenSSH_9\r\n"), "garbage"),
        (upstream(b""), "closes at once"),
        (upstream(b"HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\n"), "bad length"),
    ] {
        let burgrave = Burgrave::start(&site(upstream));
        let (status, text) = burgrave.get("/");
        assert_eq!(status, 502, "{what}: {text}");
        assert!(
            !text.contains("OpenSSH") && !text.contains(&upstream.to_string()),
            "{what}: {text}"
        );
        let record = &burgrave.records(1)[0];
        assert_eq!(record["http.status"], 502);
        assert!(record["reason"].is_string(), "{record}");
    }
}

#[test]
fn a_client_that_leaves_midway_is_recorded() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let burgrave = Burgrave::start(&site(listener.local_addr().unwrap()));
    let mut client = std::net::TcpStream::connect(burgrave.address).unwrap();
    client.write_all(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let (mut behind, _) = listener.accept().unwrap();
    let mut head = [0; 512];
    assert!(behind.read(&mut head).unwrap() > 0);
    drop(client);
    behind.set_read_timeout(Some(support::PATIENCE)).unwrap();
    assert_eq!(behind.read(&mut head).unwrap_or(0), 0, "the upstream's request is given up");
    let record = &burgrave.records(1)[0];
    assert_eq!(record["http.target"], "/slow");
    assert_eq!(record["http.status"], 499, "{record}");
}

#[test]
fn the_command_line_explains_itself() {
    for arguments in [&["--help"][..], &["run", "--help"], &["prove", "--help"], &["--version"]] {
        assert_eq!(run(arguments).status.code(), Some(0), "{arguments:?}");
    }
    assert_eq!(run(&["frobnicate"]).status.code(), Some(2));
    let unknown = run(&["explain", "nothing"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("nothing is called `nothing`"));
    assert_eq!(run(&["explain", "injection"]).status.code(), Some(0));
}
