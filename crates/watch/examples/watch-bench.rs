//! What `cargo xtask bench watch` runs: makes logs, reads them with every detector on, and counts what a
//! million addresses cost.

#![expect(clippy::disallowed_methods, reason = "reads and writes the logs of a bench")]
#![expect(clippy::print_stdout, reason = "its output is its result")]

use burgrave_watch::{Detectors, Event, Kind, Never, Reader, Rule, by_name, lines};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;
use std::time::Instant;

/// Readings of a log; the fastest counts.
const ROUNDS: u32 = 5;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["make", kind, file, count] => count.parse().ok().and_then(|count| make(kind, file, count)),
        ["read", service, file] => read(service, file),
        ["addresses", count] => count.parse().ok().and_then(addresses),
        _ => None,
    };
    if done.is_some() { ExitCode::SUCCESS } else { ExitCode::from(2) }
}

/// A generator of numbers (xorshift): the same logs every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }

    fn address(&mut self) -> String {
        let number = self.below(2_000);
        format!("203.0.{}.{}", 113 + number / 250, number % 250 + 1)
    }
}

const USERS: [&str; 8] = ["root", "admin", "test", "oracle", "postgres", "git", "ubuntu", "deploy"];

fn make(kind: &str, file: &str, count: u64) -> Option<()> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(file).ok()?);
    let mut numbers = Numbers(88_172_645_463_325_252);
    for index in 0..count {
        let line = match kind {
            "sshd" => sshd(&mut numbers, index),
            "nginx-access" => access(&mut numbers, index),
            "nginx-error" => error(&mut numbers, index),
            _ => return None,
        };
        writeln!(out, "{line}").ok()?;
    }
    out.flush().ok()
}

/// An hour of the day of a line, so that a log spans a day.
fn clock(index: u64) -> String {
    let second = index / 3 % 86_400;
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

fn sshd(numbers: &mut Numbers, index: u64) -> String {
    let (clock, address) = (clock(index), numbers.address());
    let (process, port) = (numbers.below(60_000) + 100, numbers.below(50_000) + 1_024);
    let place = usize::try_from(numbers.below(8)).unwrap_or_default();
    let user = USERS.get(place).copied().unwrap_or("root");
    let text = match numbers.below(20) {
        0 => format!("Failed password for {user} from {address} port {port} ssh2"),
        1 => format!("Failed password for invalid user {user} from {address} port {port} ssh2"),
        2 => format!(
            "Connection closed by authenticating user {user} {address} port {port} [preauth]"
        ),
        3 => format!(
            "Accepted publickey for {user} from 198.51.100.7 port {port} ssh2: ED25519 SHA256:v3dpapGleDaUKf4V1vKyR9ZyUgjaJAmo"
        ),
        4..=7 => format!("pam_unix(sshd:session): session opened for user {user} by (uid=0)"),
        8..=10 => format!("pam_unix(sshd:session): session closed for user {user}"),
        11..=13 => {
            format!("Received disconnect from 198.51.100.7 port {port}:11: disconnected by user")
        }
        14..=16 => format!("Disconnected from user {user} 198.51.100.7 port {port}"),
        _ => {
            return format!(
                "Nov 26 {clock} host CRON[{process}]: pam_unix(cron:session): session opened for user root by (uid=0)"
            );
        }
    };
    format!("Nov 26 {clock} host sshd[{process}]: {text}")
}

fn access(numbers: &mut Numbers, index: u64) -> String {
    let (clock, address) = (clock(index), numbers.address());
    let (request, status) = match numbers.below(20) {
        0 => ("GET /phpmyadmin/scripts/setup.php HTTP/1.1", 404),
        1 => ("GET /.env HTTP/1.1", 404),
        2 => ("\\x16\\x03\\x01\\x00\\xEE", 400),
        3 => ("POST /api/login HTTP/1.1", 401),
        4..=10 => ("GET /static/app.4f2a91.js HTTP/2.0", 200),
        11..=15 => ("GET /api/v1/orders?symbol=BTCUSD&limit=100 HTTP/2.0", 200),
        _ => ("GET / HTTP/2.0", 304),
    };
    format!(
        "{address} - - [26/Nov/2026:{clock} +0000] \"{request}\" {status} {} \"https://shop.example.com/\" \"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\"",
        numbers.below(90_000)
    )
}

fn error(numbers: &mut Numbers, index: u64) -> String {
    let (clock, address) = (clock(index), numbers.address());
    let text = match numbers.below(10) {
        0 => "user \"admin\": password mismatch".to_owned(),
        1 => "user \"x y\" was not found in \"/etc/nginx/.htpasswd\"".to_owned(),
        2 => "limiting requests, excess: 20.340 by zone \"login\"".to_owned(),
        _ => "upstream timed out (110: Connection timed out) while reading response header from upstream".to_owned(),
    };
    format!(
        "2026/11/26 {clock} [error] 2865#2865: *{index} {text}, client: {address}, server: shop.example.com, request: \"GET /admin HTTP/1.1\", host: \"shop.example.com\""
    )
}

fn detectors() -> Detectors {
    Detectors::new(Rule::default(), Never::parse(["198.51.100.0/24"]).unwrap_or_default())
}

/// Reads a log as a service's, strictly, with every detector on.
fn read(service: &str, file: &str) -> Option<()> {
    let service = by_name(service)?;
    let text = std::fs::read(file).ok()?;
    let (mut best, mut shown) = (f64::MAX, String::new());
    for _ in 0..ROUNDS {
        let (mut reader, mut detectors) = (Reader::new(service, true), detectors());
        let (mut all, mut events, mut actions) = (0_u64, 0_u64, 0_u64);
        let start = Instant::now();
        for line in lines(&text) {
            all += 1;
            let Some(event) = reader.line(line) else { continue };
            events += 1;
            let now = event.stamp.and_then(|stamp| stamp.seconds(1_795_737_600, 0)).unwrap_or(1);
            detectors.event(&event, now, |_| actions += 1);
        }
        let seconds = start.elapsed().as_secs_f64();
        if seconds < best {
            best = seconds;
            shown = format!("{all} {events} {actions} {seconds:.6}");
        }
    }
    println!("{shown}");
    Some(())
}

/// What so many addresses cost: resident bytes before and after, KiB.
fn addresses(count: u32) -> Option<()> {
    let before = resident()?;
    let mut detectors = detectors();
    let idle = resident()?;
    for number in 0..count {
        let ip = IpAddr::V4(Ipv4Addr::from(number.wrapping_mul(2_654_435_761)));
        let name = number.to_le_bytes();
        let event = Event {
            service: "sshd",
            kind: Kind::AuthFailure,
            ip: Some(ip),
            host: None,
            user: Some(&name),
            stamp: None,
            count: 1,
            score: 0,
            port: None,
        };
        detectors.event(&event, 1, |_| {});
    }
    println!("{} {before} {idle} {} {}", detectors.addresses(), resident()?, peak()?);
    Some(())
}

fn status(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim_start_matches(':').split_whitespace().next()?.parse().ok()
}

fn resident() -> Option<u64> {
    status("VmRSS")
}

fn peak() -> Option<u64> {
    status("VmHWM")
}
