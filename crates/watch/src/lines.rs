//! Bytes into lines.
//!
//! Invariants: every byte belongs to one line; nothing is copied. What stands behind the last line feed
//! is a line of its own only once it is known that no more follows.

/// The lines of a text, without their line feeds. A text that ends in a line feed has no empty last line.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..end)?;
        rest = rest.get(end + 1..).unwrap_or_default();
        Some(line)
    })
}

/// How much of a text is whole lines: what follows may still be written.
pub fn whole(text: &[u8]) -> usize {
    memchr::memrchr(b'\n', text).map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_in_one_line() {
        for (text, expected) in [
            ("", vec![]),
            ("a", vec!["a"]),
            ("a\n", vec!["a"]),
            ("\n", vec![""]),
            ("a\n\nb", vec!["a", "", "b"]),
            ("a\r\nb\n", vec!["a\r", "b"]),
        ] {
            let found: Vec<&[u8]> = lines(text.as_bytes()).collect();
            let expected: Vec<&[u8]> = expected.iter().map(|line: &&str| line.as_bytes()).collect();
            assert_eq!(found, expected, "{text:?}");
        }
        assert_eq!([whole(b"a\nb"), whole(b"a"), whole(b"a\n")], [2, 0, 2]);
    }
}
