//! The time at the beginning of a line, in every form that programs write it.
//!
//! Invariants: nothing is guessed that is not written. Where the year is missing it stays missing until
//! [`Stamp::seconds`] is told what time it is now; then it is the latest year that does not lie in the
//! future, so that a line of 31 December read on 1 January is of the old year.

use crate::piece::is_space;

/// A time as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// Seconds since 1970, UTC.
    Unix(u64),
    /// A date and a time of day.
    Civil {
        /// The year, where it is written.
        year: Option<u16>,
        /// 1 to 12.
        month: u8,
        /// 1 to 31.
        day: u8,
        /// Seconds since midnight.
        second: u32,
        /// Seconds east of UTC, where that is written.
        offset: Option<i32>,
    },
    /// Only a time of day: seconds since midnight.
    Clock(u32),
}

/// A line of the near future is still of this year: clocks differ.
const FUTURE_SECS: i64 = 86_400;

impl Stamp {
    /// Seconds since 1970, UTC. `now` tells the year where it is missing, and `zone` (seconds east of
    /// UTC) the offset. `None`: before 1970, or a date that there is not.
    pub fn seconds(self, now: u64, zone: i32) -> Option<u64> {
        let now_signed = i64::try_from(now).ok()?;
        match self {
            Self::Unix(seconds) => Some(seconds),
            Self::Clock(second) => {
                let today = now_signed - now_signed.rem_euclid(86_400);
                let at = today + i64::from(second) - i64::from(zone);
                let at = if at > now_signed + FUTURE_SECS / 2 { at - 86_400 } else { at };
                u64::try_from(at).ok()
            }
            Self::Civil { year, month, day, second, offset } => {
                let east = i64::from(offset.unwrap_or(zone));
                let at = |year: i64| {
                    days(year, month, day).map(|days| days * 86_400 + i64::from(second) - east)
                };
                let seconds = if let Some(year) = year {
                    at(i64::from(year))
                } else {
                    let this = civil_year(now_signed);
                    // 29 February may lie several years back.
                    (0..9).find_map(|back| {
                        at(this + 1 - back).filter(|at| *at <= now_signed + FUTURE_SECS)
                    })
                };
                u64::try_from(seconds?).ok()
            }
        }
    }
}

/// Days since 1970-01-01 of a date of the Gregorian calendar.
fn days(year: i64, month: u8, day: u8) -> Option<i64> {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let most = match month {
        2 => 28 + u8::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if day == 0 || day > most {
        return None;
    }
    // Howard Hinnant, "chrono-compatible low-level date algorithms".
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn civil_year(seconds: i64) -> i64 {
    let guess = 1970 + seconds.div_euclid(31_556_952);
    match days(guess, 1, 1) {
        Some(first) if first * 86_400 > seconds => guess - 1,
        _ => guess,
    }
}

/// Reads forward over bytes.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn any_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let byte = self.peek().filter(|byte| bytes.contains(byte))?;
        self.at += 1;
        Some(byte)
    }

    /// A number of `least` to `most` digits, all that there are.
    fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let start = self.at;
        let mut value = 0_u32;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            value = value.checked_mul(10)?.checked_add(u32::from(digit - b'0'))?;
            self.at += 1;
            if self.at - start > most {
                return None;
            }
        }
        (self.at - start >= least).then_some(value)
    }

    fn spaces(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    fn month_name(&mut self) -> Option<u8> {
        let name: [u8; 3] = self.text.get(self.at..self.at + 3)?.try_into().ok()?;
        let index = MONTHS.iter().position(|month| name.eq_ignore_ascii_case(*month))?;
        self.at += 3;
        u8::try_from(index + 1).ok()
    }

    /// `HH:MM:SS`, with a fraction or without.
    fn clock(&mut self) -> Option<u32> {
        let hour = self.number(1, 2)?;
        self.take(b':')?;
        let minute = self.number(2, 2)?;
        self.take(b':')?;
        let second = self.number(2, 2)?;
        let mut fraction = *self;
        if fraction.any_of(b".,").is_some() && fraction.number_of_any_length() {
            *self = fraction;
        }
        (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
    }

    fn number_of_any_length(&mut self) -> bool {
        let start = self.at;
        while self.at - start < 12 && self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at > start
    }

    /// `Z`, `+01:00`, `-0700`, with a space before or without.
    fn offset(&mut self) -> Option<i32> {
        let mut own = *self;
        if own.peek() == Some(b' ') {
            own.at += 1;
        }
        if own.at == self.at && own.take(b'Z').is_some() {
            *self = own;
            return Some(0);
        }
        let sign = own.any_of(b"+-")?;
        let hour = two_digits(&mut own)?;
        if own.peek() == Some(b':') {
            own.at += 1;
        }
        let minute = two_digits(&mut own)?;
        let seconds = i32::try_from(hour * 3600 + minute * 60).ok()?;
        *self = own;
        Some(if sign == b'-' { -seconds } else { seconds })
    }
}

fn two_digits(cursor: &mut Cursor<'_>) -> Option<u32> {
    let pair: [u8; 2] = cursor.text.get(cursor.at..cursor.at + 2)?.try_into().ok()?;
    cursor.at += 2;
    let [tens, ones] = pair;
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| u32::from(tens - b'0') * 10 + u32::from(ones - b'0'))
}

