//! Bans shared with other machines by a database of `PostgreSQL`: a table that holds what is in force, and a
//! notification for each change, so that nobody has to ask for all of it.
//!
//! It is spoken to by `psql`, which knows every way to sign in. What came from a log is a stranger's: an entry goes out
//! and comes in as hexadecimal digits, and is never part of a statement.
//!
//! Invariants: a ban of another machine is taken only after the same questions as one of our own: nobody is banned who may
//! not be, and what is banned for longer already stays; what came from elsewhere is not sent on; while the server is away
//! nothing is lost: all that is in force is told and asked for when it is back; what is read and held is bounded.

mod server;

pub use server::psql;

use crate::ban::{Ban, Entry, What, parse_target};
use crate::book::{Book, TAKEN_MAX};
use crate::error::AgentError;
use crate::home::Home;
use crate::journal::Journal;
use crate::shield::Shield;
use burgrave_config::Share;
use burgrave_watch::Target;
use server::Server;
use std::collections::HashMap;
use std::path::Path;

/// Changes that go out between two answers; a pipe holds them.
const PIECE: usize = 16;
/// Of a notification's digits; the server takes fewer than 8,000.
const DIGITS_MAX: usize = 7_000;
/// Entries that are asked for at once.
const ENTRIES_MAX: usize = 100_000;
const CHANNEL: &str = "burgrave_bans";
/// How a notification begins.
const CHANNEL_LINE: &str = "Asynchronous notification \"burgrave_bans\" ";
const ROW: &str = "burgrave-row ";

/// What people are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shared {
    /// Somebody was banned by another machine.
    Taken(Ban),
    /// Somebody was let in by another machine.
    Freed(Target, String),
    /// Somebody would have been banned, and may not.
    Spared(Target, &'static str),
    /// The server cannot be spoken to; said once while it lasts.
    Away(String),
    /// It can be spoken to again.
    Back,
}

/// Shares the bans of a state directory.
#[derive(Debug)]
pub struct Sharer {
    share: Share,
    node: String,
    journal: Journal,
    /// What was sent or taken last, of each target: until when.
    known: HashMap<Target, u64>,
    server: Option<Server>,
    is_away: bool,
}

impl Sharer {
    /// Reads what is in force. `node`: the name of this machine.
    pub fn new(state: &Path, share: &Share, node: String) -> Result<Self, AgentError> {
        let journal = Journal::open(&Home::open(state)?)?;
        let known = HashMap::new();
        Ok(Self { share: share.clone(), node, journal, known, server: None, is_away: false })
    }

    /// Takes what others have told, and tells what is new here. An error of the disk; one of the server is told.
    pub fn turn(
        &mut self,
        shield: &Shield,
        now: u64,
        tell: &mut dyn FnMut(Shared),
    ) -> Result<(), AgentError> {
        let result = self.speak(shield, now, tell);
        match result {
            Ok(()) => {
                if std::mem::take(&mut self.is_away) {
                    tell(Shared::Back);
                }
                Ok(())
            }
            Err(Trouble::Disk(error)) => Err(error),
            Err(Trouble::Server(why)) => {
                self.server = None;
                if !std::mem::replace(&mut self.is_away, true) {
                    tell(Shared::Away(why));
                }
                Ok(())
            }
        }
    }

    fn speak(
        &mut self,
        shield: &Shield,
        now: u64,
        tell: &mut dyn FnMut(Shared),
    ) -> Result<(), Trouble> {
        if self.server.is_none() {
            let mut server = Server::open(&self.share)?;
            let rows = server.ask(&begin(now))?;
            self.server = Some(server);
            self.known.clear();
            self.journal.refresh()?;
            let freed = self.freed_meanwhile(&rows, now);
            let others = rows.into_iter().filter(|entry| entry.origin.as_ref() != Some(&self.node));
            self.take(others.collect(), shield, now, tell)?;
            self.send(&freed, shield, now, tell)?;
        }
        let heard = self.hear("")?;
        self.take(heard, shield, now, tell)?;
        self.journal.refresh()?;
        let changes = self.changes(now);
        self.send(&changes, shield, now, tell)?;
        if self.known.len() > ENTRIES_MAX {
            self.known.retain(|_, until| *until > now);
        }
        Ok(())
    }

