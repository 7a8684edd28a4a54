//! Who is banned, in memory: what the lines of the file come to.
//!
//! Invariants: bounded; of those whose ban is over only how often they were banned is remembered, for a
//! while, so that the next one is longer; and so is, for as long, when somebody was let in, so that nobody else's
//! older word bans them again.

use crate::ban::{Ban, Entry, What, parse_target};
use burgrave_watch::Target;
use std::collections::HashMap;

/// Bans that are kept, those that are over included.
pub(crate) const BANS_MAX: usize = 500_000;
/// Of these so many may be others' words; the rest is for what is seen here, and for hands.
pub const TAKEN_MAX: usize = 400_000;
/// How the origin begins of what an engine has decided. No machine is called so.
pub const ENGINE: &str = "engine:";
/// How long somebody whose ban is over is remembered.
const MEMORY_SECS: u64 = 7 * 86_400;
/// The longest that a repeated ban grows to.
const GROWN_SECS_MAX: u64 = 7 * 86_400;

/// Who is banned.
#[derive(Debug, Default)]
pub struct Book {
    bans: HashMap<Target, Ban>,
    /// Who was let in last.
    freed: HashMap<Target, Freed>,
}

/// That somebody was let in.
#[derive(Debug)]
struct Freed {
    time: u64,
    /// Who has told it. `None`: a hand on this machine.
    origin: Option<String>,
}

impl Book {
    /// Takes a line.
    pub fn take(&mut self, entry: Entry) {
        match entry.what {
            What::Ban => {
                let Some(ban) = entry.ban() else { return };
                if self.bans.len() < BANS_MAX || self.bans.contains_key(&ban.target) {
                    self.freed.remove(&ban.target);
                    self.bans.insert(ban.target, ban);
                }
            }
            What::Unban => {
                if let Ok(target) = parse_target(&entry.target) {
                    self.bans.remove(&target);
                    if self.freed.len() < BANS_MAX || self.freed.contains_key(&target) {
                        let freed = Freed { time: entry.time, origin: entry.origin };
                        self.freed.insert(target, freed);
                    }
                }
            }
        }
    }

    /// The ban that is in force, if one is.
    pub fn active(&self, target: Target, now: u64) -> Option<&Ban> {
        self.bans.get(&target).filter(|ban| ban.until > now)
    }

    /// When somebody was let in by hand on this machine who was not banned again since, in seconds since 1970.
    pub fn freed(&self, target: Target) -> Option<u64> {
        self.freed.get(&target).filter(|freed| freed.origin.is_none()).map(|freed| freed.time)
    }

    /// When somebody was let in who was not banned again since, by whomever.
    pub fn let_in(&self, target: Target) -> Option<u64> {
        self.freed.get(&target).map(|freed| freed.time)
    }

    /// When somebody was let in by a hand, on this machine or on another that shares its bans; not by an engine.
    pub fn let_in_by_hand(&self, target: Target) -> Option<u64> {
        let is_engine =
            |freed: &&Freed| freed.origin.as_ref().is_some_and(|own| own.starts_with(ENGINE));
        self.freed.get(&target).filter(|freed| !is_engine(freed)).map(|freed| freed.time)
    }

    /// All that were let in or whose ban is over, as far as that is remembered.
    pub fn over(&self, now: u64) -> impl Iterator<Item = Target> {
        let ended = self.bans.values().filter(move |ban| ban.until <= now);
        ended.map(|ban| ban.target).chain(self.freed.keys().copied())
    }

    /// All that are in force.
    pub fn all(&self, now: u64) -> impl Iterator<Item = &Ban> {
        self.bans.values().filter(move |ban| ban.until > now)
    }

