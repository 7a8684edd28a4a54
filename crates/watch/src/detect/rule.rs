//! When a client is banned, and for how long: what an operator says of a log.

use std::time::Duration;

/// A ban doubles at most so often.
const DOUBLINGS_MAX: u8 = 16;

/// When a client is banned, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// After so many failures.
    pub after: u32,
    /// Within this time.
    pub within: Duration,
    /// For this time, the first time; twice as long each time it comes again.
    pub duration: Duration,
    /// Never for longer than this.
    pub duration_max: Duration,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            after: 5,
            within: Duration::from_mins(10),
            duration: Duration::from_hours(1),
            duration_max: Duration::from_hours(7 * 24),
        }
    }
}

impl Rule {
    pub(super) fn within_secs(&self) -> u32 {
        u32::try_from(self.within.as_secs()).unwrap_or(u32::MAX).max(1)
    }

    /// For how long, the so many-eth time.
    pub(super) fn length(&self, times: u8) -> Duration {
        let factor = 1_u32.checked_shl(u32::from(times.min(DOUBLINGS_MAX))).unwrap_or(u32::MAX);
        self.duration.saturating_mul(factor).min(self.duration_max.max(self.duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_doubles_up_to_a_week() {
        let rule = Rule::default();
        let hours: Vec<u64> = (0..12).map(|times| rule.length(times).as_secs() / 3_600).collect();
        assert_eq!(hours, [1, 2, 4, 8, 16, 32, 64, 128, 168, 168, 168, 168]);
    }
}
