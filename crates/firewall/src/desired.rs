//! What is to be open, from the configuration.

use burgrave_config::{Egress, Network, Protocol, Settings};
use std::net::IpAddr;

/// What is to be open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Closed but for `openings`.
    pub enabled: bool,
    /// In the order of the rules.
    pub openings: Vec<Opening>,
    /// Networks that are never banned, each once.
    pub never: Vec<Network>,
    /// Whether who knocks at many closed ports is kept out for a while.
    pub port_scans: bool,
    /// Where accounts may go out to.
    pub egress: Vec<Egress>,
}

/// One port that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Over which protocol.
    pub protocol: Protocol,
    /// Of this machine.
    pub port: u16,
    /// The address that is reached. `None`: any.
    pub to: Option<IpAddr>,
    /// Who may. Empty: anyone.
    pub from: Vec<Network>,
    /// Whether the gateway listens there by itself.
    pub is_gateways: bool,
}

impl Desired {
    /// What a configuration asks for.
    pub fn of(settings: &Settings) -> Self {
        let tcp = |address| (Protocol::Tcp, address);
        let listeners = settings.listeners.iter().map(|listen| tcp(listen.address));
        let quic = settings.listeners.iter().filter(|listen| listen.http3);
        let quic = quic.map(|listen| (Protocol::Udp, listen.address));
        let streams = settings.streams.iter().map(|stream| tcp(stream.address));
        let metrics = settings.metrics.map(tcp);
        let mut openings: Vec<Opening> = Vec::new();
        for (protocol, address) in listeners.chain(quic).chain(streams).chain(metrics) {
            // The kernel chooses port 0 anew each time, and loopback is never closed.
            if address.port() == 0 || address.ip().is_loopback() {
                continue;
            }
            let opening = Opening {
                protocol,
                port: address.port(),
                to: Some(address.ip()),
                from: Vec::new(),
                is_gateways: true,
            };
            if !openings.contains(&opening) {
                openings.push(opening);
            }
        }
        let allow = settings.firewall.as_ref().map_or(&[][..], |firewall| &firewall.allow);
        let mut never = Vec::new();
        for entry in allow {
            never.extend(entry.from.iter().copied().filter(|network| network.prefix > 0));
            let is_anyone = entry.from.iter().any(|network| network.prefix == 0);
            let opening = Opening {
                protocol: entry.protocol,
                port: entry.port,
                to: None,
                from: if is_anyone { families(&entry.from) } else { entry.from.clone() },
                is_gateways: false,
            };
            if !openings.contains(&opening) {
                openings.push(opening);
            }
        }
        never.sort_by_key(|network| (network.address, network.prefix));
        never.dedup();
        let firewall = settings.firewall.as_ref();
        Self {
            enabled: firewall.is_some_and(|firewall| firewall.enabled),
            openings,
            never,
            port_scans: firewall.is_some_and(|firewall| firewall.port_scans),
            egress: firewall.map(|firewall| firewall.egress.clone()).unwrap_or_default(),
        }
    }

    /// Nothing is closed, and nobody is allowed by name.
    pub fn nothing() -> Self {
        Self {
            enabled: false,
            openings: Vec::new(),
            never: Vec::new(),
            port_scans: false,
            egress: Vec::new(),
        }
    }
}

/// Networks of which one is everybody of its family: no narrower one of that family says more.
fn families(from: &[Network]) -> Vec<Network> {
    let all =
        |is_ipv4: bool| from.iter().any(|own| own.prefix == 0 && own.address.is_ipv4() == is_ipv4);
    if all(true) && all(false) {
        return Vec::new();
    }
    let says = |own: &&Network| own.prefix == 0 || !all(own.address.is_ipv4());
    from.iter().filter(says).copied().collect()
}

impl Opening {
    /// The words for people, and by which a rule is known again; at most 110 ASCII characters.
    pub fn words(&self) -> String {
        let mut words = format!("open {} {}", protocol(self.protocol), self.port);
        if let Some(to) = self.to.filter(|to| !to.is_unspecified()) {
            words.push_str(&format!(" at {to}"));
        }
        match (self.to, self.from.is_empty()) {
            (Some(IpAddr::V4(to)), true) if to.is_unspecified() => words.push_str(" for any IPv4"),
            (Some(IpAddr::V6(to)), true) if to.is_unspecified() => words.push_str(" for any IPv6"),
            (_, true) => words.push_str(" for anyone"),
            (_, false) => {
                let all: Vec<String> = self.from.iter().map(text_of).collect();
                words.push_str(&format!(" for {}", shortened(&all)));
            }
        }
        if self.is_gateways {
            words.push_str(" (gateway)");
        }
        words
    }
}

