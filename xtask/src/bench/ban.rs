//! `cargo xtask bench ban`: from the write of the deciding line to the first packet that is dropped, 10,000
//! bans at once, and 100,000 restored at start, beside fail2ban in the same namespace.
//!
//! Everything runs in network namespaces of the bench's own: the machine's rules are not touched.

use crate::{process, setup};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Deciding lines; fail2ban takes half a second for each.
const TRIALS: u32 = 100;
const RIVAL_TRIALS: u32 = 10;
const BURST: u32 = 10_000;
/// fail2ban takes a minute and a half for ten thousand.
const RIVAL_BURST: u32 = 500;
const RESTORED: u32 = 100_000;
const PATIENCE: Duration = Duration::from_mins(3);
/// Somebody who sends nothing.
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 21, 0, 1);

/// Runs both and prints ratios.
pub(crate) fn run() -> Result<()> {
    setup::packages(&["fail2ban", "iproute2", "nftables", "util-linux"])?;
    process::show("cargo", &["build", "--release", "--package", "burgrave"])?;
    let own = measure(&Tool::Burgrave, TRIALS, BURST)?;
    let each = |time: Duration, count: u32| f64::from(count) / time.as_secs_f64();
    let (median, worst) = (middle(&own.trials), last(&own.trials));
    println!(
        "ban: line to first dropped packet, median {:.2} ms, worst of {TRIALS} {:.2} ms; {BURST} at once {:.0} ms ({:.0} bans/s)",
        millis(median),
        millis(worst),
        millis(own.burst),
        each(own.burst, BURST)
    );
    let restored = restore()?;
    println!("ban: {RESTORED} restored {:.0} ms after the start of the program", millis(restored));
    let rival = measure(&Tool::Fail2ban, RIVAL_TRIALS, RIVAL_BURST)?;
    let (median_rival, worst_rival) = (middle(&rival.trials), last(&rival.trials));
    println!(
        "ban: fail2ban median {:.0} ms: {:.0} x, worst of {RIVAL_TRIALS} {:.0} ms: {:.0} x; {RIVAL_BURST} at once {:.0} ms ({:.0} bans/s): {:.0} x",
        millis(median_rival),
        median_rival.as_secs_f64() / median.as_secs_f64(),
        millis(worst_rival),
        worst_rival.as_secs_f64() / worst.as_secs_f64(),
        millis(rival.burst),
        each(rival.burst, RIVAL_BURST),
        each(own.burst, BURST) / each(rival.burst, RIVAL_BURST)
    );
    Ok(())
}

struct Measured {
    trials: Vec<Duration>,
    burst: Duration,
}

enum Tool {
    Burgrave,
    Fail2ban,
}

fn measure(tool: &Tool, trials: u32, burst: u32) -> Result<Measured> {
    let place = Place::new()?;
    let server = place.start(tool)?;
    // fail2ban looks about once a second: its pauses are spread over one.
    let (set, pause) = match tool {
        Tool::Burgrave => ("inet burgrave bans4", "0.1"),
        Tool::Fail2ban => ("inet f2b-table addr-set-sshd", "1"),
    };
    // The first one makes fail2ban's table.
    place.fail(&[FIRST], 3)?;
    until("the first ban", || Ok(place.banned(set)? >= 1))?;
    let mut times = place.probe(trials, pause)?;
    times.sort_unstable();
    let before = place.banned(set)?;
    let clients: Vec<Ipv4Addr> =
        (0..burst).map(|number| Ipv4Addr::from(0xc612_0000 + number)).collect();
    let start = Instant::now();
    place.fail(&clients, 3)?;
    // To list them all takes longer than to ban them: the last one is looked for, then all are counted.
    let last = clients.last().copied().unwrap_or(FIRST);
    until("the last of them", || place.has(set, last))?;
    let wanted = before + usize::try_from(burst)?;
    let mut time = start.elapsed();
    while place.banned(set)? < wanted {
        anyhow::ensure!(start.elapsed() < PATIENCE, "not all of {burst} were banned");
        time = start.elapsed();
    }
    let burst = time;
    drop(server);
    Ok(Measured { trials: times, burst })
}

/// From the start of the program to the last element, with nothing in the kernel before.
fn restore() -> Result<Duration> {
    let place = Place::new()?;
    let state = place.folder.path().join("state/firewall");
    fs::create_dir_all(&state)?;
    let until = process::output("date", &["+%s"])?.trim().parse::<u64>()? + 86_400;
    let mut text = String::new();
    for number in 0..RESTORED {
        let ip = Ipv4Addr::from(0xc612_0000 + number);
        text.push_str(&format!(
            "{{\"time\":1,\"what\":\"ban\",\"target\":\"{ip}\",\"until\":{until},\"times\":1,\"reason\":\"bench\",\"evidence\":\"3 at sshd\"}}\n"
        ));
    }
    fs::write(state.join("bans.ndjson"), text)?;
    let start = Instant::now();
    let server = place.start(&Tool::Burgrave)?;
    let time = start.elapsed();
    let found = place.banned("inet burgrave bans4")?;
    drop(server);
    if found < usize::try_from(RESTORED)? {
        bail!("{found} of {RESTORED} bans were restored");
    }
    Ok(time)
}

