//! JSON strings out of bytes that a stranger chose.
//!
//! Valid UTF-8 stays as it is; control characters are escaped as JSON wants; bytes that are no
//! UTF-8 are written as `\\xNN` (a literal backslash in the value), so that nothing is hidden.

/// Appends a quoted string.
pub(crate) fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    // The common case is copied as it is. No end before the last byte: so it is seen in wide steps.
    if bytes.iter().fold(true, |plain, byte| plain & is_plain(*byte)) {
        out.extend_from_slice(bytes);
        out.push(b'"');
        return;
    }
    for chunk in bytes.utf8_chunks() {
        escape(out, chunk.valid().as_bytes());
        for byte in chunk.invalid() {
            out.extend_from_slice(b"\\\\x");
            hex(out, *byte);
        }
    }
    out.push(b'"');
}

/// Appends a string or `null`.
pub(crate) fn optional(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => string(out, bytes),
        None => out.extend_from_slice(b"null"),
    }
}

/// Appends a whole number.
pub(crate) fn number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0_u8; 20];
    let mut rest = number;
    let mut start = digits.len();
    for place in digits.iter_mut().rev() {
        *place = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        start -= 1;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(start..).unwrap_or_default());
}

/// Whether a byte is a character of ASCII that stands for itself.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~')
}

fn escape(out: &mut Vec<u8>, text: &[u8]) {
    let mut plain_start = 0;
    for (at, byte) in text.iter().enumerate() {
        if is_plain(*byte) || !byte.is_ascii() {
            continue;
        }
        out.extend_from_slice(text.get(plain_start..at).unwrap_or_default());
        plain_start = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => {
                out.extend_from_slice(b"\\u00");
                hex(out, *other);
            }
        }
    }
    out.extend_from_slice(text.get(plain_start..).unwrap_or_default());
}

/// Two lower-case hexadecimal digits.
pub(crate) fn hex(out: &mut Vec<u8>, byte: u8) {
    let digit = |half: u8| half + if half < 10 { b'0' } else { b'a' - 10 };
    out.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex_text(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len() * 2);
    for byte in bytes {
        hex(&mut out, *byte);
    }
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_json_and_hide_nothing() {
        for (bytes, json) in [
            (&b"plain /a?b=c"[..], &br#""plain /a?b=c""#[..]),
            (b"a\"b\\c\r\n\t\0\x1b\x7f", br#""a\"b\\c\r\n\t\u0000\u001b\u007f""#),
            ("gr\u{fc}n".as_bytes(), "\"gr\u{fc}n\"".as_bytes()),
            (b"\xff\xc3(", br#""\\xff\\xc3(""#),
            (b"", br#""""#),
        ] {
            let mut out = Vec::new();
            string(&mut out, bytes);
            assert_eq!(out, json, "{bytes:?}");
            serde_json::from_slice::<String>(&out).unwrap();
        }
    }

    #[test]
    fn numbers_are_decimal() {
        for value in [0, 7, 10, 99, 1_234_567, u64::MAX] {
            let mut out = Vec::new();
            number(&mut out, value);
            assert_eq!(out, value.to_string().into_bytes());
        }
    }
}