    /// What a new ban becomes with what is remembered: longer for who was banned before. `None`: it is
    /// banned for at least as long already, or no more are kept.
    pub fn grown(&self, mut ban: Ban, now: u64) -> Option<Ban> {
        match self.bans.get(&ban.target) {
            Some(before) if before.until >= ban.until => None,
            Some(before) => {
                let first = (before.until.saturating_sub(before.since)).saturating_mul(2);
                let grown = first.min(GROWN_SECS_MAX);
                ban.times = before.times.saturating_add(1);
                ban.until = ban.until.max(now.saturating_add(grown));
                Some(ban)
            }
            None if self.bans.len() >= BANS_MAX => None,
            None => Some(ban),
        }
    }

    /// Forgets whose ban has been over for long, and all of those when the book is nearly full.
    pub fn forget(&mut self, now: u64) {
        let memory = if self.bans.len() > BANS_MAX / 10 * 9 { 0 } else { MEMORY_SECS };
        self.bans.retain(|_, ban| ban.until.saturating_add(memory) > now);
        let memory = if self.freed.len() > BANS_MAX / 10 * 9 { 0 } else { MEMORY_SECS };
        self.freed.retain(|_, freed| freed.time.saturating_add(memory) > now);
    }

    /// How many bans are kept.
    pub fn len(&self) -> usize {
        self.bans.len()
    }

    /// How many lines it can be made from again.
    pub(crate) fn lines(&self) -> usize {
        self.bans.len() + self.freed.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.bans.is_empty()
    }

    /// The lines that it can be made from again.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        let freed = self.freed.iter().map(|(target, freed)| Entry {
            origin: freed.origin.clone(),
            ..Entry::unban(*target, freed.time)
        });
        self.bans.values().map(Ban::entry).chain(freed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ban(text: &str, since: u64, until: u64) -> Ban {
        let target = parse_target(text).unwrap();
        Ban { until, ..Ban::by_hand(target, since, 0, "test") }
    }

    #[test]
    fn whoever_comes_again_stays_out_longer() {
        let mut book = Book::default();
        let first = book.grown(ban("192.0.2.1", 100, 200), 100).unwrap();
        book.take(first.entry());
        assert!(book.grown(ban("192.0.2.1", 150, 200), 150).is_none(), "banned already");
        let second = book.grown(ban("192.0.2.1", 300, 400), 300).unwrap();
        assert_eq!((second.until, second.times), (500, 2));
        book.take(second.entry());
        let third = book.grown(ban("192.0.2.1", 600, 700), 600).unwrap();
        assert_eq!((third.until, third.times), (1_000, 3));
        let month = Ban { until: 600 + 30 * 86_400, ..ban("192.0.2.1", 600, 0) };
        book.take(month.entry());
        let later = 600 + 31 * 86_400;
        let next = book.grown(ban("192.0.2.1", later, later + 60), later).unwrap();
        assert_eq!(next.until, later + GROWN_SECS_MAX);
    }

    #[test]
    fn lines_add_up() {
        let mut book = Book::default();
        for text in ["192.0.2.1", "192.0.2.2", "198.51.100.0/24"] {
            book.take(ban(text, 100, 200).entry());
        }
        book.take(Entry::unban(parse_target("192.0.2.2").unwrap(), 150));
        assert_eq!((book.all(150).count(), book.all(200).count()), (2, 0));
        assert!(book.active(parse_target("198.51.100.0/24").unwrap(), 150).is_some());
        let mut again = Book::default();
        book.entries().for_each(|entry| again.take(entry));
        assert_eq!((again.len(), again.lines()), (2, 3));
        assert_eq!(again.freed(parse_target("192.0.2.2").unwrap()), Some(150));
        assert_eq!((again.over(150).count(), again.over(200).count()), (1, 3));
        let by = Some("web2".to_owned());
        again.take(Entry { origin: by, ..Entry::unban(parse_target("192.0.2.2").unwrap(), 155) });
        assert_eq!(
            again.freed(parse_target("192.0.2.2").unwrap()),
            None,
            "no hand of this machine"
        );
        book.take(ban("192.0.2.2", 160, 200).entry());
        assert_eq!(book.freed(parse_target("192.0.2.2").unwrap()), None, "banned again since");
        again.forget(200 + MEMORY_SECS);
        assert!(again.is_empty() && again.lines() == 0);
    }
}