/// A host and its clients, each in a namespace.
struct Place {
    host: Child,
    clients: Child,
    folder: tempfile::TempDir,
    echo: Option<Child>,
}

impl Drop for Place {
    fn drop(&mut self) {
        for child in [&mut self.host, &mut self.clients].into_iter().chain(&mut self.echo) {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// A server that is killed when it is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(Command::new("kill").arg(self.0.id().to_string()).status());
        drop(self.0.wait());
    }
}

/// An echo of datagrams at the host.
const ECHO: &str = r"
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('10.9.0.1', 9999))
while True:
    d, a = s.recvfrom(16)
    s.sendto(d, a)
";
/// For each client: sends all the time, writes two failures, after a while the deciding one, and prints the
/// nanoseconds from just before that write to the sending of the first datagram that was not answered, nor
/// the two after it.
const PROBE: &str = r"
import os, socket, sys, time
log = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
def fail(ip, n):
    day = time.strftime('%b %d %H:%M:%S')
    line = '%s h sshd[%d]: Failed password for root from %s port 5 ssh2\n'
    os.write(log, ''.join(line % (day, i, ip) for i in range(n)).encode())
def ask(s, n):
    t = time.monotonic_ns()
    s.send(b'%d' % n)
    try:
        while s.recv(16) != b'%d' % n:
            pass
        return t, True
    except OSError:
        return t, False
for i in range(int(sys.argv[2])):
    ip = '10.20.%d.1' % i
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((ip, 0))
    s.connect(('10.9.0.1', 9999))
    s.settimeout(0.02)
    # Whoever has to be found first is asked again.
    assert any(ask(s, 0)[1] for _ in range(100))
    fail(ip, 2)
    time.sleep(0.05 + (i * 37 % 100) / 100 * float(sys.argv[3]))
    assert any(ask(s, 1)[1] for _ in range(100))
    start = time.monotonic_ns()
    fail(ip, 1)
    n, lost = 2, []
    while len(lost) < 3 and time.monotonic_ns() - start < 60 * 10**9:
        t, ok = ask(s, n)
        n += 1
        lost = [] if ok else lost + [t]
    print(lost[0] - start, flush=True)
";

impl Place {
    fn new() -> Result<Self> {
        let space = || Command::new("unshare").args(["-n", "sleep", "1200"]).spawn();
        let (host, clients) = (space().context("unshare")?, space().context("unshare")?);
        let folder = tempfile::tempdir()?;
        let mut place = Self { host, clients, folder, echo: None };
        std::thread::sleep(Duration::from_millis(300));
        let id = place.clients.id().to_string();
        for line in [
            "ip link set lo up",
            &format!("ip link add v0 type veth peer name v1 netns {id}"),
            "ip addr add 10.9.0.1/8 dev v0",
            "ip link set v0 up",
        ] {
            inside(&place.host, line)?;
        }
        for line in [
            "ip link set lo up",
            "ip link set v1 up",
            "ip route add 10.9.0.1/32 dev v1",
            // All of the network is the clients' own, and each is in a /24 of its own: a swarm is another matter.
            "ip route add local 10.20.0.0/16 dev lo",
        ] {
            inside(&place.clients, line)?;
        }
        fs::write(place.log(), "")?;
        place.echo = Some(command(&place.host, "python3").args(["-c", ECHO]).spawn()?);
        Ok(place)
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("auth.log")
    }

    fn start(&self, tool: &Tool) -> Result<Server> {
        let folder = self.folder.path().display().to_string();
        match tool {
            Tool::Burgrave => self.burgrave(&folder),
            Tool::Fail2ban => self.fail2ban(&folder),
        }
    }

    fn burgrave(&self, folder: &str) -> Result<Server> {
        let config = self.folder.path().join("burgrave.toml");
        fs::write(
            &config,
            format!(
                "state = \"{folder}/state\"\n[[listen]]\naddress = \"127.0.0.1:8080\"\n[[site]]\nhosts = [\"*\"]\nfiles = {{ root = \
                 \"/usr/share\" }}\n[[watch]]\nservice = \"sshd\"\nsource = {{ file = \"{folder}/auth.log\" }}\nban = {{ after = \
                 3, within = \"10m\", for = \"1h\" }}\n"
            ),
        )?;
        let said = self.folder.path().join("said");
        let program = process::root().join("target/release/burgrave");
        let child = command(&self.host, program.to_str().context("path")?)
            .args(["run", "--threads", "1", "--config", config.to_str().context("path")?])
            .stderr(fs::File::create(&said)?)
            .spawn()?;
        let server = Server(child);
        until("it watches", || Ok(fs::read_to_string(&said)?.contains("watching ")))?;
        Ok(server)
    }

