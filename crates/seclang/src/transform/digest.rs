//! `md5`, `sha1`: raw digests. For comparing values as rules do, not for security.

use md5::Digest as _;

/// Sixteen bytes.
pub(super) fn md5(input: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&::md5::Md5::digest(input));
}

/// Twenty bytes.
pub(super) fn sha1(input: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&::sha1::Sha1::digest(input));
}

#[cfg(test)]
mod tests {
    use super::super::run;

    #[test]
    fn lengths_and_first_bytes() {
        assert_eq!(run("md5", b"").len(), 16);
        assert_eq!(run("md5", b"").first(), Some(&0xd4));
        assert_eq!(run("sha1", b"").len(), 20);
        assert_eq!(run("sha1", b"").first(), Some(&0xda));
    }
}
