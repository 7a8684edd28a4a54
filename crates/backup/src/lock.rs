//! Locks of a repository, as restic's: files that say who works on it. Many may write at once; who removes is alone.
//!
//! A lock is stale when its process is gone (on this machine) or when it was not renewed for half an hour
//! (anywhere). A stale lock stands in nobody's way, and is removed by whoever may remove.

use crate::error::BackupError;
use crate::repository::Repository;
use crate::target::FileKind;
use crate::time::{parse_time, show_time};
use burgrave_sys::{Live, System as _, is_running, own_ids};
use serde::{Deserialize, Serialize};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A lock is renewed so often.
const RENEW: Duration = Duration::from_mins(5);
/// And is stale when it was not for so long.
const STALE: Duration = Duration::from_mins(30);
/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(500);

/// Whether others may work beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Reads or adds.
    Shared,
    /// Removes.
    Alone,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct LockFile {
    time: String,
    exclusive: bool,
    hostname: String,
    username: String,
    pid: u32,
    #[serde(default)]
    uid: u32,
    #[serde(default)]
    gid: u32,
}

impl LockFile {
    fn own(sharing: Sharing) -> Self {
        let (uid, gid) = own_ids();
        Self {
            time: show_time(Live.now()),
            exclusive: sharing == Sharing::Alone,
            hostname: crate::host(),
            username: "burgrave".to_owned(),
            pid: std::process::id(),
            uid,
            gid,
        }
    }

    fn is_stale(&self) -> bool {
        if self.hostname == crate::host() && !is_running(self.pid) {
            return true;
        }
        let age = parse_time(&self.time).map(|time| Live.now().0.saturating_sub(time.0));
        // A time that nobody can read is no sign of a death: such a lock holds until `unlock`.
        age.is_some_and(|micros| {
            u64::try_from(micros).is_ok_and(|micros| Duration::from_micros(micros) > STALE)
        })
    }
}

/// A lock that is held; renewed meanwhile, and removed when dropped.
pub(crate) struct RepositoryLock {
    name: Arc<Mutex<Option<String>>>,
    repository: Arc<Repository>,
    stop: Option<Sender<()>>,
    renewer: Option<JoinHandle<()>>,
    /// Locks of others that were found dead.
    pub(crate) stale: usize,
}

impl RepositoryLock {
    /// Takes a lock; waits at most so long for others.
    pub(crate) fn take(
        repository: &Arc<Repository>,
        sharing: Sharing,
        time_max: Duration,
    ) -> Result<Self, BackupError> {
        let deadline = Instant::now() + time_max;
        loop {
            match Self::attempt(repository, sharing) {
                Err(BackupError::Locked { .. }) if Instant::now() < deadline => {
                    std::thread::sleep(AGAIN);
                }
                other => return other,
            }
        }
    }

    fn attempt(repository: &Arc<Repository>, sharing: Sharing) -> Result<Self, BackupError> {
        let stale = in_the_way(repository, sharing, None)?;
        let own = write(repository, sharing)?;
        // Who came at the same time sees this one as this one sees theirs: none of both goes on.
        if let Err(error) = in_the_way(repository, sharing, Some(&own)) {
            repository.target().remove(FileKind::Lock, &own)?;
            return Err(error);
        }
        let mut removed = 0_usize;
        for name in stale {
            // Who may only add cannot: then it is left, and stands in nobody's way.
            removed += usize::from(repository.target().remove(FileKind::Lock, &name).is_ok());
        }
        let name = Arc::new(Mutex::new(Some(own)));
        let (stop, stopped) = channel();
        let held = (Arc::clone(&name), Arc::clone(repository));
        let renewer = std::thread::spawn(move || {
            while stopped.recv_timeout(RENEW) == Err(RecvTimeoutError::Timeout) {
                let (name, repository) = &held;
                let Ok(new) = write(repository, sharing) else { continue };
                let old = name.lock().unwrap_or_else(PoisonError::into_inner).replace(new);
                if let Some(old) = old {
                    // It ends by itself in half an hour.
                    drop(repository.target().remove(FileKind::Lock, &old));
                }
            }
        });
        let repository = Arc::clone(repository);
        Ok(Self { name, repository, stop: Some(stop), renewer: Some(renewer), stale: removed })
    }
}

impl RepositoryLock {
    /// Whether it stands still. One that was taken for stale, as after a long sleep of the machine, does not: somebody
    /// may have removed since what this process counts on.
    pub(crate) fn confirm(&self) -> Result<(), BackupError> {
        let name = self.name.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let locks = self.repository.target().list(FileKind::Lock)?;
        if locks.iter().any(|lock| name.as_deref() == Some(lock.name.as_str())) {
            return Ok(());
        }
        Err(BackupError::Refused(
            "the lock of this run was removed meanwhile, so nothing it counted on is certain: run it again".to_owned(),
        ))
    }
}

