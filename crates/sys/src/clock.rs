//! The machine's clocks and randomness as plain functions, for code that runs for every request.

use crate::{Moment, SysError, UnixTime};
use rustix::time::{ClockId, Timespec, clock_getres, clock_gettime};
use std::time::Duration;

/// The wall clock.
pub fn wall_clock() -> UnixTime {
    let now = clock_gettime(ClockId::Realtime);
    UnixTime(now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1_000))
}

/// The monotonic clock.
pub fn monotonic() -> Moment {
    Moment(duration(clock_gettime(ClockId::Monotonic)))
}

/// The monotonic clock at the kernel's last tick, at a fraction of its cost: some [`tick`]s behind, of which a machine that
/// is busy, or has been given away by its host, may miss some.
pub fn last_tick() -> Moment {
    Moment(duration(clock_gettime(ClockId::MonotonicCoarse)))
}

/// The time between two ticks of the kernel.
pub fn tick() -> Duration {
    duration(clock_getres(ClockId::MonotonicCoarse))
}

fn duration(time: Timespec) -> Duration {
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), nanos)
}

/// Bytes from the kernel's generator, to seed generators of our own.
pub fn seed() -> Result<[u8; 32], SysError> {
    let mut bytes = [0; 32];
    let count = rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty())
        .map_err(|error| {
            SysError::from_io("reading randomness from", "the kernel", error.into())
        })?;
    if count == bytes.len() {
        Ok(bytes)
    } else {
        Err(SysError::Unsupported("32 random bytes at once"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_run() {
        let before = monotonic();
        assert!(wall_clock().seconds() > 1_700_000_000);
        std::thread::sleep(Duration::from_millis(2));
        assert!(monotonic() - before >= Duration::from_millis(2));
    }

    #[test]
    fn both_clocks_agree_on_how_long_a_moment_is() {
        let apart = |_| {
            let (wall, moment) = (wall_clock(), monotonic());
            std::thread::sleep(Duration::from_millis(20));
            let wall_micros = wall_clock().0 - wall.0;
            (wall_micros - i64::try_from((monotonic() - moment).as_micros()).unwrap()).abs()
        };
        // Room for a wall clock that is being set right; the best of a few counts, for the two are not read at once.
        let least = (0..5).map(apart).min().unwrap();
        assert!(least < 500_000, "{least}");
    }

    #[test]
    fn the_last_tick_is_past_and_follows() {
        assert!(!tick().is_zero() && tick() < Duration::from_millis(100), "{:?}", tick());
        let begun = monotonic();
        while last_tick() <= begun {
            assert!(monotonic() - begun < Duration::from_secs(10), "no tick");
            assert!(last_tick() <= monotonic());
        }
    }

    #[test]
    fn seeds_differ() {
        assert_ne!(seed().unwrap(), seed().unwrap());
    }
}
