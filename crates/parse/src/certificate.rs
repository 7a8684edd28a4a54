//! X.509 certificates, as far as somebody asks who does not verify them: names, dates, kinds and sizes of
//! keys, signatures' algorithms (RFC 5280, RFC 8017). Nothing is verified here: that is cryptography.
//!
//! Invariants: a length that leads out of its value ends the reading; depth is fixed by the form.

use bstr::ByteSlice as _;

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The names that it is for: DNS names and addresses of the extension, else the common name.
    pub names: Vec<String>,
    /// Whose it is, as DER has the name.
    pub subject: Vec<u8>,
    /// Who signed it, as DER has the name.
    pub issuer: Vec<u8>,
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
    /// The key itself with its algorithm, as DER has them.
    pub public: Vec<u8>,
    /// As `sha256`, `sha1`, `md5`; empty where unknown.
    pub digest: &'static str,
    /// The common name.
    pub common_name: String,
    /// The serial number, as DER has it.
    pub serial: Vec<u8>,
    /// The key identifier of the authority that signed it; empty where it is not told.
    pub authority: Vec<u8>,
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

/// A name as a text to compare and to show.
fn text_of(bytes: &[u8]) -> String {
    bytes.to_str().map_or_else(|_| bytes.escape_ascii().to_string(), str::to_owned)
}

/// The bits of a number, without zeros in front.
pub fn bits(number: &[u8]) -> usize {
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

/// Reads a certificate; `None` where it is none.
pub fn parse(der: &[u8]) -> Option<Certificate> {
    let (certificate, _) = expect(der, SEQUENCE)?;
    let (body, after) = expect(certificate, SEQUENCE)?;
    let (algorithm, _) = expect(after, SEQUENCE)?;
    let digest = digest_of(expect(algorithm, 0x06)?.0);
    let rest = expect(body, 0xa0).map_or(body, |(_, rest)| rest);
    let (serial, rest) = expect(rest, 0x02)?;
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
        subject: subject.to_vec(),
        issuer: issuer.to_vec(),
        is_self_issued: issuer == subject,
        is_authority: extensions.is_authority,
        begins,
        ends,
        key: public_key(key)?,
        public: key.to_vec(),
        digest,
        common_name,
        serial: serial.to_vec(),
        authority: extensions.authority,
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
            found = value(text).map(|(_, text, _)| text_of(text));
        }
        rest = after;
    }
    found
}

#[derive(Default)]
struct Extensions {
    names: Vec<String>,
    is_authority: bool,
    authority: Vec<u8>,
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
                    (0x82, name) => out.names.push(text_of(name)),
                    (0x87, &[a, b, c, d]) => out.names.push(format!("{a}.{b}.{c}.{d}")),
                    _ => {}
                }
                names = after;
            }
        }
        [0x55, 0x1d, 0x23] => {
            out.authority = expect(inner, 0x80).map(|(id, _)| id.to_vec()).unwrap_or_default();
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
pub const fn days(year: i64, month: i64, day: i64) -> i64 {
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
            subject: Vec::new(),
            issuer: Vec::new(),
            is_self_issued: false,
            is_authority: false,
            begins: 0,
            ends: 0,
            key: Key { kind: KeyKind::Rsa, bits: 2048 },
            public: Vec::new(),
            digest: "sha256",
            common_name: String::new(),
            serial: Vec::new(),
            authority: Vec::new(),
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
}
