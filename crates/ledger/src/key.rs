//! The pair of keys: Ed25519, the private one in a file that its owner alone may read, the public one beside it in
//! a form that `openssl` reads too.

use crate::error::LedgerError;
use crate::hash::Hash;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::path::Path;

/// What stands before the 32 bytes of a public key in its DER form (RFC 8410).
const PUBLIC_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0];
const PRIVATE_LABEL: &str = "PRIVATE KEY";
const PUBLIC_LABEL: &str = "PUBLIC KEY";
/// Characters of a line of base64.
const LINE_CHARS: usize = 64;

/// The private key. Is not shown.
pub struct Key {
    pair: Ed25519KeyPair,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Key {
    /// A new one, and its file's text.
    pub fn generate() -> Result<(Self, String), LedgerError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_unspecified| LedgerError::NoKey)?;
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref())
            .map_err(|_rejected| LedgerError::NoKey)?;
        Ok((Self { pair }, armour(PRIVATE_LABEL, document.as_ref())))
    }

    /// Reads a file's text.
    pub fn parse(text: &[u8], path: &Path) -> Result<Self, LedgerError> {
        let wrong = |why| LedgerError::Key { path: path.to_path_buf(), why };
        let bytes = unarmoured(PRIVATE_LABEL, text).ok_or_else(|| wrong("it is no private key"))?;
        let pair = Ed25519KeyPair::from_pkcs8(&bytes)
            .map_err(|_rejected| wrong("it is no key of Ed25519"))?;
        Ok(Self { pair })
    }

    /// The public key.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        for (own, byte) in bytes.iter_mut().zip(self.pair.public_key().as_ref()) {
            *own = *byte;
        }
        PublicKey(bytes)
    }

    /// A signature, in base64.
    pub(crate) fn sign(&self, message: &[u8]) -> String {
        STANDARD.encode(self.pair.sign(message).as_ref())
    }
}

/// The public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads a file's text.
    pub fn parse(text: &[u8], path: &Path) -> Result<Self, LedgerError> {
        let wrong = LedgerError::Key {
            path: path.to_path_buf(),
            why: "it is no public key of Ed25519 in PEM",
        };
        let bytes = unarmoured(PUBLIC_LABEL, text);
        let bytes = bytes.as_deref().and_then(|bytes| bytes.strip_prefix(&PUBLIC_PREFIX[..]));
        bytes.and_then(|bytes| Some(Self(bytes.try_into().ok()?))).ok_or(wrong)
    }

    /// Its file's text.
    pub fn armoured(&self) -> String {
        armour(PUBLIC_LABEL, &[&PUBLIC_PREFIX[..], &self.0[..]].concat())
    }

    /// The SHA-256 of its DER form.
    pub fn fingerprint(&self) -> Hash {
        Hash::of(&[&PUBLIC_PREFIX[..], &self.0[..]].concat())
    }

    /// Whether a signature in base64 is its own.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, &signature).is_ok()
    }
}

/// What is signed: of what sort, of which ledger, up to which row.
pub(crate) fn message(sort: &str, ledger: &str, seq: u64, hash: Hash) -> Vec<u8> {
    format!("burgrave ledger {sort} 1\n{ledger}\n{seq}\n{hash}\n").into_bytes()
}

fn armour(label: &str, bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let mut armoured = format!("-----BEGIN {label}-----\n");
    for (index, character) in text.chars().enumerate() {
        if index > 0 && index.is_multiple_of(LINE_CHARS) {
            armoured.push('\n');
        }
        armoured.push(character);
    }
    armoured.push_str(&format!("\n-----END {label}-----\n"));
    armoured
}

fn unarmoured(label: &str, text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let inner = text.strip_prefix(&format!("-----BEGIN {label}-----"))?;
    let inner = inner.strip_suffix(&format!("-----END {label}-----"))?;
    STANDARD.decode(inner.split_ascii_whitespace().collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_what_they_write_and_sign() {
        let (key, text) = Key::generate().unwrap();
        let path = Path::new("key");
        let again = Key::parse(text.as_bytes(), path).unwrap();
        assert_eq!(format!("{again:?}"), "[redacted]");
        let public = again.public();
        assert_eq!(public, key.public());
        assert_eq!(PublicKey::parse(public.armoured().as_bytes(), path).unwrap(), public);
        let message = message("head", "name", 3, Hash::NONE);
        let signature = key.sign(&message);
        assert!(public.has_signed(&message, &signature));
        assert!(!public.has_signed(b"other", &signature));
        assert!(!public.has_signed(&message, "AAAA"));
        assert!(!public.has_signed(&message, "no base64"));
        assert!(!Key::generate().unwrap().0.public().has_signed(&message, &signature));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let path = Path::new("/x/key");
        for text in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "\u{0}"]
        {
            let error = Key::parse(text.as_bytes(), path).unwrap_err().to_string();
            assert!(error.contains("`/x/key` cannot be used"), "{error}");
            assert!(PublicKey::parse(text.as_bytes(), path).is_err());
        }
    }
}
