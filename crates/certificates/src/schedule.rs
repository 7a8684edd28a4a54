//! When a certificate is renewed, when a failure is tried again, and when its end is told. Pure: the time is
//! an argument.

use std::time::Duration;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Days before the end at which it is told.
const DAYS: [i64; 4] = [14, 7, 3, 1];
/// The first pause after a failure, and the longest.
const PAUSE: Duration = Duration::from_mins(1);
const PAUSE_MAX: Duration = Duration::from_hours(6);
/// How often the authority is asked for its window: RFC 9773 (4.3.2) wants bounds on what it says.
const ASK: (Duration, Duration) = (Duration::from_mins(1), Duration::from_hours(24));

/// The time in which the authority wants a certificate to be renewed, in seconds since 1970.
pub(crate) type Window = (i64, i64);

/// When a certificate that is valid from `begins` to `ends` is to be renewed. `roll` spreads many of them out.
pub(crate) fn renewal(begins: i64, ends: i64, window: Option<Window>, roll: u16) -> i64 {
    let share = |span: i64| span.max(0).saturating_mul(i64::from(roll)) / (i64::from(u16::MAX) + 1);
    match window {
        // A window after the end, or one that ends before it begins, helps nobody.
        Some((from, to)) if from < ends && from <= to => {
            from.saturating_add(share(to.min(ends).saturating_sub(from)))
        }
        _ => {
            let life = ends.saturating_sub(begins).max(0);
            begins.saturating_add(life / 3 * 2).saturating_add(share(life / 20))
        }
    }
}

/// How long to wait after so many failures in a row; `roll` spreads many servers out.
pub(crate) fn pause(failures: u32, roll: u16) -> Duration {
    let doubled =
        PAUSE.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    let pause = doubled.min(PAUSE_MAX);
    pause.saturating_add(pause / 4 * u32::from(roll) / u32::from(u16::MAX))
}

/// How long the authority's window may be kept, when it says so much.
pub(crate) fn ask_again(said: Duration) -> Duration {
    said.clamp(ASK.0, ASK.1)
}

/// The last of the days told before the end, if `left` seconds is within one of them; 0 when it is over. A
/// short life has no use for a long warning.
pub(crate) fn warning(left: i64, life: i64) -> Option<i64> {
    if left <= 0 {
        return Some(0);
    }
    let told = DAYS.into_iter().filter(|days| *days == 1 || days.saturating_mul(DAY * 3) <= life);
    told.filter(|days| left <= days.saturating_mul(DAY)).min()
}

/// A number that stays the same for the same certificate, so that a restart does not draw anew.
pub(crate) fn roll(bytes: &[u8]) -> u16 {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(bytes);
    digest.first_chunk::<2>().map_or(0, |two| u16::from_be_bytes(*two))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_after_two_thirds_of_its_life() {
        let (begins, ends) = (1_000_000, 1_000_000 + 90 * DAY);
        let third = begins + 60 * DAY;
        assert_eq!(renewal(begins, ends, None, 0), third);
        let last = renewal(begins, ends, None, u16::MAX);
        assert!(last > third && last < third + 5 * DAY, "{last}");
        assert!(renewal(begins, begins - 5, None, 7) <= begins, "an odd one is due at once");
    }

    #[test]
    fn the_authoritys_window_counts_if_it_makes_sense() {
        let (begins, ends) = (0, 90 * DAY);
        assert_eq!(renewal(begins, ends, Some((10, 10)), 9), 10);
        let at = renewal(begins, ends, Some((100, 200)), u16::MAX);
        assert!((100..200).contains(&at), "{at}");
        let late = renewal(begins, ends, Some((80 * DAY, 400 * DAY)), u16::MAX);
        assert!(late < ends, "never after the end");
        for odd in [(200, 100), (91 * DAY, 92 * DAY)] {
            assert_eq!(renewal(begins, ends, Some(odd), 0), 60 * DAY, "{odd:?}");
        }
    }

    #[test]
    fn pauses_grow_and_stop_growing() {
        let minutes: Vec<u64> = [1, 2, 3, 4, 8, 9, 10, 40, u32::MAX]
            .map(|failures| pause(failures, 0).as_secs() / 60)
            .into();
        assert_eq!(minutes, [1, 2, 4, 8, 128, 256, 360, 360, 360]);
        assert!(pause(1, u16::MAX) <= Duration::from_secs(75) && pause(1, u16::MAX) > PAUSE);
        assert_eq!(ask_again(Duration::ZERO), ASK.0);
        assert_eq!(ask_again(Duration::from_hours(1_000)), ASK.1);
    }

    #[test]
    fn the_end_is_told_four_times_and_once_more() {
        let life = 90 * DAY;
        for (left, told) in [
            (15 * DAY, None),
            (14 * DAY, Some(14)),
            (8 * DAY, Some(14)),
            (7 * DAY, Some(7)),
            (3 * DAY, Some(3)),
            (DAY, Some(1)),
            (1, Some(1)),
            (0, Some(0)),
            (-DAY, Some(0)),
        ] {
            assert_eq!(warning(left, life), told, "{left}");
        }
        let short = 6 * DAY;
        assert_eq!(warning(3 * DAY, short), None, "it is renewed at two days");
        assert_eq!((warning(DAY, short), warning(DAY / 2, DAY)), (Some(1), Some(1)));
    }

    #[test]
    fn a_roll_is_its_certificates_own() {
        assert_eq!(roll(b"a"), roll(b"a"));
        assert_ne!(roll(b"a"), roll(b"b"));
    }
}
