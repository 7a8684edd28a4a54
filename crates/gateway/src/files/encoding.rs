//! Which precompressed sibling a client gets (RFC 9110 §12.5.3).

use crate::guard::bytes::{elements, trim};

/// A coding that siblings may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coding {
    pub(crate) name: &'static str,
    pub(crate) suffix: &'static [u8],
}

/// In the order of our preference.
pub(crate) const CODINGS: [Coding; 3] = [
    Coding { name: "br", suffix: b".br" },
    Coding { name: "zstd", suffix: b".zst" },
    Coding { name: "gzip", suffix: b".gz" },
];

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
    let mut found: Vec<(u16, Coding)> = CODINGS
        .into_iter()
        .enumerate()
        .filter(|(index, _)| siblings & (1 << index) != 0)
        .filter_map(|(_, coding)| Some((weight(coding.name.as_bytes())?, coding)))
        .filter(|(quality, _)| *quality > 0 && *quality >= plain)
        .collect();
    found.sort_by_key(|(quality, _)| std::cmp::Reverse(*quality));
    found.into_iter().map(|(_, coding)| coding).collect()
}

/// Whether the client takes gzip, and would not rather have the plain file.
pub(crate) fn takes_gzip(accepted: &[u8]) -> bool {
    let gzip = CODINGS.iter().position(|coding| coding.name == "gzip");
    gzip.is_some_and(|index| !preferred(accepted, 1 << index).is_empty())
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
            let names: Vec<_> =
                preferred(accepted.as_bytes(), siblings).iter().map(|coding| coding.name).collect();
            assert_eq!(names, wanted, "{accepted}");
        }
    }
}
