//! Times as repositories hold them, and as people type them.

pub(crate) use burgrave_sys::parse_stamp;
use burgrave_sys::{Stamp, UnixTime};

/// As [`parse_stamp`], in microseconds; a date alone, or with hour and minute, is taken as UTC.
pub(crate) fn parse_time(text: &str) -> Option<UnixTime> {
    let spaced = text.trim().replacen(' ', "T", 1);
    let full = match spaced.len() {
        10 => format!("{spaced}T00:00:00Z"),
        16 => format!("{spaced}:00Z"),
        19 => format!("{spaced}Z"),
        _ => spaced,
    };
    parse_stamp(&full)?.time()
}

/// A stamp in UTC with nine digits.
pub(crate) fn show_stamp(stamp: Stamp) -> String {
    let whole = UnixTime(stamp.secs.saturating_mul(1_000_000)).rfc3339();
    let seconds = whole.split('.').next().unwrap_or_default();
    format!("{seconds}.{:09}Z", stamp.nanos)
}

/// A time in UTC.
pub(crate) fn show_time(time: UnixTime) -> String {
    time.rfc3339()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_may_leave_out_the_end() {
        for text in
            ["2026-11-21", "2026-11-21 00:00", "2026-11-21T00:00:00", "2026-11-21T00:00:00Z"]
        {
            assert_eq!(parse_time(text), parse_time("2026-11-21T00:00:00.000Z"), "{text}");
        }
        assert_eq!(parse_time("yesterday"), None);
    }

    #[test]
    fn stamps_are_shown_as_they_are_read() {
        for stamp in
            [Stamp { secs: 1_795_228_938, nanos: 1 }, Stamp { secs: -62_135_596_800, nanos: 5 }]
        {
            assert_eq!(parse_stamp(&show_stamp(stamp)), Some(stamp));
        }
    }
}
