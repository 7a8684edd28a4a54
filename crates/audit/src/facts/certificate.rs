//! X.509 certificates and private keys, as far as an audit asks: names, dates, kinds and sizes of
//! keys, signatures' algorithms (RFC 5280, RFC 8017). Nothing is verified here: that is cryptography.
//!
//! Invariants: a length that leads out of its value ends the reading; depth is fixed by the form.

use super::{Facts, Seen};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The names that it is for: DNS names and addresses of the extension, else the common name.
    pub names: Vec<String>,
    /// Subject and issuer are the same.
    pub is_self_issued: bool,
    /// It may sign others.
    pub is_authority: bool,
    /// Seconds since 1970.
    pub begins: i64,
    /// Seconds since 1970.
    pub ends: i64,
    /// Its key.
    pub key: Key,
    /// As `sha256`, `sha1`, `md5`; empty where unknown.
    pub digest: &'static str,
    /// The common name.
    pub common_name: String,
}

/// A public key's kind and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its kind.
    pub kind: KeyKind,
    /// Bits; 0 where unknown.
    pub bits: usize,
}

/// Kinds of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA.
    Rsa,
    /// An elliptic curve.
    Curve,
    /// DSA.
    Dsa,
    /// Another.
    Other,
}

impl Certificate {
    /// Whether one of its names covers a host, as RFC 6125 has it: `*` for one label on the left.
    pub fn covers(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.names.iter().any(|name| {
            let name = name.to_ascii_lowercase();
            match name.strip_prefix("*.") {
                Some(rest) => host.split_once('.').is_some_and(|(_, tail)| tail == rest),
                None => name == host,
            }
        })
    }
}

impl Facts<'_> {
    /// The first certificate of a PEM file; `None` where there is no file or no certificate in it.
    pub fn certificate(&self, path: &Path) -> Seen<Option<Certificate>> {
        let bytes = self.bytes(path, 1024 * 1024)?;
        Ok(bytes.and_then(|bytes| parse(&pem(&bytes, "CERTIFICATE").unwrap_or(bytes))))
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

fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first =
        number.get(zeros).map_or(8, |byte| usize::try_from(byte.leading_zeros()).unwrap_or(0));
    (number.len().saturating_sub(zeros) * 8).saturating_sub(first)
}

/// One value of DER: its tag, what is in it, and what follows.
fn value(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if first < 0x80 {
        let (inner, after) = rest.split_at_checked(usize::from(first))?;
        return Some((tag, inner, after));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 {
        return None;
    }
    let (length, rest) = rest.split_at_checked(count)?;
    let length = length.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
    let (inner, after) = rest.split_at_checked(length)?;
    Some((tag, inner, after))
}

/// The content of a value that has this tag, and what follows.
fn expect(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    value(bytes).filter(|found| found.0 == tag).map(|(_, inner, after)| (inner, after))
}

const SEQUENCE: u8 = 0x30;

fn parse(der: &[u8]) -> Option<Certificate> {
    let (certificate, _) = expect(der, SEQUENCE)?;
    let (body, after) = expect(certificate, SEQUENCE)?;
    let (algorithm, _) = expect(after, SEQUENCE)?;
    let digest = digest_of(expect(algorithm, 0x06)?.0);
    let rest = expect(body, 0xa0).map_or(body, |(_, rest)| rest);
    let (_, rest) = expect(rest, 0x02)?;
    let (_, rest) = expect(rest, SEQUENCE)?;
    let (issuer, rest) = expect(rest, SEQUENCE)?;
    let (validity, rest) = expect(rest, SEQUENCE)?;
    let (subject, rest) = expect(rest, SEQUENCE)?;
    let (key, rest) = expect(rest, SEQUENCE)?;
    let (begins, after) = time(validity)?;
    let (ends, _) = time(after)?;
    let extensions = extensions(rest);
    let common_name = common_name(subject).unwrap_or_default();
    let mut names = extensions.names;
    if names.is_empty() && !common_name.is_empty() {
        names.push(common_name.clone());
    }
    Some(Certificate {
        names,
        is_self_issued: issuer == subject,
        is_authority: extensions.is_authority,
        begins,
        ends,
        key: public_key(key)?,
        digest,
        common_name,
    })
}

fn public_key(info: &[u8]) -> Option<Key> {
    let (algorithm, rest) = expect(info, SEQUENCE)?;
    let (id, _) = expect(algorithm, 0x06)?;
    let (string, _) = expect(rest, 0x03)?;
    match id {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, ..] => {
            let (numbers, _) = expect(string.get(1..)?, SEQUENCE)?;
            Some(Key { kind: KeyKind::Rsa, bits: bits(expect(numbers, 0x02)?.0) })
        }
        [0x2a, 0x86, 0x48, 0xce, 0x38, ..] => Some(Key { kind: KeyKind::Dsa, bits: 0 }),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, ..] => {
            Some(Key { kind: KeyKind::Curve, bits: string.len().saturating_sub(2) * 4 })
        }
        [0x2b, 0x65, ..] => Some(Key { kind: KeyKind::Curve, bits: 256 }),
        _ => Some(Key { kind: KeyKind::Other, bits: 0 }),
    }
}

