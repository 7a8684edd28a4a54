//! The loop: lines into events, events into bans, bans into the kernel and onto the disk; and every second
//! a look whether the kernel still has them.
//!
//! Invariants: time is that of a clock that nobody sets, so a jump of the wall clock neither bans nor frees
//! anyone; lines of the past count with the time that is written in them.

use crate::ban::{Ban, Entry, words};
use crate::book::Book;
use crate::error::AgentError;
use crate::followed::Followed;
use crate::home::Home;
use crate::journal::Journal;
use crate::kernel::Kernel;
use crate::lists::{Lists, Read};
use crate::origin::{Mark, Origin, key};
use crate::places::{self, Places};
use crate::reading::{Reading, filter};
use crate::shield::Shield;
use crate::syslog::Receiver;
use burgrave_config::{Format, Network, Settings, Source as From, Watch};
use burgrave_firewall::Desired;
use burgrave_sys::{
    Access, Changes, Live, SysError, Together, UnixTime, chain, read_own, replace_own, wall_clock,
};
use burgrave_watch::{Action, Detectors, Event, Never, Reader, Rule, Target};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Looked at the latest after so long, whatever the news say.
const LOOK: Duration = Duration::from_millis(100);
/// Between two looks at the kernel and the file of bans.
const CARE: Duration = Duration::from_secs(1);
/// Between two looks at the machine's own addresses, and at everything in the kernel.
const CARE_WHOLE: Duration = Duration::from_mins(1);
const POSITIONS_BYTES_MAX: u64 = 1 << 20;
/// The east of a time without one: nobody says which, and only differences count.
const ZONE: i32 = 0;

/// What people are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Somebody was banned.
    Banned(Ban),
    /// Somebody would have been, but nobody is in a dry run.
    WouldBan(Ban),
    /// Somebody would have been, and may not.
    Spared(Target, &'static str),
    /// A block list says something new: how many it keeps out, and how many of its lines make no sense.
    Listed(PathBuf, usize, usize),
    /// Something to look at: by which address, where it is known, and what.
    Alert(Option<IpAddr>, String),
    /// What somebody took out of the kernel is there again: whether rules, and how many bans.
    Restored(bool, usize),
    /// The kernel or a disk does not take something; said once while it lasts.
    Trouble(String),
    /// A log that cannot be read, and why; said once while it lasts.
    Unreadable(String, String),
    /// A log that can be read again.
    Better(String),
    /// A log that has been silent for longer than it may be, in seconds; said once while it lasts.
    Silent(String, u64),
    /// A log that is silent no more.
    Heard(String),
}

/// The loop's state.
pub struct Watcher {
    home: Home,
    kernel: Kernel,
    journal: Journal,
    shield: Shield,
    allowed: Vec<Network>,
    connection: Option<String>,
    changes: Changes,
    /// What else there may be news of.
    together: Together,
    logs: Vec<Followed>,
    detectors: Vec<Detectors>,
    lists: Lists,
    /// Where administrators come from, if that is looked at.
    places: Option<Places>,
    /// What the lists say is not in the kernel yet.
    is_unlisted: bool,
    /// In a dry run, who would be banned.
    dry: Option<Book>,
    started: (UnixTime, Instant),
    cared: Instant,
    cared_whole: Instant,
    is_behind: bool,
    /// What is on its way to the disk, which did not take it yet.
    unwritten: Vec<Entry>,
    written_positions: BTreeMap<String, Mark>,
    /// What was last said to be wrong with kernel or disk, and still is.
    last_trouble: Option<String>,
}

/// Reads the certificates, keys and databases that a start would read.
///
/// # Errors
///
/// One of them cannot be used.
pub fn check(settings: &Settings) -> Result<(), AgentError> {
    for watch in &settings.watch {
        if let From::SyslogTls(from) = &watch.source {
            Receiver::check_tls(from)?;
        }
    }
    settings.administrators.as_ref().map_or(Ok(()), places::check)
}

