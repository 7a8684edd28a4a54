//! The configured rules before a stranger: what is closed stays shut, what is open opens, and who scans finds nothing.

use crate::stage::{Reach, Stage, Who};
use crate::{evidence, not_proven};
use burgrave_agent::{AgentError, Home, Kernel};
use burgrave_config::{Protocol, Settings};
use burgrave_firewall::{Desired, Opening, confirmed};
use burgrave_model::{Evidence, Outcome};
use burgrave_sys::chain;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

/// What must never be reached from outside: Docker, MySQL, PostgreSQL, Redis, Elasticsearch, MongoDB, and a port of
/// nobody's.
const CANARIES: [u16; 7] = [2375, 3306, 5432, 6379, 9200, 27_017, 40_123];
/// How many of them are tried, each over IPv4 and IPv6.
const CANARIES_TRIED: usize = 3;
/// SNMP, mDNS, SSDP and one of nobody's.
const DATAGRAM_CANARIES: [u16; 4] = [161, 5353, 1900, 40_123];
/// Openings that are tried.
const OPENINGS_MAX: usize = 16;
/// Ports of a scan: more than are let pass in a minute.
const SCANNED: std::ops::Range<u16> = 41_000..41_024;
const DATAGRAM_TIME: Duration = Duration::from_millis(400);

/// A way to the machine, and whether the stranger is to be let in.
#[derive(Clone, Debug)]
struct Door {
    words: String,
    at: SocketAddr,
    is_open: bool,
    /// Whether anyone is let in.
    is_for_anyone: bool,
}

/// Whether the firewall drops what it should.
pub fn firewall_drops(settings: &Settings) -> Vec<Evidence> {
    let mut all = vec![in_force(settings)];
    match play(settings) {
        Ok(mut seen) => all.append(&mut seen),
        Err(why) => all.push(not_proven("set a stage of network namespaces", why)),
    }
    all
}

/// Whether the machine itself has the rules that are played.
fn in_force(settings: &Settings) -> Evidence {
    let did = "looked whether this machine's kernel has the configured rules";
    match burgrave_agent::plan(settings, None) {
        Ok(plan) if plan.is_empty() => evidence(did, "it has all of them", Outcome::Held),
        Ok(plan) => {
            let saw = format!(
                "{} rule(s) differ: see `burgrave firewall plan`, then `apply`",
                plan.changes.len().max(1)
            );
            evidence(did, saw, Outcome::Fell)
        }
        Err(error) => not_proven(did, chain(&error)),
    }
}

fn play(settings: &Settings) -> Result<Vec<Evidence>, String> {
    let desired = Desired::of(settings);
    let stage = Stage::set()?;
    let doors = doors(&desired);
    for door in &doors {
        let is_stages = [true, false].map(|is_ipv4| Who::Stranger.machine(is_ipv4));
        if !is_stages.contains(&door.at.ip()) {
            stage.add_address(door.at.ip())?;
        }
    }
    let mut ports: Vec<u16> = doors.iter().map(|door| door.at.port()).collect();
    ports.sort_unstable();
    ports.dedup();
    let listening = stage.machine.run(move || listen(&ports)).ok_or("a thread is gone")?;
    let _listening = listening.map_err(|error| format!("nobody can listen there: {error}"))?;
    if let Some(door) = doors.iter().find(|door| stage.reach(Who::Stranger, door.at) != Reach::Open)
    {
        return Err(format!("without rules the stranger does not reach {} either", door.at));
    }
    let datagrams = Datagrams::open(&stage, &desired)?;
    load(&stage, &desired)?;
    let mut seen: Vec<Evidence> = doors.iter().map(|door| judged(&stage, door)).collect();
    seen.extend(datagrams.map(|datagrams| datagrams.judged(&stage)));
    if desired.port_scans {
        seen.extend(scan(&stage, &doors));
    }
    Ok(seen)
}