    /// Who was let in here while nobody could be told: a row of ours that is in force no more, or somebody else's that
    /// is older than the hand that let them in.
    fn freed_meanwhile(&self, rows: &[Entry], now: u64) -> Vec<Entry> {
        let mut all = Vec::new();
        for row in rows.iter().filter(|row| row.what == What::Ban && row.until > now) {
            let Ok(target) = parse_target(&row.target) else { continue };
            let is_own = row.origin.as_ref() == Some(&self.node);
            let is_freed = is_own || is_freed_since(&self.journal.book, target, row.time);
            if is_freed && self.journal.book.active(target, now).is_none() {
                all.push(Entry::unban(target, now));
            }
        }
        all
    }

    /// Tells changes, and takes what is heard meanwhile.
    fn send(
        &mut self,
        changes: &[Entry],
        shield: &Shield,
        now: u64,
        tell: &mut dyn FnMut(Shared),
    ) -> Result<(), Trouble> {
        for piece in changes.chunks(PIECE) {
            let text: String = piece.iter().map(|entry| statement(entry, &self.node)).collect();
            let heard = self.hear(&text)?;
            self.take(heard, shield, now, tell)?;
            for entry in piece {
                if let (What::Ban, Ok(target)) = (entry.what, parse_target(&entry.target)) {
                    self.known.insert(target, entry.until);
                }
            }
        }
        Ok(())
    }

    /// Says something, and gives what was heard until it was answered.
    fn hear(&mut self, statements: &str) -> Result<Vec<Entry>, Trouble> {
        let Some(server) = &mut self.server else { return Ok(Vec::new()) };
        let mut all = server.ask(statements)?;
        all.retain(|entry| entry.origin.as_deref().is_some_and(|origin| origin != self.node));
        Ok(all)
    }

    /// What is in force here, or was let in, and was not told yet. What others have told is theirs.
    fn changes(&mut self, now: u64) -> Vec<Entry> {
        let freed = std::mem::take(&mut self.journal.unbanned);
        let mut changes: Vec<Entry> = Vec::new();
        for target in freed {
            let is_banned = self.journal.book.active(target, now).is_some();
            if !is_banned && self.known.remove(&target).is_some() {
                changes.push(Entry::unban(target, now));
            }
        }
        for ban in self.journal.book.all(now).filter(|ban| ban.origin.is_none()) {
            if self.known.get(&ban.target) != Some(&ban.until) {
                changes.push(ban.entry());
            }
        }
        changes
    }

    /// Takes what others have told, after the questions that are asked of our own.
    fn take(
        &mut self,
        entries: Vec<Entry>,
        shield: &Shield,
        now: u64,
        tell: &mut dyn FnMut(Shared),
    ) -> Result<(), AgentError> {
        let (known, mut told) = (&mut self.known, Vec::new());
        // Whom others let in is not known any more, and so is no news of this machine.
        self.journal.decide(now, |book| {
            let mut taken = Vec::new();
            for entry in entries {
                let Ok(target) = parse_target(&entry.target) else { continue };
                let before = book.active(target, now);
                match entry.what {
                    What::Ban if entry.until <= now => {}
                    What::Ban if before.is_some_and(|before| before.until >= entry.until) => {}
                    What::Ban if is_freed_since(book, target, entry.time) => {}
                    What::Ban if book.len() >= TAKEN_MAX && before.is_none() => {}
                    What::Ban => match (shield.reason(target), entry.clone().ban()) {
                        (Some(why), _) => told.push(Shared::Spared(target, why)),
                        (None, Some(ban)) => {
                            known.insert(target, entry.until);
                            told.push(Shared::Taken(ban));
                            taken.push(entry);
                        }
                        (None, None) => {}
                    },
                    What::Unban if before.is_none_or(|before| before.since > entry.time) => {}
                    What::Unban => {
                        known.remove(&target);
                        told.push(Shared::Freed(target, entry.origin.clone().unwrap_or_default()));
                        taken.push(entry);
                    }
                }
            }
            taken
        })?;
        told.into_iter().for_each(tell);
        Ok(())
    }
}