impl Watcher {
    /// Makes the table, restores the bans, and finds the logs. `connection`: what ssh says of the session.
    pub fn start(
        settings: &Settings,
        connection: Option<String>,
        tell: &mut dyn FnMut(Told),
    ) -> Result<Self, AgentError> {
        let home = Home::open(&settings.state)?;
        let journal = Journal::open(&home)?;
        let mut kernel = Kernel::open(&home)?;
        let allowed = Desired::of(settings).never;
        let now = Instant::now();
        let has_rules = {
            let _lock = home.lock()?;
            kernel.ensure()?
        };
        let bans = kernel.sync(&journal.book, seconds())?;
        kernel.free(&journal.book, seconds())?;
        // Without a table at all, as after a reboot, there was nothing to take away.
        if bans > 0 || kernel.were_twisted {
            tell(Told::Restored(has_rules, bans));
        }
        let places = settings.administrators.as_ref();
        let mut odd = |text| tell(Told::Trouble(text));
        let places = places.map(|from| Places::open(from, &home, &mut odd)).transpose()?;
        let mut watcher = Self {
            shield: Shield::of(&Live, &allowed, connection.as_deref()),
            home,
            kernel,
            journal,
            allowed,
            connection,
            changes: Changes::new()?,
            together: Together::new()?,
            logs: Vec::new(),
            detectors: Vec::new(),
            lists: Lists::of(&settings.bans.lists),
            places,
            is_unlisted: true,
            dry: settings.bans.dry_run.then(Book::default),
            started: (wall_clock(), now),
            cared: now,
            cared_whole: now,
            is_behind: true,
            unwritten: Vec::new(),
            written_positions: BTreeMap::new(),
            last_trouble: None,
        };
        watcher.find_logs(settings, tell)?;
        watcher.read_lists(tell)?;
        Ok(watcher)
    }

    fn find_logs(
        &mut self,
        settings: &Settings,
        tell: &mut dyn FnMut(Told),
    ) -> Result<(), AgentError> {
        let kept = positions(&self.home, tell)?;
        let never = |allowed: &[Network]| {
            let texts: Vec<String> = allowed.iter().map(burgrave_firewall::text_of).collect();
            Never::parse(texts.iter().map(String::as_str)).unwrap_or_default()
        };
        self.detectors.push(Detectors::new(Rule::default(), never(&self.allowed)));
        for watch in &settings.watch {
            let (reading, detectors) = match &watch.format {
                Format::Service(name) => {
                    let Some(service) = burgrave_watch::by_name(name) else { continue };
                    if let Some(detectors) = self.detectors.first_mut() {
                        detectors.set_rule(service.name, rule(watch));
                    }
                    (Reading::Service(Box::new(Reader::new(service, watch.is_strict))), 0)
                }
                Format::Filter(file) => {
                    self.detectors.push(Detectors::new(rule(watch), never(&self.allowed)));
                    (filter(&Live, file, watch.is_strict)?, self.detectors.len() - 1)
                }
            };
            let name = key(&watch.source, settings.log.access.as_deref());
            let kept = name.and_then(|name| kept.get(&name));
            let source = match (&watch.source, &settings.log.access) {
                (From::File(path), _) | (From::Gateway, Some(path)) => {
                    Origin::file(path, kept, &self.changes)
                }
                (From::Journal(unit), _) => Origin::unit(unit, kept),
                (From::Syslog(from), _) => Origin::syslog(from, &self.together)?,
                (From::SyslogTls(from), _) => Origin::syslog_tls(from, &self.together)?,
                (From::Nflog(group), _) => Origin::packets(*group),
                // Refused when the configuration was read.
                (From::Gateway, None) => continue,
            };
            self.logs.push(Followed::new(source, reading, detectors, watch.silent_after));
        }
        Ok(())
    }

    /// How many logs are followed.
    pub fn logs(&self) -> usize {
        self.logs.len()
    }

    /// How many bans are in force.
    pub fn bans(&self) -> usize {
        self.journal.book.all(seconds()).count()
    }

    /// Waits for news of the logs or of `other`, and does what is to be done.
    pub fn turn(
        &mut self,
        other: Option<&impl AsFd>,
        tell: &mut dyn FnMut(Told),
    ) -> Result<(), AgentError> {
        if !self.is_behind {
            if let Some(other) = other {
                self.together.add(other)?;
            }
            self.changes.wait(Some(&self.together), LOOK)?;
        }
        self.is_behind = false;
        let mut actions = Vec::new();
        self.read(&mut actions, tell);
        self.act(actions, tell);
        if self.cared.elapsed() >= CARE {
            self.care(tell);
            self.cared = Instant::now();
        }
        Ok(())
    }

    /// Seconds since 1970 by a clock that nobody sets.
    fn steady(&self) -> u64 {
        let (wall, since) = self.started;
        u64::try_from(wall.seconds()).unwrap_or(0) + since.elapsed().as_secs()
    }