impl Drop for RepositoryLock {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(renewer) = self.renewer.take() {
            drop(renewer.join());
        }
        let name = self.name.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(name) = name {
            // Where it cannot be removed it is stale soon.
            drop(self.repository.target().remove(FileKind::Lock, &name));
        }
    }
}

fn write(repository: &Repository, sharing: Sharing) -> Result<String, BackupError> {
    let json = crate::repository::to_json(&LockFile::own(sharing))?;
    let id = repository.save(FileKind::Lock, &json)?;
    repository.target().barrier()?;
    Ok(id.hex())
}

/// What stands for a lock that is whole but says nothing that is understood: it holds until `unlock`.
fn unreadable() -> LockFile {
    let unknown = || "?".to_owned();
    LockFile {
        time: unknown(),
        exclusive: true,
        hostname: unknown(),
        username: unknown(),
        pid: 0,
        uid: 0,
        gid: 0,
    }
}

/// The names of stale locks; an error when a living one stands in the way.
fn in_the_way(
    repository: &Repository,
    sharing: Sharing,
    own: Option<&str>,
) -> Result<Vec<String>, BackupError> {
    let mut stale = Vec::new();
    for listed in repository.target().list(FileKind::Lock)? {
        if own == Some(listed.name.as_str()) {
            continue;
        }
        let lock = match repository.load(FileKind::Lock, &listed.name) {
            Ok(json) => Some(serde_json::from_slice(&json).unwrap_or_else(|_odd| unreadable())),
            // It went between the two looks.
            Err(BackupError::Missing { .. }) => continue,
            // Cut short by a crash while it was written: nobody holds it.
            Err(BackupError::Damaged { .. }) => None,
            Err(other) => return Err(other),
        };
        match lock {
            Some(lock) if !lock.is_stale() => {
                if lock.exclusive || sharing == Sharing::Alone {
                    return Err(BackupError::Locked {
                        target: repository.target().name(),
                        pid: lock.pid,
                        host: lock.hostname,
                        since: lock.time,
                    });
                }
            }
            Some(_) | None => stale.push(listed.name),
        }
    }
    Ok(stale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::tests::fresh;

    #[test]
    fn many_may_add_and_one_alone_removes() {
        let (_dir, repository) = fresh();
        let take = |sharing| RepositoryLock::take(&repository, sharing, Duration::ZERO);
        let (one, two) = (take(Sharing::Shared).unwrap(), take(Sharing::Shared).unwrap());
        let error = take(Sharing::Alone).map(drop).unwrap_err().to_string();
        assert!(error.contains("locked by process"), "{error}");
        drop((one, two));
        let alone = take(Sharing::Alone).unwrap();
        assert!(take(Sharing::Shared).is_err());
        drop(alone);
        assert!(take(Sharing::Shared).is_ok());
        assert!(repository.target().list(FileKind::Lock).unwrap().is_empty(), "none is left");
    }

    #[test]
    fn a_dead_process_holds_nothing() {
        let (_dir, repository) = fresh();
        let old = |micros: i64| show_time(burgrave_sys::UnixTime(Live.now().0 - micros));
        for (host, pid, time, holds) in [
            (crate::host(), u32::MAX, old(0), false),
            (crate::host(), std::process::id(), old(0), true),
            ("elsewhere".to_owned(), 1, old(0), true),
            ("elsewhere".to_owned(), 1, old(29 * 60 * 1_000_000), true),
            ("elsewhere".to_owned(), 1, old(31 * 60 * 1_000_000), false),
            ("elsewhere".to_owned(), 1, "no time".to_owned(), true),
        ] {
            let lock = LockFile { time, pid, hostname: host, ..LockFile::own(Sharing::Alone) };
            let json = serde_json::to_vec(&lock).unwrap();
            let id = repository.save(FileKind::Lock, &json).unwrap();
            repository.target().barrier().unwrap();
            let taken = RepositoryLock::take(&repository, Sharing::Shared, Duration::ZERO);
            assert_eq!(taken.is_err(), holds, "{lock:?}");
            assert_eq!(taken.map_or(0, |lock| lock.stale), usize::from(!holds));
            repository.target().remove(FileKind::Lock, &id.hex()).unwrap();
        }
    }
    #[test]
    fn a_lock_that_says_nothing_holds_until_it_is_removed() {
        let (_dir, repository) = fresh();
        let id = repository.save(FileKind::Lock, br#"{"time":7}"#).unwrap();
        repository.target().barrier().unwrap();
        for sharing in [Sharing::Shared, Sharing::Alone] {
            let taken = RepositoryLock::take(&repository, sharing, Duration::ZERO);
            assert!(taken.map(drop).unwrap_err().to_string().contains("burgrave backup unlock"));
        }
        repository.target().remove(FileKind::Lock, &id.hex()).unwrap();
        assert!(RepositoryLock::take(&repository, Sharing::Alone, Duration::ZERO).is_ok());
    }
}
