//! The byte classes of HTTP's grammar as tables.

const fn table(extra: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    loop {
        if byte.is_ascii_alphanumeric() {
            set(&mut table, byte);
        }
        if byte == 255 {
            break;
        }
        byte += 1;
    }
    let mut rest = extra;
    while let [first, tail @ ..] = rest {
        set(&mut table, *first);
        rest = tail;
    }
    table
}

#[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "a byte indexes 256 entries")]
const fn set(table: &mut [bool; 256], byte: u8) {
    table[byte as usize] = true;
}

static TOKEN: [bool; 256] = table(b"!#$%&'*+-.^_`|~");

fn of(table: &[bool; 256], byte: u8) -> bool {
    table.get(usize::from(byte)).copied().unwrap_or(false)
}

/// A non-empty token (RFC 9110 §5.6.2).
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| of(&TOKEN, *byte))
}

/// A field value: no control byte but the tab (RFC 9110 §5.5).
pub(crate) fn is_value(bytes: &[u8]) -> bool {
    // Branch-free so that the compiler can use vectors.
    let mut bad = 0_u8;
    for byte in bytes {
        bad |= (u8::from(*byte < 0x20) & u8::from(*byte != b'\t')) | u8::from(*byte == 0x7f);
    }
    bad == 0
}

/// A target: no control, space or fragment. Bytes over 0x7f are let through, the rules look at them.
pub(crate) fn is_target(bytes: &[u8]) -> bool {
    let mut bad = 0_u8;
    for byte in bytes {
        bad |= u8::from(*byte <= 0x20) | u8::from(*byte == 0x7f) | u8::from(*byte == b'#');
    }
    bad == 0 && !bytes.is_empty()
}

/// Without spaces and tabs at both ends.
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The elements of a comma-separated list, without white space; empty ones are left out.
pub(crate) fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(trim).filter(|element| !element.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_the_standards() {
        for byte in 0..=255_u8 {
            let token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            assert_eq!(is_token(&[byte]), token, "{byte}");
            let value = byte == b'\t' || (byte >= 0x20 && byte != 0x7f);
            assert_eq!(is_value(&[byte]), value, "{byte}");
            assert_eq!(is_target(&[byte]), byte > 0x20 && byte != 0x7f && byte != b'#', "{byte}");
        }
        assert!(!is_token(b"") && is_value(b"") && !is_target(b""));
    }

    #[test]
    fn lists_are_split() {
        assert_eq!(trim(b" \t a b\t"), b"a b");
        let list: Vec<_> = elements(b"a, b ,,\tc").collect();
        assert_eq!(list, [b"a", b"b", b"c"]);
    }
}
