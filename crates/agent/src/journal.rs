//! The file of bans: a line for each change, flushed to the disk, and written anew when it has grown.
//!
//! Invariants: several processes of ours may write it, one at a time by the lock; a line that was torn by a
//! crash is passed over and ends where the next begins; the file holds at most a few lines for each ban.

use crate::ban::{Entry, What, parse_target};
use crate::book::{BANS_MAX, Book};
use crate::error::AgentError;
use crate::home::Home;
use crate::watcher::seconds;
use burgrave_sys::{Access, Appender, FileId, Followed, SysError, replace_own};
use burgrave_watch::Target;

/// The file is written anew when it has more lines than twice the bans and so many.
const SPARE_LINES: usize = 20_000;
/// The file that is read.
const FILE_BYTES_MAX: u64 = 1 << 30;
const PIECE_BYTES: usize = 1 << 20;

/// The file, and what it comes to.
#[derive(Debug)]
pub struct Journal {
    home: Home,
    pub(crate) book: Book,
    /// The file that was read, and how far.
    read: Option<(FileId, u64)>,
    lines: usize,
    /// Lines that say nothing.
    pub(crate) odd: usize,
    /// Who was let in again by others since it was last asked.
    pub(crate) unbanned: Vec<Target>,
}

impl Journal {
    /// Reads all of it.
    pub fn open(home: &Home) -> Result<Self, AgentError> {
        let mut journal = Self {
            home: home.clone(),
            book: Book::default(),
            read: None,
            lines: 0,
            odd: 0,
            unbanned: Vec::new(),
        };
        journal.refresh()?;
        journal.unbanned.clear();
        Ok(journal)
    }

    /// Who is banned, as of the last look.
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// Takes what other processes have written. Whether there was anything.
    pub fn refresh(&mut self) -> Result<bool, AgentError> {
        let file = match Followed::open(&self.home.bans()) {
            Ok(file) => file,
            Err(SysError::Missing(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let length = file.length()?;
        let known = self.read.filter(|(id, read)| *id == file.id() && *read <= length);
        // Of a file that is read anew what was known already is no news.
        let mut before = Book::default();
        let mut offset = match known {
            Some((_, read)) if read == length => return Ok(false),
            Some((_, read)) => read,
            None => {
                before = std::mem::take(&mut self.book);
                self.lines = 0;
                0
            }
        };
        let mut piece = vec![0; PIECE_BYTES];
        while offset < length.min(FILE_BYTES_MAX) {
            let count = file.read_at(&mut piece, offset)?;
            let read = piece.get(..count).unwrap_or_default();
            let whole = match burgrave_watch::whole(read) {
                // A line that never ends is none of ours.
                0 if count == PIECE_BYTES => count,
                0 => break,
                whole => whole,
            };
            for line in burgrave_watch::lines(read.get(..whole).unwrap_or_default()) {
                self.lines += 1;
                match serde_json::from_slice::<Entry>(line) {
                    Ok(entry) => {
                        if entry.what == What::Unban && self.unbanned.len() < BANS_MAX {
                            let target = parse_target(&entry.target).ok();
                            let is_known =
                                |target: &Target| before.let_in(*target) == Some(entry.time);
                            self.unbanned.extend(target.filter(|target| !is_known(target)));
                        }
                        self.book.take(entry);
                    }
                    Err(_) => self.odd += usize::from(!line.is_empty()),
                }
            }
            offset = offset.saturating_add(u64::try_from(whole).unwrap_or(0));
        }
        self.read = Some((file.id(), offset));
        // A process that never writes must not run out of room for what is in force.
        if self.book.lines() > BANS_MAX / 2 {
            self.book.forget(seconds());
        }
        Ok(true)
    }

    /// Writes entries at the end, and waits for the disk.
    pub fn append(&mut self, entries: &[Entry], now: u64) -> Result<(), AgentError> {
        if entries.is_empty() {
            return Ok(());
        }
        let _lock = self.home.lock()?;
        self.refresh()?;
        self.write(entries, now)
    }

    /// The same for entries that follow from who is banned: nobody else writes between the look and the writing. What was
    /// written.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written; nothing of it is in force then.
    pub fn decide(
        &mut self,
        now: u64,
        decide: impl FnOnce(&Book) -> Vec<Entry>,
    ) -> Result<Vec<Entry>, AgentError> {
        let _lock = self.home.lock()?;
        self.refresh()?;
        let entries = decide(&self.book);
        if !entries.is_empty() {
            self.write(&entries, now)?;
        }
        Ok(entries)
    }

    /// The lock is held, and all that others wrote is known.
    fn write(&mut self, entries: &[Entry], now: u64) -> Result<(), AgentError> {
        let path = self.home.bans();
        let mut file = Appender::open(&path, Access::Owner)?;
        let mut text = Vec::new();
        if self.is_torn()? {
            text.push(b'\n');
        }
        for entry in entries {
            // What is made of numbers and strings can always be written.
            text.extend(serde_json::to_vec(entry).unwrap_or_default());
            text.push(b'\n');
        }
        let mut rest = &text[..];
        while !rest.is_empty() {
            let count = file.append(rest)?;
            rest = rest.get(count.max(1)..).unwrap_or_default();
        }
        file.sync()?;
        self.refresh()?;
        if self.lines > self.book.lines() * 2 + SPARE_LINES {
            self.compact(now)?;
        }
        Ok(())
    }

    /// Whether somebody died in the middle of a line.
    fn is_torn(&self) -> Result<bool, AgentError> {
        let Some((_, read)) = self.read else { return Ok(false) };
        Ok(Followed::open(&self.home.bans())?.length()? > read)
    }

    fn compact(&mut self, now: u64) -> Result<(), AgentError> {
        self.book.forget(now);
        let mut text = Vec::new();
        for entry in self.book.entries() {
            text.extend(serde_json::to_vec(&entry).unwrap_or_default());
            text.push(b'\n');
        }
        replace_own(&self.home.bans(), &text, Access::Owner)?;
        self.read = None;
        self.refresh()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ban::Ban;

    fn entry(n: u32, until: u64) -> Entry {
        let ip = std::net::Ipv4Addr::from(0xc633_6400 + n);
        let target = parse_target(&ip.to_string()).unwrap();
        Ban { until, ..Ban::by_hand(target, 100, 0, "test") }.entry()
    }

    #[test]
    fn what_is_written_is_there_after_a_crash_and_for_others() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path()).unwrap();
        let mut one = Journal::open(&home).unwrap();
        let mut other = Journal::open(&home).unwrap();
        one.append(&[entry(1, 200), entry(2, 200)], 100).unwrap();
        // Somebody dies while writing.
        let mut file = Appender::open(&home.bans(), Access::Owner).unwrap();
        file.append(b"{\"time\":5,\"wh").unwrap();
        other.append(&[entry(3, 200)], 100).unwrap();
        assert!(one.refresh().unwrap());
        assert_eq!((one.book.len(), one.odd, other.book.len()), (3, 1, 3));
        assert!(!one.refresh().unwrap());
        assert_eq!(Journal::open(&home).unwrap().book.len(), 3);
    }

    #[test]
    fn the_file_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path()).unwrap();
        let mut journal = Journal::open(&home).unwrap();
        let mut other = Journal::open(&home).unwrap();
        let many: Vec<Entry> = (0..SPARE_LINES + 10).map(|_| entry(1, 200)).collect();
        journal.append(&many, 100).unwrap();
        assert!(journal.lines <= 1, "{}", journal.lines);
        assert!(other.refresh().unwrap());
        assert_eq!(other.book.len(), 1);
    }
}
