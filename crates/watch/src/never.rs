//! Whom nothing may ban: the allow list, and the machine's own addresses.

use crate::action::Target;
use crate::address;
use std::net::IpAddr;

/// Networks that are kept.
const NETWORKS_MAX: usize = 10_000;

/// A network that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address and no network: write `192.0.2.1` or `192.0.2.0/24`")]
pub struct NoNetwork(pub String);

/// Networks that are never banned. The machine itself is always among them.
#[derive(Debug, Clone, Default)]
pub struct Never {
    networks: Vec<(IpAddr, u8)>,
}

impl Never {
    /// These networks, as they are written.
    pub fn parse<'a>(networks: impl IntoIterator<Item = &'a str>) -> Result<Self, NoNetwork> {
        let mut never = Self::default();
        for text in networks.into_iter().take(NETWORKS_MAX) {
            let wrong = || NoNetwork(text.to_owned());
            let (ip, bits) =
                text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
            let ip = address::exact(ip.as_bytes()).ok_or_else(wrong)?;
            let most = bits_max(ip);
            let bits = match bits {
                None => most,
                Some(bits) => bits.parse().ok().filter(|bits| *bits <= most).ok_or_else(wrong)?,
            };
            never.networks.push((network(ip, bits), bits));
        }
        Ok(never)
    }

    /// One more address.
    pub fn add(&mut self, ip: IpAddr) {
        if self.networks.len() < NETWORKS_MAX {
            self.networks.push((ip.to_canonical(), bits_max(ip.to_canonical())));
        }
    }

    /// Whether a ban of the target would hit one of them.
    pub fn covers(&self, target: Target) -> bool {
        let (ip, bits) = match target {
            Target::Address(ip) => (ip, bits_max(ip)),
            Target::Network(ip, bits) => (ip, bits),
        };
        is_own(ip)
            || self.networks.iter().any(|(own, own_bits)| {
                let common = bits.min(*own_bits);
                own.is_ipv4() == ip.is_ipv4() && network(*own, common) == network(ip, common)
            })
    }
}

/// Loopback and the address that is none.
fn is_own(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified()
}

fn bits_max(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

/// The first address of the network.
pub(crate) fn network(ip: IpAddr, bits: u8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            IpAddr::V4((u32::from(ip) & mask).into())
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            IpAddr::V6((u128::from(ip) & mask).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, bits: Option<u8>, expected: bool) {
        let never = Never::parse(["198.51.100.7", "203.0.113.0/24", "2001:db8::/32"]).unwrap();
        let ip: IpAddr = target.parse().unwrap();
        let target = bits.map_or(Target::Address(ip), |bits| Target::Network(ip, bits));
        assert_eq!(never.covers(target), expected, "{target}");
    }

    #[test]
    fn neither_one_of_them_nor_a_network_around_one_is_banned() {
        check("198.51.100.7", None, true);
        check("198.51.100.8", None, false);
        check("198.51.100.0", Some(24), true);
        check("203.0.113.200", None, true);
        check("203.0.114.0", Some(24), false);
        check("2001:db8:1::", Some(64), true);
        check("2001:db9::", Some(64), false);
        check("127.0.0.1", None, true);
        check("::1", None, true);
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["x", "192.0.2.1/33", "192.0.2.1/", "::1/129", "192.0.2/24", ""] {
            assert!(Never::parse([text]).is_err(), "{text}");
        }
        assert_eq!(network("192.0.2.9".parse().unwrap(), 0).to_string(), "0.0.0.0");
    }
}