const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

fn civil(
    year: Option<u32>,
    month: u32,
    day: u32,
    second: u32,
    offset: Option<i32>,
) -> Option<Stamp> {
    let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    let year = match year {
        Some(year) => Some(u16::try_from(year).ok()?),
        None => None,
    };
    let sane = (1..=12).contains(&month) && (1..=31).contains(&day);
    sane.then_some(Stamp::Civil { year, month, day, second, offset })
}

/// The time that `text` begins with, and its length. White space before it is taken, what stands behind
/// it (a bracket, a colon) is not.
pub(crate) fn leading(text: &[u8]) -> Option<(Stamp, usize)> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.spaces();
    let first = cursor.peek()?;
    let read: &[fn(&mut Cursor<'_>) -> Option<Stamp>] = if first.is_ascii_digit() {
        let run = text.iter().skip(cursor.at).take_while(|byte| byte.is_ascii_digit()).count();
        match run {
            4 => &[year_first],
            1 | 2 => &[day_first, clock_only],
            6 => &[short_year],
            8 => &[packed],
            10.. => &[unix],
            _ => return None,
        }
    } else if first.is_ascii_alphabetic() {
        &[month_first, weekday_first]
    } else if first == b'@' {
        &[tai]
    } else {
        return None;
    };
    read.iter().find_map(|read| {
        let mut own = cursor;
        read(&mut own).map(|stamp| (stamp, own.at))
    })
}

/// `2026-11-26T01:02:03.5Z`, `2026/11/26 01:02:03`, `2011.11.21 14:29:16`, `2014:07:02-00:17:45`.
fn year_first(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let year = cursor.number(4, 4)?;
    let separator = cursor.any_of(b"-/.:")?;
    let month = cursor.number(1, 2)?;
    cursor.take(separator)?;
    let day = cursor.number(1, 2)?;
    if cursor.any_of(b"T -_")? == b' ' {
        cursor.spaces();
    }
    let second = cursor.clock()?;
    let offset = cursor.offset();
    civil(Some(year), month, day, second, offset)
}

