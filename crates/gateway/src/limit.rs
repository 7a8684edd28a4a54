//! How many requests a client may make: a token bucket for each client and route.
//!
//! All event loops share one table without a lock: a slot is two atomics, a tag and the moment at
//! which its bucket is full again (the generic cell rate algorithm, ITU-T I.371 Annex A). The table
//! has a fixed size; where it is full the bucket that is fullest makes room.

use burgrave_config::RequestRate;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets in the table.
const SLOTS: usize = 1 << 16;
/// Slots that a key may be in.
const WAYS: usize = 8;

#[derive(Debug, Default)]
struct Slot {
    tag: AtomicU64,
    /// Nanoseconds on the monotonic clock.
    full_at: AtomicU64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Buckets {
    hasher: RandomState,
    slots: Box<[Slot]>,
}

/// The part of an address that one client holds: an IPv6 client has a /64 to itself.
pub(crate) fn client_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
    }
}

/// The network of an address: what one subscriber or one rented block may be.
pub(crate) fn network_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4((u32::from(address) & !0xff).into()),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & (u128::MAX << 80)).into()),
    }
}

impl Buckets {
    pub(crate) fn new() -> Self {
        let slots = std::iter::repeat_with(Slot::default).take(SLOTS).collect();
        Self { hasher: RandomState::new(), slots }
    }

    /// Takes a token; `Err` is the number of seconds until the next one.
    pub(crate) fn take(
        &self,
        client: IpAddr,
        route: &impl Hash,
        rate: &RequestRate,
        now: Duration,
    ) -> Result<(), u64> {
        let key = self.hasher.hash_one((client_key(client), route)).max(1);
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let cost = nanos_per_token(rate);
        let room = cost.saturating_mul(u64::from(rate.burst.max(1)));
        let Some(slot) = self.slot(key, now) else { return Ok(()) };
        let outcome = slot.full_at.fetch_update(Ordering::AcqRel, Ordering::Acquire, |full_at| {
            let next = full_at.max(now).saturating_add(cost);
            (next.saturating_sub(now) <= room).then_some(next)
        });
        match outcome {
            Ok(_) => Ok(()),
            Err(full_at) => {
                let wait = full_at.saturating_add(cost).saturating_sub(now).saturating_sub(room);
                Err(wait.div_ceil(1_000_000_000).max(1))
            }
        }
    }

    fn slot(&self, key: u64, now: u64) -> Option<&Slot> {
        let sets = SLOTS / WAYS;
        let set = usize::try_from(key).unwrap_or(0) % sets;
        let ways = self.slots.get(set * WAYS..(set + 1) * WAYS)?;
        if let Some(slot) = ways.iter().find(|slot| slot.tag.load(Ordering::Acquire) == key) {
            return Some(slot);
        }
        let slot = ways.iter().min_by_key(|slot| slot.full_at.load(Ordering::Acquire))?;
        slot.tag.store(key, Ordering::Release);
        slot.full_at.store(now, Ordering::Release);
        Some(slot)
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float to integer saturates, and the configuration holds positive rates"
)]
fn nanos_per_token(rate: &RequestRate) -> u64 {
    (1e9 / rate.per_second.max(1e-6)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_config::RateBy;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let buckets = Buckets::new();
        let rate = RequestRate { per_second: 2.0, burst: 3, by: RateBy::Client };
        let at = |millis| Duration::from_secs(1000) + Duration::from_millis(millis);
        let take = |client, millis| buckets.take(ip(client), &"/a", &rate, at(millis));
        assert_eq!([take("10.0.0.1", 0), take("10.0.0.1", 0), take("10.0.0.1", 0)], [Ok(()); 3]);
        assert_eq!(take("10.0.0.1", 0), Err(1));
        assert_eq!(take("10.0.0.1", 499), Err(1));
        assert_eq!(take("10.0.0.1", 501), Ok(()));
        assert_eq!(take("10.0.0.1", 502), Err(1));
        assert_eq!(take("10.0.0.2", 502), Ok(()));
        assert_eq!(buckets.take(ip("10.0.0.1"), &"/b", &rate, at(502)), Ok(()));
    }

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_network() {
        assert_eq!(client_key(ip("::ffff:10.0.0.1")), ip("10.0.0.1"));
        assert_eq!(client_key(ip("2001:db8:1:2:3::4")), ip("2001:db8:1:2::"));
        assert_ne!(client_key(ip("2001:db8:1:3::")), client_key(ip("2001:db8:1:2::")));
    }

    #[test]
    fn more_clients_than_slots_do_not_grow_it() {
        let buckets = Buckets::new();
        let rate = RequestRate { per_second: 1.0, burst: 1, by: RateBy::Client };
        for number in 0..200_000_u32 {
            let client = IpAddr::V4(number.into());
            assert_eq!(buckets.take(client, &0, &rate, Duration::from_secs(9)), Ok(()));
        }
        assert_eq!(buckets.slots.len(), SLOTS);
    }
}