/// The digest of a signature's algorithm, by its object identifier.
const fn digest_of(id: &[u8]) -> &'static str {
    match id {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last] => match last {
            2 => "md2",
            4 => "md5",
            5 => "sha1",
            11 => "sha256",
            12 => "sha384",
            13 => "sha512",
            14 => "sha224",
            _ => "",
        },
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01] | [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03] => {
            "sha1"
        }
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, ..] => "sha256",
        _ => "",
    }
}

fn common_name(name: &[u8]) -> Option<String> {
    let mut rest = name;
    let mut found = None;
    while let Some((set, after)) = expect(rest, 0x31) {
        let (pair, _) = expect(set, SEQUENCE)?;
        let (id, text) = expect(pair, 0x06)?;
        if id == [0x55, 0x04, 0x03] {
            found = value(text).map(|(_, text, _)| super::text_of(text));
        }
        rest = after;
    }
    found
}

#[derive(Default)]
struct Extensions {
    names: Vec<String>,
    is_authority: bool,
}

fn extensions(rest: &[u8]) -> Extensions {
    let mut out = Extensions::default();
    let mut rest = rest;
    while let Some((tag, inner, after)) = value(rest) {
        if tag == 0xa3
            && let Some((list, _)) = expect(inner, SEQUENCE)
        {
            let mut list = list;
            while let Some((extension, next)) = expect(list, SEQUENCE) {
                one_extension(extension, &mut out);
                list = next;
            }
        }
        rest = after;
    }
    out
}

fn one_extension(extension: &[u8], out: &mut Extensions) -> Option<()> {
    let (id, rest) = expect(extension, 0x06)?;
    let rest = expect(rest, 0x01).map_or(rest, |(_, rest)| rest);
    let (content, _) = expect(rest, 0x04)?;
    let (inner, _) = expect(content, SEQUENCE)?;
    match id {
        [0x55, 0x1d, 0x11] => {
            let mut names = inner;
            while let Some((tag, name, after)) = value(names) {
                match (tag, name) {
                    (0x82, name) => out.names.push(super::text_of(name)),
                    (0x87, &[a, b, c, d]) => out.names.push(format!("{a}.{b}.{c}.{d}")),
                    _ => {}
                }
                names = after;
            }
        }
        [0x55, 0x1d, 0x13] => {
            out.is_authority = expect(inner, 0x01).is_some_and(|(flag, _)| flag == [0xff]);
        }
        _ => {}
    }
    Some(())
}

/// `UTCTime` or `GeneralizedTime` as seconds since 1970, and what follows.
fn time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (tag, text, after) = value(bytes)?;
    let text = std::str::from_utf8(text).ok()?;
    let (year, rest) = match tag {
        0x17 => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i64 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        0x18 => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let part = |at: usize| -> Option<i64> { rest.get(at..at + 2)?.parse().ok() };
    let days = days(year, part(0)?, part(2)?);
    Some((days * 86_400 + part(4)? * 3_600 + part(6)? * 60 + part(8)?, after))
}

/// Days from 1970-01-01 to a date (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
pub(crate) const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_sizes_and_names_are_read() {
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(days(2026, 11, 26), 20_783);
        assert_eq!(bits(&[0, 0x80, 0]), 16);
        assert_eq!(bits(&[1]), 1);
        let certificate = Certificate {
            names: vec!["*.a.example".into(), "b".into()],
            is_self_issued: false,
            is_authority: false,
            begins: 0,
            ends: 0,
            key: Key { kind: KeyKind::Rsa, bits: 2048 },
            digest: "sha256",
            common_name: String::new(),
        };
        assert!(certificate.covers("X.a.example") && certificate.covers("b"));
        assert!(!certificate.covers("a.example") && !certificate.covers("x.y.a.example"));
    }

    #[test]
    fn bytes_that_are_no_certificate_are_none() {
        for bytes in [&b""[..], b"\x30", b"\x30\x82\xff\xff", b"\x30\x80", &[0x30; 64]] {
            assert_eq!(parse(bytes), None);
        }
    }

    #[test]
    fn public_keys_of_ssh_tell_their_size() {
        let line =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHn4gk0Jx0Zr3t7oT2vS0xg0wTtq9mC0f3g0lX7mXo2u x";
        assert_eq!(ssh_public(line), Some(Key { kind: KeyKind::Curve, bits: 256 }));
        assert_eq!(ssh_public("nothing"), None);
    }
}
