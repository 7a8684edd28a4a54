//! Bans shared with other machines by a database of `PostgreSQL`: a table that holds what is in force, and a
//! notification for each change, so that nobody has to ask for all of it.
//!
//! It is spoken to by `psql`, which knows every way to sign in. What came from a log is a stranger's: an entry goes out
//! and comes in as hexadecimal digits, and is never part of a statement.
//!
//! Invariants: a ban of another machine is taken only after the same questions as one of our own: nobody is banned who may
//! not be, and what is banned for longer already stays; what came from elsewhere is not sent on; while the server is away
//! nothing is lost: all that is in force is told and asked for when it is back; what is read and held is bounded.

use crate::ban::{Ban, Entry, What, parse_target};
use crate::error::AgentError;
use crate::home::Home;
use crate::journal::Journal;
use crate::shield::Shield;
use burgrave_config::Share;
use burgrave_sys::{Invocation, Program};
use burgrave_watch::Target;
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ChildStdin;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// A line of `psql`: an entry in hexadecimal digits, and words around it.
const LINE_BYTES_MAX: u64 = 16 * 1024;
/// Lines that wait to be looked at.
const LINES_MAX: usize = 10_000;
/// How long an answer is waited for.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// Changes that go out between two answers; a pipe holds them.
const PIECE: usize = 16;
/// Of a notification's digits; the server takes fewer than 8,000.
const DIGITS_MAX: usize = 7_000;
/// Entries that are asked for at once.
const ENTRIES_MAX: usize = 100_000;
const CHANNEL: &str = "burgrave_bans";
const TICK: &str = "burgrave-tick";
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

/// The real `psql`: what Debian puts on the path is a script that looks for it.
pub fn psql() -> Option<PathBuf> {
    let versions = (12..=30).rev().map(|version| format!("/usr/lib/postgresql/{version}/bin/psql"));
    let others = ["/usr/local/bin/psql", "/usr/bin/psql"].map(str::to_owned);
    versions.chain(others).map(PathBuf::from).find(|path| path.is_file())
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
            let (own, others): (Vec<Entry>, Vec<Entry>) =
                rows.into_iter().partition(|entry| entry.origin.as_ref() == Some(&self.node));
            self.take(others, shield, now, tell)?;
            // Let in by hand while nobody could be told.
            let bans = own.iter().filter(|entry| entry.what == What::Ban);
            let targets = bans.filter_map(|entry| parse_target(&entry.target).ok());
            let freed = targets.filter(|target| self.journal.book.active(*target, now).is_none());
            let freed: Vec<Entry> = freed.map(|target| Entry::unban(target, now)).collect();
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
        let mut taken = Vec::new();
        for entry in entries {
            let Ok(target) = parse_target(&entry.target) else { continue };
            let before = self.journal.book.active(target, now);
            match entry.what {
                What::Ban if entry.until <= now => {}
                What::Ban if before.is_some_and(|before| before.until >= entry.until) => {}
                What::Ban => match (shield.reason(target), entry.clone().ban()) {
                    (Some(why), _) => tell(Shared::Spared(target, why)),
                    (None, Some(ban)) => {
                        self.known.insert(target, entry.until);
                        tell(Shared::Taken(ban));
                        taken.push(entry);
                    }
                    (None, None) => {}
                },
                What::Unban if before.is_none_or(|before| before.since > entry.time) => {}
                What::Unban => {
                    self.known.remove(&target);
                    tell(Shared::Freed(target, entry.origin.clone().unwrap_or_default()));
                    taken.push(entry);
                }
            }
        }
        // Whom others let in is not known any more, and so is no news of this machine.
        self.journal.append(&taken, now)
    }
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