/// `26/Nov/2026:01:02:03 +0100`, `23-Aug-2013 18:41:28.090`, `03-07-2005 23:07:20`, `01-05 07:56:53`.
fn day_first(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let first = cursor.number(1, 2)?;
    let separator = cursor.any_of(b"-/. ")?;
    if let Some(month) = cursor.month_name() {
        while cursor.peek().is_some_and(|byte| byte != separator && byte != b' ') && cursor.at < 24
        {
            cursor.at += 1;
        }
        cursor.any_of(b"-/. ")?;
        let year = cursor.number(4, 4)?;
        cursor.any_of(b": ")?;
        let second = cursor.clock()?;
        let offset = cursor.offset();
        return civil(Some(year), u32::from(month), first, second, offset);
    }
    let second_part = cursor.number(1, 2)?;
    if let Some(()) = cursor.take(separator) {
        let year = cursor.number(4, 4)?;
        cursor.any_of(b" :T-")?;
        cursor.spaces();
        while cursor.any_of(b"- ").is_some() {}
        let second = cursor.clock()?;
        // Which of the two is the month is only certain where one of them cannot be.
        let is_month_first = second_part > 12 || (separator == b'/' && first <= 12);
        let (month, day) = if is_month_first { (first, second_part) } else { (second_part, first) };
        return civil(Some(year), month, day, second, None);
    }
    cursor.take(b' ')?;
    let second = cursor.clock()?;
    civil(None, first, second_part, second, None)
}

/// `01:02:03.123`.
fn clock_only(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    cursor.clock().map(Stamp::Clock)
}

/// `130324  0:04:00`.
fn short_year(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let date = cursor.number(6, 6)?;
    cursor.spaces();
    let second = cursor.clock()?;
    civil(Some(2000 + date / 10_000), date / 100 % 100, date % 100, second, None)
}

/// `20220407-12:11:24`.
fn packed(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let date = cursor.number(8, 8)?;
    cursor.any_of(b"-T ")?;
    let second = cursor.clock()?;
    let offset = cursor.offset();
    civil(Some(date / 10_000), date / 100 % 100, date % 100, second, offset)
}

/// `1386544146.000`.
fn unix(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let seconds = cursor.number(10, 10)?;
    let mut fraction = *cursor;
    if fraction.take(b'.').is_some() && fraction.number_of_any_length() {
        *cursor = fraction;
    }
    Some(Stamp::Unix(u64::from(seconds)))
}

/// `Nov 26 01:02:03`, `Nov  6 2026 01:02:03`, `apr 15, 2013 8:34:08 PM`, `Apr-27-13 02:25:09`.
fn month_first(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let month = u32::from(cursor.month_name()?);
    if cursor.take(b'-').is_some() {
        let day = cursor.number(1, 2)?;
        cursor.take(b'-')?;
        let year = cursor.number(2, 4)?;
        cursor.take(b' ')?;
        let second = cursor.clock()?;
        let year = if year < 100 { 2000 + year } else { year };
        return civil(Some(year), month, day, second, None);
    }
    cursor.take(b' ')?;
    cursor.spaces();
    let day = cursor.number(1, 2)?;
    let _comma = cursor.take(b',');
    cursor.take(b' ')?;
    let mut dated = *cursor;
    let mut year = dated.number(4, 4);
    if year.is_some() && dated.take(b' ').is_some() {
        *cursor = dated;
    } else {
        year = None;
    }
    let mut second = cursor.clock()?;
    let mut half = *cursor;
    if half.take(b' ').is_some()
        && let Some(letter) = half.any_of(b"AaPp")
        && half.any_of(b"Mm").is_some()
    {
        *cursor = half;
        let hour = second / 3600 % 12;
        second = hour * 3600 + second % 3600;
        if letter.eq_ignore_ascii_case(&b'P') {
            second += 12 * 3600;
        }
    }
    if year.is_none() {
        let mut dated = *cursor;
        if dated.take(b' ').is_some()
            && let Some(written) = dated.number(4, 4)
            && dated.peek().is_none_or(|byte| is_space(byte) || byte == b']')
            && (1970..2200).contains(&written)
        {
            *cursor = dated;
            year = Some(written);
        }
    }
    civil(year, month, day, second, None)
}

/// `Sat Jul 20 21:34:49.453232 2013`; also a zone in place of the weekday, as in `PDT Apr 16 21:05:29`.
fn weekday_first(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let start = cursor.at;
    while cursor.at - start < 5 && cursor.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
        cursor.at += 1;
    }
    let length = cursor.at - start;
    let _comma = cursor.take(b',');
    cursor.take(b' ')?;
    if length < 3 {
        return None;
    }
    if cursor.peek()?.is_ascii_digit() {
        return day_first(cursor);
    }
    month_first(cursor)
}

