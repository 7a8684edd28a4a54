//! The table `inet burgrave` in the kernel: made by nft, its bans kept by netlink.

use crate::ban::Ban;
use crate::book::Book;
use crate::error::AgentError;
use crate::home::Home;
use burgrave_firewall::{Listing, TABLE_NAME, base, blocked, listing, removed, rules_in};
use burgrave_sys::{
    Element, Ended, Invocation, Live, Netfilter, SetStep, SysError, System as _, remove_own,
};
use burgrave_watch::Target;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// Where nft, the one program that rules are changed by, may be.
pub const NFT: [&str; 3] = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"];
const NFT_TIME: Duration = Duration::from_secs(30);
const NFT_BYTES_MAX: usize = 16 << 20;
/// Elements of one transaction: sets grow between two of them, which is faster than one of all.
const PIECE: usize = 1_000;
/// What a set is read to.
const ELEMENTS_MAX: usize = 1 << 20;
/// By so much the end of a ban may differ.
const SLACK_SECS: u64 = 5;
/// Attempts at a change that another one came between.
const ATTEMPTS: usize = 3;
const ADDRESSES: [(&str, bool); 2] = [("bans4", true), ("bans6", false)];
/// Whoever is in them is never kept out, so what is in them is compared as rules are.
const ALLOWED: [&str; 2] = ["allow4", "allow6"];
const NETWORKS: [(&str, bool); 2] = [("networks4", true), ("networks6", false)];

/// How the rules are beside those that were loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    Same,
    Changed,
    /// What was loaded is not known, or another nft shows it.
    Unknown,
}

/// The table.
#[derive(Debug)]
pub struct Kernel {
    netfilter: Netfilter,
    home: Home,
    /// The last change that is known.
    generation: u32,
    /// How many elements the sets of block lists had when they were loaded.
    listed: [usize; 2],
    /// Rules were there, and not as they were loaded.
    pub(crate) were_twisted: bool,
    /// Why it is not kept what the rules look like that were loaded last.
    pub(crate) unnoted: Option<String>,
}

