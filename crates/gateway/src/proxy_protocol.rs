//! The PROXY protocol, versions 1 and 2, in front of a connection: who the client really is, as a load
//! balancer in a named network says it (haproxy.org, `proxy-protocol.txt`).
//!
//! Invariants: asked for only where the configuration names the sender's network, and required there;
//! what is no whole, valid header ends the connection; the bytes after the header are left untouched.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// Longest header of version 1, with its CRLF.
const TEXT_BYTES_MAX: usize = 107;
/// Longest header of version 2 that is taken: addresses and a few extensions.
const BINARY_BYTES_MAX: usize = 2048;
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const BINARY_HEAD_BYTES: usize = 16;

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    /// More must come.
    Partial,
    /// No header, or one that is not to be trusted.
    Wrong,
    /// A header of so many bytes. `None`: the sender speaks for itself.
    Whole(usize, Option<SocketAddr>),
}

/// Reads the header; the client that it names, or `None` where the sender speaks for itself.
pub(crate) async fn read(stream: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
    let mut seen = vec![0; BINARY_BYTES_MAX];
    let mut before = 0;
    loop {
        let count = stream.peek(&mut seen).await?;
        match parse(seen.get(..count).unwrap_or_default()) {
            Read::Whole(length, client) => {
                let mut header = vec![0; length];
                stream.read_exact(&mut header).await?;
                return Ok(client);
            }
            Read::Partial if count > before => before = count,
            // The rest is on its way: peeking again at once would only burn time.
            Read::Partial if count > 0 => {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            Read::Partial | Read::Wrong => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

fn parse(bytes: &[u8]) -> Read {
    let shared = bytes.len().min(SIGNATURE.len());
    if bytes.get(..shared) == SIGNATURE.get(..shared) {
        return if bytes.len() < BINARY_HEAD_BYTES { Read::Partial } else { binary(bytes) };
    }
    text(bytes)
}

fn text(bytes: &[u8]) -> Read {
    const WORD: &[u8] = b"PROXY ";
    let shared = bytes.len().min(WORD.len());
    if bytes.get(..shared) != WORD.get(..shared) {
        return Read::Wrong;
    }
    let window = bytes.get(..bytes.len().min(TEXT_BYTES_MAX)).unwrap_or_default();
    let Some(end) = window.windows(2).position(|pair| pair == b"\r\n") else {
        return if bytes.len() < TEXT_BYTES_MAX { Read::Partial } else { Read::Wrong };
    };
    let line = window.get(WORD.len()..end).and_then(|line| std::str::from_utf8(line).ok());
    let Some(line) = line else { return Read::Wrong };
    let words: Vec<_> = line.split(' ').collect();
    match words.as_slice() {
        ["UNKNOWN", ..] => Read::Whole(end + 2, None),
        ["TCP4", from, to, port, own] => named::<Ipv4Addr>(end + 2, [*from, *to], [*port, *own]),
        ["TCP6", from, to, port, own] => named::<Ipv6Addr>(end + 2, [*from, *to], [*port, *own]),
        _ => Read::Wrong,
    }
}

fn named<A: std::str::FromStr + Into<IpAddr>>(
    length: usize,
    addresses: [&str; 2],
    ports: [&str; 2],
) -> Read {
    let port = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| plain)
    };
    let [from, to] = addresses.map(|text| text.parse::<A>().ok());
    match (from, to, ports.map(port)) {
        (Some(from), Some(_), [Some(port), Some(_)]) => {
            Read::Whole(length, Some(SocketAddr::new(from.into(), port)))
        }
        _ => Read::Wrong,
    }
}

fn binary(bytes: &[u8]) -> Read {
    let Some([version, family, high, low]) = bytes.get(12..16) else { return Read::Partial };
    let length = BINARY_HEAD_BYTES + usize::from(u16::from_be_bytes([*high, *low]));
    if length > BINARY_BYTES_MAX {
        return Read::Wrong;
    }
    let Some(addresses) = bytes.get(BINARY_HEAD_BYTES..length) else { return Read::Partial };
    match (version, family) {
        // LOCAL: a health check of the sender's.
        (0x20, _) => Read::Whole(length, None),
        (0x21, 0x11) => match addresses {
            [a, b, c, d, _, _, _, _, high, low, ..] => {
                let address = Ipv4Addr::new(*a, *b, *c, *d);
                let port = u16::from_be_bytes([*high, *low]);
                Read::Whole(length, Some(SocketAddr::new(address.into(), port)))
            }
            _ => Read::Wrong,
        },
        (0x21, 0x21) => {
            let address = addresses.first_chunk::<16>().map(|bytes| Ipv6Addr::from(*bytes));
            let port = addresses.get(32..34).and_then(|port| port.try_into().ok());
            match (address, port.map(u16::from_be_bytes)) {
                (Some(address), Some(port)) => {
                    Read::Whole(length, Some(SocketAddr::new(address.into(), port)))
                }
                _ => Read::Wrong,
            }
        }
        // Unspecified, unix sockets, datagrams: no client that could be named.
        _ => Read::Wrong,
    }
}

/// The header of version 1 for a connection from one address to another.
pub(crate) fn text_header(from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    let (from_ip, to_ip) = (from.ip().to_canonical(), to.ip().to_canonical());
    let family = match (from_ip, to_ip) {
        (IpAddr::V4(_), IpAddr::V4(_)) => "TCP4",
        (IpAddr::V6(_), IpAddr::V6(_)) => "TCP6",
        _ => return b"PROXY UNKNOWN\r\n".to_vec(),
    };
    format!("PROXY {family} {from_ip} {to_ip} {} {}\r\n", from.port(), to.port()).into_bytes()
}

/// The header of version 2.
pub(crate) fn binary_header(from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    let mut out = SIGNATURE.to_vec();
    let mut addresses = Vec::new();
    let family = match (from.ip().to_canonical(), to.ip().to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            addresses.extend(from.octets().into_iter().chain(to.octets()));
            0x11
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            addresses.extend(from.octets().into_iter().chain(to.octets()));
            0x21
        }
        _ => {
            // Of two families: nobody that could be named in one.
            out.extend([0x20, 0, 0, 0]);
            return out;
        }
    };
    addresses.extend(from.port().to_be_bytes().into_iter().chain(to.port().to_be_bytes()));
    let length = u16::try_from(addresses.len()).unwrap_or(0);
    out.extend([0x21, family]);
    out.extend(length.to_be_bytes());
    out.extend(addresses);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn headers_in_words_are_read_or_refused() {
        let long = format!("PROXY UNKNOWN {}\r\n", "f".repeat(200));
        for (text, wanted) in [
            (
                "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\nGET /",
                Read::Whole(42, Some(at("192.0.2.1:56324"))),
            ),
            ("PROXY TCP6 2001:db8::1 ::1 1 2\r\n", Read::Whole(32, Some(at("[2001:db8::1]:1")))),
            ("PROXY UNKNOWN\r\n", Read::Whole(15, None)),
            ("PROXY UNKNOWN ff:: :: 1 2\r\n", Read::Whole(27, None)),
            ("", Read::Partial),
            ("PRO", Read::Partial),
            ("PROXY TCP4 192.0.2.1", Read::Partial),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", Read::Partial),
            ("GET / HTTP/1.1\r\n", Read::Wrong),
            ("PROXYTCP4 192.0.2.1 192.0.2.2 1 2\r\n", Read::Wrong),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", Read::Wrong),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", Read::Wrong),
            ("PROXY TCP4 ::1 ::1 1 2\r\n", Read::Wrong),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n", Read::Wrong),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n", Read::Wrong),
            ("PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n", Read::Wrong),
            ("PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", Read::Wrong),
            (&long, Read::Wrong),
        ] {
            assert_eq!(parse(text.as_bytes()), wanted, "{text}");
        }
    }

    #[test]
    fn headers_in_bytes_are_read_or_refused() {
        let head = |version: u8, family: u8, length: u16, rest: &[u8]| {
            [&SIGNATURE[..], &[version, family], &length.to_be_bytes(), rest].concat()
        };
        let four = [192, 0, 2, 1, 192, 0, 2, 2, 0x12, 0x34, 0, 80];
        let with_extension = [&four[..], &[3, 0, 1, 9]].concat();
        for (bytes, wanted) in [
            (head(0x21, 0x11, 12, &four), Read::Whole(28, Some(at("192.0.2.1:4660")))),
            (head(0x21, 0x11, 16, &with_extension), Read::Whole(32, Some(at("192.0.2.1:4660")))),
            (head(0x20, 0x00, 0, &[]), Read::Whole(16, None)),
            (head(0x20, 0x11, 12, &four), Read::Whole(28, None)),
            (head(0x21, 0x11, 12, &four[..5]), Read::Partial),
            (SIGNATURE[..7].to_vec(), Read::Partial),
            (head(0x21, 0x11, 4, &four), Read::Wrong),
            (head(0x21, 0x21, 12, &four), Read::Wrong),
            (head(0x21, 0x12, 12, &four), Read::Wrong),
            (head(0x21, 0x31, 12, &four), Read::Wrong),
            (head(0x11, 0x11, 12, &four), Read::Wrong),
            (head(0x22, 0x11, 12, &four), Read::Wrong),
            (head(0x21, 0x11, 60_000, &four), Read::Wrong),
        ] {
            assert_eq!(parse(&bytes), wanted, "{bytes:x?}");
        }
    }

    #[test]
    fn written_headers_are_read_again() {
        for (from, to) in [("192.0.2.1:1", "192.0.2.2:443"), ("[2001:db8::1]:65535", "[::1]:443")] {
            let (from, to) = (at(from), at(to));
            for header in [text_header(from, to), binary_header(from, to)] {
                assert_eq!(parse(&header), Read::Whole(header.len(), Some(from)));
            }
        }
        let (from, to) = (at("192.0.2.1:1"), at("[::1]:443"));
        for header in [text_header(from, to), binary_header(from, to)] {
            assert_eq!(parse(&header), Read::Whole(header.len(), None));
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for length in 0..=SIGNATURE.len() + 4 {
            for byte in 0..=255 {
                let mut bytes = [&SIGNATURE[..], &[0x21, 0x21, 0, 40]].concat();
                bytes.truncate(length);
                bytes.push(byte);
                parse(&bytes);
            }
        }
    }
}
