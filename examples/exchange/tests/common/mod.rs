//! An application on a free port of loopback, and a client that knows just enough HTTP.

#![allow(dead_code, reason = "each test program uses its part")]

use exchange::{Exchange, Options};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// Whether the holes are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holes {
    /// As it should be.
    Closed,
    /// As `--vulnerable` leaves it.
    Open,
}

/// A running application; ends with the value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    pub(crate) data: tempfile::TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(prefix.as_str()))
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Server {
    pub(crate) fn start(holes: Holes) -> Self {
        let data = tempfile::tempdir().unwrap();
        let options = Options {
            database: ":memory:".into(),
            web: Path::new(env!("CARGO_MANIFEST_DIR")).join("web"),
            data: Some(data.path().to_owned()),
            vulnerable: holes == Holes::Open,
        };
        let (stop, stopped) = oneshot::channel();
        let (ready, address) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let exchange = Exchange::open(&options).unwrap();
                ready.send(listener.local_addr().unwrap()).unwrap();
                let ended = async { drop(stopped.await) };
                exchange.serve(listener, ended, Duration::from_secs(2)).await.unwrap();
            });
        });
        let address = address.recv_timeout(Duration::from_secs(30)).unwrap();
        Self { address, stop: Some(stop), thread: Some(thread), data }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends a request on a connection of its own. `headers`: lines, each with its end.
    pub(crate) fn send(&self, method: &str, target: &str, headers: &str, body: &[u8]) -> Answer {
        let mut stream = self.connect();
        let length = body.len();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-length: {length}\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.send("GET", target, "", b"")
    }

    pub(crate) fn post(&self, target: &str, headers: &str, json: &serde_json::Value) -> Answer {
        let headers = format!("content-type: application/json\r\n{headers}");
        self.send("POST", target, &headers, json.to_string().as_bytes())
    }

    /// Signs the trader in; the line with the session's cookie.
    pub(crate) fn sign_in(&self) -> String {
        let who =
            serde_json::json!({ "user": "trader", "password": "correct horse battery staple" });
        let answer = self.post("/api/session", "", &who);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap();
        format!("cookie: other=1; {cookie}\r\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// A text as part of a query.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
