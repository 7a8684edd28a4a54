//! How many connections there may be, in all and from one client.

use crate::limit::client_key;
use burgrave_config::Limits;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Parts of the table, so that event loops seldom wait for one another.
const PARTS: usize = 64;

type Part = Mutex<HashMap<IpAddr, usize>>;

/// The connections that there are. Its size is bounded by their number.
#[derive(Debug)]
pub(crate) struct Admissions {
    all: AtomicUsize,
    hasher: RandomState,
    parts: Vec<Part>,
}

/// One admitted connection; it is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct Admission {
    admissions: Arc<Admissions>,
    client: IpAddr,
}

impl Admissions {
    pub(crate) fn new() -> Arc<Self> {
        let parts = std::iter::repeat_with(Part::default).take(PARTS).collect();
        Arc::new(Self { all: AtomicUsize::new(0), hasher: RandomState::new(), parts })
    }

    /// Admits a connection, or `None` where a limit is reached.
    pub(crate) fn admit(self: &Arc<Self>, client: IpAddr, limits: &Limits) -> Option<Admission> {
        let client = client_key(client);
        if self.all.fetch_add(1, Ordering::Relaxed) >= limits.connections {
            self.all.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let admitted = self.change(client, |count| {
            let fits = *count < limits.connections_per_client;
            *count += usize::from(fits);
            fits
        });
        if admitted != Some(true) {
            self.all.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Admission { admissions: Arc::clone(self), client })
    }

    fn change<T>(&self, client: IpAddr, change: impl FnOnce(&mut usize) -> T) -> Option<T> {
        let hash = self.hasher.hash_one(client);
        let part = self.parts.get(usize::try_from(hash).unwrap_or(0) % PARTS)?;
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        let count = part.entry(client).or_insert(0);
        let result = change(count);
        if *count == 0 {
            part.remove(&client);
        }
        Some(result)
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.admissions.all.fetch_sub(1, Ordering::Relaxed);
        self.admissions.change(self.client, |count| *count = count.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_hold_and_places_come_back() {
        let admissions = Admissions::new();
        let limits = Limits { connections: 3, connections_per_client: 2, ..Limits::default() };
        let admit = |client: &str| admissions.admit(client.parse().unwrap(), &limits);
        let first = admit("10.0.0.1");
        let second = admit("10.0.0.1");
        assert!(first.is_some() && second.is_some());
        assert!(admit("10.0.0.1").is_none());
        let other = admit("10.0.0.2");
        assert!(other.is_some() && admit("10.0.0.3").is_none());
        drop(first);
        assert!(admit("10.0.0.1").is_some());
        drop((second, other));
        assert!(admissions.parts.iter().all(|part| part.lock().unwrap().is_empty()));
        assert_eq!(admissions.all.load(Ordering::Relaxed), 0);
    }
}
