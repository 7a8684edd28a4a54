//! `hexDecode`, `hexEncode`, `sqlHexDecode`.

use super::{hex_pair, scan};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A byte's two lower-case digits.
pub(super) fn digits(byte: u8) -> [u8; 2] {
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    [digit(byte >> 4), digit(byte & 15)]
}

/// The value that the reference gives a digit, which it does not check: letters count by their low
/// bits, everything else from `0`.
fn loose_value(digit: u8) -> u8 {
    if digit >= b'A' {
        (digit & 0xdf).wrapping_sub(b'A').wrapping_add(10)
    } else {
        digit.wrapping_sub(b'0')
    }
}

/// Pairs of digits to bytes; digits are not checked, an odd last one is dropped.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) {
    for pair in input.chunks_exact(2) {
        if let [high, low] = pair {
            out.push(loose_value(*high).wrapping_mul(16).wrapping_add(loose_value(*low)));
        }
    }
}

/// Lower-case digits.
pub(super) fn encode(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().flat_map(|&byte| digits(byte)));
}

/// `0x414243` becomes `ABC`; an odd last digit stays.
pub(super) fn decode_sql(input: &[u8], out: &mut Vec<u8>) {
    scan(input, out, |rest, out| match rest {
        [b'0', b'x' | b'X', high, low, ..] if hex_pair(*high, *low).is_some() => {
            let digits = rest.get(2..).unwrap_or_default();
            let pairs = digits.chunks_exact(2).map_while(|pair| match pair {
                [high, low] => hex_pair(*high, *low),
                _ => None,
            });
            let before = out.len();
            out.extend(pairs);
            2 + 2 * (out.len() - before)
        }
        [byte, ..] => {
            out.push(*byte);
            1
        }
        [] => 0,
    });
}

#[cfg(test)]
mod tests {
    use super::super::run;

    #[test]
    fn digits_and_bytes() {
        for (name, input, output) in [
            ("hexDecode", &b"4142434"[..], &b"ABC"[..]),
            ("hexEncode", b"AB\xff", b"4142ff"),
            ("sqlHexDecode", b"x=0x414243 or 0x4", b"x=ABC or 0x4"),
            ("sqlHexDecode", b"0X4142z", b"ABz"),
            ("sqlHexDecode", b"0x414", b"A4"),
        ] {
            assert_eq!(run(name, input), output, "{name}");
        }
    }
}
