//! A machine, an attacker and somebody innocent, each in a network namespace.

use crate::support::{self, PATIENCE, PROGRAM};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

pub const HOST: &str = "10.9.0.1";
pub const HOST6: &str = "fd09::1";

pub fn append(path: PathBuf) -> std::fs::File {
    std::fs::File::options().append(true).create(true).open(path).unwrap()
}

/// A process that holds a namespace; killed when dropped.
pub struct Space(pub Child);

impl Space {
    pub fn new() -> Self {
        let child = Command::new("unshare").args(["-n", "sleep", "1800"]).spawn().unwrap();
        let own = std::fs::read_link("/proc/self/ns/net").unwrap();
        let end = Instant::now() + PATIENCE;
        loop {
            let its = std::fs::read_link(format!("/proc/{}/ns/net", child.id()));
            if its.is_ok_and(|its| its != own) {
                break;
            }
            assert!(Instant::now() < end, "no namespace");
            std::thread::sleep(Duration::from_millis(5));
        }
        Self(child)
    }

    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.0.id().to_string(), "-n", program]);
        command
    }

    pub fn run(&self, line: &str) -> Output {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.command(words[0]).args(&words[1..]).output().unwrap()
    }

    pub fn must(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.status.success(), "{line}: {}", support::stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Whether a connection is made within half a second.
    pub fn reaches(&self, address: &str, port: u16) -> bool {
        connects(self.command(python()), address, port)
    }

    /// Begins a connection to each of these ports, and gives it up at once.
    pub fn knock(&self, address: &str, ports: impl IntoIterator<Item = u16>) {
        let ports: Vec<String> = ports.into_iter().map(|port| port.to_string()).collect();
        let mut command = self.command(python());
        command.args(["-I", "-S", "-c", KNOCK, address]).args(ports);
        assert!(command.status().unwrap().success());
    }
}

/// The system's own interpreter, which any account may run, before one of a developer's.
pub fn python() -> &'static str {
    let own = "/usr/bin/python3";
    if PathBuf::from(own).exists() { own } else { "python3" }
}

/// The time counts from when the program begins to connect, not from its start.
const CONNECT: &str = "
import _socket, sys
a, p = sys.argv[1:]
s = _socket.socket(_socket.AF_INET6 if ':' in a else _socket.AF_INET, _socket.SOCK_STREAM)
s.settimeout(0.5)
try: s.connect((a, int(p)))
except OSError: sys.exit(1)
";

/// The first packet of a connection is sent before the call comes back.
const KNOCK: &str = "
import _socket, sys
a = sys.argv[1]
for p in sys.argv[2:]:
    s = _socket.socket(_socket.AF_INET6 if ':' in a else _socket.AF_INET, _socket.SOCK_STREAM)
    s.setblocking(False)
    s.connect_ex((a, int(p)))
    s.close()
";

/// Whether an interpreter of Python, started by this command, makes a connection within half a second.
pub fn connects(mut command: Command, address: &str, port: u16) -> bool {
    command.args(["-I", "-S", "-c", CONNECT, address, &port.to_string()]);
    let status = command.status().unwrap();
    // Anything else than yes or no is a failure of the test's own.
    assert!(matches!(status.code(), Some(0 | 1)), "{status:?}");
    status.success()
}

impl Drop for Space {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A machine, an attacker and somebody innocent, each in a namespace, on one network.
pub struct Net {
    pub host: Space,
    pub attacker: Space,
    pub innocent: Space,
    pub folder: tempfile::TempDir,
    pub burgrave: Option<Child>,
}

impl Net {
    /// `None` without root, which is said.
    pub fn new(config: &str) -> Option<Self> {
        let id = Command::new("id").arg("-u").output().unwrap();
        let has_nft = PathBuf::from("/usr/sbin/nft").exists();
        if id.stdout != b"0\n" || !has_nft {
            eprintln!("SKIPPED: namespaces need root, and rules need the package nftables");
            return None;
        }
        let (host, attacker, innocent) = (Space::new(), Space::new(), Space::new());
        host.must("ip link set lo up");
        host.must("ip link add name br0 type bridge");
        for (number, space) in [(2, &attacker), (3, &innocent)] {
            let id = space.0.id();
            host.must(&format!("ip link add v{number} type veth peer name eth0 netns {id}"));
            host.must(&format!("ip link set v{number} master br0 up"));
            space.must(&format!("ip addr add 10.9.0.{number}/24 dev eth0"));
            space.must(&format!("ip addr add fd09::{number}/64 dev eth0 nodad"));
            space.must("ip link set eth0 up");
        }
        host.must(&format!("ip addr add {HOST}/24 dev br0"));
        host.must(&format!("ip addr add {HOST6}/64 dev br0 nodad"));
        host.must("ip link set br0 up");
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "state = \"{0}/state\"\n[log]\naccess = \"{0}/access.ndjson\"\n{1}\n[[listen]]\naddress = \"{HOST}:8080\"\n\
             [[site]]\nhosts = [\"*\"]\nfiles = {{ root = \"/usr/share/common-licenses\" }}\n",
            folder.path().display(),
            config.replace("DIR", &folder.path().display().to_string()),
        );
        std::fs::write(folder.path().join("burgrave.toml"), text).unwrap();
        std::fs::write(folder.path().join("auth.log"), "").unwrap();
        Some(Self { host, attacker, innocent, folder, burgrave: None })
    }

