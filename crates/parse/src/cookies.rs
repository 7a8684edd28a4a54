//! The `Cookie` header (RFC 6265 §4.2.1), as lenient as browsers and applications are.

/// Names and values, not decoded, at most `cookies_max`. White space behind the last one is not its own.
pub fn pairs(header: &[u8], cookies_max: usize) -> Vec<(&[u8], &[u8])> {
    header
        .trim_ascii_end()
        .split(|&byte| byte == b';')
        .map(<[u8]>::trim_ascii_start)
        .filter(|part| !part.is_empty())
        .take(cookies_max)
        .map(|part| match memchr::memchr(b'=', part) {
            Some(at) => (
                part.get(..at).unwrap_or_default().trim_ascii_end(),
                part.get(at + 1..).unwrap_or_default(),
            ),
            None => (part.trim_ascii_end(), &[][..]),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies() {
        type Pairs = &'static [(&'static [u8], &'static [u8])];
        let cases: [(&[u8], Pairs); 5] = [
            (b"", &[]),
            (b"a=b; c=d", &[(b"a", b"b"), (b"c", b"d")]),
            (b"a=b=c;;d", &[(b"a", b"b=c"), (b"d", b"")]),
            (b"a =b ; c=d  ", &[(b"a", b"b "), (b"c", b"d")]),
            (b"a=\"x y\"", &[(b"a", b"\"x y\"")]),
        ];
        for (header, expected) in cases {
            assert_eq!(pairs(header, 10), expected, "{header:?}");
        }
        assert_eq!(pairs(b"a;b;c", 2).len(), 2);
    }
}
