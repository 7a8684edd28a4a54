//! Block lists that are asked by DNS (RFC 5782), for `@rbl`: their names, what is asked, and what an answer means.
//!
//! Nothing is asked here: whoever runs the engine does that before a transaction, and gives it what was heard. Invariant:
//! what was not heard is [`Listing::Unknown`], never clear.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// What one list says of one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// It is not on the list.
    Clear,
    /// It is, for the reason that the list writes as an address in 127.0.0.0/8.
    Listed(Ipv4Addr),
    /// The list did not answer, or said that it would not.
    Unknown,
}

impl Listing {
    /// What the addresses mean that a name has; none where it does not exist.
    pub fn read(addresses: &[IpAddr]) -> Self {
        let codes = addresses.iter().map(|address| match address {
            // 127.255.255.0/24 says that the question was wrong, refused, or one too many.
            IpAddr::V4(code) if code.octets().starts_with(&[127]) => {
                (!code.octets().starts_with(&[127, 255, 255])).then_some(*code)
            }
            // A resolver that makes names up.
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        });
        let all: Option<Vec<Ipv4Addr>> = codes.collect();
        match all.map(|all| all.into_iter().min()) {
            None => Self::Unknown,
            Some(None) => Self::Clear,
            Some(Some(code)) => Self::Listed(code),
        }
    }
}

/// What was heard of a transaction's client, list by list.
pub type Listings = Arc<[(Arc<str>, Listing)]>;

/// The list that answers to keys only, which cannot be given here.
const WITH_KEY: &str = "dnsbl.httpbl.org";

/// A list's name in lower case, if it is a name of DNS.
pub(crate) fn zone(parameter: &[u8]) -> Option<Arc<str>> {
    let text = std::str::from_utf8(parameter).ok()?.trim().trim_end_matches('.');
    let label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len()) && label.bytes().all(plain)
    };
    // With room for an IPv6 address in front.
    let is_name = text.len() <= 180 && text.contains('.') && text.split('.').all(label);
    is_name.then(|| text.to_ascii_lowercase().into())
}

/// Whether a list answers to anybody.
pub(crate) fn is_open(zone: &str) -> bool {
    zone != WITH_KEY
}

/// The name to be asked for, from the root on: `7.2.0.192.zen.example.`
pub fn question(address: IpAddr, zone: &str) -> String {
    let mut out = String::new();
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            for octet in v4.octets().iter().rev() {
                out.push_str(&format!("{octet}."));
            }
        }
        IpAddr::V6(v6) => {
            for octet in v6.octets().iter().rev() {
                out.push_str(&format!("{:x}.{:x}.", octet & 15, octet >> 4));
            }
        }
    }
    out + zone + "."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_those_of_the_rfc() {
        let v4 = "192.0.2.99".parse().unwrap();
        assert_eq!(question(v4, "bad.example.com"), "99.2.0.192.bad.example.com.");
        let v6 = "2001:db8:1:2:3:4:567:89ab".parse().unwrap();
        assert_eq!(
            question(v6, "ugly.example.com"),
            "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ugly.example.com."
        );
        assert_eq!(question("::ffff:192.0.2.1".parse().unwrap(), "x.y"), "1.2.0.192.x.y.");
    }

    #[test]
    fn an_answer_that_is_none_is_unknown() {
        let read = |texts: &[&str]| {
            Listing::read(&texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>())
        };
        assert_eq!(read(&[]), Listing::Clear);
        assert_eq!(
            read(&["127.0.0.10", "127.0.0.2"]),
            Listing::Listed(Ipv4Addr::new(127, 0, 0, 2))
        );
        for odd in ["127.255.255.254", "192.0.2.1", "::1"] {
            assert_eq!(read(&["127.0.0.2", odd]), Listing::Unknown, "{odd}");
        }
    }

    #[test]
    fn only_names_of_dns_are_lists() {
        assert_eq!(zone(b" Zen.Example.ORG. ").as_deref(), Some("zen.example.org"));
        for bad in [&b""[..], b"local", b"a..b", b"a b.c", b"%{tx.a}.b", b"a.b/c", b"\xff.b"] {
            assert_eq!(zone(bad), None, "{bad:?}");
        }
        assert!(zone("a.".repeat(100).as_bytes()).is_none());
        assert!(!is_open("dnsbl.httpbl.org") && is_open("zen.example.org"));
    }
}
