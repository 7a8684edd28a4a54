//! Times, sizes and rates as people write them.

use std::time::Duration;

/// The units of a time, smallest first, in milliseconds.
const TIMES: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
/// The units of a size in bytes.
const SIZES: [(&str, u64); 5] =
    [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// A whole number with one of the units. `None`: neither, or too large.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// In the largest unit that leaves a whole number.
fn show(value: u64, units: &[(&str, u64)]) -> String {
    let fits = |factor: u64| value >= factor && value.is_multiple_of(factor);
    let unit = units.iter().rev().find(|(_, factor)| fits(*factor)).or(units.first());
    unit.map_or_else(|| value.to_string(), |(name, factor)| format!("{}{name}", value / factor))
}

/// `250ms`, `10s`, `5m`, `1h`, `1d`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    parse(text, &TIMES).map(Duration::from_millis)
}

/// As [`duration`] reads it.
pub(crate) fn show_duration(time: Duration) -> String {
    show(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), &TIMES)
}

/// `512B`, `64KiB`, `10MiB`, `1GiB`, in bytes.
pub(crate) fn size(text: &str) -> Option<u64> {
    parse(text, &SIZES)
}

/// As [`size`] reads it.
pub(crate) fn show_size(bytes: u64) -> String {
    show(bytes, &SIZES)
}

/// A number in a unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// 1 to 1,000,000.
    pub(crate) count: u32,
    /// 1, 60 or 3600.
    pub(crate) seconds: u32,
}

/// `20/s`, `100/m`, `5/h`.
pub(crate) fn rate(text: &str) -> Option<Rate> {
    let (count, unit) = text.split_once('/')?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return None,
    };
    let plain = count.bytes().all(|byte| byte.is_ascii_digit());
    let count = count.parse().ok().filter(|count| plain && (1..=1_000_000).contains(count))?;
    Some(Rate { count, seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_shown() {
        for (text, millis) in [
            ("250ms", 250),
            ("10s", 10_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
            assert_eq!(show_duration(Duration::from_millis(millis)), text);
        }
        assert_eq!(show_duration(Duration::from_millis(1_500)), "1500ms");
        assert_eq!(show_duration(Duration::ZERO), "0ms");
        for text in ["", "10", "s", "10 s", "-1s", "+1s", "1.5s", "10S", "1w", "1ms2s", "١s"] {
            assert_eq!(duration(text), None, "{text:?}");
        }
        assert_eq!(duration("99999999999999999999s"), None);
        assert_eq!(duration("18446744073709551615d"), None);
    }

    #[test]
    fn sizes_are_read_and_shown() {
        for (text, bytes) in [
            ("1B", 1),
            ("64KiB", 65_536),
            ("10MiB", 10_485_760),
            ("1GiB", 1 << 30),
            ("2TiB", 2 << 40),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
            assert_eq!(show_size(bytes), text);
        }
        for text in ["", "10", "10MB", "10mib", "1.5GiB", "-1B", "MiB", "16777216TiB"] {
            assert_eq!(size(text), None, "{text:?}");
        }
    }

    #[test]
    fn rates_are_read() {
        for (text, count, seconds) in [("20/s", 20, 1), ("100/m", 100, 60), ("5/h", 5, 3_600)] {
            assert_eq!(rate(text), Some(Rate { count, seconds }), "{text}");
        }
        for text in ["", "20", "/s", "0/s", "20/d", "20 /s", "20/s/s", "+1/s", "1000001/s", "1.5/s"]
        {
            assert_eq!(rate(text), None, "{text:?}");
        }
    }
}
