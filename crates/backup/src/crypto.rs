//! How everything in a repository is sealed: AES-256 in counter mode and Poly1305-AES, as restic's format says
//! (its design document, "Keys, Encryption and MAC").
//!
//! A sealed text is the counter's start (16 bytes, random), the encrypted text and the authenticator (16 bytes).
//! Invariant: nothing is decrypted whose authenticator is not right.

use crate::error::BackupError;
use aes::cipher::{BlockEncrypt as _, KeyInit as _, KeyIvInit as _, StreamCipher as _};
use aes::{Aes128, Aes256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use burgrave_sys::{Live, System as _};
use poly1305::Poly1305;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Bytes that sealing adds.
pub(crate) const OVERHEAD: usize = IV_BYTES + MAC_BYTES;
const IV_BYTES: usize = 16;
const MAC_BYTES: usize = 16;
/// Bits of `r` that Poly1305 clears (its paper, section 2).
const R_MASK: [u8; 16] =
    [255, 255, 255, 15, 252, 255, 255, 15, 252, 255, 255, 15, 252, 255, 255, 15];

type Counter = ctr::Ctr128BE<Aes256>;

/// Base64 of bytes, as JSON holds them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Base64(pub(crate) Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Option<String>>::deserialize(deserializer)?.unwrap_or_default();
        STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl fmt::Debug for Base64 {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} bytes", self.0.len())
    }
}

#[derive(Serialize, Deserialize)]
struct Written {
    mac: WrittenMac,
    encrypt: Base64,
}

#[derive(Serialize, Deserialize)]
struct WrittenMac {
    k: Base64,
    r: Base64,
}

/// The keys of a repository, or those made of a password.
#[derive(Clone)]
pub(crate) struct Key {
    encrypt: [u8; 32],
    mac_k: [u8; 16],
    mac_r: [u8; 16],
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("[redacted]")
    }
}

impl Key {
    /// New keys for a new repository.
    pub(crate) fn random() -> Result<Self, BackupError> {
        let mut bytes = [0; 64];
        Live.random(&mut bytes)?;
        Self::from_bytes(&bytes)
    }

    /// Of 64 bytes: for encryption, then both of the authenticator.
    pub(crate) fn from_bytes(bytes: &[u8; 64]) -> Result<Self, BackupError> {
        let part = |from: usize, to: usize| bytes.get(from..to).unwrap_or_default();
        let wrong = |_short| BackupError::damaged("the key", "it is too short");
        Ok(Self {
            encrypt: part(0, 32).try_into().map_err(wrong)?,
            mac_k: part(32, 48).try_into().map_err(wrong)?,
            mac_r: part(48, 64).try_into().map_err(wrong)?,
        })
    }

    /// From the JSON that key files hold, sealed.
    pub(crate) fn from_json(json: &[u8]) -> Result<Self, BackupError> {
        let wrong = |why: String| BackupError::damaged("the repository's key", why);
        let written: Written =
            serde_json::from_slice(json).map_err(|error| wrong(error.to_string()))?;
        let short = |_bytes| wrong("a part of it has the wrong length".to_owned());
        Ok(Self {
            encrypt: written.encrypt.0.try_into().map_err(short)?,
            mac_k: written.mac.k.0.try_into().map_err(short)?,
            mac_r: written.mac.r.0.try_into().map_err(short)?,
        })
    }

    /// The JSON that key files hold, sealed.
    pub(crate) fn to_json(&self) -> Result<Vec<u8>, BackupError> {
        let written = Written {
            mac: WrittenMac { k: Base64(self.mac_k.to_vec()), r: Base64(self.mac_r.to_vec()) },
            encrypt: Base64(self.encrypt.to_vec()),
        };
        serde_json::to_vec(&written)
            .map_err(|error| BackupError::damaged("the repository's key", error.to_string()))
    }

    fn authenticator(&self, iv: &[u8; IV_BYTES], text: &[u8]) -> [u8; MAC_BYTES] {
        let mut nonce = (*iv).into();
        Aes128::new(&self.mac_k.into()).encrypt_block(&mut nonce);
        let mut key = [0_u8; 32];
        let (r, s) = key.split_at_mut(16);
        for ((to, from), mask) in r.iter_mut().zip(self.mac_r).zip(R_MASK) {
            *to = from & mask;
        }
        s.copy_from_slice(&nonce);
        Poly1305::new(&key.into()).compute_unpadded(text).into()
    }

