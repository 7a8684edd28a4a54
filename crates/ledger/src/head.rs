//! The head: which row is the last, signed. It is a file of its own, so that a tail that was cut is found.

use crate::chain::Link;
use crate::error::LedgerError;
use crate::hash::Hash;
use crate::key::{Key, PublicKey, message};
use serde::{Deserialize, Serialize};

const SORT: &str = "head";

/// The signed head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The ledger's name, from its first row.
    pub ledger: String,
    /// The last row's number.
    pub seq: u64,
    /// The last row's hash.
    pub hash: Hash,
    /// When it was signed, RFC 3339 in UTC.
    pub time: String,
    /// In base64.
    pub signature: String,
}

impl Head {
    /// Signs one.
    pub(crate) fn sign(key: &Key, ledger: &str, link: Link, time: String) -> Self {
        let signature = key.sign(&message(SORT, ledger, link.seq, link.hash));
        Self { ledger: ledger.to_owned(), seq: link.seq, hash: link.hash, time, signature }
    }

    /// Reads a file's text.
    pub fn parse(text: &[u8]) -> Result<Self, &'static str> {
        serde_json::from_slice(text).map_err(|_error| "it is no head in JSON")
    }

    /// The file's text.
    pub(crate) fn text(&self) -> Vec<u8> {
        // What is made of numbers and strings can always be written.
        let mut text = serde_json::to_vec(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// Whether the key has signed it.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.has_signed(&message(SORT, &self.ledger, self.seq, self.hash), &self.signature)
    }

    /// The row that it names.
    pub const fn link(&self) -> Link {
        Link { seq: self.seq, hash: self.hash }
    }
}

/// A head that an auditor noted at an earlier time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted(pub Link);

impl Noted {
    /// From what was noted: `ROW:HASH`, or the text of the file `HEAD`.
    pub fn parse(text: &[u8]) -> Result<Self, LedgerError> {
        if let Ok(head) = Head::parse(text) {
            return Ok(Self(head.link()));
        }
        let plain = std::str::from_utf8(text).unwrap_or_default().trim();
        let link = plain.split_once(':').and_then(|(seq, hash)| {
            Some(Link { seq: seq.parse().ok()?, hash: Hash::parse(hash.as_bytes())? })
        });
        let shown = || plain.chars().take(80).collect::<String>().escape_debug().to_string();
        link.map(Self).ok_or_else(|| LedgerError::NoHead(shown()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_its_keys_own() {
        let (key, _) = Key::generate().unwrap();
        let link = Link { seq: 9, hash: Hash::of(b"row") };
        let head = Head::sign(&key, "name", link, "2026".to_owned());
        let read = Head::parse(&head.text()).unwrap();
        assert_eq!(read, head);
        assert!(read.is_signed_by(&key.public()));
        for changed in [
            Head { seq: 8, ..head.clone() },
            Head { hash: Hash::NONE, ..head.clone() },
            Head { ledger: "other".to_owned(), ..head.clone() },
            Head { signature: String::new(), ..head.clone() },
        ] {
            assert!(!changed.is_signed_by(&key.public()), "{changed:?}");
        }
        assert!(Head::parse(b"{}").is_err());
        assert_eq!(Noted::parse(&head.text()).unwrap().0, link);
        assert_eq!(Noted::parse(format!("9:{}\n", link.hash).as_bytes()).unwrap().0, link);
        for wrong in ["", "9", "9:abc", "x:y", &format!("-1:{}", link.hash)] {
            assert!(Noted::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
