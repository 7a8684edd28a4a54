//! Certificates and public keys, as far as an audit asks.

use super::{Facts, Seen};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
pub(crate) use burgrave_parse::certificate::days;
use burgrave_parse::certificate::{self, bits};
pub use burgrave_parse::certificate::{Certificate, Key, KeyKind};
use std::path::Path;

impl Facts<'_> {
    /// The first certificate of a PEM file; `None` where there is no file or no certificate in it.
    pub fn certificate(&self, path: &Path) -> Seen<Option<Certificate>> {
        let bytes = self.bytes(path, 1024 * 1024)?;
        Ok(bytes.and_then(|bytes| certificate::parse(&pem(&bytes, "CERTIFICATE").unwrap_or(bytes))))
    }
}

/// The first block of a kind in a PEM text.
pub fn pem(bytes: &[u8], label: &str) -> Option<Vec<u8>> {
    let text = super::text_of(bytes);
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.split_whitespace().collect();
    STANDARD.decode(body).ok()
}

/// The key of a line of `ssh-keygen`'s public form (RFC 4253, 6.6).
pub fn ssh_public(line: &str) -> Option<Key> {
    let mut words = line.split_whitespace();
    let kind = words.find(|word| {
        word.starts_with("ssh-") || word.starts_with("ecdsa-") || word.starts_with("sk-")
    })?;
    let blob = STANDARD.decode(words.next()?).ok()?;
    let (_, rest) = ssh_string(&blob)?;
    match kind {
        "ssh-rsa" => {
            let (_, rest) = ssh_string(rest)?;
            Some(Key { kind: KeyKind::Rsa, bits: bits(ssh_string(rest)?.0) })
        }
        "ssh-dss" => Some(Key { kind: KeyKind::Dsa, bits: bits(ssh_string(rest)?.0) }),
        _ => Some(Key { kind: KeyKind::Curve, bits: 256 }),
    }
}

fn ssh_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_keys_of_ssh_tell_their_size() {
        let line =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHn4gk0Jx0Zr3t7oT2vS0xg0wTtq9mC0f3g0lX7mXo2u x";
        assert_eq!(ssh_public(line), Some(Key { kind: KeyKind::Curve, bits: 256 }));
        assert_eq!(ssh_public("nothing"), None);
    }
}