    /// Appends the sealed text to a buffer.
    pub(crate) fn seal_into(&self, text: &[u8], out: &mut Vec<u8>) -> Result<(), BackupError> {
        let mut iv = [0_u8; IV_BYTES];
        Live.random(&mut iv)?;
        out.reserve(text.len().saturating_add(OVERHEAD));
        out.extend_from_slice(&iv);
        let start = out.len();
        out.extend_from_slice(text);
        let body = out.get_mut(start..).unwrap_or_default();
        Counter::new(&self.encrypt.into(), &iv.into()).apply_keystream(body);
        let mac = self.authenticator(&iv, body);
        out.extend_from_slice(&mac);
        Ok(())
    }

    /// The sealed text.
    pub(crate) fn seal(&self, text: &[u8]) -> Result<Vec<u8>, BackupError> {
        let mut out = Vec::new();
        self.seal_into(text, &mut out)?;
        Ok(out)
    }

    /// The text, in place of the sealed one. `None`: it was changed, cut, or sealed by another key.
    pub(crate) fn open<'s>(&self, sealed: &'s mut [u8]) -> Option<&'s mut [u8]> {
        let body_bytes = sealed.len().checked_sub(OVERHEAD)?;
        let (iv, rest) = sealed.split_first_chunk_mut::<IV_BYTES>()?;
        let (body, mac) = rest.split_at_mut_checked(body_bytes)?;
        // Compared in constant time, though nobody can ask often.
        let right = self.authenticator(iv, body);
        let difference =
            right.iter().zip(mac.iter()).fold(0, |difference, (a, b)| difference | (a ^ b));
        if difference != 0 || mac.len() != MAC_BYTES {
            return None;
        }
        Counter::new(&self.encrypt.into(), &(*iv).into()).apply_keystream(body);
        Some(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Key {
        Key::from_bytes(&[byte; 64]).unwrap()
    }

    #[test]
    fn what_is_sealed_is_opened_by_its_key_alone() {
        for text in [&b""[..], b"x", &[7; 10_000]] {
            let sealed = key(1).seal(text).unwrap();
            assert_eq!(sealed.len(), text.len() + OVERHEAD);
            assert_eq!(key(1).open(&mut sealed.clone()).unwrap(), text);
            assert!(key(2).open(&mut sealed.clone()).is_none());
            assert_ne!(sealed, key(1).seal(text).unwrap(), "each has a start of its own");
        }
    }

    #[test]
    fn any_changed_bit_or_cut_is_seen() {
        let sealed = key(3).seal(b"some text").unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(key(3).open(&mut changed).is_none(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(key(3).open(&mut sealed[..length].to_vec()).is_none(), "{length} bytes");
        }
    }

    #[test]
    fn keys_are_kept_as_json_and_not_shown() {
        let json = key(5).to_json().unwrap();
        let again = Key::from_json(&json).unwrap();
        let sealed = key(5).seal(b"text").unwrap();
        assert_eq!(again.open(&mut sealed.clone()).unwrap(), b"text");
        assert_eq!(format!("{again:?}"), "[redacted]");
        for wrong in ["", "{}", r#"{"mac":{"k":"AA==","r":"AA=="},"encrypt":"AA=="}"#] {
            assert!(Key::from_json(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_authenticator_is_poly1305_aes() {
        // "The Poly1305-AES message-authentication code", appendix B, second example: an empty message.
        let k = [
            0x75, 0xde, 0xaa, 0x25, 0xc0, 0x9f, 0x20, 0x8e, 0x1d, 0xc4, 0xce, 0x6b, 0x5c, 0xad,
            0x3f, 0xbf,
        ];
        let r = [
            0xa0, 0xf3, 0x08, 0x00, 0x00, 0xf4, 0x64, 0x00, 0xd0, 0xc7, 0xe9, 0x07, 0x6c, 0x83,
            0x44, 0x03,
        ];
        let n = [
            0x61, 0xee, 0x09, 0x21, 0x8d, 0x29, 0xb0, 0xaa, 0xed, 0x7e, 0x15, 0x4a, 0x2c, 0x55,
            0x09, 0xcc,
        ];
        let key = Key { encrypt: [0; 32], mac_k: k, mac_r: r };
        let expected = [
            0xdd, 0x3f, 0xab, 0x22, 0x51, 0xf1, 0x1a, 0xc7, 0x59, 0xf0, 0x88, 0x71, 0x29, 0xcc,
            0x2e, 0xe7,
        ];
        assert_eq!(key.authenticator(&n, b""), expected);
    }
}
