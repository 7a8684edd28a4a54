//! The built program under a configuration of the test's, and the sample application behind it.

pub mod authority;
pub mod front;
pub mod ports;
pub mod postgresql;

use exchange::{Exchange, Options};
pub use ports::free_port;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_burgrave");
/// Most time that anything is waited for: for a machine that is many times slower than this one.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// A running `burgrave run`; killed when dropped.
pub struct Burgrave {
    pub child: Child,
    lines: Receiver<String>,
    /// The first of its listeners, in the order of the addresses as configured.
    pub address: SocketAddr,
    pub folder: tempfile::TempDir,
}

/// The configuration's text with a state folder, a log and one plain listener.
pub fn configuration(folder: &Path, listen: &str, rest: &str) -> String {
    format!(
        "state = \"{0}/state\"\n[log]\naccess = \"{0}/access.ndjson\"\n[[listen]]\naddress = \"{listen}\"\n{rest}",
        folder.display()
    )
}

impl Burgrave {
    /// Starts it with one plain listener; `rest` is the rest of the configuration.
    pub fn start(rest: &str) -> Self {
        Self::start_on("127.0.0.1:0", rest)
    }

    /// The same, on an address of the test's choice.
    pub fn start_on(listen: &str, rest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("burgrave.toml"),
            configuration(folder.path(), listen, rest),
        )
        .unwrap();
        Self::start_in(folder)
    }

    /// The same, with the configuration and the state that are in the folder already.
    pub fn start_in(folder: tempfile::TempDir) -> Self {
        let mut child = Command::new(PROGRAM)
            .arg("run")
            .arg("--config")
            .arg(folder.path().join("burgrave.toml"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = child.stderr.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                drop(sender.send(line));
            }
        });
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut burgrave = Self { child, lines, address: any, folder };
        let said = burgrave.wait_for("ready");
        let listening = said.iter().find_map(|line| line.strip_prefix("listening on "));
        burgrave.address = listening.unwrap().parse().unwrap();
        burgrave
    }

    /// Waits for a line that contains a text; all lines up to it.
    pub fn wait_for(&self, text: &str) -> Vec<String> {
        let mut said = Vec::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no `{text}` in {said:?}"));
            said.push(line);
            if said.last().unwrap().contains(text) {
                return said;
            }
        }
    }

    /// Kills it as a power failure would, with all that it has started; what it had on the disk is left.
    pub fn pull_the_plug(mut self) -> tempfile::TempDir {
        let all = descendants(self.child.id());
        drop(self.child.kill());
        drop(self.child.wait());
        for id in &all {
            drop(Command::new("kill").args(["-9", &id.to_string()]).output());
        }
        // Sockets are free when the last of them is gone; whoever inherits it may take its time to bury it.
        until_gone(&all);
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    /// The lines that were said and not waited for yet.
    pub fn said(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("burgrave.toml")
    }

    pub fn log(&self) -> PathBuf {
        self.folder.path().join("access.ndjson")
    }

    /// The access log's records, once there are at least so many.
    pub fn records(&self, at_least: usize) -> Vec<serde_json::Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = std::fs::read_to_string(self.log()).unwrap_or_default();
            let records: Vec<serde_json::Value> =
                whole(&text).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            if records.len() >= at_least {
                return records;
            }
            assert!(Instant::now() < deadline, "{} of {at_least} records", records.len());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A request to the plain listener: status and whole answer.
    pub fn get(&self, target: &str) -> (u16, String) {
        ask(
            self.address,
            &format!(
                "GET {target} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\nAccept: */*\r\nConnection: close\r\n\r\n"
            ),
        )
    }
}

