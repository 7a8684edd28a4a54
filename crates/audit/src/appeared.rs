//! What was not there before and gives somebody a way in or up: a program that begins to listen, a file that begins to run
//! as its owner.
//!
//! Invariants: what is there at the first look is learned, because the audit judges it; what goes and comes again within a
//! week, as with a restart, is no news; what is remembered is bounded; who cannot look says so, and nothing is forgotten by it.

use crate::evidence::{shown, shown_path};
use crate::facts::{Blind, Facts, Reach, Seen, Socket};
use burgrave_model::Severity;
use burgrave_sys::Kind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Accounts of people begin here (`UID_MIN` of login.defs(5)).
const ACCOUNTS_FROM: u32 = 1_000;
/// What is remembered of a kind.
const KNOWN_MAX: usize = 20_000;
/// How long what has gone is remembered.
const MEMORY_SECS: u64 = 7 * 86_400;
/// From here on ports are given out by the kernel: of a listener its program counts, not the number, and a datagram socket
/// there is a client's.
const PORT_GIVEN: u16 = 32_768;
/// From here on a program may take ports of datagrams by itself, as resolvers do for each question: its name counts.
const PORT_TAKEN: u16 = 1_024;

/// Something that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appearance {
    /// By which it is known again.
    key: String,
    /// For people: where, and by whom.
    pub words: String,
    /// How much it weighs if it is new.
    pub severity: Severity,
}

/// The listening sockets of the machine, as the kernel lists them: cheap, to see whether a look at programs is worth it.
pub fn sockets(facts: &Facts<'_>) -> Seen<Vec<(&'static str, std::net::IpAddr, u16)>> {
    let sockets = facts.sockets().as_ref().map_err(Clone::clone)?;
    let is_inet = |kind: &str| matches!(kind, "tcp" | "tcp6" | "udp" | "udp6");
    let is_client = |own: &&Socket| own.kind.starts_with("udp") && own.port >= PORT_GIVEN;
    let listening = sockets.iter().filter(|own| own.is_listening && is_inet(own.kind));
    let listening = listening.filter(|own| !is_client(own));
    let mut all: Vec<_> = listening.map(|own| (own.kind, own.local, own.port)).collect();
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// What listens.
pub fn listening(facts: &Facts<'_>) -> Seen<Vec<Appearance>> {
    let listeners = facts.listeners().as_ref().map_err(Clone::clone)?;
    let mut all = Vec::new();
    for own in listeners {
        let is_udp = own.kind.starts_with("udp");
        let is_given = own.port >= if is_udp { PORT_TAKEN } else { PORT_GIVEN };
        if is_udp && own.port >= PORT_GIVEN {
            continue;
        }
        let process = own.process.as_ref();
        let program = process.and_then(|process| process.executable.as_deref().map(shown_path));
        let program = program.or_else(|| process.map(|process| shown(&process.name)));
        let program = program.unwrap_or_else(|| "a program that cannot be seen".to_owned());
        let socket = own.socket();
        let place = if is_given {
            socket.rsplit_once(':').map_or(&*socket, |(rest, _)| rest)
        } else {
            &socket
        };
        let key = format!("{place} {program}");
        let reach = own.reach.words();
        let words = format!("{program} listens on {socket}, reachable from {reach}");
        let severity = match own.reach {
            Reach::Outside => Severity::High,
            Reach::Inside => Severity::Medium,
            Reach::Filtered | Reach::Local => Severity::Low,
        };
        all.push(Appearance { key, words, severity });
    }
    Ok(all)
}

/// Which files run as their owner or group, whoever starts them.
pub fn privileged(facts: &Facts<'_>) -> Seen<Vec<Appearance>> {
    let mut found = Vec::new();
    let mut count = 0_usize;
    facts.each(&mut |path, metadata| {
        // Of an ordinary account's files the bits give nobody more than that account.
        let is_systems = metadata.uid < ACCOUNTS_FROM
            || metadata.gid < ACCOUNTS_FROM && metadata.mode & 0o2000 != 0;
        if metadata.kind == Kind::File && metadata.mode & 0o6000 != 0 && is_systems {
            count += 1;
            if found.len() < KNOWN_MAX {
                found.push((path.to_path_buf(), metadata.clone()));
            }
        }
    })?;
    if count > KNOWN_MAX {
        return Err(Blind::new(
            "/",
            format!("{count} files run as their owner: more than are kept"),
        ));
    }
    let owner = |path: &std::path::Path| {
        let packages = facts.packages().as_ref().ok()?;
        packages.owner(path).map(str::to_owned)
    };
    let one = |(path, metadata): &(std::path::PathBuf, burgrave_sys::Metadata)| {
        let (mode, uid, gid) = (metadata.mode & 0o7777, metadata.uid, metadata.gid);
        let shown = shown_path(path);
        let is_root = mode & 0o4000 != 0 && uid == 0;
        let package = owner(path);
        let severity = match &package {
            None if is_root => Severity::Critical,
            None => Severity::High,
            Some(_) => Severity::Medium,
        };
        let by = package
            .map_or("no package brought it".to_owned(), |own| format!("of the package {own}"));
        let words = format!(
            "{shown} runs with the rights of its owner (mode {mode:04o}, owner {uid}:{gid}); {by}"
        );
        Appearance { key: format!("{shown} {mode:04o} {uid}:{gid}"), words, severity }
    };
    Ok(found.iter().map(one).collect())
}

/// What was there before, and when it was seen last, in seconds since 1970. `None`: nothing was looked at yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    listening: Option<BTreeMap<String, u64>>,
    privileged: Option<BTreeMap<String, u64>>,
}

