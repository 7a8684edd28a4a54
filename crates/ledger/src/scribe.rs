//! Writes rows beside whoever makes them: a ban does not wait for the ledger's disk. What has come together
//! meanwhile is written at once.
//!
//! Invariants: bounded; what finds no room is counted, and the count becomes a row; a disk that refuses is asked
//! again with the same events, in their order.

use crate::book::Ledger;
use crate::error::LedgerError;
use crate::kind::Kind;
use crate::row::Event;
use burgrave_sys::{chain, wall_clock};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Events that wait.
const WAITING_MAX: usize = 100_000;
/// Rows of one append.
const BATCH_MAX: usize = 10_000;
/// After a failure it is tried again so much later.
const PAUSE: Duration = Duration::from_secs(1);
/// Attempts at the end, when nobody waits for long any more.
const LAST_ATTEMPTS: usize = 3;

/// What whoever runs it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrote {
    /// Rows cannot be written, and are kept; said once while it lasts.
    Trouble(String),
    /// They can be again.
    Better,
    /// So many events have no row.
    Lost(u64),
}

/// See the module.
#[derive(Debug)]
pub struct Scribe {
    sender: Option<SyncSender<Event>>,
    missed: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Scribe {
    /// Begins, for the ledger of a state directory.
    pub fn start(
        state: &Path,
        tell: impl Fn(Wrote) + Send + 'static,
    ) -> Result<Self, std::io::Error> {
        Self::with_room(state, WAITING_MAX, tell)
    }

    fn with_room(
        state: &Path,
        room: usize,
        tell: impl Fn(Wrote) + Send + 'static,
    ) -> Result<Self, std::io::Error> {
        let (sender, receiver) = sync_channel(room);
        let missed = Arc::new(AtomicU64::new(0));
        let (state, counted) = (state.to_path_buf(), Arc::clone(&missed));
        let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn(move || {
            let tell: &dyn Fn(Wrote) = &tell;
            Writer { state, ledger: None, missed: counted, tell, is_troubled: false }
                .run(&receiver);
        })?;
        Ok(Self { sender: Some(sender), missed, thread: Some(thread) })
    }

    /// Takes an event, without waiting.
    pub fn add(&self, event: Event) {
        let sent = self.sender.as_ref().map(|sender| sender.try_send(event));
        if !matches!(sent, Some(Ok(()))) {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Waits until all is written, or the disk has refused some times more.
impl Drop for Scribe {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

struct Writer<'t> {
    state: PathBuf,
    ledger: Option<Ledger>,
    missed: Arc<AtomicU64>,
    tell: &'t dyn Fn(Wrote),
    is_troubled: bool,
}

impl Writer<'_> {
    fn run(mut self, receiver: &Receiver<Event>) {
        let mut events = Vec::new();
        let mut attempts_left = LAST_ATTEMPTS;
        loop {
            let is_over = self.gather(receiver, &mut events);
            if events.is_empty() {
                if is_over {
                    return;
                }
                continue;
            }
            match self.write(&events) {
                Ok(()) => {
                    events.clear();
                    if std::mem::take(&mut self.is_troubled) {
                        (self.tell)(Wrote::Better);
                    }
                    continue;
                }
                Err(error) if !self.is_troubled => {
                    self.is_troubled = true;
                    (self.tell)(Wrote::Trouble(chain(&error)));
                }
                Err(_) => {}
            }
            if is_over {
                attempts_left = attempts_left.saturating_sub(1);
                if attempts_left == 0 {
                    (self.tell)(Wrote::Lost(u64::try_from(events.len()).unwrap_or(u64::MAX)));
                    return;
                }
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits for an event, and takes those that have come with it. Whether no more will come.
    fn gather(&self, receiver: &Receiver<Event>, events: &mut Vec<Event>) -> bool {
        let first = if events.is_empty() {
            receiver.recv().map_err(|_gone| RecvTimeoutError::Disconnected)
        } else {
            receiver.recv_timeout(Duration::ZERO)
        };
        match first {
            Ok(event) => events.push(event),
            Err(RecvTimeoutError::Timeout) => return false,
            Err(RecvTimeoutError::Disconnected) => return true,
        }
        while events.len() < BATCH_MAX {
            match receiver.try_recv() {
                Ok(event) => events.push(event),
                Err(_) => break,
            }
        }
        let missed = self.missed.swap(0, Ordering::Relaxed);
        if missed > 0 {
            (self.tell)(Wrote::Lost(missed));
            let detail = json!({ "events": missed });
            events.push(Event::new(wall_clock(), Kind::LedgerMissed, "", detail));
        }
        false
    }

    fn write(&mut self, events: &[Event]) -> Result<(), LedgerError> {
        let ledger = match self.ledger.take() {
            Some(ledger) => ledger,
            None => Ledger::open(&self.state)?,
        };
        let wrote = ledger.append(events).map(drop);
        self.ledger = Some(ledger);
        wrote
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_sys::UnixTime;
    use std::sync::Mutex;

    fn event(n: u32) -> Event {
        Event::new(UnixTime(i64::from(n)), Kind::BanAdded, n.to_string(), json!({}))
    }

    #[test]
    fn all_are_written_in_their_order_when_it_ends() {
        let state = tempfile::tempdir().unwrap();
        let scribe = Scribe::start(state.path(), |told| panic!("{told:?}")).unwrap();
        (0..5_000).for_each(|n| scribe.add(event(n)));
        drop(scribe);
        let folder = crate::folder(state.path());
        let filter = crate::Filter { kind: Some("ban".to_owned()), subject: None, most: 9_999 };
        let (rows, odd) = crate::last(&folder, &filter).unwrap();
        let subjects: Vec<u32> = rows.iter().map(|row| row.subject.parse().unwrap()).collect();
        assert_eq!(subjects, (0..5_000).collect::<Vec<_>>());
        assert_eq!(odd, 0);
        assert!(crate::check(&folder, None, None).unwrap().verdict.is_sound());
    }

    #[test]
    fn what_cannot_be_written_is_kept_told_and_written_later() {
        let state = tempfile::tempdir().unwrap();
        // A file stands where the directory should be.
        std::fs::write(state.path().join("ledger"), "").unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        let (sender, receiver) = std::sync::mpsc::channel();
        let scribe = Scribe::with_room(state.path(), 2, move |told| {
            heard.lock().unwrap().push(told);
            sender.send(()).unwrap();
        });
        let scribe = scribe.unwrap();
        scribe.add(event(1));
        receiver.recv().unwrap();
        // Two find room while the first is tried again, or are taken with it; in the end one does not.
        (2..200).for_each(|n| scribe.add(event(n)));
        std::fs::remove_file(state.path().join("ledger")).unwrap();
        drop(scribe);
        let said = said.lock().unwrap();
        assert!(matches!(said.first(), Some(Wrote::Trouble(_))), "{said:?}");
        assert!(said.contains(&Wrote::Better), "{said:?}");
        let filter = crate::Filter { kind: None, subject: None, most: 9_999 };
        let (rows, _) = crate::last(&crate::folder(state.path()), &filter).unwrap();
        let bans = rows.iter().filter(|row| row.kind == "ban.added").count();
        let missed = rows.iter().filter(|row| row.kind == "ledger.missed");
        let missed: u64 = missed.map(|row| row.detail["events"].as_u64().unwrap()).sum();
        let lost = said.iter().filter_map(|told| match told {
            Wrote::Lost(count) => Some(*count),
            Wrote::Trouble(_) | Wrote::Better => None,
        });
        assert_eq!(lost.sum::<u64>(), missed);
        assert_eq!(u64::try_from(bans).unwrap() + missed, 199);
    }
}
