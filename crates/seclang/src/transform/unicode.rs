//! `utf8toUnicode`: multi-byte sequences as `%uHHHH`.

use super::hex::digits;

/// Each valid sequence of two to four bytes becomes `%u` with at least four digits; ASCII and
/// everything invalid stays.
pub(super) fn utf8_to_unicode(input: &[u8], out: &mut Vec<u8>) {
    for chunk in input.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_ascii() {
                out.push(u8::try_from(character).unwrap_or_default());
            } else {
                push_escape(u32::from(character), out);
            }
        }
        out.extend_from_slice(chunk.invalid());
    }
}

fn push_escape(code: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(b"%u");
    let [_, high, middle, low] = code.to_be_bytes();
    if high > 0 {
        let [first, second] = digits(high);
        if first != b'0' {
            out.push(first);
        }
        out.push(second);
    }
    out.extend(digits(middle));
    out.extend(digits(low));
}

#[cfg(test)]
mod tests {
    use super::super::run;

    #[test]
    fn sequences() {
        for (input, output) in [
            ("é".as_bytes(), &b"%u00e9"[..]),
            ("＜".as_bytes(), b"%uff1c"),
            ("😀".as_bytes(), b"%u1f600"),
            (b"a\xffb", b"a\xffb"),
            (b"\xc0\xaf", b"\xc0\xaf"),
        ] {
            assert_eq!(run("utf8toUnicode", input), output);
        }
    }
}
