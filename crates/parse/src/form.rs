//! `application/x-www-form-urlencoded` and query strings.

/// Name and value as received.
pub type Pair<'a> = (&'a [u8], &'a [u8]);

/// The pairs, not decoded, at most `pairs_max`. A part without `=` is a name with an empty value; an
/// empty part is none. The flag says whether some were left out.
pub fn pairs(input: &[u8], separator: u8, pairs_max: usize) -> (Vec<Pair<'_>>, bool) {
    let mut found = Vec::new();
    for part in input.split(|&byte| byte == separator).filter(|part| !part.is_empty()) {
        if found.len() == pairs_max {
            return (found, true);
        }
        found.push(split_pair(part));
    }
    (found, false)
}

/// At the first `=`.
fn split_pair(part: &[u8]) -> Pair<'_> {
    match memchr::memchr(b'=', part) {
        Some(at) => (part.get(..at).unwrap_or_default(), part.get(at + 1..).unwrap_or_default()),
        None => (part, &[]),
    }
}

/// Whether a `%` is not followed by two hexadecimal digits.
pub fn has_bad_escape(input: &[u8]) -> bool {
    memchr::memchr_iter(b'%', input).any(|at| {
        !matches!(
            input.get(at + 1..at + 3),
            Some([high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let cases: [(&[u8], &[Pair<'_>]); 5] = [
            (b"", &[]),
            (b"a=b&c=d=e", &[(b"a", b"b"), (b"c", b"d=e")]),
            (b"a&=b&&", &[(b"a", b""), (b"", b"b")]),
            (b"a=%41\xff", &[(b"a", b"%41\xff")]),
            (b"a;b=c", &[(b"a;b", b"c")]),
        ];
        for (input, expected) in cases {
            assert_eq!(pairs(input, b'&', 10), (expected.to_vec(), false), "{input:?}");
        }
        assert_eq!(pairs(b"a;b", b';', 10).0.len(), 2);
    }

    #[test]
    fn no_more_than_allowed() {
        let (found, more) = pairs(b"a&b&c", b'&', 2);
        assert_eq!((found.len(), more), (2, true));
        assert!(!pairs(b"a&b", b'&', 2).1);
    }

    #[test]
    fn escapes() {
        for (input, bad) in [("%41", false), ("%4", true), ("a%zz", true), ("", false), ("%", true)]
        {
            assert_eq!(has_bad_escape(input.as_bytes()), bad, "{input}");
        }
    }
}