/// Whether somebody was let in by hand after a ban that others tell of.
fn is_freed_since(book: &Book, target: Target, banned: u64) -> bool {
    book.freed(target).is_some_and(|freed| freed >= banned)
}

/// Why nothing was shared.
enum Trouble {
    Server(String),
    Disk(AgentError),
}

impl From<AgentError> for Trouble {
    fn from(error: AgentError) -> Self {
        Self::Disk(error)
    }
}

/// Makes the table, listens, and asks for what is in force.
fn begin(now: u64) -> String {
    format!(
        "create table if not exists burgrave_bans (target text primary key, time bigint not null, until bigint not null, \
         entry text not null);\n\
         listen {CHANNEL};\ndelete from burgrave_bans where until <= {now};\n\
         select '{ROW}' || entry from burgrave_bans order by until desc limit {ENTRIES_MAX};\n"
    )
}

/// How long it is remembered that somebody was let in: for who is away meanwhile.
const FREED_SECS: u64 = 7 * 86_400;

/// Puts a change into the table and tells it; of two the later one stays. A target is made of digits, points, colons and a slash, and an entry of
/// hexadecimal digits: neither can end its text.
fn statement(entry: &Entry, node: &str) -> String {
    let Ok(target) = parse_target(&entry.target) else { return String::new() };
    let digits = digits(entry, node);
    let until = match entry.what {
        What::Ban => entry.until,
        What::Unban => entry.time.saturating_add(FREED_SECS),
    };
    let time = entry.time;
    format!(
        "insert into burgrave_bans as own values ('{target}', {time}, {until}, '{digits}') on conflict (target) do update set \
         time = excluded.time, until = excluded.until, entry = excluded.entry where excluded.time >= own.time;\n\
         notify {CHANNEL}, '{digits}';\n"
    )
}