    pub fn config(&self) -> String {
        self.folder.path().join("burgrave.toml").display().to_string()
    }

    pub fn start(&mut self) {
        self.start_by(&[]);
    }

    /// Started by another program, which gets the rest of the words.
    pub fn start_by(&mut self, by: &[&str]) {
        let stderr = append(self.folder.path().join("said"));
        let before = self.said("watching ");
        let config = self.config();
        let words = [by, &[PROGRAM, "run", "--config", &config]].concat();
        let mut child = self.host.command(words[0]);
        child.args(&words[1..]).stderr(stderr);
        self.burgrave = Some(child.spawn().unwrap());
        self.until("it watches", |net| net.said("watching ") > before);
        self.until("it serves", |net| net.innocent.reaches(HOST, 8080));
    }

    /// How often it has said so.
    pub fn said(&self, text: &str) -> usize {
        let said = std::fs::read_to_string(self.folder.path().join("said")).unwrap_or_default();
        said.matches(text).count()
    }

    pub fn stop(&mut self, signal: &str) {
        let mut child = self.burgrave.take().unwrap();
        // Its sockets are free when the last of its processes is gone.
        let all = support::descendants(child.id());
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        child.wait().unwrap();
        support::until_gone(&all);
    }

    pub fn until(&self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            let said = std::fs::read_to_string(self.folder.path().join("said"));
            assert!(Instant::now() < end, "{what}: {}", said.unwrap_or_default());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn firewall(&self, line: &str) -> (i32, String) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut command = self.host.command(PROGRAM);
        let output =
            command.arg("firewall").args(&words).args(["--config", &self.config()]).output();
        let output = output.unwrap();
        let text = String::from_utf8(output.stdout.clone()).unwrap() + &support::stderr(&output);
        (output.status.code().unwrap(), text)
    }

    /// Failures of a client in the log of sshd.
    pub fn fail(&self, ip: &str, times: usize) {
        let mut text = String::new();
        // What is read late counts with its own time, so it must be now.
        let date = Command::new("date").args(["-u", "+%b %e %H:%M:%S"]).output().unwrap();
        let date = String::from_utf8(date.stdout).unwrap();
        let date = date.trim_end();
        for number in 0..times {
            writeln!(
                text,
                "{date} h sshd[{number}]: Failed password for root from {ip} port 5 ssh2"
            )
            .unwrap();
        }
        let mut log = append(self.folder.path().join("auth.log"));
        log.write_all(text.as_bytes()).unwrap();
    }

    /// The rows of the ledger, as kind and subject, once it is sound.
    pub fn rows(&self) -> Vec<(String, String)> {
        let ledger = |arguments: &[&str]| {
            let all = [&["ledger"], arguments, &["--format", "json", "--config", &self.config()]];
            let output = support::run(&all.concat());
            assert_eq!(output.status.code(), Some(0), "{}", support::stderr(&output));
            serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
        };
        assert_eq!(ledger(&["verify"])["is_sound"], true);
        let listed = ledger(&["list"]);
        let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap().to_owned();
        let rows = listed["rows"].as_array().unwrap().iter();
        rows.map(|row| (text(row, "kind"), text(row, "subject"))).collect()
    }

    /// How many rows are of a kind and about somebody.
    pub fn has_rows(&self, kind: &str, subject: &str) -> usize {
        let of = |row: &&(String, String)| row.0 == kind && row.1 == subject;
        self.rows().iter().filter(of).count()
    }

    pub fn set(&self, name: &str) -> String {
        let output = self.host.run(&format!("nft list set inet burgrave {name}"));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        if let Some(child) = &mut self.burgrave {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
