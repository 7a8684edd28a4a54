//! `@ipMatch`, `@ipMatchFromFile`: addresses and networks.

use super::DataFiles;
use std::net::IpAddr;

/// A list of networks.
#[derive(Debug)]
pub(crate) struct Networks(Vec<Network>);

#[derive(Debug)]
struct Network {
    address: IpAddr,
    bits: u8,
}

impl Networks {
    /// Separated by commas.
    pub(super) fn from_list(parameter: &[u8]) -> Result<Self, String> {
        parameter.split(|&byte| byte == b',').map(network).collect::<Result<_, _>>().map(Self)
    }

    /// One a line in each of the files; `#` begins a comment.
    pub(super) fn from_files(parameter: &[u8], files: &dyn DataFiles) -> Result<Self, String> {
        let mut found = Vec::new();
        for name in parameter.split(u8::is_ascii_whitespace).filter(|name| !name.is_empty()) {
            let content = super::data(name, files)
                .map_err(|why| format!("`{}`: {why}", bstr::BStr::new(name)))?;
            let lines = content.split(|&byte| byte == b'\n');
            let bare =
                lines.map(|line| line.split(|&byte| byte == b'#').next().unwrap_or_default());
            for line in bare.map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()) {
                found.push(network(line)?);
            }
        }
        Ok(Self(found))
    }

    /// False also for what is no address.
    pub(super) fn contain(&self, value: &[u8]) -> bool {
        let address =
            std::str::from_utf8(value.trim_ascii()).ok().and_then(|text| text.parse().ok());
        address.is_some_and(|address| self.0.iter().any(|network| network.contains(address)))
    }
}

fn network(text: &[u8]) -> Result<Network, String> {
    let text = text.trim_ascii();
    let bad = || format!("`{}` is no address or network", bstr::BStr::new(text));
    let text = std::str::from_utf8(text).map_err(|_ignored| bad())?;
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_ignored| bad())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits: u8 = bits.map_or(Ok(most), str::parse).map_err(|_ignored| bad())?;
    if bits > most {
        return Err(bad());
    }
    // Clients' addresses are told without the prefix of RFC 4291 §2.5.5.2, so networks are as well.
    match (address.to_canonical(), bits.checked_sub(96)) {
        (IpAddr::V4(mapped), Some(bits)) if address.is_ipv6() => {
            Ok(Network { address: mapped.into(), bits })
        }
        _ => Ok(Network { address, bits }),
    }
}

impl Network {
    fn contains(&self, other: IpAddr) -> bool {
        self.holds(other) || self.holds(other.to_canonical())
    }

    fn holds(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                same(own.to_bits().into(), other.to_bits().into(), 32, self.bits)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                same(own.to_bits(), other.to_bits(), 128, self.bits)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// The first `bits` of two numbers that are `width` bits wide.
fn same(own: u128, other: u128, width: u8, bits: u8) -> bool {
    let differing = (own ^ other).checked_shr(u32::from(width - bits)).unwrap_or(0);
    differing == 0
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ask, matches};

    #[test]
    fn networks() {
        for (list, address, inside) in [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("10.0.0.0/8,2001:db8::/32", "2001:db8::1", true),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("::ffff:10.1.2.3", "::ffff:a01:203", true),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "::1", true),
            ("192.0.2.1", "192.0.2.11", false),
            ("192.0.2.1", "not an address", false),
        ] {
            assert_eq!(matches("ipMatch", list, address.as_bytes()), inside, "{list} {address}");
        }
        assert!(matches("ipMatchFromFile", "nets.data", b"192.0.2.7"));
        assert!(!matches("ipMatchF", "nets.data", b"192.0.3.7"));
        assert!(matches("ipMatchF", "nets.data  more.data", b"198.51.100.1"));
        assert!(ask("ipMatchF", "nets.data none.data", b"").unwrap_err().contains("none.data"));
        for bad in ["", "1.2.3", "1.2.3.4/33", "::/129", "x"] {
            assert!(ask("ipMatch", bad, b"").is_err(), "{bad}");
        }
    }
}
