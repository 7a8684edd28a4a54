//! How far an event loop is behind, and who is turned away when it is too far.
//!
//! A loop that is on time wakes when it asked to. The delay says how long a request waits before
//! anybody looks at it, whatever the cause. Past the limit strangers are turned away first, with an
//! explanation; those who are signed in or hold a session come last, and checks of health never.

use std::cell::Cell;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often the delay is measured.
const STEP: Duration = Duration::from_millis(50);
/// What the newest measurement counts: the delay is forgotten within a second.
const NEWEST: u32 = 4;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Load {
    delay: Cell<Duration>,
    turn: Cell<u32>,
}

/// How much a request counts when not all can be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// Nobody knows them.
    Stranger,
    /// They bring a session or a sign-in.
    Known,
    /// A check of health.
    Health,
}

impl Load {
    /// Measures for ever.
    pub(crate) async fn measure(&self) {
        loop {
            let begun = Instant::now();
            sleep(STEP).await;
            self.note(begun.elapsed().saturating_sub(STEP));
        }
    }

    fn note(&self, late: Duration) {
        let before = self.delay.get();
        self.delay.set((before * (NEWEST - 1) + late) / NEWEST);
    }

    /// How far the loop is behind.
    pub(crate) fn delay(&self) -> Duration {
        self.delay.get()
    }

    /// Whether a request is to be turned away: all strangers between once and twice the limit in
    /// proportion, then all; the known ones between twice and four times.
    pub(crate) fn sheds(&self, weight: Weight, limit: Duration) -> bool {
        if limit.is_zero() {
            return false;
        }
        // From where on, and over which stretch.
        let (from, stretch) = match weight {
            Weight::Stranger => (limit, limit),
            Weight::Known => (limit * 2, limit * 2),
            Weight::Health => return false,
        };
        let over = self.delay().saturating_sub(from).as_nanos();
        let share = (over * 16).checked_div(stretch.as_nanos()).unwrap_or(16);
        let turn = self.turn.get().wrapping_add(1);
        self.turn.set(turn);
        u128::from(turn % 16) < share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(100);

    fn shed(delay: u64, weight: Weight) -> usize {
        let load = Load::default();
        load.delay.set(Duration::from_millis(delay));
        (0..160).filter(|_| load.sheds(weight, LIMIT)).count()
    }

    #[test]
    fn strangers_go_first_and_in_proportion() {
        for (delay, strangers, known) in
            [(0, 0, 0), (100, 0, 0), (150, 80, 0), (200, 160, 0), (300, 160, 80), (9_000, 160, 160)]
        {
            assert_eq!(shed(delay, Weight::Stranger), strangers, "{delay}");
            assert_eq!(shed(delay, Weight::Known), known, "{delay}");
            assert_eq!(shed(delay, Weight::Health), 0, "{delay}");
        }
        let load = Load::default();
        load.delay.set(Duration::from_secs(9));
        assert!(!load.sheds(Weight::Stranger, Duration::ZERO), "without a limit nobody");
    }

    #[test]
    fn a_delay_is_seen_and_forgotten() {
        let load = Load::default();
        (0..8).for_each(|_| load.note(Duration::from_millis(400)));
        assert!(load.delay() > Duration::from_millis(300), "{:?}", load.delay());
        (0..16).for_each(|_| load.note(Duration::ZERO));
        assert!(load.delay() < Duration::from_millis(10), "{:?}", load.delay());
    }
}
