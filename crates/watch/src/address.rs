//! Addresses as programs write them into logs.
//!
//! Invariants: never reads past what it returns, never looks a name up, and an address that is written
//! in an odd way (a leading zero, a number over 255) is no address. An IPv4 address inside IPv6
//! (`::ffff:192.0.2.1`) is the IPv4 address, so that it cannot be banned twice or not at all.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest text of an IPv6 address.
const TEXT_BYTES_MAX: usize = 45;

/// The dotted quad that `text` begins with, and its length. A digit may not follow.
pub(crate) fn leading_v4(text: &[u8]) -> Option<(Ipv4Addr, usize)> {
    let mut octets = [0_u8; 4];
    let mut at = 0;
    for (index, octet) in octets.iter_mut().enumerate() {
        if index > 0 {
            if text.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
        let start = at;
        let mut value = 0_u16;
        while let Some(digit) = text.get(at).filter(|byte| byte.is_ascii_digit()) {
            value = value * 10 + u16::from(digit - b'0');
            at += 1;
            if value > 255 {
                return None;
            }
        }
        let is_odd = at == start || (at - start > 1 && text.get(start) == Some(&b'0'));
        if is_odd {
            return None;
        }
        *octet = u8::try_from(value).ok()?;
    }
    Some((Ipv4Addr::from(octets), at))
}

/// How long the text is that could be an IPv6 address.
fn run_v6(text: &[u8]) -> usize {
    let is_of_it = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let run = text.iter().take(TEXT_BYTES_MAX + 6).take_while(|byte| is_of_it(byte)).count();
    run.min(text.len())
}

/// Without the full stops that end a sentence.
fn without_full_stops(mut text: &[u8]) -> &[u8] {
    while let Some(rest) = text.strip_suffix(b".") {
        text = rest;
    }
    text
}

/// The IPv6 address in exactly these bytes.
fn exact_v6(text: &[u8]) -> Option<Ipv6Addr> {
    if text.len() > TEXT_BYTES_MAX || memchr::memchr(b':', text).is_none() {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The next shorter text that may be an address: what stands before the last colon or full stop, as a
/// port may follow it (`2001:db8::1:443`, `2001:db8::1.443`). Never half of an IPv4 address inside IPv6.
fn shorter(text: &[u8]) -> Option<&[u8]> {
    let cut = text.iter().rposition(|byte| matches!(byte, b':' | b'.'))?;
    let (shorter, rest) = text.split_at_checked(cut)?;
    let (left, all) = (full_stops(shorter), full_stops(text));
    (!rest.starts_with(b".") || left >= 3 || all == 1).then_some(shorter)
}

fn full_stops(text: &[u8]) -> usize {
    memchr::memchr_iter(b'.', text).count()
}

/// Every address that `text` may begin with, the longest first, with its length.
pub(crate) fn candidates(text: &[u8]) -> impl Iterator<Item = (IpAddr, usize)> + '_ {
    let v4 = leading_v4(text).map(|(address, length)| (IpAddr::V4(address), length));
    let is_v6 =
        v4.is_none() && text.first().is_some_and(|byte| byte.is_ascii_hexdigit() || *byte == b':');
    let mut run = if is_v6 { text.get(..run_v6(text)).map(without_full_stops) } else { None };
    let v6 = std::iter::from_fn(move || {
        while let Some(part) = run {
            run = shorter(part);
            if let Some(address) = exact_v6(part) {
                return Some((IpAddr::V6(address).to_canonical(), part.len()));
            }
        }
        None
    });
    v4.into_iter().chain(v6)
}

/// The address in exactly these bytes.
pub(crate) fn exact(text: &[u8]) -> Option<IpAddr> {
    match leading_v4(text) {
        Some((address, length)) => (length == text.len()).then_some(IpAddr::V4(address)),
        None => exact_v6(text).map(|address| IpAddr::V6(address).to_canonical()),
    }
}

/// How long the host name is that `text` begins with; 0: none. It ends in a letter or digit.
pub(crate) fn name_length(text: &[u8]) -> usize {
    let is_of_it = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'^') || *byte >= 0x80
    };
    let mut length = text.iter().take(255).take_while(|byte| is_of_it(byte)).count();
    while length > 0 && text.get(length - 1).is_some_and(|byte| matches!(byte, b'.' | b'-' | b'^'))
    {
        length -= 1;
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, usize)]) {
        let found: Vec<(String, usize)> = candidates(text.as_bytes())
            .map(|(address, length)| (address.to_string(), length))
            .collect();
        let expected: Vec<(String, usize)> =
            expected.iter().map(|(address, length)| ((*address).to_owned(), *length)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn addresses_are_found_where_they_begin() {
        check("192.0.2.1", &[("192.0.2.1", 9)]);
        check("192.0.2.1:5060 x", &[("192.0.2.1", 9)]);
        check("192.0.2.1.50550 x", &[("192.0.2.1", 9)]);
        check("192.0.2.1.", &[("192.0.2.1", 9)]);
        check("::1: 3", &[("::1", 3)]);
        check("::ffff:192.0.2.7]", &[("192.0.2.7", 16)]);
        check("2001:db8::1234:58430 x", &[("2001:db8::1234", 14)]);
        check("2001:db8::1234.443 x", &[("2001:db8::1234", 14)]);
        check("::ffff:192.0.2.7.443 x", &[("192.0.2.7", 16)]);
    }

    #[test]
    fn what_is_written_oddly_is_no_address() {
        for text in
            ["192.030.0.6", "192.0.2.256", "192.0.2", "example.com", "", ":", "1", "0x7f.1", "beef"]
        {
            check(text, &[]);
            assert_eq!(exact(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_name_ends_in_a_letter_or_digit() {
        for (text, length) in [("example.com: x", 11), ("host.", 4), ("-", 0), ("", 0), ("a b", 1)]
        {
            assert_eq!(name_length(text.as_bytes()), length, "{text}");
        }
    }
}