impl Kernel {
    /// Opens it. Fails without the right to change it.
    pub fn open(home: &Home) -> Result<Self, AgentError> {
        let mut netfilter = Netfilter::open(TABLE_NAME)?;
        match netfilter.generation() {
            Ok(generation) => {
                let home = home.clone();
                Ok(Self {
                    netfilter,
                    home,
                    generation,
                    listed: [0; 2],
                    were_twisted: false,
                    unnoted: None,
                })
            }
            Err(SysError::Denied(_)) => Err(AgentError::NoRight),
            Err(SysError::Io { source, .. })
                if source.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                Err(AgentError::NoRight)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Loads a script, all of it or nothing, and remembers how nft shows what it came to. The lock of the home is held.
    pub fn load(&mut self, script: &str) -> Result<(), AgentError> {
        nft(&["-f", "-"], script)?;
        // Rules are in force whether or not the disk takes what they look like; what is not known is loaded again.
        self.unnoted = self.note().err().map(|error| burgrave_sys::chain(&error));
        if self.unnoted.is_some() {
            remove_own(&self.home.loaded())?;
        }
        self.seen()
    }

    fn note(&mut self) -> Result<(), AgentError> {
        let text = match self.text()? {
            Some(text) => format!("{}{text}", version()?),
            None => String::new(),
        };
        self.home.keep(&self.home.loaded(), &text)
    }

    /// The table without counts and elements, but for those that nobody is kept from by. `None`: there is none.
    fn text(&mut self) -> Result<Option<String>, AgentError> {
        if !self.netfilter.has_table()? {
            return Ok(None);
        }
        let mut text = listed()?;
        for set in ALLOWED {
            let mut elements = match self.netfilter.elements(set, ELEMENTS_MAX) {
                Ok(elements) => elements,
                Err(SysError::Missing(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            elements.sort_by_key(|own| (own.ip, own.is_end));
            for own in elements {
                let end = if own.is_end { " ends" } else { "" };
                text.push_str(&format!("{set} {}{end}\n", own.ip));
            }
        }
        Ok(Some(text))
    }

    /// Whether the rules are those that were loaded last, to the letter.
    fn compared(&mut self) -> Result<Compared, AgentError> {
        let kept = self.home.script(&self.home.loaded())?;
        let text = self.text()?.unwrap_or_default();
        let Some((version, loaded)) = kept.split_once('\n') else { return Ok(Compared::Unknown) };
        if loaded == text {
            return Ok(Compared::Same);
        }
        // Another release may write the same rules in another way.
        let is_same_nft = self::version()?.trim_end() == version;
        Ok(if is_same_nft { Compared::Changed } else { Compared::Unknown })
    }

    /// The rules as they are. `None`: there is no table.
    pub fn listing(&mut self) -> Result<Option<Listing>, AgentError> {
        if !self.netfilter.has_table()? {
            return Ok(None);
        }
        Ok(Some(listing(&listed()?)))
    }

    /// Whether anything has an own chain for containers, whose forwarding passes rules for this machine by.
    pub fn has_docker(&self) -> bool {
        nft(&["list", "chains"], "").is_ok_and(|text| text.contains("chain DOCKER"))
    }

    /// Makes the table, or what is missing of it or not as it was loaded. Whether anything was. The lock of the home is
    /// held.
    pub fn ensure(&mut self) -> Result<bool, AgentError> {
        let kept = self.home.script(&self.home.rules())?;
        let script = if kept.is_empty() { base() } else { kept };
        let has_rules = self.netfilter.has_table()? && self.netfilter.rules()? >= rules_in(&script);
        let mut compared = if has_rules { self.compared()? } else { Compared::Changed };
        let is_on_trial = has_rules && self.is_on_trial()?;
        if is_on_trial && self.home.script(&self.home.trial())?.is_empty() {
            // Nobody has put anything on trial: all that comes in would pass by the rules.
            compared = Compared::Changed;
        }
        match compared {
            Compared::Same => return Ok(false),
            // A trial ends by itself, and nothing else may end it.
            Compared::Unknown if is_on_trial => {
                self.note()?;
                return Ok(false);
            }
            // From nothing, in one step: what somebody has added goes with it. The bans come right after.
            Compared::Unknown | Compared::Changed => {
                self.load(&format!("{}{script}", removed()))?;
            }
        }
        self.were_twisted |= has_rules && compared == Compared::Changed;
        Ok(compared == Compared::Changed)
    }

    /// Whether the rules on trial are in force.
    pub fn is_on_trial(&mut self) -> Result<bool, AgentError> {
        match self.netfilter.elements("trial", 16) {
            Ok(elements) => Ok(!elements.is_empty()),
            Err(SysError::Missing(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether anybody but this has changed a table since it last looked.
    pub fn was_touched(&mut self) -> Result<bool, AgentError> {
        Ok(self.netfilter.generation()? != self.generation)
    }

    /// What is there is known now.
    pub(crate) fn seen(&mut self) -> Result<(), AgentError> {
        self.generation = self.netfilter.generation()?;
        Ok(())
    }

    /// Bans addresses at once. Those that are banned already get their new end. Networks are a matter of
    /// [`Self::sync`].
    pub(crate) fn ban(&mut self, bans: &[&Ban], book: &Book, now: u64) -> Result<(), AgentError> {
        for (set, is_ipv4) in ADDRESSES {
            let mut fresh = Vec::new();
            let mut again = Vec::new();
            for ban in bans {
                let Target::Address(ip) = ban.target else { continue };
                if ip.is_ipv4() != is_ipv4 {
                    continue;
                }
                let is_known = book.active(ban.target, now).is_some();
                if is_known { &mut again } else { &mut fresh }.push(element(ip, ban.until, now));
            }
            self.put(set, &fresh, &again)?;
        }
        Ok(())
    }

    /// `again`: elements that may be there with another end. Adding one that is there is no error, so it is
    /// there to be removed, and comes back with its end, in one transaction.
    fn put(&mut self, set: &str, fresh: &[Element], again: &[Element]) -> Result<(), AgentError> {
        for piece in fresh.chunks(PIECE) {
            self.netfilter.change(&[SetStep::Add(set, piece)])?;
        }
        for piece in again.chunks(PIECE / 2) {
            let steps =
                [SetStep::Add(set, piece), SetStep::Remove(set, piece), SetStep::Add(set, piece)];
            self.netfilter.change(&steps)?;
        }
        Ok(())
    }

    /// Takes out who was let in while nobody looked. How many that were.
    pub(crate) fn free(&mut self, book: &Book, now: u64) -> Result<usize, AgentError> {
        // With nobody let in the sets need not be read.
        if book.lines() == book.len() {
            return Ok(0);
        }
        let mut count = 0;
        for (set, _) in ADDRESSES {
            let elements = self.netfilter.elements(set, ELEMENTS_MAX)?;
            let is_free = |own: &Element| {
                let target = Target::Address(own.ip);
                book.let_in(target).is_some() && book.active(target, now).is_none()
            };
            let gone: Vec<Element> = elements.into_iter().filter(is_free).collect();
            for piece in gone.chunks(PIECE) {
                match self.netfilter.change(&[SetStep::Remove(set, piece)]) {
                    // One of them has ended by itself meanwhile.
                    Err(SysError::Missing(_)) => {
                        piece.iter().try_for_each(|own| self.unban(own.ip))?;
                    }
                    other => other?,
                }
            }
            count += gone.len();
        }
        Ok(count)
    }

    /// Lets an address in again. Networks are a matter of [`Self::sync`].
    pub(crate) fn unban(&mut self, ip: IpAddr) -> Result<(), AgentError> {
        let set = if ip.is_ipv4() { "bans4" } else { "bans6" };
        match self.netfilter.change(&[SetStep::Remove(set, &[element(ip, 0, 0)])]) {
            Ok(()) | Err(SysError::Missing(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts in force what the book says and the kernel lacks. How many addresses and networks that were.
    /// What the kernel has beside it stays: somebody else has put it there.
    pub(crate) fn sync(&mut self, book: &Book, now: u64) -> Result<usize, AgentError> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match self.sync_once(book, now) {
                Err(AgentError::Machine(error @ SysError::Missing(_))) => last = Some(error),
                other => return other,
            }
        }
        last.map_or(Ok(0), |error| Err(error.into()))
    }

    fn sync_once(&mut self, book: &Book, now: u64) -> Result<usize, AgentError> {
        let mut missing = 0;
        for (set, is_ipv4) in ADDRESSES {
            let there: HashMap<IpAddr, Option<Duration>> = self
                .netfilter
                .elements(set, ELEMENTS_MAX)?
                .into_iter()
                .map(|element| (element.ip, element.time))
                .collect();
            let (mut fresh, mut again) = (Vec::new(), Vec::new());
            for ban in book.all(now) {
                let Target::Address(ip) = ban.target else { continue };
                if ip.is_ipv4() != is_ipv4 {
                    continue;
                }
                match there.get(&ip) {
                    None => fresh.push(element(ip, ban.until, now)),
                    Some(time) if ends_alike(*time, ban.until - now) => {}
                    Some(_) => again.push(element(ip, ban.until, now)),
                }
            }
            missing += fresh.len();
            self.put(set, &fresh, &again)?;
        }
        for (set, is_ipv4) in NETWORKS {
            missing += self.sync_networks(set, is_ipv4, book, now)?;
        }
        self.seen()?;
        Ok(missing)
    }

    /// Sets of intervals take no two that overlap, so the widest are put in, and all of the set is ours.
    fn sync_networks(
        &mut self,
        set: &str,
        is_ipv4: bool,
        book: &Book,
        now: u64,
    ) -> Result<usize, AgentError> {
        let there = intervals(&self.netfilter.elements(set, ELEMENTS_MAX)?);
        let wanted = widest(book, is_ipv4, now);
        let alike = |interval: &Interval, other: &Interval| {
            (interval.first, interval.end) == (other.first, other.end)
                && ends_alike(interval.time, other.time.map_or(0, |time| time.as_secs()))
        };
        let lacks = |all: &[Interval], one: &Interval| !all.iter().any(|own| alike(own, one));
        let gone: Vec<Element> =
            there.iter().filter(|own| lacks(&wanted, own)).flat_map(Interval::elements).collect();
        let new: Vec<&Interval> = wanted.iter().filter(|own| lacks(&there, own)).collect();
        let fresh: Vec<Element> = new.iter().flat_map(|own| own.elements()).collect();
        if gone.len() + fresh.len() <= PIECE {
            self.netfilter.change(&[SetStep::Remove(set, &gone), SetStep::Add(set, &fresh)])?;
        } else {
            for piece in gone.chunks(PIECE) {
                self.netfilter.change(&[SetStep::Remove(set, piece)])?;
            }
            for piece in fresh.chunks(PIECE) {
                self.netfilter.change(&[SetStep::Add(set, piece)])?;
            }
        }
        Ok(new.len())
    }

    /// Keeps out what block lists name, in place of what they named before.
    pub(crate) fn block(&mut self, ipv4: &[String], ipv6: &[String]) -> Result<(), AgentError> {
        // Elements alone: what the rules are is not taken from it.
        nft(&["-f", "-"], &blocked(ipv4, ipv6))?;
        self.seen()?;
        self.listed = self.in_lists()?;
        Ok(())
    }

    /// Whether somebody took out of the kernel what block lists name.
    pub(crate) fn lacks_lists(&mut self) -> Result<bool, AgentError> {
        Ok(self.in_lists()? != self.listed)
    }

    fn in_lists(&mut self) -> Result<[usize; 2], AgentError> {
        let mut counts = [0; 2];
        for (count, set) in counts.iter_mut().zip(["lists4", "lists6"]) {
            *count = match self.netfilter.elements(set, ELEMENTS_MAX) {
                Ok(elements) => elements.len(),
                // A table that an older release has made.
                Err(SysError::Missing(_)) => 0,
                Err(error) => return Err(error.into()),
            };
        }
        Ok(counts)
    }

    /// How many are in the sets of bans, which tells whether the table may go.
    pub(crate) fn banned(&mut self) -> Result<usize, AgentError> {
        let mut count = 0;
        for (set, _) in ADDRESSES.into_iter().chain(NETWORKS) {
            count += self.netfilter.elements(set, ELEMENTS_MAX)?.len();
        }
        Ok(count)
    }
}

/// The table without counts and elements.
fn listed() -> Result<String, AgentError> {
    nft(&["-nn", "-s", "-t", "list", "table", "inet", TABLE_NAME], "")
}

/// The release of nft, in a line.
fn version() -> Result<String, AgentError> {
    let text = nft(&["--version"], "")?;
    Ok(format!("{}\n", text.lines().next().unwrap_or_default()))
}

fn element(ip: IpAddr, until: u64, now: u64) -> Element {
    let time = Duration::from_secs(until.saturating_sub(now).max(1));
    Element { ip, is_end: false, time: Some(time) }
}

fn ends_alike(time: Option<Duration>, left: u64) -> bool {
    time.is_some_and(|time| time.as_secs().abs_diff(left) <= SLACK_SECS)
}

/// A network as a set of intervals has it.
#[derive(Debug, PartialEq, Eq)]
struct Interval {
    first: IpAddr,
    /// The first address behind it. `None`: it goes to the end.
    end: Option<IpAddr>,
    time: Option<Duration>,
}

impl Interval {
    fn of(first: IpAddr, bits: u8, time: Duration) -> Self {
        let end = match first {
            IpAddr::V4(first) => 1_u32
                .checked_shl(32 - u32::from(bits.min(32)))
                .and_then(|size| u32::from(first).checked_add(size))
                .map(|end| IpAddr::V4(end.into())),
            IpAddr::V6(first) => 1_u128
                .checked_shl(128 - u32::from(bits.min(128)))
                .and_then(|size| u128::from(first).checked_add(size))
                .map(|end| IpAddr::V6(end.into())),
        };
        Self { first, end, time: Some(time) }
    }

    fn elements(&self) -> impl Iterator<Item = Element> + use<> {
        let first = Element { ip: self.first, is_end: false, time: self.time };
        let end = self.end.map(|ip| Element { ip, is_end: true, time: None });
        std::iter::once(first).chain(end)
    }
}

/// The elements of a set, each beginning with its end.
fn intervals(elements: &[Element]) -> Vec<Interval> {
    let mut sorted: Vec<&Element> = elements.iter().collect();
    // Where one ends the next may begin: its end comes first.
    sorted.sort_by_key(|element| (element.ip, !element.is_end));
    let mut all: Vec<Interval> = Vec::new();
    let mut is_open = false;
    for element in sorted {
        if !element.is_end {
            all.push(Interval { first: element.ip, end: None, time: element.time });
        } else if is_open && let Some(last) = all.last_mut() {
            last.end = Some(element.ip);
        }
        is_open = !element.is_end;
    }
    all
}

/// The banned networks of a family, without those that lie in another one.
fn widest(book: &Book, is_ipv4: bool, now: u64) -> Vec<Interval> {
    let mut networks: Vec<(IpAddr, u8, u64)> = book
        .all(now)
        .filter_map(|ban| match ban.target {
            Target::Network(first, bits) if first.is_ipv4() == is_ipv4 => {
                Some((first, bits, ban.until - now))
            }
            Target::Network(..) | Target::Address(_) => None,
        })
        .collect();
    networks.sort_unstable_by_key(|(first, bits, _)| (*first, *bits));
    let mut all: Vec<Interval> = Vec::new();
    for (first, bits, left) in networks {
        // Sorted, one that lies in another follows it.
        let is_inside = all.last().is_some_and(|wider| wider.end.is_none_or(|end| first < end));
        if !is_inside {
            all.push(Interval::of(first, bits, Duration::from_secs(left)));
        }
    }
    all
}

/// Runs nft; its output.
fn nft(arguments: &[&str], script: &str) -> Result<String, AgentError> {
    let is_there = |path: &&&str| Live.metadata(Path::new(path)).is_ok();
    let path = NFT.iter().find(is_there).ok_or_else(|| AgentError::NoNft(NFT.join(", ")))?;
    let invocation = Invocation::new(*path, NFT_TIME, NFT_BYTES_MAX)?.args(arguments).stdin(script);
    let output = Live.run(&invocation)?;
    if output.ended == Ended::Exit(0) {
        return Ok(String::from_utf8(output.stdout).unwrap_or_default());
    }
    let said: String = output.stderr.escape_ascii().to_string().chars().take(400).collect();
    Err(AgentError::Refused(said))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ban::parse_target;

    fn check(networks: &[(&str, u64)], expected: &[(&str, Option<&str>)]) {
        let mut book = Book::default();
        for (text, until) in networks {
            let target = parse_target(text).unwrap();
            book.take(Ban { until: *until, ..Ban::by_hand(target, 0, 0, "") }.entry());
        }
        let all = widest(&book, true, 100);
        let found: Vec<(String, Option<String>)> = all
            .iter()
            .map(|own| (own.first.to_string(), own.end.map(|end| end.to_string())))
            .collect();
        let expected: Vec<(String, Option<String>)> = expected
            .iter()
            .map(|(first, end)| ((*first).to_owned(), end.map(str::to_owned)))
            .collect();
        assert_eq!(found, expected, "{networks:?}");
        let elements: Vec<Element> = all.iter().rev().flat_map(Interval::elements).collect();
        assert_eq!(intervals(&elements), all, "as the kernel gives them back");
    }

    #[test]
    fn networks_do_not_overlap_in_the_kernel() {
        check(&[("192.0.2.0/24", 200)], &[("192.0.2.0", Some("192.0.3.0"))]);
        check(
            &[("192.0.2.0/24", 200), ("192.0.2.128/25", 900), ("192.0.3.0/24", 200)],
            &[("192.0.2.0", Some("192.0.3.0")), ("192.0.3.0", Some("192.0.4.0"))],
        );
        check(&[("255.255.255.0/24", 200)], &[("255.255.255.0", None)]);
        check(
            &[("192.0.2.0/24", 100), ("192.0.2.128/25", 900)],
            &[("192.0.2.128", Some("192.0.3.0"))],
        );
    }
}
