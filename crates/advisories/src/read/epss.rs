//! EPSS: how likely it is that a hole is attacked within a month (FIRST), as CSV.

use crate::record::{Stamp, is_cve};
use std::collections::HashMap;

/// Rows that are taken.
const ROWS_MAX: usize = 2_000_000;

/// The rows in millionths; `None` where it is no such file.
pub(super) fn read(text: &[u8]) -> Option<(Stamp, HashMap<String, u32>)> {
    let mut stamp = Stamp::default();
    let mut rows = HashMap::new();
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let mut first = lines.next()?;
    if let Some(comment) = first.strip_prefix(b"#") {
        stamp.made = made(comment);
        first = lines.next()?;
    }
    if !first.starts_with(b"cve,epss") {
        return None;
    }
    for line in lines.filter(|line| !line.is_empty()) {
        match row(line) {
            Some((cve, likely)) if rows.len() < ROWS_MAX => {
                rows.insert(cve, likely);
            }
            _ => stamp.skipped += 1,
        }
    }
    (!rows.is_empty()).then_some((stamp, rows))
}

fn made(comment: &[u8]) -> String {
    let text = std::str::from_utf8(comment).unwrap_or_default();
    let date = text.split_once("score_date:").and_then(|(_, rest)| rest.get(..10));
    let is_date = |date: &&str| date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    date.filter(is_date).unwrap_or_default().to_owned()
}

fn row(line: &[u8]) -> Option<(String, u32)> {
    let line = std::str::from_utf8(line).ok()?;
    let mut cells = line.split(',');
    let (cve, likely) = (cells.next()?, cells.next()?);
    if !is_cve(cve) {
        return None;
    }
    let likely: f64 = likely.parse().ok()?;
    if !(0.0..=1.0).contains(&likely) {
        return None;
    }
    Some((cve.to_owned(), format!("{:.0}", likely * 1e6).parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_and_odd_ones_counted() {
        let text = "#model_version:v2025.03.14,score_date:2026-01-02T00:00:00Z\r\ncve,epss,percentile\r\nCVE-2024-0001,0.00043,0.1\r\nCVE-2024-0002,1,1\nCVE-2024-0003,1e-05,0\nnope,0.1,0\nCVE-2024-0004,NaN,0\nCVE-2024-0005,1.5,0\nCVE-2024-0006\n";
        let (stamp, rows) = read(text.as_bytes()).unwrap();
        assert_eq!((stamp.made.as_str(), stamp.skipped), ("2026-01-02", 4));
        assert_eq!(rows.len(), 3);
        assert_eq!(
            (rows["CVE-2024-0001"], rows["CVE-2024-0002"], rows["CVE-2024-0003"]),
            (430, 1_000_000, 10)
        );
        assert!(
            read(b"a,b\n1,2\n").is_none()
                && read(b"cve,epss,percentile\n").is_none()
                && read(b"").is_none()
        );
    }
}
