//! So many bytes a second and no more.

use burgrave_sys::{Moment, monotonic};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long nothing may have been used and still count as waited.
const CREDIT: Duration = Duration::from_millis(250);

/// Counts what is used against time.
pub(crate) struct Meter {
    bytes_per_second: u64,
    /// From when on more may go.
    free: Mutex<Option<Moment>>,
}

impl Meter {
    pub(crate) fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), free: Mutex::new(None) }
    }

    /// Uses so many, and waits until they are paid for. Time that went by between two calls counts
    /// as waited, up to [`CREDIT`], so that work in between does not slow the whole below its rate.
    pub(crate) fn pay(&self, bytes: u64) {
        let cost = Duration::from_micros(bytes.saturating_mul(1_000_000) / self.bytes_per_second);
        let now = monotonic();
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let since = Moment(now.0.saturating_sub(CREDIT));
        let begin = free.map_or(now, |free| free.max(since));
        let end = Moment(begin.0.saturating_add(cost));
        *free = Some(end);
        drop(free);
        std::thread::sleep(end - now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_use_is_waited_for_too() {
        let meter = Meter::new(1_000_000);
        let begun = monotonic();
        (0..4).for_each(|_| meter.pay(50_000));
        assert!(monotonic() - begun >= Duration::from_millis(200));
        // Work in between is not waited for twice; this much of it is paid by the time it took.
        std::thread::sleep(Duration::from_millis(60));
        let before = *meter.free.lock().unwrap();
        meter.pay(50_000);
        let after = *meter.free.lock().unwrap();
        assert!(after.unwrap() - before.unwrap() >= Duration::from_millis(50));
        // A long pause buys no more than its credit.
        *meter.free.lock().unwrap() = Some(Moment(Duration::ZERO));
        let now = monotonic();
        meter.pay(0);
        assert!(meter.free.lock().unwrap().unwrap().0 + CREDIT >= now.0);
    }
}