/// The configured openings, and what nobody has opened.
fn doors(desired: &Desired) -> Vec<Door> {
    let is_tcp = |opening: &&Opening| opening.protocol == Protocol::Tcp;
    let mut doors: Vec<Door> =
        desired.openings.iter().filter(is_tcp).take(OPENINGS_MAX).map(of_opening).collect();
    let is_opened = |port: u16| doors.iter().any(|door| door.at.port() == port);
    let closed: Vec<u16> =
        CANARIES.into_iter().filter(|port| !is_opened(*port)).take(CANARIES_TRIED).collect();
    for port in closed {
        for is_ipv4 in [true, false] {
            doors.push(Door {
                words: format!("knocked at tcp {port}, which nothing opens"),
                at: SocketAddr::new(Who::Stranger.machine(is_ipv4), port),
                is_open: false,
                is_for_anyone: false,
            });
        }
    }
    doors
}

fn of_opening(opening: &Opening) -> Door {
    let ip = match opening.to {
        Some(IpAddr::V6(ip)) if ip.is_unspecified() => Who::Stranger.machine(false),
        Some(ip) if !ip.is_unspecified() => ip,
        Some(_) | None => Who::Stranger.machine(true),
    };
    let own = Who::Stranger.own(ip.is_ipv4());
    let is_for_anyone = opening.from.is_empty();
    Door {
        words: format!("knocked as a stranger where the rule says: {}", opening.words()),
        at: SocketAddr::new(ip, opening.port),
        is_open: is_for_anyone || opening.from.iter().any(|network| network.contains(own)),
        is_for_anyone,
    }
}

fn listen(ports: &[u16]) -> std::io::Result<Vec<TcpListener>> {
    // A socket for any IPv6 address takes IPv4 as well.
    ports.iter().map(|port| TcpListener::bind((Ipv6Addr::UNSPECIFIED, *port))).collect()
}

fn load(stage: &Stage, desired: &Desired) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (path, script): (PathBuf, String) = (folder.path().to_path_buf(), confirmed(desired));
    let loaded = stage.machine.run(move || -> Result<(), AgentError> {
        Kernel::open(&Home::open(&path)?)?.load(&script)
    });
    loaded.ok_or("a thread is gone")?.map_err(|error| chain(&error))
}

fn judged(stage: &Stage, door: &Door) -> Evidence {
    let saw = stage.reach(Who::Stranger, door.at);
    let outcome = if (saw == Reach::Open) == door.is_open { Outcome::Held } else { Outcome::Fell };
    let family = if door.at.is_ipv4() { "IPv4" } else { "IPv6" };
    evidence(format!("{} ({family})", door.words), saw.words(), outcome)
}

/// A socket for datagrams at a port that nothing opens.
struct Datagrams {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Datagrams {
    /// `None`: the configuration opens all of them.
    fn open(stage: &Stage, desired: &Desired) -> Result<Option<Self>, String> {
        let is_opened = |port: &u16| {
            desired.openings.iter().any(|own| own.protocol == Protocol::Udp && own.port == *port)
        };
        let Some(port) = DATAGRAM_CANARIES.into_iter().find(|port| !is_opened(port)) else {
            return Ok(None);
        };
        let socket = stage.machine.run(move || {
            let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port))?;
            socket.set_read_timeout(Some(DATAGRAM_TIME))?;
            Ok::<_, std::io::Error>(socket)
        });
        let socket = socket.ok_or("a thread is gone")?.map_err(|error| error.to_string())?;
        let own = Self { socket, to: SocketAddr::new(Who::Stranger.machine(true), port) };
        if !own.arrives(stage) {
            return Err("without rules no datagram arrives either".to_owned());
        }
        Ok(Some(own))
    }

    fn arrives(&self, stage: &Stage) -> bool {
        let to = self.to;
        let sent = stage.as_one(Who::Stranger, move || {
            UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"knock", to)).is_ok()
        });
        sent == Some(true) && self.socket.recv(&mut [0; 16]).is_ok()
    }

    fn judged(&self, stage: &Stage) -> Evidence {
        let did = format!("sent a datagram to udp {}, which nothing opens", self.to.port());
        if self.arrives(stage) {
            evidence(did, "it arrived", Outcome::Fell)
        } else {
            evidence(did, "it did not arrive", Outcome::Held)
        }
    }
}