/// The words of a way out, as those of an opening.
pub(crate) fn way_words(way: &Egress) -> String {
    let to = match &way.to[..] {
        [] => "anyone".to_owned(),
        to => shortened(&to.iter().map(text_of).collect::<Vec<_>>()),
    };
    let port =
        way.port.map(|(over, port)| format!(" at {} {port}", protocol(over))).unwrap_or_default();
    format!("{} may go out to {to}{port}", way.user)
}

/// A list in at most 60 characters; what is cut is told apart by a hash of the whole.
fn shortened(all: &[String]) -> String {
    let whole = all.join(", ");
    if whole.len() <= 60 {
        return whole;
    }
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in whole.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let first = all.first().map_or("", String::as_str);
    format!("{first} and {} more, {:08x}", all.len() - 1, hash >> 32)
}

pub(crate) fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}

/// A network as it is written; an address alone without its prefix.
pub fn text_of(network: &Network) -> String {
    let whole = if network.address.is_ipv4() { 32 } else { 128 };
    if network.prefix == whole {
        return network.address.to_string();
    }
    format!("{}/{}", network.address, network.prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(firewall: &str, listen: &str, expected: &[&str]) {
        let text = format!(
            "{firewall}\n[[listen]]\naddress = \"{listen}\"\n[[site]]\nhosts = [\"a\"]\nfiles = {{ root = \"/srv\" }}\n"
        );
        let desired = Desired::of(&burgrave_config::parse(&text).unwrap());
        let words: Vec<String> = desired.openings.iter().map(Opening::words).collect();
        assert_eq!(words, expected, "{text}");
    }

    #[test]
    fn listeners_and_what_is_allowed_are_open() {
        check("", "0.0.0.0:443", &["open tcp 443 for any IPv4 (gateway)"]);
        check("", "[::]:443", &["open tcp 443 for any IPv6 (gateway)"]);
        check("", "192.0.2.1:443", &["open tcp 443 at 192.0.2.1 for anyone (gateway)"]);
        check("", "127.0.0.1:443", &[]);
        check("", "0.0.0.0:0", &[]);
        let secure = "[[listen]]\naddress = \"0.0.0.0:443\"\ntls = true\n[[site]]\nhosts = [\"b\"]\ntls = \"self-signed\"\nfiles = { root = \"/srv\" }";
        check(
            secure,
            "127.0.0.1:80",
            &["open tcp 443 for any IPv4 (gateway)", "open udp 443 for any IPv4 (gateway)"],
        );
        let allow = "[firewall]\nallow = [{ port = 22, from = [\"192.0.2.0/24\", \"2001:db8::7\"] }, { port = 53, protocol = \"udp\" }]";
        check(
            allow,
            "127.0.0.1:80",
            &["open tcp 22 for 192.0.2.0/24, 2001:db8::7", "open udp 53 for anyone"],
        );
    }

    #[test]
    fn everybody_is_not_kept_from_bans() {
        let text = "[firewall]\nallow = [{ port = 22, from = [\"0.0.0.0/0\", \"::/0\", \"192.0.2.7\"] }]\n[[listen]]\naddress = \"127.0.0.1:80\"\n[[site]]\nhosts = [\"a\"]\nfiles = { root = \"/srv\" }\n";
        let desired = Desired::of(&burgrave_config::parse(text).unwrap());
        assert_eq!(desired.never.iter().map(text_of).collect::<Vec<_>>(), ["192.0.2.7"]);
        assert_eq!(desired.openings[0].words(), "open tcp 22 for anyone");
    }

    #[test]
    fn words_are_short_and_differ() {
        let opening = |last: u8| Opening {
            protocol: Protocol::Tcp,
            port: 65_535,
            to: None,
            from: (0..=last)
                .map(|n| Network { address: [198, 51, 100, n].into(), prefix: 32 })
                .collect(),
            is_gateways: false,
        };
        let (one, other) = (opening(99).words(), opening(100).words());
        assert!(one.len() <= 110 && one.is_ascii() && one != other, "{one} {other}");
    }
}
