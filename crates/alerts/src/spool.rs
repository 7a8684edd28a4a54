//! The spool: a directory with a file for each thing that was raised, until it is taken.
//!
//! Invariants: a file is whole on the disk before whoever raises it goes on, and is removed only when what is in it
//! is on the disk elsewhere; so many files and no more, and what finds no room is counted in a file beside them.

use crate::event::{Event, Order, Spooled};
use crate::store::{AlertError, Store};
use burgrave_sys::{
    Access, Appender, Live, SysError, System as _, make_own_directory, read_own, remove_own,
    replace_own, wall_clock,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

const NEW: &str = "new";
const DROPPED: &str = "dropped";
const EXTENSION: &str = ".json";
/// Files that wait.
const FILES_MAX: usize = 2_000;
/// Names of a directory that are looked at, half-written ones included.
const NAMES_MAX: usize = 10 * FILES_MAX;
/// Lines of a file.
const LINES_MAX: usize = 200;
const FILE_BYTES_MAX: u64 = 2 << 20;
/// Of the file that counts what was dropped: past it nothing more is counted, and it is "at least".
const DROPPED_BYTES_MAX: u64 = 64 * 1024;
/// Files that are taken at once.
const TAKEN_MAX: usize = 200;

/// See the module.
#[derive(Clone, Debug)]
pub struct Spool {
    folder: PathBuf,
}

/// A file that was taken.
#[derive(Debug)]
pub struct Taken {
    /// Its name.
    pub name: String,
    /// What is in it; lines that are no such thing are left out.
    pub all: Vec<Spooled>,
    /// How many lines were.
    pub odd: usize,
}

impl Spool {
    /// The spool of a state directory; makes it where it is missing.
    pub fn open(state: &Path) -> Result<Self, AlertError> {
        let folder = Store::folder(state);
        make_own_directory(&folder.join(NEW))?;
        Ok(Self { folder })
    }

    /// Puts events into it, and waits for the disk. What finds no room is counted.
    pub fn raise(&self, events: &[Event]) -> Result<(), AlertError> {
        let all: Vec<Spooled> = events.iter().cloned().map(Spooled::Event).collect();
        all.chunks(LINES_MAX).try_for_each(|piece| self.put(piece))
    }

    /// Puts what somebody wants into it.
    pub fn order(&self, order: Order) -> Result<(), AlertError> {
        self.put(&[Spooled::Order(order)])
    }

    fn put(&self, all: &[Spooled]) -> Result<(), AlertError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        if self.names()?.len() >= FILES_MAX {
            return self.count(all.len());
        }
        let mut text = Vec::new();
        for one in all {
            // What is made of numbers and strings can always be written.
            text.extend(serde_json::to_vec(one).unwrap_or_default());
            text.push(b'\n');
        }
        let (now, own) = (wall_clock().0, std::process::id());
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{now:020}-{own}-{count}{EXTENSION}");
        Ok(replace_own(&self.folder.join(NEW).join(name), &text, Access::Owner)?)
    }

    /// The files that are whole, the oldest first.
    fn names(&self) -> Result<Vec<String>, AlertError> {
        let entries = Live.list(&self.folder.join(NEW), NAMES_MAX)?;
        let names = entries.into_iter().filter_map(|entry| {
            let name = entry.path.file_name()?.to_str()?;
            name.ends_with(EXTENSION).then(|| name.to_owned())
        });
        Ok(names.collect())
    }

    fn count(&self, dropped: usize) -> Result<(), AlertError> {
        let mut file = Appender::open(&self.folder.join(DROPPED), Access::Owner)?;
        if file.age()?.0 < DROPPED_BYTES_MAX {
            file.append(format!("{dropped}\n").as_bytes())?;
        }
        Ok(())
    }

    /// The oldest files, but for those that are known already.
    pub fn take(&self, known: impl Fn(&str) -> bool) -> Result<Vec<Taken>, AlertError> {
        let names = self.names()?.into_iter().filter(|name| !known(name)).take(TAKEN_MAX);
        let mut all = Vec::new();
        for name in names {
            let text = match read_own(&self.folder.join(NEW).join(&name), FILE_BYTES_MAX) {
                Ok(text) => text,
                // Somebody has put a pipe or a mountain there: it is none of ours, and told as odd.
                Err(SysError::TooLarge { .. } | SysError::WrongKind { .. }) => vec![b'?'],
                Err(error) => return Err(error.into()),
            };
            let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            let mut taken = Taken { name, all: Vec::new(), odd: 0 };
            for (number, line) in lines.enumerate() {
                match serde_json::from_slice(line) {
                    Ok(one) if number < LINES_MAX => taken.all.push(one),
                    Ok(_) | Err(_) => taken.odd += 1,
                }
            }
            all.push(taken);
        }
        Ok(all)
    }

    /// Removes a file that was taken.
    pub fn remove(&self, name: &str) -> Result<(), AlertError> {
        Ok(remove_own(&self.folder.join(NEW).join(name))?)
    }

    /// Whether it is there.
    pub fn has(&self, name: &str) -> bool {
        Live.metadata(&self.folder.join(NEW).join(name)).is_ok()
    }

    /// How many events were dropped since this was last asked.
    pub fn take_dropped(&self) -> Result<u64, AlertError> {
        let path = self.folder.join(DROPPED);
        let text = match read_own(&path, 2 * DROPPED_BYTES_MAX) {
            Ok(text) => text,
            Err(SysError::Missing(_)) => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let numbers = text
            .split(|byte| *byte == b'\n')
            .filter_map(|line| std::str::from_utf8(line).ok()?.parse::<u64>().ok());
        let all = numbers.fold(0_u64, u64::saturating_add);
        remove_own(&path)?;
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_model::Topic;

    fn event(subject: &str) -> Event {
        Event::new(1, Topic::BanAdded, subject, "t", "")
    }

    #[test]
    fn what_was_raised_is_taken_in_its_order_and_stays_until_it_is_removed() {
        let state = tempfile::tempdir().unwrap();
        let spool = Spool::open(state.path()).unwrap();
        spool.raise(&[event("a"), event("b")]).unwrap();
        spool.order(Order::Unsilence { id: "s".to_owned() }).unwrap();
        spool.raise(&(0..450).map(|n| event(&n.to_string())).collect::<Vec<_>>()).unwrap();
        let taken = spool.take(|_| false).unwrap();
        let sizes: Vec<usize> = taken.iter().map(|file| file.all.len()).collect();
        assert_eq!(sizes, [2, 1, 200, 200, 50]);
        assert_eq!(taken[0].all[1], Spooled::Event(event("b")));
        let first = taken[0].name.clone();
        assert_eq!(spool.take(|name| name == first).unwrap().len(), 4);
        spool.remove(&first).unwrap();
        assert!(!spool.has(&first) && spool.has(&taken[1].name));
    }

    #[test]
    fn what_is_odd_is_told_and_what_is_half_written_is_left_alone() {
        let state = tempfile::tempdir().unwrap();
        let spool = Spool::open(state.path()).unwrap();
        let new = state.path().join("alerts/new");
        std::fs::write(new.join("1.json.new-7"), "half").unwrap();
        assert!(spool.take(|_| false).unwrap().is_empty());
        let line = serde_json::to_string(&Spooled::Event(event("a"))).unwrap();
        std::fs::write(new.join("1.json"), format!("{line}\nodd\n\n{{}}\n")).unwrap();
        let taken = spool.take(|_| false).unwrap();
        assert_eq!((taken[0].all.len(), taken[0].odd), (1, 2));
    }

    #[test]
    fn it_is_bounded_and_what_finds_no_room_is_counted() {
        let state = tempfile::tempdir().unwrap();
        let spool = Spool::open(state.path()).unwrap();
        for n in 0..FILES_MAX {
            std::fs::write(state.path().join(format!("alerts/new/{n}.json")), "").unwrap();
        }
        spool.raise(&[event("a"), event("b")]).unwrap();
        spool.raise(&[event("c")]).unwrap();
        assert_eq!((spool.take_dropped().unwrap(), spool.take_dropped().unwrap()), (3, 0));
        spool.remove("0.json").unwrap();
        spool.raise(&[event("d")]).unwrap();
        assert_eq!(spool.take_dropped().unwrap(), 0);
    }
}
