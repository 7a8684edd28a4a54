//! JSON strings out of bytes that a stranger chose.
//!
//! Valid UTF-8 stays as it is; control characters are escaped as JSON wants; bytes that are no
//! UTF-8 are written as `\\xNN` (a literal backslash in the value), so that nothing is hidden.

/// Appends a quoted string.
pub(crate) fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
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

fn escape(out: &mut Vec<u8>, text: &[u8]) {
    let mut plain_start = 0;
    for (at, byte) in text.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' && *byte != 0x7f {
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
    for digit in [byte >> 4, byte & 15] {
        out.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
    }
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
