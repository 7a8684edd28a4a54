//! The built program: says when it is ready, stops when told, and says why it cannot start.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn start(arguments: &[&str]) -> Program {
    let program = env!("CARGO_BIN_EXE_exchange");
    let child = Command::new(program).args(arguments).stderr(Stdio::piped()).spawn();
    Program(child.unwrap())
}

/// Reads standard error until the program is ready; the address.
fn ready(program: &mut Program) -> String {
    let mut lines = BufReader::new(program.0.stderr.take().unwrap()).lines();
    lines.find_map(|line| line.unwrap().strip_prefix("ready http://").map(str::to_owned)).unwrap()
}

fn health(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /api/health HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn it_serves_until_it_is_told_to_stop() {
    for signal in ["TERM", "INT"] {
        let mut program = start(&["--listen", "127.0.0.1:0"]);
        let address = ready(&mut program);
        assert!(health(&address).starts_with("HTTP/1.0 200 "));
        // A client that stays must not keep it.
        let idle = TcpStream::connect(&address).unwrap();
        let start = Instant::now();
        let id = program.0.id().to_string();
        assert!(Command::new("/bin/kill").args(["-s", signal, &id]).status().unwrap().success());
        assert!(program.0.wait().unwrap().success(), "{signal}");
        assert!(start.elapsed() < Duration::from_secs(30));
        drop(idle);
    }
}

#[test]
fn orders_outlive_the_program() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("exchange.db");
    for _ in 0..2 {
        let database = database.to_str().unwrap();
        let mut program =
            start(&["--listen", "127.0.0.1:0", "--database", database, "--vulnerable"]);
        let address = ready(&mut program);
        assert!(health(&address).contains("\"ok\""));
    }
    assert!(std::fs::metadata(database).unwrap().len() > 0);
}

#[test]
fn it_says_why_it_cannot_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (arguments, words) in [
        (vec!["--listen", taken.as_str()], "listening"),
        (vec!["--database", "/nonexistent/x.db"], "database"),
        (vec!["--web", "/nonexistent"], "`/nonexistent`"),
        (vec!["--listen", "nowhere"], "invalid value"),
    ] {
        let mut program = start(&arguments);
        let mut text = String::new();
        program.0.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(program.0.wait().unwrap().code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(words), "{arguments:?}: {text}");
    }
}
