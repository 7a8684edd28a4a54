//! `@detectSQLi`, `@detectXSS`: libinjection's verdicts, by detectors of our own.

mod address;
mod html;
mod lists;
mod sql;
mod xss;

use super::Hit;

/// `@detectXSS` answers no for a value without one of these bytes.
pub(crate) use xss::BYTES as CROSS_SITE_BYTES;

/// `@detectSQLi` answers no for a value without a byte of each of these kinds.
pub(crate) use sql::NEEDS as SQL_NEEDS;

/// `TX:0` is the fingerprint.
pub(super) fn sql(value: &[u8]) -> Option<Hit> {
    let fingerprint = sql::injection(value)?;
    Some(Hit { text: Some(fingerprint.as_bytes().to_vec()), ..Hit::default() })
}

/// `TX:0` is the value.
pub(super) fn cross_site(value: &[u8]) -> Option<Hit> {
    xss::is_attack(value).then(|| Hit::whole(0..value.len()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ask, matches};

    #[test]
    fn attacks_and_their_near_misses() {
        for value in ["1' OR '1'='1", "1 UNION SELECT 1,2--", "admin'--"] {
            assert!(matches("detectSQLi", "", value.as_bytes()), "{value}");
            assert!(ask("detectSQLi", "", value.as_bytes()).unwrap().unwrap().text.is_some());
        }
        for value in ["O'Brien", "union square", "1", ""] {
            assert!(!matches("detectSQLi", "", value.as_bytes()), "{value}");
        }
        assert!(matches("detectXSS", "", b"<script>alert(1)</script>"));
        assert!(!matches("detectXSS", "", b"a < b and c > d"));
    }

    #[test]
    fn a_cross_site_attack_captures_the_whole_value() {
        let hit = ask("detectXSS", "", b"x<script>").unwrap().unwrap();
        assert_eq!(hit.groups[..], [Some(0..9)]);
        assert_eq!(hit.text, None);
    }
}