    /// Reads what is new in every log; an action goes with how many seconds ago it was due.
    fn read(&mut self, actions: &mut Vec<(Action, u64)>, tell: &mut dyn FnMut(Told)) {
        let now = self.steady();
        let places = &mut self.places;
        let mut unusual = Vec::new();
        for log in &mut self.logs {
            let Some(detectors) = self.detectors.get_mut(log.detectors) else { continue };
            let reading = &mut log.reading;
            let mut has_lines = false;
            let read = log.source.read(&self.changes, &self.together, |line, is_past| {
                has_lines = true;
                let Some(event) = reading.line(line) else { return };
                let lag = if is_past { lag(&event, now) } else { 0 };
                unusual.extend(places.as_mut().and_then(|own| own.event(&event, now - lag)));
                detectors.event(&event, now - lag, |action| actions.push((action, lag)));
            });
            match read {
                Ok(is_more) => {
                    self.is_behind |= is_more;
                    log.read(Ok(()), tell);
                }
                Err(error) => log.read(Err(chain(&error)), tell),
            }
            log.silence(has_lines, Instant::now(), tell);
        }
        for places::Unusual { ip, words } in unusual {
            tell(Told::Alert(Some(ip), words));
        }
    }

    /// Bans whom the actions name: in the kernel first, on the disk right after.
    fn act(&mut self, actions: Vec<(Action, u64)>, tell: &mut dyn FnMut(Told)) {
        if actions.is_empty() {
            return;
        }
        let now = seconds();
        let mut bans: Vec<Ban> = Vec::new();
        for (action, lag) in actions {
            if let Action::Alert { reason, ip, evidence } = &action {
                let whom = ip.map(|ip| format!(" by {ip}")).unwrap_or_default();
                tell(Told::Alert(*ip, format!("{reason}{whom}: {}", words(evidence))));
            }
            let Some(ban) = Ban::of(&action, now, lag).filter(|ban| ban.until > now) else {
                continue;
            };
            if let Some(why) = self.shield.reason(ban.target) {
                tell(Told::Spared(ban.target, why));
                continue;
            }
            let Some(ban) = self.journal.book.grown(ban, now) else { continue };
            match &mut self.dry {
                None => bans.push(ban),
                Some(dry) => {
                    if let Some(ban) = dry.grown(ban, now) {
                        dry.take(ban.entry());
                        tell(Told::WouldBan(ban));
                    }
                }
            }
        }
        self.put(bans, now, tell);
    }

    /// Reads the block lists that are due, and puts in force what is new in them.
    fn read_lists(&mut self, tell: &mut dyn FnMut(Told)) -> Result<(), AgentError> {
        self.is_unlisted |= self.lists.refresh(&Live, &self.shield, Instant::now(), &mut |read| {
            tell(match read {
                Read::New(file, count, odd) => Told::Listed(file, count, odd),
                Read::Spared(target, why) => Told::Spared(target, why),
                Read::Trouble(why) => Told::Trouble(why),
            });
        });
        if self.is_unlisted {
            let of = |is_ipv4| match self.dry {
                Some(_) => Vec::new(),
                None => self.lists.elements(is_ipv4),
            };
            let (ipv4, ipv6) = (of(true), of(false));
            let _lock = self.home.lock()?;
            self.kernel.block(&ipv4, &ipv6)?;
            self.is_unlisted = false;
        }
        Ok(())
    }

    fn put(&mut self, bans: Vec<Ban>, now: u64, tell: &mut dyn FnMut(Told)) {
        let all: Vec<&Ban> = bans.iter().collect();
        if let Err(error) = self.kernel.ban(&all, &self.journal.book, now) {
            // The look at the kernel that follows puts them in with all others.
            tell(Told::Trouble(chain(&error)));
            self.cared_whole = self.cared.checked_sub(CARE_WHOLE).unwrap_or(self.cared);
        }
        self.unwritten.extend(bans.iter().map(Ban::entry));
        if let Err(error) = self.write(now) {
            tell(Told::Trouble(chain(&error)));
        }
        let is_network = |ban: &Ban| matches!(ban.target, Target::Network(..));
        let synced = if bans.iter().any(is_network) {
            self.kernel.sync(&self.journal.book, now).map(drop)
        } else {
            self.kernel.seen()
        };
        if let Err(error) = synced {
            tell(Told::Trouble(chain(&error)));
        }
        for ban in bans {
            tell(Told::Banned(ban));
        }
    }

    /// Writes what is unwritten. What the disk does not take now it is asked to take again.
    fn write(&mut self, now: u64) -> Result<(), AgentError> {
        let written = self.journal.append(&self.unwritten, now);
        if written.is_ok() {
            self.unwritten.clear();
        } else {
            for entry in &self.unwritten {
                self.journal.book.take(entry.clone());
            }
            self.unwritten.truncate(crate::book::BANS_MAX);
        }
        written
    }