/// Who has knocked at many closed ports finds the open ones closed too; the innocent one does not.
fn scan(stage: &Stage, doors: &[Door]) -> Vec<Evidence> {
    let Some(door) = doors.iter().find(|door| door.is_for_anyone && door.at.is_ipv4()) else {
        return Vec::new();
    };
    for port in SCANNED {
        stage.reach(Who::Stranger, SocketAddr::new(door.at.ip(), port));
    }
    let did = format!("knocked at {} closed ports, then at tcp {}", SCANNED.len(), door.at.port());
    let saw = stage.reach(Who::Stranger, door.at);
    let is_held = if saw == Reach::Open { Outcome::Fell } else { Outcome::Held };
    let beside = stage.reach(Who::Innocent, door.at);
    let is_let_in = if beside == Reach::Open { Outcome::Held } else { Outcome::Fell };
    let words = format!("knocked beside the scanner at tcp {}", door.at.port());
    vec![evidence(did, saw.words(), is_held), evidence(words, beside.words(), is_let_in)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desired(firewall: &str, listen: &str) -> Desired {
        let text = format!(
            "[firewall]\n{firewall}\n[[listen]]\naddress = \"{listen}\"\n[[site]]\nhosts = [\"a\"]\nfiles = {{ root = \"/srv\" }}\n"
        );
        Desired::of(&burgrave_config::parse(&text).unwrap())
    }

    #[test]
    fn doors_are_the_openings_and_what_nothing_opens() {
        let allow = "allow = [{ port = 22, from = [\"192.0.2.0/24\"] }, { port = 2375, from = [\"198.18.0.0/15\"] }, \
                     { port = 53, protocol = \"udp\" }]";
        let doors = doors(&desired(allow, "[::]:443"));
        let told: Vec<(String, bool)> =
            doors.iter().map(|door| (door.at.to_string(), door.is_open)).collect();
        let expected = [
            ("[fd42:6275:7267:1::1]:443", true),
            ("198.18.1.1:22", false),
            ("198.18.1.1:2375", true),
            ("198.18.1.1:3306", false),
            ("[fd42:6275:7267:1::1]:3306", false),
        ];
        for ((at, is_open), (wanted, is_wanted)) in told.iter().zip(expected) {
            assert_eq!((at.as_str(), *is_open), (wanted, is_wanted));
        }
        assert_eq!(told.len(), 3 + 2 * CANARIES_TRIED);
    }

    /// How it ends with other rules in the kernel than were meant.
    fn outcomes(meant: &Desired, loaded: &Desired) -> Option<Vec<Outcome>> {
        let stage = match Stage::set() {
            Ok(stage) => stage,
            Err(why) => {
                println!("SKIPPED: {why}");
                return None;
            }
        };
        let doors = doors(meant);
        let ports: Vec<u16> = doors.iter().map(|door| door.at.port()).collect();
        let ports: std::collections::BTreeSet<u16> = ports.into_iter().collect();
        let ports: Vec<u16> = ports.into_iter().collect();
        let _listening = stage.machine.run(move || listen(&ports)).unwrap().unwrap();
        let datagrams = Datagrams::open(&stage, meant).unwrap().unwrap();
        load(&stage, loaded).unwrap();
        let mut seen: Vec<Evidence> = doors.iter().map(|door| judged(&stage, door)).collect();
        seen.push(datagrams.judged(&stage));
        seen.extend(scan(&stage, &doors));
        Some(seen.into_iter().map(|part| part.outcome).collect())
    }

    #[test]
    fn rules_hold_and_no_rules_fall() {
        let meant = desired("", "0.0.0.0:443");
        let Some(held) = outcomes(&meant, &meant) else { return };
        assert_eq!(held, vec![Outcome::Held; held.len()]);
        let fell = outcomes(&meant, &Desired::nothing()).unwrap();
        let falls = fell.iter().filter(|outcome| **outcome == Outcome::Fell).count();
        assert_eq!(
            falls,
            2 * CANARIES_TRIED + 2,
            "each closed port, the datagram, the scan: {fell:?}"
        );
    }
}
