//! How many connections there may be, in all and from one client.
//!
//! A client at its limit gets a new connection in the place of the one of its own that has kept us
//! waiting for longest: slow connections, however many, do not lock out whoever shares their
//! address. Where none of them keeps us waiting, the new one is turned away. A connection that we
//! have not looked at yet keeps nobody waiting: what it asks may lie in the kernel already.

use crate::limit::{client_key, network_key};
use burgrave_config::Limits;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
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
    /// Connections of each network.
    networks: Vec<Mutex<HashMap<IpAddr, usize>>>,
}

/// It is our turn.
const BUSY: u64 = 0;

/// We have not looked yet whether the client has said anything.
const UNHEARD: u64 = u64::MAX;

/// What others may know and want of a connection.
#[derive(Debug)]
pub(crate) struct Seat {
    /// Since when the client keeps us waiting, in nanoseconds of the monotonic clock at its last tick; [`BUSY`] or
    /// [`UNHEARD`].
    waiting_since: AtomicU64,
    displaced: AtomicBool,
    bell: Notify,
}

impl Seat {
    fn new() -> Self {
        Self {
            waiting_since: AtomicU64::new(UNHEARD),
            displaced: AtomicBool::new(false),
            bell: Notify::new(),
        }
    }

    /// From now on the client keeps us waiting, if it did not already.
    pub(crate) fn waits(&self) {
        self.waits_after(BUSY);
    }

    /// We have looked, and the client has not said all.
    pub(crate) fn looked_at(&self) {
        self.waits_after(UNHEARD);
    }

    fn waits_after(&self, state: u64) {
        let now = u64::try_from(burgrave_sys::last_tick().0.as_nanos()).unwrap_or(UNHEARD - 1);
        let next = |before| (before == state).then_some(now);
        // `None`: it was in another state, and there is nothing to change.
        let order = Ordering::Relaxed;
        let _: Option<u64> = self.waiting_since.fetch_update(order, order, next).ok();
    }

    /// It is our turn.
    pub(crate) fn busy(&self) {
        self.waiting_since.store(BUSY, Ordering::Relaxed);
    }

    /// Ends when the connection must make room. For a connection's own task alone.
    pub(crate) async fn displacement(&self) {
        let mut rung = pin!(self.bell.notified());
        let mut listens = false;
        poll_fn(|context| {
            // What is said before the bell is rung need not be asked of the bell, every time the task is woken.
            if listens && !self.displaced() {
                return Poll::Pending;
            }
            listens = true;
            rung.as_mut().poll(context)
        })
        .await;
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
    network: IpAddr,
    pub(crate) seat: Arc<Seat>,
}

impl Admissions {
    pub(crate) fn new() -> Arc<Self> {
        let parts = std::iter::repeat_with(Part::default).take(PARTS).collect();
        let networks = std::iter::repeat_with(Mutex::default).take(PARTS).collect();
        Arc::new(Self { all: AtomicUsize::new(0), hasher: RandomState::new(), parts, networks })
    }

    /// Connections that are open.
    pub(crate) fn open(&self) -> usize {
        self.all.load(Ordering::Relaxed)
    }

    /// Admits a connection, or says why not.
    ///
    /// `whom` of the client's own connections may make room for it.
    pub(crate) fn admit(
        self: &Arc<Self>,
        client: IpAddr,
        limits: &Limits,
        whom: Displace,
    ) -> Result<Admission, Full> {
        let network = network_key(client);
        let client = client_key(client);
        if self.all.fetch_add(1, Ordering::Relaxed) >= limits.connections {
            self.all.fetch_sub(1, Ordering::Relaxed);
            return Err(Full::Busy);
        }
        let seat = Arc::new(Seat::new());
        let full = self.enter(network) > limits.connections_per_network;
        let seated = self.change(client, |seats| {
            // In a full network too it is one of the client's own that makes room.
            if full || seats.len() >= limits.connections_per_client {
                make_room(seats, whom)?;
            }
            seats.push(Arc::clone(&seat));
            Ok(())
        });
        if let Err(full) = seated {
            self.leave(network);
            self.all.fetch_sub(1, Ordering::Relaxed);
            return Err(full);
        }
        Ok(Admission { admissions: Arc::clone(self), client, network, seat })
    }

    /// Counts a connection of a network; how many it has now.
    fn enter(&self, network: IpAddr) -> usize {
        let Some(mut count) = self.networks(network) else { return usize::MAX };
        let own = count.entry(network).or_default();
        *own = own.saturating_add(1);
        *own
    }

    fn leave(&self, network: IpAddr) {
        let Some(mut count) = self.networks(network) else { return };
        let left = count.get(&network).map_or(0, |own| own.saturating_sub(1));
        if left == 0 {
            count.remove(&network);
        } else {
            count.insert(network, left);
        }
    }

