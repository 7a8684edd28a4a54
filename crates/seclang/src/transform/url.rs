//! `urlDecode`, `urlDecodeUni`, `urlEncode`.

use super::hex::digits;
use super::{hex_pair, scan};

/// `%HH` and `+`; what is no valid escape stays.
pub(crate) fn decode(input: &[u8], out: &mut Vec<u8>) {
    scan(input, out, plain);
}

/// The same with Microsoft's `%uHHHH`: full-width ASCII is folded, otherwise the low byte counts.
pub(crate) fn decode_uni(input: &[u8], out: &mut Vec<u8>) {
    decode_with(input, out, &|_, _| None);
}

/// The same, where a code page may know the character's byte.
pub(super) fn decode_with(input: &[u8], out: &mut Vec<u8>, page: &dyn Fn(u8, u8) -> Option<u8>) {
    scan(input, out, |rest, out| {
        if let [b'%', b'u' | b'U', first, second, third, fourth, ..] = rest
            && let (Some(high), Some(low)) = (hex_pair(*first, *second), hex_pair(*third, *fourth))
        {
            let full_width = high == 0xff && (1..0x5f).contains(&low);
            let plain = if full_width { low + 0x20 } else { low };
            out.push(page(high, low).unwrap_or(plain));
            return 6;
        }
        plain(rest, out)
    });
}

fn plain(rest: &[u8], out: &mut Vec<u8>) -> usize {
    if let [b'%', high, low, ..] = rest
        && let Some(byte) = hex_pair(*high, *low)
    {
        out.push(byte);
        return 3;
    }
    out.extend(rest.first().map(|&byte| if byte == b'+' { b' ' } else { byte }));
    1
}

/// Everything but letters, digits and `*` as `%hh`, the space as `+`.
pub(super) fn encode(input: &[u8], out: &mut Vec<u8>) {
    for &byte in input {
        match byte {
            b' ' => out.push(b'+'),
            b'*' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => out.push(byte),
            _ => {
                out.push(b'%');
                out.extend(digits(byte));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::run;

    #[test]
    fn escapes() {
        for (name, input, output) in [
            ("urlDecode", "%41+%zz%4", "A %zz%4"),
            ("urlDecode", "%u0041", "%u0041"),
            ("urlDecodeUni", "%u0041%uff1c%U003C", "A<<"),
            ("urlDecodeUni", "%u00g1%4", "%u00g1%4"),
            ("urlEncode", "a b*<", "a+b*%3c"),
        ] {
            assert_eq!(run(name, input.as_bytes()), output.as_bytes(), "{name} {input}");
        }
    }
}