/// An entry with its machine, in hexadecimal digits. Evidence that is too long is left out.
fn digits(entry: &Entry, node: &str) -> String {
    let mut entry = Entry { origin: Some(node.to_owned()), ..entry.clone() };
    let hex = |entry: &Entry| -> String {
        let text = serde_json::to_vec(entry).unwrap_or_default();
        text.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let whole = hex(&entry);
    if whole.len() <= DIGITS_MAX {
        return whole;
    }
    entry.evidence = String::new();
    entry.reason = entry.reason.chars().take(200).collect();
    hex(&entry)
}

#[cfg(test)]
mod tests {
    use super::server::heard;
    use super::*;

    fn ban(text: &str, until: u64) -> Entry {
        let target = parse_target(text).unwrap();
        Ban { until, ..Ban::by_hand(target, 100, 0, "test") }.entry()
    }

    #[test]
    fn what_a_stranger_typed_is_never_part_of_a_statement() {
        let mut entry = ban("192.0.2.7", 500);
        entry.evidence = "last as `'); drop table burgrave_bans; --`\n\\! reboot\n".to_owned();
        let text = statement(&entry, "web1");
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(!text.contains("drop") && !text.contains('\\'), "{text}");
        let payload = text.split('\'').rev().nth(1).unwrap();
        let line = format!(
            "Asynchronous notification \"burgrave_bans\" with payload \"{payload}\" received from server process with PID 7.\n"
        );
        let back = heard(&line).unwrap();
        assert_eq!((back.evidence, back.origin.as_deref()), (entry.evidence, Some("web1")));
        assert_eq!(heard(&format!("{ROW}{payload}\n")).unwrap().target, "192.0.2.7");
    }

    #[test]
    fn a_notification_is_short_and_odd_lines_say_nothing() {
        let mut entry = ban("2001:db8::/64", 500);
        entry.evidence = "x".repeat(5_000);
        let payload = digits(&entry, "web1");
        assert!(payload.len() < 8_000);
        assert_eq!(heard(&format!("{ROW}{payload}")).unwrap().evidence, "");
        for line in [
            "",
            "x",
            "burgrave-row zz",
            "burgrave-row 7b7",
            "burgrave-row 7b7d",
            "burgrave-row \u{20ac}",
        ] {
            assert!(heard(line).is_none(), "{line}");
        }
    }

    #[test]
    fn what_others_tell_is_asked_the_same_questions() {
        let folder = tempfile::tempdir().unwrap();
        let share = Share {
            database: "x".to_owned(),
            host: "/nowhere".to_owned(),
            port: 1,
            user: "x".to_owned(),
            passfile: None,
            ca: None,
            node: None,
        };
        let mut sharer = Sharer::new(folder.path(), &share, "web1".to_owned()).unwrap();
        sharer.journal.append(&[ban("192.0.2.1", 500)], 100).unwrap();
        let system = burgrave_sys::Fake::new();
        let shield = Shield::of(&system, &[], Some("192.0.2.55 1 192.0.2.1 22"));
        let from = |mut entry: Entry| {
            entry.origin = Some("web2".to_owned());
            entry
        };
        let mut told = Vec::new();
        let entries = vec![
            from(ban("192.0.2.1", 400)),
            from(ban("192.0.2.55", 900)),
            from(ban("192.0.2.9", 50)),
            from(ban("192.0.2.7", 900)),
            from(Entry::unban(parse_target("192.0.2.8").unwrap(), 100)),
        ];
        sharer.take(entries, &shield, 100, &mut |shared| told.push(shared)).unwrap();
        assert!(matches!(&told[..], [Shared::Spared(..), Shared::Taken(_)]), "{told:?}");
        // Our own goes out, what was taken does not.
        let out: Vec<String> = sharer.changes(100).into_iter().map(|entry| entry.target).collect();
        assert_eq!(out, ["192.0.2.1"]);
        sharer
            .take(
                vec![from(Entry::unban(parse_target("192.0.2.7").unwrap(), 100))],
                &shield,
                100,
                &mut |shared| told.push(shared),
            )
            .unwrap();
        assert!(matches!(told.last(), Some(Shared::Freed(..))));
        assert!(sharer.journal.book.active(parse_target("192.0.2.7").unwrap(), 100).is_none());
        // Somebody else's ban that was lifted here while nobody could be told is lifted there, and not taken again; one
        // that is newer is.
        sharer
            .journal
            .append(&[Entry::unban(parse_target("192.0.2.7").unwrap(), 200)], 200)
            .unwrap();
        told.clear();
        let old = Entry { time: 150, ..from(ban("192.0.2.7", 900)) };
        let freed = sharer.freed_meanwhile(std::slice::from_ref(&old), 210);
        assert_eq!((freed.len(), freed[0].what, freed[0].time), (1, What::Unban, 210));
        sharer.take(vec![old.clone()], &shield, 210, &mut |shared| told.push(shared)).unwrap();
        assert!(told.is_empty(), "{told:?}");
        let new = Entry { time: 205, ..old };
        assert!(sharer.freed_meanwhile(std::slice::from_ref(&new), 210).is_empty());
        sharer.take(vec![new], &shield, 210, &mut |shared| told.push(shared)).unwrap();
        assert!(matches!(&told[..], [Shared::Taken(_)]), "{told:?}");
        // A server that is away is told once.
        told.clear();
        for _ in 0..2 {
            sharer.turn(&shield, 100, &mut |shared| told.push(shared)).unwrap();
        }
        assert!(matches!(&told[..], [Shared::Away(_)]), "{told:?}");
    }
}
