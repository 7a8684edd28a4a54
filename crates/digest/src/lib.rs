//! Digests of bytes in lower-case hexadecimal digits, as lists of files give them: dpkg's `*.md5sums`, rpm's data base,
//! our baselines.
//!
//! Apart from those who read the lists, so that what takes the time, all bytes of all programs of a host, can be built
//! with optimisation where the rest is built quickly.
//!
//! Invariants: no I/O, and nothing secret: whoever compares a secret compares it in constant time.

use md5::Md5;
use sha2::{Digest, Sha256, Sha512};

/// MD5 (RFC 1321), 32 digits. Tells a changed file from a whole one unless somebody made a twin of it.
pub fn md5(bytes: &[u8]) -> String {
    hex::<Md5>(bytes)
}

/// SHA-256 (FIPS 180-4), 64 digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex::<Sha256>(bytes)
}

/// The same of texts one behind the other, which need not be in memory together.
pub fn sha256_of_all(texts: &mut dyn Iterator<Item = String>) -> String {
    let mut digest = Sha256::new();
    texts.for_each(|text| digest.update(text));
    digits(&digest.finalize())
}

/// SHA-512 (FIPS 180-4), 128 digits.
pub fn sha512(bytes: &[u8]) -> String {
    hex::<Sha512>(bytes)
}

fn hex<D: Digest>(bytes: &[u8]) -> String {
    digits(&D::digest(bytes))
}

fn digits(digest: &[u8]) -> String {
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1321, appendix A.5, and the examples of FIPS 180-4.
    #[test]
    fn digests_of_abc() {
        assert_eq!(md5(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let mut parts = ["a", "", "bc"].map(str::to_owned).into_iter();
        assert_eq!(sha256_of_all(&mut parts), sha256(b"abc"));
        assert_eq!(sha512(b"abc").len(), 128);
        assert!(sha512(b"abc").starts_with("ddaf35a193617abacc417349ae204131"));
        assert_eq!(md5(b""), "d41d8cd98f00b204e9800998ecf8427e");
    }
}
