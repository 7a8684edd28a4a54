//! `base64Decode`, `base64DecodeExt`, `base64Encode` (RFC 4648).

fn value(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

/// Packs six-bit values; an incomplete last group yields the bytes that it holds whole.
fn pack(values: impl Iterator<Item = u32>, out: &mut Vec<u8>) {
    let (mut bits, mut held) = (0_u32, 0_u32);
    for six in values {
        bits = (bits << 6) | six;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from((bits >> held) & 0xff).unwrap_or_default());
            bits &= (1 << held) - 1;
        }
    }
}

/// Decodes up to the first byte that is not of the alphabet.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) {
    pack(input.iter().map_while(|&byte| value(byte)), out);
}

/// Decodes over whatever is not of the alphabet; padding ends it.
pub(super) fn decode_forgiving(input: &[u8], out: &mut Vec<u8>) {
    pack(input.iter().take_while(|&&byte| byte != b'=').filter_map(|&byte| value(byte)), out);
}

/// With padding.
pub(super) fn encode(input: &[u8], out: &mut Vec<u8>) {
    use base64::Engine as _;
    out.extend_from_slice(base64::engine::general_purpose::STANDARD.encode(input).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::run;

    #[test]
    fn what_is_not_of_the_alphabet() {
        for (name, input, output) in [
            ("base64Decode", &b"PHNjcmlwdD4="[..], &b"<script>"[..]),
            ("base64Decode", b"PHNj.cmlwdD4=", b"<sc"),
            ("base64DecodeExt", b"PHNj.cmlwdD4=", b"<script>"),
            ("base64DecodeExt", b"PHNj=cmlwdD4=", b"<sc"),
            ("base64Decode", b"QQ", b"A"),
            ("base64Decode", b"Q", b""),
            ("base64Encode", b"A", b"QQ=="),
        ] {
            assert_eq!(run(name, input), output, "{name} {input:?}");
        }
    }
}
