//! Time as two types that cannot be mixed up.

use std::ops::Sub;
use std::time::Duration;

/// Wall-clock time: microseconds since 1970-01-01 UTC. May jump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// Whole seconds since 1970, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Microseconds within the second, 0 to 999,999.
    pub const fn micros(self) -> i64 {
        self.0.rem_euclid(1_000_000)
    }

    /// Date and time in UTC: year, month, day, hour, minute, second. Proleptic Gregorian calendar
    /// (the algorithm of Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms").
    pub const fn civil(self) -> (i64, u8, u8, u8, u8, u8) {
        let seconds = self.seconds();
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_index = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_index + 2) / 5 + 1;
        let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        (
            year,
            small(month),
            small(day),
            small(rest / 3600),
            small(rest / 60 % 60),
            small(rest % 60),
        )
    }

    /// Day of the week, 0 is Sunday.
    pub const fn weekday(self) -> u8 {
        small((self.seconds().div_euclid(86_400) + 4).rem_euclid(7))
    }

    /// RFC 3339 in UTC with microseconds: `2026-11-21T02:42:18.000123Z`.
    pub fn rfc3339(self) -> String {
        let (year, month, day, hour, minute, second) = self.civil();
        let micros = self.micros();
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "callers pass 0 to 99; `try_from` is not const"
)]
const fn small(number: i64) -> u8 {
    number as u8
}

/// Monotonic time since an arbitrary start. Never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub Duration);

impl Sub for Moment {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_the_calendars() {
        for (seconds, text, weekday) in [
            (0, "1970-01-01T00:00:00.000000Z", 4),
            (951_782_400, "2000-02-29T00:00:00.000000Z", 2),
            (4_107_542_399, "2100-02-28T23:59:59.000000Z", 0),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z", 1),
            (1_795_228_938, "2026-11-21T02:42:18.000000Z", 6),
            (-1, "1969-12-31T23:59:59.000000Z", 3),
        ] {
            let time = UnixTime(seconds * 1_000_000);
            assert_eq!(time.rfc3339(), text);
            assert_eq!(time.weekday(), weekday, "{text}");
        }
        assert_eq!(UnixTime(-1).rfc3339(), "1969-12-31T23:59:59.999999Z");
    }

    #[test]
    fn moments_do_not_go_negative() {
        let (early, late) = (Moment(Duration::from_secs(1)), Moment(Duration::from_secs(3)));
        assert_eq!(late - early, Duration::from_secs(2));
        assert_eq!(early - late, Duration::ZERO);
    }
}