    fn networks(&self, network: IpAddr) -> Option<MutexGuard<'_, HashMap<IpAddr, usize>>> {
        let hash = self.hasher.hash_one(network);
        let part = self.networks.get(usize::try_from(hash).unwrap_or(0) % PARTS)?;
        Some(part.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(
        &self,
        client: IpAddr,
        change: impl FnOnce(&mut Vec<Arc<Seat>>) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let hash = self.hasher.hash_one(client);
        let part = self.parts.get(usize::try_from(hash).unwrap_or(0) % PARTS).ok_or(Full::Busy)?;
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        let seats = part.entry(client).or_default();
        let result = change(seats);
        if seats.is_empty() {
            part.remove(&client);
        }
        result
    }
}

/// Which connections a new one of their client may take the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Displace {
    /// Those that keep us waiting.
    Waiting,
    /// Those too that nobody has looked at yet.
    Unheard,
}

/// Why a connection was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// Nobody makes room.
    Busy,
    /// Some of the client's connections have not been looked at: another try may find room.
    Unheard,
}

/// Displaces the connection that has kept us waiting for longest, if any does.
fn make_room(seats: &mut Vec<Arc<Seat>>, whom: Displace) -> Result<(), Full> {
    let since = |seat: &Arc<Seat>| seat.waiting_since.load(Ordering::Relaxed);
    let waiting = seats.iter().map(since).enumerate().filter(|(_, since)| *since != BUSY);
    // Those that nobody has looked at come last.
    let (index, since) = waiting.min_by_key(|(_, since)| *since).ok_or(Full::Busy)?;
    if since == UNHEARD && whom == Displace::Waiting {
        return Err(Full::Unheard);
    }
    seats.swap_remove(index).displace();
    Ok(())
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.admissions.all.fetch_sub(1, Ordering::Relaxed);
        self.admissions.leave(self.network);
        let gone = self.admissions.change(self.client, |seats| {
            seats.retain(|seat| !Arc::ptr_eq(seat, &self.seat));
            Ok(())
        });
        debug_assert!(gone.is_ok(), "leaving needs no room");
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
            let client = client.parse().unwrap();
            let admission = admissions.admit(client, &limits(), Displace::Waiting).ok()?;
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
    fn a_network_has_so_many_in_all() {
        let admissions = Admissions::new();
        let limits = Limits { connections_per_network: 2, ..Limits::default() };
        let admit = |client: &str| {
            admissions.admit(client.parse().unwrap(), &limits, Displace::Unheard).ok()
        };
        let held = [admit("10.0.0.1"), admit("10.0.0.2")];
        assert!(held.iter().all(Option::is_some) && admit("10.0.0.3").is_none());
        let other = [admit("10.0.1.1"), admit("2001:db8::1"), admit("2001:db8:0:1::1")];
        assert!(other.iter().all(Option::is_some) && admit("2001:db8:0:2::1").is_none());
        drop(held);
        assert!(admit("10.0.0.3").is_some());
        drop(other);
        let slow = [admit("10.0.3.1"), admit("10.0.3.1")].map(Option::unwrap);
        slow[0].seat.looked_at();
        assert!(admit("10.0.3.2").is_none() && !slow[0].seat.displaced(), "not another's");
        assert!(admit("10.0.3.1").is_some() && slow[0].seat.displaced());
        drop(slow);
        assert!(admissions.networks.iter().all(|part| part.lock().unwrap().is_empty()));
    }

    #[test]
    fn who_has_waited_longest_makes_room() {
        let admissions = Admissions::new();
        let client = "10.0.0.1".parse().unwrap();
        let admit = || admissions.admit(client, &limits(), Displace::Waiting);
        let first = admit().unwrap();
        let second = admit().unwrap();
        first.seat.busy();
        second.seat.looked_at();
        let third = admit().unwrap();
        assert!(second.seat.displaced() && !first.seat.displaced());
        third.seat.busy();
        drop(second);
        assert_eq!(admit().err(), Some(Full::Busy), "nobody waits");
        first.seat.waits();
        assert!(admit().is_ok() && first.seat.displaced() && !third.seat.displaced());
    }

    #[test]
    fn who_was_not_heard_is_the_last_to_go() {
        let admissions = Admissions::new();
        let client = "10.0.0.1".parse().unwrap();
        let admit = |whom| admissions.admit(client, &limits(), whom);
        let unheard = admit(Displace::Waiting).unwrap();
        let slow = admit(Displace::Waiting).unwrap();
        slow.seat.looked_at();
        let next = admit(Displace::Waiting).unwrap();
        assert!(slow.seat.displaced() && !unheard.seat.displaced());
        drop(slow);
        assert_eq!(admit(Displace::Waiting).err(), Some(Full::Unheard));
        assert!(!unheard.seat.displaced() && !next.seat.displaced());
        unheard.seat.busy();
        unheard.seat.looked_at();
        assert!(admit(Displace::Unheard).is_ok() && next.seat.displaced());
        assert!(!unheard.seat.displaced(), "looked at only once it was our turn");
    }
}
