//! Reading the lists at compile time: lines, of which those with `#` are for people, and words in them.
//!
//! It must not be called at run time: only `static` tables use it, so that nothing is loaded or allocated.

/// The first line with something in it, and what follows it.
pub(super) const fn line(mut list: &[u8]) -> Option<(&[u8], &[u8])> {
    while !list.is_empty() {
        let (line, after) = cut(list, b'\n');
        if let [first, ..] = line
            && *first != b'#'
        {
            return Some((line, after));
        }
        list = after;
    }
    None
}

/// What stands before the first `mark` and after it; all and nothing without one.
pub(super) const fn cut(text: &[u8], mark: u8) -> (&[u8], &[u8]) {
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        if *byte == mark {
            let (before, _) = text.split_at(text.len() - rest.len());
            return (before, after);
        }
        rest = after;
    }
    (text, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_words() {
        assert_eq!(line(b"# x\n\na b\n# y\n"), Some((&b"a b"[..], &b"# y\n"[..])));
        assert_eq!(line(b"# y\n"), None);
        assert_eq!(line(b"a"), Some((&b"a"[..], &b""[..])));
        for (text, before, after) in [("a|b|c", "a", "b|c"), ("a", "a", ""), ("|", "", "")] {
            assert_eq!(cut(text.as_bytes(), b'|'), (before.as_bytes(), after.as_bytes()), "{text}");
        }
    }
}
