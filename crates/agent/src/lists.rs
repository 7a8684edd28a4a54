//! Block lists: files with addresses and networks that are kept out, as their makers publish them.
//!
//! Invariants: a file that cannot be read, or says nothing that makes sense, changes nothing: what it said last stays in
//! force, and that is told; no line puts out whom nobody may ban; what is read is bounded.

use crate::ban::parse_target;
use crate::shield::Shield;
use burgrave_config::BlockList;
use burgrave_sys::System;
use burgrave_watch::Target;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Of one file.
const FILE_BYTES_MAX: u64 = 32 << 20;
/// Of all lists together: what the kernel's sets of them hold.
pub(crate) const TARGETS_MAX: usize = 500_000;

/// A list that is looked at.
#[derive(Debug)]
struct List {
    from: BlockList,
    looked: Option<Instant>,
    /// What it said last.
    targets: Vec<Target>,
    /// What was last said to be wrong with it.
    trouble: Option<String>,
}

/// All lists.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    all: Vec<List>,
}

/// What reading a list came to, where it is worth a word.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// It says something new: how many it names, and lines that make no sense.
    New(PathBuf, usize, usize),
    /// Whom it names and nobody may ban.
    Spared(Target, &'static str),
    /// It cannot be read; said once while it lasts.
    Trouble(String),
}

impl Lists {
    pub(crate) fn of(lists: &[BlockList]) -> Self {
        let one = |from: &BlockList| List {
            from: from.clone(),
            looked: None,
            targets: Vec::new(),
            trouble: None,
        };
        Self { all: lists.iter().map(one).collect() }
    }

    /// Reads what is due. Whether what is kept out has changed.
    pub(crate) fn refresh(
        &mut self,
        system: &dyn System,
        shield: &Shield,
        now: Instant,
        tell: &mut dyn FnMut(Read),
    ) -> bool {
        let mut has_changed = false;
        for list in &mut self.all {
            let is_due = list.looked.is_none_or(|looked| now - looked >= list.from.every);
            if is_due {
                list.looked = Some(now);
                has_changed |= list.read(system, shield, tell);
            }
        }
        has_changed
    }

    /// Whom they keep out, as the addresses and networks that nft takes, IPv4 or IPv6; each once.
    pub(crate) fn elements(&self, is_ipv4: bool) -> Vec<String> {
        let mut all: Vec<Target> =
            self.all.iter().flat_map(|list| &list.targets).copied().collect();
        all.retain(|target| first(*target).is_ipv4() == is_ipv4);
        all.sort_unstable_by_key(|target| match target {
            Target::Address(ip) => (*ip, u8::MAX),
            Target::Network(ip, bits) => (*ip, *bits),
        });
        all.dedup();
        all.truncate(TARGETS_MAX);
        all.iter().map(ToString::to_string).collect()
    }
}

impl List {
    fn read(&mut self, system: &dyn System, shield: &Shield, tell: &mut dyn FnMut(Read)) -> bool {
        let parsed = system
            .read(&self.from.file, FILE_BYTES_MAX)
            .map_err(|error| error.to_string())
            .and_then(|bytes| parse(&self.from.file, &bytes));
        let (mut targets, odd) = match parsed {
            Ok(parsed) => parsed,
            Err(why) => {
                if self.trouble.as_ref() != Some(&why) {
                    tell(Read::Trouble(why.clone()));
                }
                self.trouble = Some(why);
                return false;
            }
        };
        self.trouble = None;
        let mut spared = Vec::new();
        targets.retain(|target| match shield.reason(*target) {
            Some(why) => {
                spared.push((*target, why));
                false
            }
            None => true,
        });
        if targets == self.targets {
            return false;
        }
        for (target, why) in spared {
            tell(Read::Spared(target, why));
        }
        tell(Read::New(self.from.file.clone(), targets.len(), odd));
        self.targets = targets;
        true
    }
}

fn first(target: Target) -> IpAddr {
    match target {
        Target::Address(ip) | Target::Network(ip, _) => ip,
    }
}