/// Waits until these processes have given up their files and sockets.
pub fn until_gone(all: &[u32]) {
    let is_alive = |id: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        // The first of its threads may be dead, and another one still hold its sockets.
        let tasks = std::fs::read_dir(format!("/proc/{id}/task")).map_or(0, Iterator::count);
        !status.is_empty() && (!status.contains("State:\tZ") || tasks > 1)
    };
    let end = Instant::now() + PATIENCE;
    while all.iter().any(is_alive) {
        assert!(Instant::now() < end, "they do not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The lines of a file that are written to their end; of the last one there may be half.
pub fn whole(text: &str) -> &str {
    text.rsplit_once('\n').map_or("", |(whole, _)| whole)
}

/// The processes that a process has started, and those that they have.
pub fn descendants(parent: u32) -> Vec<u32> {
    let mut all = Vec::new();
    let mut parents = vec![parent];
    while let Some(parent) = parents.pop() {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok())
            else {
                continue;
            };
            let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            let of = status.lines().find_map(|line| line.strip_prefix("PPid:"));
            if of.is_some_and(|of| of.trim() == parent.to_string()) {
                all.push(id);
                parents.push(id);
            }
        }
    }
    all
}

impl Drop for Burgrave {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Sends raw bytes and reads to the end: status (0 without an answer) and text.
pub fn ask(address: SocketAddr, raw: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    drop(stream.write_all(raw.as_bytes()));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let text: String = answer.iter().map(|&byte| char::from(byte)).collect();
    let status = text.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, text)
}

/// Runs the program to its end.
pub fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().unwrap()
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    output.stderr.iter().map(|&byte| char::from(byte)).collect()
}

/// The sample application on a port of its own, until the test process ends.
pub fn application(vulnerable: bool) -> SocketAddr {
    let options = Options {
        database: PathBuf::from(":memory:"),
        web: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/exchange/web")),
        data: None,
        vulnerable,
    };
    let exchange = Exchange::open(&options).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            exchange.serve(listener, std::future::pending(), Duration::ZERO).await
        })
    });
    address
}

/// An upstream that answers every connection with these bytes and closes.
pub fn upstream(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            head(&mut stream);
            drop(stream.write_all(answer));
        }
    });
    address
}

/// A request to the end of its body, in whatever pieces it comes: what is left unread ends a connection with a reset.
fn head(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_ascii_lowercase();
            let length = lower.lines().find_map(|line| line.strip_prefix("content-length:"));
            if body.len() >= length.map_or(0, |length| length.trim().parse().unwrap_or(0)) {
                return text;
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return text,
            Ok(count) => text.extend(buffer[..count].iter().map(|&byte| char::from(byte))),
        }
    }
}

/// An upstream that hands over the heads that it gets, and answers with a secret.
pub fn recording_upstream() -> (Receiver<String>, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, seen) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            drop(sender.send(head(&mut stream)));
            drop(stream.write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 8\r\n\r\na secret",
            ));
        }
    });
    (seen, address)
}

/// A site that sends everything to one upstream.
pub fn site(upstream: SocketAddr) -> String {
    format!(
        "[[site]]\nhosts = [\"localhost\"]\n[[site.route]]\npath = \"/\"\nupstream = [\"http://{upstream}\"]\n"
    )
}

/// `[rules]` with the OWASP CRS: the shared one, else Debian's. `None` where there is neither.
pub fn crs() -> Option<String> {
    let shared = std::env::var_os("BURGRAVE_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let shared = shared.canonicalize().unwrap_or(shared);
    let shared = [shared.join("crs/crs-setup.conf.example"), shared.join("crs/rules/*.conf")];
    [shared, debian()].into_iter().find(|[setup, _]| setup.is_file()).map(|include| rules(&include))
}

/// `[rules]` with Debian's package, where it is installed.
pub fn debian_crs() -> Option<String> {
    Some(debian()).filter(|[setup, _]| setup.is_file()).map(|include| rules(&include))
}

fn debian() -> [PathBuf; 2] {
    [
        PathBuf::from("/etc/modsecurity/crs/crs-setup.conf"),
        PathBuf::from("/usr/share/modsecurity-crs/rules/*.conf"),
    ]
}

fn rules(include: &[PathBuf; 2]) -> String {
    let paths: Vec<String> = include.iter().map(|path| path.display().to_string()).collect();
    // What they say counts here, not how fast a busy machine is.
    format!("[rules]\ninclude = {paths:?}\nbudget = \"1m\"\n")
}