impl Remembered {
    /// What was kept. `None`: it makes no sense.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// As it is kept.
    pub fn text(&self) -> Vec<u8> {
        // What is made of numbers and strings can always be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// How much is remembered.
    pub fn count(&self) -> usize {
        [&self.listening, &self.privileged].into_iter().flatten().map(BTreeMap::len).sum()
    }

    /// Takes what listens; what of it is new.
    pub fn listens(&mut self, now: u64, seen: Vec<Appearance>) -> Vec<Appearance> {
        news(&mut self.listening, now, seen)
    }

    /// Takes which files run as their owner; what of it is new.
    pub fn runs_as_owner(&mut self, now: u64, seen: Vec<Appearance>) -> Vec<Appearance> {
        news(&mut self.privileged, now, seen)
    }
}

fn news(
    known: &mut Option<BTreeMap<String, u64>>,
    now: u64,
    seen: Vec<Appearance>,
) -> Vec<Appearance> {
    let is_first = known.is_none();
    let known = known.get_or_insert_default();
    // What is still there is not forgotten, however long nobody has looked.
    for own in &seen {
        if let Some(last) = known.get_mut(&own.key) {
            *last = now;
        }
    }
    known.retain(|_, last| last.saturating_add(MEMORY_SECS) > now);
    let mut new = Vec::new();
    for own in seen {
        if known.len() >= KNOWN_MAX && !known.contains_key(&own.key) {
            let oldest = known.iter().min_by_key(|(_, last)| **last).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| known.remove(&oldest));
        }
        if known.insert(own.key.clone(), now).is_none() && !is_first {
            new.push(own);
        }
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    fn shown(all: &[Appearance]) -> Vec<String> {
        all.iter().map(|own| format!("{:?} {}", own.severity, own.words)).collect()
    }

    /// A machine on which these lines are sockets of TCP.
    fn machine(lines: &[&str]) -> Fake {
        let fake = Fake::new();
        let mut text = "  sl  local_address rem_address   st\n".to_owned();
        for (number, line) in lines.iter().enumerate() {
            text.push_str(&format!("   {number}: {line} 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 {} 1\n", 70 + number));
        }
        fake.file("/proc/net/tcp", text.as_str());
        for kind in ["tcp6", "udp", "udp6", "raw", "raw6", "packet", "unix"] {
            fake.file(format!("/proc/net/{kind}"), "head\n");
        }
        fake.file("/var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\n");
        fake
    }

    #[test]
    fn what_begins_to_listen_is_new_once() {
        let mut known = Remembered::default();
        let mut look = |now, lines: &[&str]| {
            let fake = machine(lines);
            let facts = Facts::new(&fake, Ground::Running);
            known.listens(now, listening(&facts).unwrap())
        };
        let (web, shell) = ("00000000:01BB", "00000000:115C");
        assert!(look(100, &[web]).is_empty(), "what is there first is learned");
        let new = look(110, &[web, shell]);
        assert_eq!(
            shown(&new),
            [
                "High a program that cannot be seen listens on tcp 0.0.0.0:4444, reachable from everywhere"
            ]
        );
        assert!(look(120, &[web, shell]).is_empty());
        assert!(look(130, &[shell]).is_empty() && look(140, &[web, shell]).is_empty(), "a restart");
        assert!(look(140 + MEMORY_SECS + 1, &[web]).is_empty(), "it was there all the time");
        assert_eq!(look(150 + MEMORY_SECS + 1, &[web, shell]).len(), 1, "forgotten after a week");
        // Ports that the kernel gives out count by their program.
        assert_eq!(look(900_000, &["0100007F:C001"]).len(), 1);
        assert!(look(900_001, &["0100007F:C002", "0100007F:C003"]).is_empty());
    }

    #[test]
    fn what_begins_to_run_as_its_owner_is_new() {
        let fake = Fake::new();
        fake.file("/usr/bin/su", "").mode("/usr/bin/su", 0o4755).file("/tmp/x", "");
        fake.file("/var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\n");
        let mut known = Remembered::default();
        let mut look = |now| {
            let facts = Facts::new(&fake, Ground::Tree);
            shown(&known.runs_as_owner(now, privileged(&facts).unwrap()))
        };
        assert!(look(100).is_empty());
        fake.mode("/tmp/x", 0o4755);
        assert_eq!(
            look(110),
            [
                "Critical /tmp/x runs with the rights of its owner (mode 4755, owner 0:0); no package brought it"
            ]
        );
        assert!(look(120).is_empty());
        fake.mode("/tmp/x", 0o2755);
        assert_eq!(look(130).len(), 1, "another bit is another thing");
        let kept = Remembered::parse(&known.text()).unwrap();
        assert_eq!(kept, known);
        assert_eq!(Remembered::parse(b"{\"listening\":7}"), None);
    }

    #[test]
    fn who_cannot_look_forgets_nothing_and_what_is_kept_is_bounded() {
        let fake = Fake::new();
        let facts = Facts::new(&fake, Ground::Running);
        fake.refuse("/proc/net/tcp", burgrave_sys::Refusal::Denied);
        assert!(listening(&facts).is_err());
        let mut known = Remembered::default();
        known.listens(1, Vec::new());
        let one = |number: usize| Appearance {
            key: number.to_string(),
            words: String::new(),
            severity: Severity::Low,
        };
        let all: Vec<Appearance> = (0..KNOWN_MAX + 10).map(one).collect();
        assert_eq!(known.listens(2, all).len(), KNOWN_MAX + 10);
        assert_eq!(known.listening.unwrap().len(), KNOWN_MAX);
    }
}