/// The addresses and networks of a file, and how many lines make no sense. A file of which no line does is none:
/// somebody has saved an error's page under its name. An empty one says that nobody is kept out.
fn parse(file: &Path, bytes: &[u8]) -> Result<(Vec<Target>, usize), String> {
    let mut targets = Vec::new();
    let mut odd = 0_usize;
    for line in bytes.split(|byte| *byte == b'\n') {
        let end = line.iter().position(|byte| matches!(byte, b'#' | b';')).unwrap_or(line.len());
        let line = line.get(..end).unwrap_or_default().trim_ascii();
        // What follows the address, as in lists with columns, is not looked at.
        let word = line.split(|byte| byte.is_ascii_whitespace() || *byte == b',').next();
        let word = word.unwrap_or_default();
        if word.is_empty() {
            continue;
        }
        match std::str::from_utf8(word).ok().and_then(|word| parse_target(word).ok()) {
            Some(_) if targets.len() >= TARGETS_MAX => odd += 1,
            Some(target) => targets.push(target),
            None => odd += 1,
        }
    }
    if targets.is_empty() && odd > 0 {
        return Err(format!("`{}` is no list of addresses: no line is one", file.display()));
    }
    Ok((targets, odd))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_sys::Fake;
    use std::time::Duration;

    const FILE: &str = "/drop.txt";

    fn lists() -> Lists {
        Lists::of(&[BlockList { file: FILE.into(), every: Duration::from_mins(1) }])
    }

    /// Reads at a moment; whether it changed anything, and what was said.
    fn read(lists: &mut Lists, system: &Fake, at: Instant) -> (bool, Vec<Read>) {
        let mut said = Vec::new();
        let shield = Shield::of(system, &[], Some("192.0.2.55 1 192.0.2.1 22"));
        let has_changed = lists.refresh(system, &shield, at, &mut |read| said.push(read));
        (has_changed, said)
    }

    #[test]
    fn lines_are_addresses_networks_and_comments() {
        let text = b"# made by hand\n192.0.2.1\n 198.51.100.0/24 ; SBL1\n2001:db8::/32,evil\r\n\nnonsense\n192.0.2.1\n0.0.0.0/0\n\xff\xfe\n";
        let (targets, odd) = parse(Path::new(FILE), text).unwrap();
        let words: Vec<String> = targets.iter().map(ToString::to_string).collect();
        assert_eq!(words, ["192.0.2.1", "198.51.100.0/24", "2001:db8::/32", "192.0.2.1"]);
        assert_eq!(odd, 3, "nobody is kept out as a whole");
        assert_eq!(parse(Path::new(FILE), b"# nobody\n").unwrap(), (Vec::new(), 0));
        assert!(parse(Path::new(FILE), b"<html>\n<p>502</p>\n").unwrap_err().contains(FILE));
    }

    #[test]
    fn what_cannot_be_read_changes_nothing_and_is_said_once() {
        let (system, mut lists, start) = (Fake::new(), lists(), Instant::now());
        let minute = |count: u32| start + Duration::from_mins(1) * count;
        system.file(FILE, "203.0.113.9\n192.0.2.0/24\n");
        let (has_changed, said) = read(&mut lists, &system, start);
        assert!(has_changed);
        assert_eq!(said.len(), 2, "the operator's own network is spared: {said:?}");
        assert_eq!(lists.elements(true), ["203.0.113.9"]);
        assert_eq!(read(&mut lists, &system, start), (false, Vec::new()), "it is not due");
        system.file(FILE, "<html>");
        let (has_changed, said) = read(&mut lists, &system, minute(1));
        assert!(!has_changed && matches!(&said[..], [Read::Trouble(_)]), "{said:?}");
        assert_eq!(read(&mut lists, &system, minute(2)), (false, Vec::new()));
        assert_eq!(lists.elements(true), ["203.0.113.9"], "what it said last is in force");
        system.file(FILE, "");
        assert!(read(&mut lists, &system, minute(3)).0);
        assert!(lists.elements(true).is_empty());
    }

    #[test]
    fn families_are_apart_and_each_is_named_once() {
        let (system, mut lists) = (Fake::new(), lists());
        system.file(FILE, "2001:db8::1\n203.0.113.9\n203.0.113.9\n198.51.100.0/24\n");
        read(&mut lists, &system, Instant::now());
        assert_eq!(lists.elements(true), ["198.51.100.0/24", "203.0.113.9"]);
        assert_eq!(lists.elements(false), ["2001:db8::1"]);
    }
}
