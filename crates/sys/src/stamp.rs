//! Times as text, read (RFC 3339).

use crate::{Stamp, UnixTime};

/// Days since 1970 of a date of the Gregorian calendar (Howard Hinnant's "Low-Level Date Algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = (month + 9) % 12;
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

fn parts<const N: usize>(text: &str, by: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(by);
    let mut numbers = [0; N];
    for (into, digits) in numbers.iter_mut().zip(digits) {
        *into = number(parts.next()?, digits)?;
    }
    parts.next().is_none().then_some(numbers)
}

/// A time of RFC 3339, in any zone, with up to nine digits of the second: `2026-11-21T02:42:18.000123Z`,
/// `2026-11-21T02:42:18+01:00`. `None`: it is no such time.
pub fn parse_stamp(text: &str) -> Option<Stamp> {
    let (date, rest) = text.split_once('T')?;
    let [year, month, day] = parts(date, '-', [4, 2, 2])?;
    let zone = rest.find(['Z', '+', '-'])?;
    let (time, zone) = rest.split_at_checked(zone)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = parts(time, ':', [2, 2, 2])?;
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    if !in_range || fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let scale = 10_u32.checked_pow(u32::try_from(9 - fraction.len()).ok()?)?;
    let nanos = u32::try_from(number(fraction, fraction.len())?).ok()?.checked_mul(scale)?;
    let shift = match zone.split_at_checked(1)? {
        ("Z", "") => 0,
        (sign, rest) => {
            let [hours, minutes] = parts(rest, ':', [2, 2])?;
            let shift = hours * 3_600 + minutes * 60;
            if sign == "-" { -shift } else { shift }
        }
    };
    let secs = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - shift;
    Some(Stamp { secs, nanos })
}

impl Stamp {
    /// The same without what is below a microsecond. `None`: it is too far away.
    pub fn time(self) -> Option<UnixTime> {
        let micros = self.secs.checked_mul(1_000_000)?;
        Some(UnixTime(micros.checked_add(i64::from(self.nanos / 1_000))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_any_zone() {
        for (text, secs, nanos) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2026-11-21T02:42:18.000123Z", 1_795_228_938, 123_000),
            ("2026-11-21T03:42:18.123456789+01:00", 1_795_228_938, 123_456_789),
            ("2026-11-20T21:12:18-05:30", 1_795_228_938, 0),
            ("1969-12-31T23:59:59.5Z", -1, 500_000_000),
            ("0001-01-01T00:00:00Z", -62_135_596_800, 0),
        ] {
            assert_eq!(parse_stamp(text), Some(Stamp { secs, nanos }), "{text}");
        }
        for text in [
            "",
            "T",
            "2026-11-21",
            "2026-13-21T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T00:00:00",
            "2026-11-21T00:00:00.Z",
            "2026-11-21T00:00:00.1234567890Z",
            "2026-11-21T00:00:00+1:00",
            "+026-11-21T00:00:00Z",
        ] {
            assert_eq!(parse_stamp(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for time in [0, -1, 1_795_228_938_000_123].map(UnixTime) {
            assert_eq!(parse_stamp(&time.rfc3339()).and_then(Stamp::time), Some(time));
        }
        assert_eq!(Stamp { secs: i64::MAX, nanos: 0 }.time(), None);
    }
}
