//! What listens, out of the kernel's tables of sockets (`proc_net(5)`).

use burgrave_config::Protocol;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Sockets that are looked at.
pub const LISTENERS_MAX: usize = 10_000;
/// A TCP socket that listens, and a UDP socket that takes from anyone.
const TCP_LISTEN: &str = "0A";
const UDP_OPEN: &str = "07";
/// UDP ports from here on are usually a client's own.
const UDP_CLIENTS_FROM: u16 = 32_768;

/// A socket that takes what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// Over which protocol.
    pub protocol: Protocol,
    /// Where.
    pub address: SocketAddr,
}

impl std::fmt::Display for Listener {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", crate::desired::protocol(self.protocol), self.address)
    }
}

/// The listeners of one table: `tcp`, `tcp6`, `udp` or `udp6`, as it is in `/proc/net`. Sorted, each once.
pub fn listeners(table: &str, protocol: Protocol) -> Vec<Listener> {
    let wanted = match protocol {
        Protocol::Tcp => TCP_LISTEN,
        Protocol::Udp => UDP_OPEN,
    };
    let one = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let local = words.nth(1)?;
        let state = words.nth(1)?;
        let address = address(local)?;
        let is_client = protocol == Protocol::Udp && address.port() >= UDP_CLIENTS_FROM;
        (state == wanted && !is_client).then_some(Listener { protocol, address })
    };
    let mut all: Vec<Listener> =
        table.lines().skip(1).take(LISTENERS_MAX).filter_map(one).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// `0100007F:0050`: words of 32 bits in the machine's order, and the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let word = u32::from_str_radix(host.get(at..at + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    let ip = match host.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let mut bytes = [0; 16];
            for (into, from) in bytes.iter_mut().zip(words.as_flattened()) {
                *into = *from;
            }
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr\n";

    fn check(protocol: Protocol, lines: &str, expected: &[&str]) {
        let found: Vec<String> = listeners(&format!("{HEAD}{lines}"), protocol)
            .iter()
            .map(|listener| listener.address.to_string())
            .collect();
        assert_eq!(found, expected, "{lines}");
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn who_listens_is_found_and_who_is_connected_is_not() {
        check(
            Protocol::Tcp,
            "   0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000\n   1: 00000000:01BB 00000000:0000 0A 0\n   \
             2: 0100007F:0050 0100007F:C000 01 0\n   3: 00000000:01BB 00000000:0000 0A 0\n",
            &["0.0.0.0:443", "127.0.0.1:80"],
        );
        check(
            Protocol::Tcp,
            "   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 0\n   1: \
             B80D0120000000000000000001000000:0016 0:0 0A 0\n",
            &["[::1]:8080", "[2001:db8::1]:22"],
        );
        check(
            Protocol::Udp,
            "  1: 00000000:0035 00000000:0000 07 0\n  2: 00000000:9C40 00000000:0000 07 0\n",
            &["0.0.0.0:53"],
        );
    }

    #[test]
    fn what_is_no_table_holds_nobody() {
        for text in ["", "x", "0: 0100007F 0 0A", "0: zz:0050 0 0A", "0: 0100007F:0050", "1 2 3 4"]
        {
            assert!(listeners(&format!("{HEAD}{text}\n"), Protocol::Tcp).is_empty(), "{text}");
        }
    }
}
