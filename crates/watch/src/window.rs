//! Counting within a window that slides: how many, and how many different ones.
//!
//! Invariants: fixed size; the time never goes back. A clock that is set back counts as one that stands
//! still, so it can neither free nor ban anyone.

/// Times that are remembered.
const TIMES: usize = 8;

/// The last times of something, to say whether there were so many within a window.
///
/// Up to eight it is exact. Beyond, each remembered time stands for several events, and the answer is
/// late by less than one of those groups, never early.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Burst {
    times: [u32; TIMES],
    next: u8,
    used: u8,
    /// Events since the last time that was remembered.
    pending: u16,
}

impl Burst {
    /// Takes `count` events. Whether there were `after` of them within `within` seconds.
    pub(crate) fn add(&mut self, now: u32, count: u32, after: u32, within: u32) -> bool {
        let group = after.div_ceil(8).max(1);
        let needed = u8::try_from(after.div_ceil(group)).unwrap_or(8).clamp(1, 8);
        let pending =
            u32::from(self.pending).saturating_add(count).min(after.saturating_add(group));
        for _ in 0..pending / group {
            let place = usize::from(self.next) % TIMES;
            if let Some(time) = self.times.get_mut(place) {
                *time = now;
            }
            self.next = (self.next + 1) % 8;
            self.used = self.used.saturating_add(1).min(8);
        }
        self.pending = u16::try_from(pending % group).unwrap_or(0);
        if self.used < needed {
            return false;
        }
        let oldest = usize::from(self.next.wrapping_add(8).wrapping_sub(needed)) % TIMES;
        self.times.get(oldest).is_some_and(|time| now.saturating_sub(*time) <= within)
    }

    /// How many remembered events lie within the window.
    pub(crate) fn count(&self, now: u32, within: u32) -> u32 {
        let lies = |back: u8| {
            let place = usize::from(self.next.wrapping_add(8).wrapping_sub(back)) % TIMES;
            self.times.get(place).is_some_and(|time| now.saturating_sub(*time) <= within)
        };
        (1..=self.used).filter(|back| lies(*back)).map(|_| 1).sum()
    }
}

/// How many different ones there were: a sketch of 64 bits for each half of the window. It says rather
/// too few than too many.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Distinct {
    now: u64,
    before: u64,
    since: u32,
}

impl Distinct {
    /// Takes one, by its hash. How many different ones there were.
    pub(crate) fn add(&mut self, now: u32, hash: u64, within: u32) -> u32 {
        let half = (within / 2).max(1);
        let age = now.saturating_sub(self.since);
        if age >= half {
            self.before = if age >= half * 2 { 0 } else { self.now };
            self.now = 0;
            self.since = now;
        }
        self.now |= 1 << (hash % 64);
        (self.now | self.before).count_ones()
    }
}

/// A sum within the window, by halves: it says rather too little than too much.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    now: u32,
    before: u32,
    since: u32,
}

impl Sum {
    /// Adds. The sum within the window.
    pub(crate) fn add(&mut self, now: u32, amount: u32, within: u32) -> u32 {
        let half = (within / 2).max(1);
        let age = now.saturating_sub(self.since);
        if age >= half {
            self.before = if age >= half * 2 { 0 } else { self.now };
            self.now = 0;
            self.since = now;
        }
        self.now = self.now.saturating_add(amount);
        self.now.saturating_add(self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(after: u32, within: u32, times: &[u32], expected: Option<usize>) {
        let mut burst = Burst::default();
        let first = times.iter().position(|time| burst.add(*time, 1, after, within));
        assert_eq!(first, expected, "{after} in {within}: {times:?}");
    }

    #[test]
    fn so_many_within_the_window_and_not_one_fewer() {
        check(5, 600, &[0, 100, 200, 300, 600], Some(4));
        check(5, 600, &[0, 100, 200, 300, 601], None);
        check(5, 600, &[0, 200, 400, 601, 700, 750], Some(5));
        check(1, 600, &[5], Some(0));
        check(8, 10, &[1; 8], Some(7));
        check(3, 10, &[0, 20, 40, 60, 80, 85, 90], Some(6));
    }

    #[test]
    fn many_are_counted_in_groups_and_never_early() {
        for after in [9, 10, 50, 100, 1_000] {
            let mut burst = Burst::default();
            let first = (1..=after * 2).find(|_| burst.add(7, 1, after, 60)).unwrap();
            assert!(first >= after && first < after + after.div_ceil(8) + 8, "{after}: {first}");
        }
        assert!(Burst::default().add(0, 5, 5, 60), "one line may stand for several");
        assert!(!Burst::default().add(0, 4, 5, 60));
    }

    #[test]
    fn a_clock_that_is_set_back_stands_still() {
        check(3, 10, &[100, 50, 50], Some(2));
        check(3, 10, &[100, 50, 200], None);
        let mut burst = Burst::default();
        burst.add(100, 1, 5, 10);
        assert_eq!(
            [burst.count(100, 10), burst.count(110, 10), burst.count(111, 10), burst.count(5, 10)],
            [1, 1, 0, 1]
        );
    }

    #[test]
    fn different_ones_and_sums_leave_with_the_window() {
        let mut distinct = Distinct::default();
        let found: Vec<u32> = (0..10).map(|hash| distinct.add(1, hash, 60)).collect();
        assert_eq!(found, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(distinct.add(2, 3, 60), 10, "the same again");
        assert_eq!(distinct.add(200, 3, 60), 1);
        let mut sum = Sum::default();
        assert_eq!(
            [sum.add(0, 5, 60), sum.add(31, 5, 60), sum.add(61, 5, 60), sum.add(200, 1, 60)],
            [5, 10, 10, 1]
        );
        assert_eq!(Sum::default().add(0, u32::MAX, 1), u32::MAX);
    }
}