/// `@400000004c91b044077a9e94`: TAI64N.
fn tai(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    cursor.take(b'@')?;
    let label = cursor.text.get(cursor.at..cursor.at + 24)?;
    let high = std::str::from_utf8(label.get(..16)?).ok()?;
    let seconds = u64::from_str_radix(high, 16).ok()?.checked_sub(1 << 62)?;
    label.iter().all(u8::is_ascii_hexdigit).then(|| cursor.at += 24)?;
    // TAI ran ten seconds ahead of UTC when the scale began, and has gained leap seconds since.
    Some(Stamp::Unix(seconds.checked_sub(10)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-26T00:00:00Z.
    const NOW: u64 = 1_795_651_200;

    fn check(text: &str, rest: &str, expected: Option<u64>) {
        let found = leading(text.as_bytes());
        let seconds = found.and_then(|(stamp, _)| stamp.seconds(NOW, 0));
        assert_eq!(seconds, expected, "{text}");
        if let Some((_, length)) = found {
            assert_eq!(text.get(length..), Some(rest), "{text}");
        }
    }

    #[test]
    fn every_form_is_read() {
        check("Nov 25 23:59:59 host x", " host x", Some(NOW - 1));
        check("Nov  6 2026 00:00:00 host", " host", Some(NOW - 20 * 86_400));
        check("2026-11-26T01:00:00.5+01:00 x", " x", Some(NOW));
        check("2026/11/26 00:00:00 [error]", " [error]", Some(NOW));
        check("2026.11.26 00:00:00 LOG", " LOG", Some(NOW));
        check("2026:11:26-00:00:00: 'x'", ": 'x'", Some(NOW));
        check("26/Nov/2026:00:00:00 +0000] x", "] x", Some(NOW));
        check("26-Nov-2026 00:00:00.123 client", " client", Some(NOW));
        check("Thu Nov 26 00:00:00.123 2026] [", "] [", Some(NOW));
        check("20261126-00:00:00] [", "] [", Some(NOW));
        check("261126  0:00:00 [W]", " [W]", Some(NOW));
        check("Nov-26-26 00:00:00 m1", " m1", Some(NOW));
        check("nov 26, 2026 12:00:00 AM org", " org", Some(NOW));
        check("1795651200.123 1 192", " 1 192", Some(NOW));
        check("1795651200 - x", " - x", Some(NOW));
        check("26-11-2026 00:00:00   SMTP", "   SMTP", Some(NOW));
        check("11/26/2026 00:00:00 [LOGIN", " [LOGIN", Some(NOW));
        check("11-26 00:00:00.5 [WARN", " [WARN", Some(NOW));
        check("00:00:00.123 [http", " [http", Some(NOW));
        check("PDT Nov 26 00:00:00] error", "] error", Some(NOW));
        check("02/sept./2015:00:11:31 +0200] x", "] x", Some(1_441_145_491));
        check("@400000004c91b044077a9e94 imap", " imap", Some(1_284_616_250));
    }

    #[test]
    fn a_missing_year_is_never_in_the_future() {
        check("Dec 31 23:59:59 host", " host", Some(1_767_225_599));
        check("Nov 26 12:00:00 host", " host", Some(NOW + 43_200));
        check("Nov 29 12:00:00 host", " host", Some(NOW + 43_200 + 3 * 86_400 - 365 * 86_400));
        check("Feb 29 00:00:00 host", " host", Some(1_709_164_800));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            " ",
            "host",
            "Foo 12 00:00:00",
            "2026-13-01 00:00:00",
            "2026-11-26 25:00:00",
            "Nov 26",
            "12",
            "99999999999999999999",
            "@40",
            "Nov 26 00:00",
            "Nov-",
        ] {
            check(text, "", None);
        }
        assert_eq!(leading(b"2026-02-30 00:00:00").unwrap().0.seconds(NOW, 0), None);
    }
}