/// A `psql` that runs.
#[derive(Debug)]
struct Server {
    program: Option<Program>,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Server {
    fn open(share: &Share) -> Result<Self, Trouble> {
        let wrong = |error: &dyn std::error::Error| Trouble::Server(burgrave_sys::chain(error));
        let path = psql().ok_or_else(|| {
            Trouble::Server("`psql` is missing: install the package postgresql-client".to_owned())
        })?;
        let invocation = invocation(&path, share).map_err(|error| wrong(&error))?;
        let mut program = Program::start(invocation).map_err(|error| wrong(&error))?;
        let gone = || Trouble::Server("`psql` has no pipes".to_owned());
        let (input, output) = (program.take_input(), program.take_output());
        let (input, output) = (input.ok_or_else(gone)?, output.ok_or_else(gone)?);
        let (sender, lines) = sync_channel(LINES_MAX);
        // Ends with the program, or when nobody listens any more.
        std::thread::spawn(move || {
            let mut reader = BufReader::new(output);
            let mut line = Vec::new();
            loop {
                line.clear();
                let read = (&mut reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
                let text = String::from_utf8(std::mem::take(&mut line)).unwrap_or_default();
                if !matches!(read, Ok(1..)) || sender.send(text).is_err() {
                    return;
                }
            }
        });
        Ok(Self { program: Some(program), input, lines })
    }

    /// Says something, and gives the entries that were heard until it was answered.
    fn ask(&mut self, statements: &str) -> Result<Vec<Entry>, Trouble> {
        let text = format!("{statements}select '{TICK}';\n");
        if self.input.write_all(text.as_bytes()).and_then(|()| self.input.flush()).is_err() {
            return Err(self.ended());
        }
        let end = Instant::now() + ANSWER_TIME;
        let mut entries = Vec::new();
        let mut is_answered = false;
        loop {
            // Notifications come right behind the answer.
            let left = if is_answered { Duration::from_millis(2) } else { end - Instant::now() };
            match self.lines.recv_timeout(left) {
                Ok(line) if line.trim_end() == TICK => is_answered = true,
                Ok(line) if entries.len() < ENTRIES_MAX => entries.extend(heard(&line)),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) if is_answered => return Ok(entries),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(Trouble::Server("the server does not answer".to_owned()));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended()),
            }
        }
    }

    /// Why it has ended.
    fn ended(&mut self) -> Trouble {
        let finished = self.program.take().map(|program| program.finish(Duration::from_secs(2)));
        let said = match finished {
            Some(Ok((_, said))) => said.escape_ascii().to_string(),
            Some(Err(error)) => error.to_string(),
            None => String::new(),
        };
        let said: String = said.replace("\\n", " ").chars().take(300).collect();
        Trouble::Server(format!("`psql` ended: {}", said.trim()))
    }
}

fn invocation(path: &Path, share: &Share) -> Result<Invocation, burgrave_sys::SysError> {
    let port = share.port.to_string();
    let mut invocation = Invocation::new(path, ANSWER_TIME, 0)?
        .args(["-X", "-q", "-A", "-t", "-w", "--set=ON_ERROR_STOP=1", "-h", &share.host])
        .args(["-p", &port, "-U", &share.user, "-d", &share.database])
        .variable("LC_ALL", "C")
        .variable("PGCONNECT_TIMEOUT", "10")
        .variable("PGAPPNAME", "burgrave")
        .variable("PGOPTIONS", "-c client_min_messages=warning");
    if let Some(passfile) = &share.passfile {
        invocation = invocation.variable("PGPASSFILE", passfile);
    }
    if let Some(ca) = &share.ca {
        invocation = invocation.variable("PGSSLMODE", "verify-full").variable("PGSSLROOTCERT", ca);
    }
    Ok(invocation)
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

/// The entry of a line: a row, or `Asynchronous notification "…" with payload "…" received from …`.
fn heard(line: &str) -> Option<Entry> {
    let told = || {
        let rest = line.strip_prefix("Asynchronous notification \"burgrave_bans\" ")?;
        Some(rest.strip_prefix("with payload \"")?.split_once('"')?.0)
    };
    let digits = line.strip_prefix(ROW).map(str::trim_end).or_else(told)?;
    let pair = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).ok().filter(|text| text.len() == 2)?;
        u8::from_str_radix(text, 16).ok()
    };
    let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(pair).collect();
    serde_json::from_slice(&bytes?).ok()
}

#[cfg(test)]
mod tests {
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
        // A server that is away is told once.
        told.clear();
        for _ in 0..2 {
            sharer.turn(&shield, 100, &mut |shared| told.push(shared)).unwrap();
        }
        assert!(matches!(&told[..], [Shared::Away(_)]), "{told:?}");
    }
}
