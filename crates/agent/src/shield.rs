//! Whom nobody may ban: this machine, its way out, who is allowed by name, and who is at its keyboard.

use burgrave_config::Network;
use burgrave_firewall::text_of;
use burgrave_sys::System;
use burgrave_watch::{Never, Target};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// What is read of a table of the kernel.
const TABLE_BYTES_MAX: u64 = 64 << 20;

/// Whom nobody may ban.
#[derive(Clone, Debug, Default)]
pub struct Shield {
    own: Never,
    gateways: Never,
    allowed: Never,
    operator: Never,
}

impl Shield {
    /// Looks at the machine. `connection`: what ssh says of the session (`SSH_CONNECTION`), if there is one.
    pub fn of(system: &dyn System, allowed: &[Network], connection: Option<&str>) -> Self {
        let read = |path: &str| {
            let bytes = system.read(Path::new(path), TABLE_BYTES_MAX).unwrap_or_default();
            String::from_utf8(bytes).unwrap_or_default()
        };
        let list = |all: Vec<IpAddr>| {
            let mut never = Never::default();
            for ip in all {
                never.add(ip);
            }
            never
        };
        let mut own = addresses4(&read("/proc/net/fib_trie"));
        own.extend(addresses6(&read("/proc/net/if_inet6")));
        let mut gateways = gateways4(&read("/proc/net/route"));
        gateways.extend(gateways6(&read("/proc/net/ipv6_route")));
        let allowed: Vec<String> = allowed.iter().map(text_of).collect();
        let peer = connection.and_then(|text| text.split(' ').next()?.parse().ok());
        Self {
            own: list(own),
            gateways: list(gateways),
            // What was checked as networks are networks.
            allowed: Never::parse(allowed.iter().map(String::as_str)).unwrap_or_default(),
            operator: list(peer.into_iter().collect()),
        }
    }

    /// Why it is not banned, if it is not.
    pub fn reason(&self, target: Target) -> Option<&'static str> {
        [
            (&self.own, "an address of this machine"),
            (&self.gateways, "its gateway"),
            (&self.allowed, "on the allow list"),
            (&self.operator, "the address of this ssh session"),
        ]
        .into_iter()
        .find_map(|(never, why)| never.covers(target).then_some(why))
    }
}

/// `|-- 192.0.2.1` with `/32 host LOCAL` in the next line.
fn addresses4(text: &str) -> Vec<IpAddr> {
    let mut last: Option<IpAddr> = None;
    let mut all = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(ip) = line.strip_prefix("|-- ") {
            last = ip.parse().ok();
        } else if line == "/32 host LOCAL" {
            all.extend(last.take());
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

fn addresses6(text: &str) -> Vec<IpAddr> {
    text.lines().filter_map(|line| hex6(line.split_ascii_whitespace().next()?)).collect()
}

/// Interface, destination, gateway, in words of the machine's order.
fn gateways4(text: &str) -> Vec<IpAddr> {
    let one = |line: &str| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let number = |word: &str| u32::from_str_radix(word, 16).ok();
        let (to, by) = (number(words.next()?)?, number(words.next()?)?);
        (to == 0 && by != 0).then(|| IpAddr::V4(Ipv4Addr::from(by.to_ne_bytes())))
    };
    text.lines().skip(1).filter_map(one).collect()
}

/// Destination, its bits, source, its bits, gateway.
fn gateways6(text: &str) -> Vec<IpAddr> {
    let one = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().take(5).collect();
        let [to, "00", _, _, by] = words[..] else { return None };
        let by = hex6(by).filter(|by| !by.is_unspecified())?;
        hex6(to).filter(IpAddr::is_unspecified).map(|_| by)
    };
    text.lines().filter_map(one).collect()
}

fn hex6(text: &str) -> Option<IpAddr> {
    (text.len() == 32).then_some(())?;
    Some(IpAddr::V6(Ipv6Addr::from(u128::from_str_radix(text, 16).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ban::parse_target;
    use burgrave_sys::Fake;

    fn shield() -> Shield {
        let system = Fake::new();
        system.file(
            "/proc/net/fib_trie",
            "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 198.51.100.0\n        /24 link UNICAST\n     |-- 198.51.100.7\n        /32 host LOCAL\n",
        );
        system.file("/proc/net/if_inet6", "20010db8000000000000000000000007 02 40 00 80 eth0\n");
        system.file(
            "/proc/net/route",
            "Iface Destination Gateway Flags\neth0 00000000 016433C6 0003\neth0 006433C6 00000000 0001\n",
        );
        system.file(
            "/proc/net/ipv6_route",
            "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 0\n",
        );
        let allowed = Network { address: "203.0.113.0".parse().unwrap(), prefix: 24 };
        Shield::of(&system, &[allowed], Some("192.0.2.55 4000 198.51.100.7 22"))
    }

    fn check(target: &str, expected: Option<&str>) {
        assert_eq!(shield().reason(parse_target(target).unwrap()), expected, "{target}");
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_machine_its_way_out_and_its_operator_are_never_banned() {
        check("198.51.100.7", Some("an address of this machine"));
        check("198.51.100.0/24", Some("an address of this machine"));
        check("2001:db8::7", Some("an address of this machine"));
        check("127.0.0.1", Some("an address of this machine"));
        check("198.51.100.1", Some("its gateway"));
        check("fe80::1", Some("its gateway"));
        check("203.0.113.9", Some("on the allow list"));
        check("192.0.2.55", Some("the address of this ssh session"));
        check("192.0.2.56", None);
        check("198.51.100.8", None);
    }

    #[test]
    fn a_machine_that_says_nothing_has_its_loopback() {
        let shield = Shield::of(&Fake::new(), &[], None);
        assert!(shield.reason(parse_target("::1").unwrap()).is_some());
        assert!(shield.reason(parse_target("192.0.2.1").unwrap()).is_none());
    }
}
