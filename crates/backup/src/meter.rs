//! So many bytes a second and no more.

use burgrave_sys::{Moment, monotonic};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

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

    /// Waits until what was used is paid for, then uses so many.
    pub(crate) fn pay(&self, bytes: u64) {
        let cost = Duration::from_micros(bytes.saturating_mul(1_000_000) / self.bytes_per_second);
        let now = monotonic();
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = free.filter(|free| *free > now).unwrap_or(now);
        *free = Some(Moment(begin.0.saturating_add(cost)));
        drop(free);
        std::thread::sleep(begin - now);
    }
}
