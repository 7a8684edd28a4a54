//! `@validateByteRange`, `@validateUrlEncoding`.

/// The table of allowed bytes from `9,10,13,32-126`.
pub(super) fn ranges(parameter: &[u8]) -> Result<Box<[bool; 256]>, String> {
    let mut allowed = Box::new([false; 256]);
    for part in parameter.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
        let bad = || format!("`{}` is no byte or range of bytes (0 to 255)", bstr::BStr::new(part));
        let mut ends = part.splitn(2, |&byte| byte == b'-').map(byte_number);
        let first = ends.next().flatten().ok_or_else(bad)?;
        let last = ends.next().unwrap_or(Some(first)).ok_or_else(bad)?;
        if last < first {
            return Err(bad());
        }
        for byte in first..=last {
            if let Some(entry) = allowed.get_mut(usize::from(byte)) {
                *entry = true;
            }
        }
    }
    Ok(allowed)
}

fn byte_number(text: &[u8]) -> Option<u8> {
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

/// Whether a byte is not allowed.
pub(super) fn outside(allowed: &[bool; 256], value: &[u8]) -> bool {
    value.iter().any(|&byte| !allowed.get(usize::from(byte)).copied().unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ask, matches};

    #[test]
    fn byte_ranges() {
        for (range, value, outside) in [
            ("32-126", &b"abc"[..], false),
            ("32-126", b"a\nc", true),
            ("10, 32-126", b"a\nc", false),
            ("0-255", b"\0\xff", false),
            ("1-255", b"\0", true),
            ("65", b"A", false),
            ("65", b"", false),
        ] {
            assert_eq!(matches("validateByteRange", range, value), outside, "{range} {value:?}");
        }
        for bad in ["256", "a", "5-1", "1-", ""] {
            assert!(ask("validateByteRange", bad, b"").is_err(), "{bad}");
        }
    }

    #[test]
    fn url_and_utf8_encoding() {
        for (value, bad) in
            [(&b"%41"[..], false), (b"%4", true), (b"%", true), (b"%zz", true), (b"a", false)]
        {
            assert_eq!(matches("validateUrlEncoding", "", value), bad, "{value:?}");
        }
        for (value, bad) in
            [("é".as_bytes(), false), (b"\xc0\xaf", true), (b"\xed\xa0\x80", true), (b"\xff", true)]
        {
            assert_eq!(matches("validateUtf8Encoding", "", value), bad, "{value:?}");
        }
    }
}