    /// Whether the kernel still has what it was given, and others have written.
    fn care(&mut self, tell: &mut dyn FnMut(Told)) {
        let now = seconds();
        let mut trouble = None;
        if !self.unwritten.is_empty() {
            trouble = self.write(now).err().map(|error| chain(&error));
        }
        match self.look(now) {
            Ok((has_rules, bans)) if has_rules || bans > 0 => {
                tell(Told::Restored(has_rules, bans));
            }
            Ok(_) => {}
            Err(error) => trouble = Some(chain(&error)),
        }
        if let Err(error) = self.read_lists(tell) {
            trouble = Some(chain(&error));
        }
        let kept = self.places.as_mut().map_or(Ok(()), |own| own.keep(&self.home));
        if let Err(error) = kept.and_then(|()| self.keep_positions()) {
            trouble = Some(chain(&error));
        }
        if let Some(why) = &self.kernel.unnoted {
            trouble = Some(format!("what the rules look like is not kept: {why}"));
        }
        if let Some(text) = trouble.as_ref().filter(|_| trouble != self.last_trouble) {
            tell(Told::Trouble(text.clone()));
        }
        self.last_trouble = trouble;
    }

    fn look(&mut self, now: u64) -> Result<(bool, usize), AgentError> {
        let is_due = self.cared_whole.elapsed() >= CARE_WHOLE;
        let has_news = self.journal.refresh()?;
        let mut unbanned = std::mem::take(&mut self.journal.unbanned);
        while let Some(target) = unbanned.pop() {
            self.detectors.iter_mut().for_each(|detectors| detectors.forgive(target));
            // By hand it is out of the kernel already; by another machine it is not.
            if let Target::Address(ip) = target
                && self.journal.book.active(target, now).is_none()
                && let Err(error) = self.kernel.unban(ip)
            {
                // Again with the next look.
                unbanned.push(target);
                self.journal.unbanned.append(&mut unbanned);
                return Err(error);
            }
        }
        if !is_due && !has_news && !self.kernel.was_touched()? {
            return Ok((false, 0));
        }
        if is_due {
            self.shield = Shield::of(&Live, &self.allowed, self.connection.as_deref());
            self.journal.book.forget(now);
            if let Some(dry) = &mut self.dry {
                dry.forget(now);
            }
            self.cared_whole = Instant::now();
        }
        let has_rules = {
            let _lock = self.home.lock()?;
            self.kernel.ensure()?
        };
        self.is_unlisted |= has_rules || self.kernel.lacks_lists()?;
        let bans = self.kernel.sync(&self.journal.book, now)?;
        // What others have written was never there: that is no finding.
        Ok((has_rules, if has_news && !has_rules { 0 } else { bans }))
    }

    /// Keeps how far every log was read.
    pub fn keep_positions(&mut self) -> Result<(), AgentError> {
        let one = |log: &Followed| Some((log.source.name()?, log.source.mark()?));
        let all: BTreeMap<String, Mark> = self.logs.iter().filter_map(one).collect();
        if all == self.written_positions {
            return Ok(());
        }
        let text = serde_json::to_vec(&all).unwrap_or_default();
        replace_own(&self.home.positions(), &text, Access::Owner)?;
        self.written_positions = all;
        Ok(())
    }
}

/// How many seconds ago an event of the past was.
fn lag(event: &Event<'_>, now: u64) -> u64 {
    event.stamp.and_then(|stamp| stamp.seconds(now, ZONE)).map_or(0, |at| now.saturating_sub(at))
}

fn rule(watch: &Watch) -> Rule {
    Rule {
        after: watch.ban.after,
        within: watch.ban.within,
        duration: watch.ban.duration,
        ..Rule::default()
    }
}

fn positions(
    home: &Home,
    tell: &mut dyn FnMut(Told),
) -> Result<BTreeMap<String, Mark>, AgentError> {
    match read_own(&home.positions(), POSITIONS_BYTES_MAX) {
        // What makes no sense is as good as none, but not in silence: lines may be missed.
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            let path = home.positions();
            let text = format!(
                "`{}` makes no sense ({error}): the logs are read from their ends",
                path.display()
            );
            tell(Told::Trouble(text));
            BTreeMap::new()
        })),
        Err(SysError::Missing(_)) => Ok(BTreeMap::new()),
        Err(error) => Err(error.into()),
    }
}

/// Seconds since 1970, by the wall clock.
pub(crate) fn seconds() -> u64 {
    u64::try_from(wall_clock().seconds()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_watch::{Kind, Stamp};

    fn check(stamp: Option<Stamp>, expected: u64) {
        let event = Event {
            service: "sshd",
            kind: Kind::AuthFailure,
            ip: None,
            host: None,
            user: None,
            stamp,
            count: 1,
            score: 0,
            port: None,
        };
        assert_eq!(lag(&event, 1_000_000), expected, "{stamp:?}");
    }

    #[test]
    fn the_past_counts_with_its_own_time() {
        check(Some(Stamp::Unix(999_000)), 1_000);
        check(Some(Stamp::Unix(1_000_500)), 0);
        check(None, 0);
    }
}
