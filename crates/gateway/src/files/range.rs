//! Byte ranges (RFC 9110 §14). One range is served; several, or one that we cannot read, get the
//! whole file, as the standard allows.

/// What part is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// All.
    Whole,
    /// `length` is at least 1 and lies within the file.
    Part {
        /// First byte.
        start: u64,
        /// Bytes.
        length: u64,
    },
    /// 416.
    Unsatisfiable,
}

/// Reads a `Range` field for a file of `size` bytes.
pub(crate) fn parse(field: Option<&[u8]>, size: u64) -> Range {
    field.and_then(|field| single(field, size)).unwrap_or(Range::Whole)
}

fn single(field: &[u8], size: u64) -> Option<Range> {
    let unit = field.get(..6)?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    let set = field.get(6..)?;
    let dash = set.iter().position(|byte| *byte == b'-')?;
    let (first, last) = (set.get(..dash)?, set.get(dash + 1..)?);
    if first.is_empty() {
        let suffix = number(last)?;
        let length = suffix.min(size);
        return Some(match length {
            0 => Range::Unsatisfiable,
            _ => Range::Part { start: size - length, length },
        });
    }
    let start = number(first)?;
    let end = if last.is_empty() { u64::MAX } else { number(last)? };
    if end < start {
        return None;
    }
    if start >= size {
        return Some(Range::Unsatisfiable);
    }
    Some(Range::Part { start, length: end.min(size - 1) - start + 1 })
}

/// Digits only; what does not fit is as good as the largest.
fn number(digits: &[u8]) -> Option<u64> {
    let fold = |sum: u64, byte: &u8| match byte {
        b'0'..=b'9' => Some(sum.saturating_mul(10).saturating_add(u64::from(byte - b'0'))),
        _ => None,
    };
    if digits.is_empty() { None } else { digits.iter().try_fold(0, fold) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_the_standards() {
        let part = |start, length| Range::Part { start, length };
        for (field, wanted) in [
            ("bytes=0-4", part(0, 5)),
            ("bytes=5-", part(5, 5)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-30", part(0, 10)),
            ("bytes=0-99999999999999999999", part(0, 10)),
            ("BYTES=9-9", part(9, 1)),
            ("bytes=10-", Range::Unsatisfiable),
            ("bytes=99999999999999999999-", Range::Unsatisfiable),
            ("bytes=-0", Range::Unsatisfiable),
            ("bytes=4-2", Range::Whole),
            ("bytes=0-1,3-4", Range::Whole),
            ("bytes=a-b", Range::Whole),
            ("bytes=--1", Range::Whole),
            ("bytes=", Range::Whole),
            ("items=0-1", Range::Whole),
            ("bytes", Range::Whole),
        ] {
            assert_eq!(parse(Some(field.as_bytes()), 10), wanted, "{field}");
        }
        assert_eq!(parse(None, 10), Range::Whole);
        assert_eq!(parse(Some(b"bytes=0-"), 0), Range::Unsatisfiable);
    }
}
