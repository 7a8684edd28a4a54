//! How many connections there may be, in all and from one client.
//!
//! A client at its limit gets a new connection in the place of the one of its own that has kept us
//! waiting for longest: slow connections, however many, do not lock out whoever shares their
//! address. Where none of them keeps us waiting, the new one is turned away.

use crate::limit::client_key;
use burgrave_config::Limits;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Parts of the table, so that event loops seldom wait for one another.
const PARTS: usize = 64;

type Part = Mutex<HashMap<IpAddr, Vec<Arc<Seat>>>>;

/// The connections that there are. Its size is bounded by their number.
#[derive(Debug)]
pub(crate) struct Admissions {
    all: AtomicUsize,
    hasher: RandomState,
    parts: Vec<Part>,
}

/// What others may know and want of a connection.
#[derive(Debug, Default)]
pub(crate) struct Seat {
    /// Since when the client keeps us waiting, in nanoseconds of the monotonic clock; 0: it does not.
    waiting_since: AtomicU64,
    displaced: AtomicBool,
    bell: Notify,
}

impl Seat {
    /// From now on the client keeps us waiting, if it did not already.
    pub(crate) fn waits(&self) {
        if self.waiting_since.load(Ordering::Relaxed) == 0 {
            let now = burgrave_sys::monotonic().0.as_nanos();
            self.waiting_since.store(u64::try_from(now).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// It is our turn.
    pub(crate) fn busy(&self) {
        self.waiting_since.store(0, Ordering::Relaxed);
    }

    /// Ends when the connection must make room.
    pub(crate) async fn displacement(&self) {
        self.bell.notified().await;
    }

    /// Whether it had to make room.
    pub(crate) fn displaced(&self) -> bool {
        self.displaced.load(Ordering::Relaxed)
    }

    fn displace(&self) {
        self.displaced.store(true, Ordering::Relaxed);
        self.bell.notify_one();
    }
}

/// One admitted connection; it is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct Admission {
    admissions: Arc<Admissions>,
    client: IpAddr,
    pub(crate) seat: Arc<Seat>,
}

impl Admissions {
    pub(crate) fn new() -> Arc<Self> {
        let parts = std::iter::repeat_with(Part::default).take(PARTS).collect();
        Arc::new(Self { all: AtomicUsize::new(0), hasher: RandomState::new(), parts })
    }

    /// Admits a connection, or `None` where a limit is reached and nobody makes room.
    pub(crate) fn admit(self: &Arc<Self>, client: IpAddr, limits: &Limits) -> Option<Admission> {
        let client = client_key(client);
        if self.all.fetch_add(1, Ordering::Relaxed) >= limits.connections {
            self.all.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let seat = Arc::new(Seat::default());
        seat.waits();
        let seated = self.change(client, |seats| {
            let fits = seats.len() < limits.connections_per_client || make_room(seats);
            if fits {
                seats.push(Arc::clone(&seat));
            }
            fits
        });
        if seated != Some(true) {
            self.all.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Admission { admissions: Arc::clone(self), client, seat })
    }

    fn change<T>(
        &self,
        client: IpAddr,
        change: impl FnOnce(&mut Vec<Arc<Seat>>) -> T,
    ) -> Option<T> {
        let hash = self.hasher.hash_one(client);
        let part = self.parts.get(usize::try_from(hash).unwrap_or(0) % PARTS)?;
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        let seats = part.entry(client).or_default();
        let result = change(seats);
        if seats.is_empty() {
            part.remove(&client);
        }
        Some(result)
    }
}

/// Displaces the connection that has kept us waiting for longest, if any does.
fn make_room(seats: &mut Vec<Arc<Seat>>) -> bool {
    let since = |seat: &Arc<Seat>| seat.waiting_since.load(Ordering::Relaxed);
    let waiting = seats.iter().enumerate().filter(|(_, seat)| since(seat) > 0);
    let Some((index, _)) = waiting.min_by_key(|(_, seat)| since(seat)) else { return false };
    seats.swap_remove(index).displace();
    true
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.admissions.all.fetch_sub(1, Ordering::Relaxed);
        self.admissions.change(self.client, |seats| {
            seats.retain(|seat| !Arc::ptr_eq(seat, &self.seat));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { connections: 3, connections_per_client: 2, ..Limits::default() }
    }

    #[test]
    fn both_limits_hold_and_places_come_back() {
        let admissions = Admissions::new();
        let admit = |client: &str| {
            let admission = admissions.admit(client.parse().unwrap(), &limits())?;
            admission.seat.busy();
            Some(admission)
        };
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

    #[test]
    fn who_has_waited_longest_makes_room() {
        let admissions = Admissions::new();
        let admit = || admissions.admit("10.0.0.1".parse().unwrap(), &limits());
        let first = admit().unwrap();
        let second = admit().unwrap();
        first.seat.busy();
        let third = admit().unwrap();
        assert!(second.seat.displaced() && !first.seat.displaced());
        third.seat.busy();
        drop(second);
        assert!(admit().is_none(), "nobody waits");
        first.seat.waits();
        assert!(admit().is_some() && first.seat.displaced() && !third.seat.displaced());
    }
}