    fn fail2ban(&self, folder: &str) -> Result<Server> {
        let own = self.folder.path().join("f2b");
        process::output("cp", &["-r", "/etc/fail2ban", own.to_str().context("path")?])?;
        fs::write(
            own.join("jail.d/zz.local"),
            format!(
                "[DEFAULT]\nbackend = pyinotify\nbanaction = nftables[type=allports]\nprotocol = udp\nallowipv6 = no\nignoreip =\n[sshd]\nenabled = true\nfilter = sshd\n\
                 logpath = {folder}/auth.log\nmaxretry = 3\nfindtime = 600\nbantime = 3600\n"
            ),
        )?;
        fs::remove_file(own.join("jail.d/defaults-debian.conf")).ok();
        fs::write(
            own.join("fail2ban.local"),
            format!(
                "[DEFAULT]\nlogtarget = {folder}/f2b.log\nsocket = {folder}/f2b.sock\npidfile = {folder}/f2b.pid\ndbfile = :memory:\n"
            ),
        )?;
        let child = command(&self.host, "fail2ban-server")
            .args(["-f", "-c", own.to_str().context("path")?])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let server = Server(child);
        let log = self.folder.path().join("f2b.log");
        until("fail2ban watches", || {
            Ok(fs::read_to_string(&log).unwrap_or_default().contains("Jail 'sshd' started"))
        })?;
        Ok(server)
    }

    /// So many failures of each client, in one write.
    fn fail(&self, clients: &[Ipv4Addr], times: u32) -> Result<()> {
        let now = process::output("date", &["+%b %d %H:%M:%S"])?;
        let mut text = String::new();
        for client in clients {
            for number in 0..times {
                text.push_str(&format!(
                    "{} h sshd[{number}]: Failed password for root from {client} port 5 ssh2\n",
                    now.trim()
                ));
            }
        }
        let mut log = fs::File::options().append(true).open(self.log())?;
        Ok(log.write_all(text.as_bytes())?)
    }

    /// The time of every trial.
    fn probe(&self, trials: u32, pause: &str) -> Result<Vec<Duration>> {
        let log = self.log().display().to_string();
        let mut command = command(&self.clients, "python3");
        let output = command.args(["-c", PROBE, &log, &trials.to_string(), pause]).output()?;
        let text = String::from_utf8(output.stdout)?;
        let times = text.lines().map(|line| Ok(Duration::from_nanos(line.parse()?)));
        let times = times.collect::<Result<Vec<Duration>>>()?;
        if times.len() != usize::try_from(trials)? {
            bail!("{} of {trials} trials ended: {}", times.len(), output.stderr.escape_ascii());
        }
        Ok(times)
    }

    /// Whether a set holds an address.
    fn has(&self, set: &str, client: Ipv4Addr) -> Result<bool> {
        let mut command = command(&self.host, "nft");
        command.args(["get", "element"]).args(set.split(' ')).arg(format!("{{ {client} }}"));
        Ok(command.stdout(Stdio::null()).stderr(Stdio::null()).status()?.success())
    }

    fn banned(&self, set: &str) -> Result<usize> {
        let set: Vec<&str> = set.split(' ').collect();
        let mut command = command(&self.host, "nft");
        let output = command.args(["list", "set"]).args(set).stderr(Stdio::null()).output()?;
        // One `expires` or one comma for each; a set without elements has neither.
        let text = String::from_utf8(output.stdout)?;
        let Some((_, elements)) = text.split_once("elements = {") else { return Ok(0) };
        Ok(elements.split('}').next().unwrap_or_default().split(',').count())
    }
}

/// A program in a namespace.
fn command(space: &Child, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["-t", &space.id().to_string(), "-n", program]);
    command
}

fn until(what: &str, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while !done()? {
        if Instant::now() > end {
            bail!("{what}: not within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Runs a line in a namespace.
fn inside(space: &Child, line: &str) -> Result<String> {
    let id = space.id().to_string();
    let mut words = vec!["-t", &id, "-n"];
    words.extend(line.split(' '));
    process::output("nsenter", &words)
}

fn middle(times: &[Duration]) -> Duration {
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn last(times: &[Duration]) -> Duration {
    times.last().copied().unwrap_or_default()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_last_are_those_of_a_sorted_list() {
        let times: Vec<Duration> = (1..=5).map(Duration::from_millis).collect();
        assert_eq!((millis(middle(&times)), millis(last(&times))), (3.0, 5.0));
        assert_eq!((middle(&[]), last(&[])), (Duration::ZERO, Duration::ZERO));
    }
}
