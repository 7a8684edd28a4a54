//! The name of everything in a repository: the SHA-256 of its content.

use crate::error::BackupError;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// SHA-256 of a file of the repository or of a blob.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub(crate) [u8; 32]);

impl Id {
    /// That of a content.
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// Sixty-four hexadecimal digits. `None`: it is something else.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        let (pairs, _) = text.as_bytes().as_chunks::<2>();
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = (digit(*high)? << 4) | digit(*low)?;
        }
        Some(Self(bytes))
    }

    /// The whole name.
    pub fn hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(64);
        for byte in self.0 {
            for half in [byte >> 4, byte & 15] {
                text.push(DIGITS.get(usize::from(half)).copied().map_or('0', char::from));
            }
        }
        text
    }

    /// The first eight digits, as people are shown it.
    pub fn short(&self) -> String {
        self.hex().chars().take(8).collect()
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.hex())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.short())
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.hex())
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("this is no SHA-256"))
    }
}

/// Says that a content is the one of its name, or which object is damaged.
pub(crate) fn confirm(kind: &str, id: &Id, content: &[u8]) -> Result<(), BackupError> {
    if Id::of(content) == *id {
        return Ok(());
    }
    Err(BackupError::damaged(format!("{kind} `{id}`"), "its content does not have its digest"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        // The digest of `abc`, FIPS 180-2, appendix B.1.
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let id = Id::of(b"abc");
        assert_eq!((id.hex().as_str(), id.short().as_str()), (text, "ba7816bf"));
        assert_eq!(Id::parse(text), Some(id));
        let upper = text.to_uppercase();
        let long = format!("{text}a");
        for wrong in ["", "ba78", &upper, &long, &text.replace('b', "g")] {
            assert_eq!(Id::parse(wrong), None, "{wrong}");
        }
        assert!(confirm("pack", &id, b"abc").is_ok());
        let error = confirm("pack", &id, b"abd").unwrap_err().to_string();
        assert!(error.contains(text) && error.contains("pack"), "{error}");
    }
}
