//! What a path was before it was changed, so that it can be made so again.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    File,
    Folder,
    Link,
}

/// A moment of a file, to the nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) secs: i64,
    pub(crate) nanos: u64,
}

/// An extended attribute: access lists, capabilities, security labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    /// In hexadecimal digits.
    pub(crate) value: String,
}

/// Everything that is put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) accessed: Stamp,
    pub(crate) modified: Stamp,
    pub(crate) attributes: Vec<Attribute>,
    /// Of a file whose content was read.
    pub(crate) sha256: Option<String>,
}

/// The digest of a content, in hexadecimal digits.
pub(crate) fn digest(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    Some(
        digits?
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0_u8, |sum, digit| sum << 4 | digit))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_through_text_and_back() {
        for bytes in [&b""[..], b"\0\xff\x10", b"abc"] {
            assert_eq!(unhex(&hex(bytes)).unwrap(), bytes);
        }
        for wrong in ["0", "zz", "\u{e4}", "0g"] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
        assert!(digest(b"").starts_with("e3b0c44298fc1c14"));
    }
}
