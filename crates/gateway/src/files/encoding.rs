//! Which coding a client gets, of a precompressed sibling or made here (RFC 9110 §12.5.3).

use crate::coder::Coding;
use crate::guard::bytes::{elements, trim};

/// The codings that the client accepts and the file has, best first. The plain file comes first
/// where the client says that it would rather have it.
pub(crate) fn preferred(accepted: &[u8], siblings: u8) -> Vec<Coding> {
    let weight = |name: &[u8]| {
        let mut any = None;
        for element in elements(accepted) {
            let mut parts = element.split(|byte| *byte == b';').map(trim);
            let coding = parts.next().unwrap_or_default();
            let quality = parts.next().map_or(Some(1000), quality).unwrap_or(0);
            if coding.eq_ignore_ascii_case(name) {
                return Some(quality);
            }
            if coding == b"*" {
                any = Some(quality);
            }
        }
        any
    };
    let plain = weight(b"identity").unwrap_or(1);
    let mut found: Vec<(u16, Coding)> = Coding::ALL
        .into_iter()
        .filter(|coding| siblings & coding.bit() != 0)
        .filter_map(|coding| Some((weight(coding.name().as_bytes())?, coding)))
        .filter(|(quality, _)| *quality > 0 && *quality >= plain)
        .collect();
    found.sort_by_key(|(quality, _)| std::cmp::Reverse(*quality));
    found.into_iter().map(|(_, coding)| coding).collect()
}

/// The coding that a client gets of what is made here. `None`: it takes none, or would rather have the plain one.
pub(crate) fn coding_for(accepted: &[u8]) -> Option<Coding> {
    preferred(accepted, u8::MAX).into_iter().next()
}

/// `q=0.5` as thousandths.
fn quality(parameter: &[u8]) -> Option<u16> {
    let [b'q' | b'Q', b'=', value @ ..] = parameter else { return None };
    let (whole, rest) = value.split_first()?;
    let digits = match rest {
        [] => rest,
        [b'.', digits @ ..] if digits.len() <= 3 => digits,
        _ => return None,
    };
    let mut thousandths = match whole {
        b'0' => 0,
        b'1' => 1000,
        _ => return None,
    };
    for (place, digit) in [100, 10, 1].into_iter().zip(digits) {
        thousandths += place * u16::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
    }
    (thousandths <= 1000).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_accepted_sibling_comes_first() {
        for (accepted, siblings, wanted) in [
            ("gzip, deflate, br, zstd", 0b111, &["br", "zstd", "gzip"][..]),
            ("gzip", 0b111, &["gzip"]),
            ("gzip;q=1.0, br;q=0.5", 0b111, &["gzip", "br"]),
            ("br;q=0, *", 0b111, &["zstd", "gzip"]),
            ("gzip;q=0.5, identity;q=0.8", 0b111, &[]),
            ("GZIP", 0b100, &["gzip"]),
            ("gzip", 0b011, &[]),
            ("", 0b111, &[]),
            ("gzip;q=2", 0b111, &[]),
            ("gzip;q=0.000", 0b111, &[]),
            ("identity;q=0, gzip;q=0.001", 0b111, &["gzip"]),
        ] {
            let names: Vec<_> = preferred(accepted.as_bytes(), siblings)
                .iter()
                .map(|coding| coding.name())
                .collect();
            assert_eq!(names, wanted, "{accepted}");
        }
    }
}
