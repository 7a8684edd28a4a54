//! Reads `[firewall]`: whether the machine is closed but for what is said here, and what is open.

use crate::access::network;
use crate::kinds::{Choice, Count, Flag, List};
use crate::names::Parsed;
use crate::settings::Network;
use crate::sink::Sink;
use crate::table::{Key, ManyTables, OneTable, Section, Table};

/// The machine's firewall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firewall {
    /// Closed but for the listeners and `allow`. Default true.
    pub enabled: bool,
    /// What is open beside the gateway's own listeners.
    pub allow: Vec<Allow>,
}

/// A port that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// Of this machine; never 0.
    pub port: u16,
    /// To whom. Empty: to anyone.
    pub from: Vec<Network>,
    /// Default TCP.
    pub protocol: Protocol,
}

/// What ports belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// The most entries of `allow`, and networks of one.
const ALLOW_MAX: usize = 1_000;

pub(crate) static FIREWALL: Key<OneTable> = Key {
    name: "firewall",
    kind: OneTable(&FIREWALL_SECTION),
    default: "only bans are made",
    about: "The machine's firewall. `burgrave firewall plan` shows the rules, `apply` puts them in force.",
};
static FIREWALL_SECTION: Section = Section {
    title: "[firewall]",
    about: "Everything is closed but the gateway's own listeners and what is allowed here. Networks named here \
            are never banned.",
    keys: &[&ENABLED, &ALLOW],
    refused: &[],
};
static ENABLED: Key<Flag> = Key {
    name: "enabled",
    kind: Flag,
    default: "true",
    about: "Whether the machine is closed. `false`: only banned clients are dropped.",
};
static ALLOW: Key<ManyTables> = Key {
    name: "allow",
    kind: ManyTables(&ALLOW_SECTION),
    default: "none",
    about: "What is open beside the gateway's own listeners.",
};
static ALLOW_SECTION: Section = Section {
    title: "allow = [{ … }]",
    about: "One port that is open.",
    keys: &[&PORT, &FROM, &PROTOCOL],
    refused: &[],
};
static PORT: Key<Count> = Key {
    name: "port",
    kind: Count { min: 1, max: 65_535 },
    default: "",
    about: "The port of this machine.",
};
static FROM: Key<List<Parsed<Network>>> = Key {
    name: "from",
    kind: List {
        of: Parsed {
            parse: network,
            words: "an address or a network, such as `\"192.0.2.7\"` or `\"10.0.0.0/8\"`",
        },
        min: 1,
        max: ALLOW_MAX,
    },
    default: "anyone",
    about: "Who may reach it. These networks are never banned.",
};
static PROTOCOL: Key<Choice<Protocol>> = Key {
    name: "protocol",
    kind: Choice { options: &[("tcp", Protocol::Tcp), ("udp", Protocol::Udp)] },
    default: "\"tcp\"",
    about: "Over which protocol.",
};

/// The section, if it is there.
pub(crate) fn firewall(root: &Table<'_, '_>, sink: &mut Sink<'_>) -> Option<Firewall> {
    let table = root.table(&FIREWALL, sink)?;
    let enabled = table.get(&ENABLED, sink).unwrap_or(true);
    let entries = table.tables(&ALLOW, sink);
    if entries.len() > ALLOW_MAX {
        let message = format!("`allow` has {} entries", entries.len());
        sink.wrong(&table.spot, message, format!("at most {ALLOW_MAX}"));
    }
    let allow = entries.iter().filter_map(|entry| one(entry, sink)).collect();
    Some(Firewall { enabled, allow })
}

fn one(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Option<Allow> {
    let port = table.needed(&PORT, sink).and_then(|port| u16::try_from(port.value).ok());
    let from = table.get(&FROM, sink).unwrap_or_default();
    let protocol = table.get(&PROTOCOL, sink).unwrap_or(Protocol::Tcp);
    let from = from.into_iter().map(|network| network.value).collect();
    Some(Allow { port: port?, from, protocol })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    const SITE: &str = "[[listen]]\naddress = \"0.0.0.0:80\"\n[[site]]\nhosts = [\"a\"]\nfiles = { root = \
                        \"/srv\" }\n";

    fn read(text: &str) -> Result<Option<Firewall>, (usize, String)> {
        parse(&format!("{text}\n{SITE}")).map(|settings| settings.firewall).map_err(|errors| {
            let first = &errors.errors[0];
            (first.place.line, first.message.clone())
        })
    }

    #[test]
    fn what_is_open_is_read() {
        assert_eq!(read(""), Ok(None));
        let plain = read("[firewall]").unwrap().unwrap();
        assert!(plain.enabled && plain.allow.is_empty());
        let full = read(
            "[firewall]\nenabled = false\nallow = [{ port = 22, from = [\"192.0.2.0/24\", \"::1\"] }, \
             { port = 53, protocol = \"udp\" }]",
        );
        let full = full.unwrap().unwrap();
        assert!(!full.enabled);
        let [ssh, dns] = &full.allow[..] else { panic!("two") };
        assert_eq!((ssh.port, ssh.protocol, ssh.from.len()), (22, Protocol::Tcp, 2));
        assert_eq!((dns.port, dns.protocol, dns.from.len()), (53, Protocol::Udp, 0));
    }

    #[test]
    fn what_is_no_opening_is_said_with_its_line() {
        for (allow, message) in [
            ("{ }", "`allow[0]` has no `port`"),
            ("{ port = 0 }", "`port` cannot be the integer `0`"),
            ("{ port = 65536 }", "`port` cannot be the integer `65536`"),
            ("{ port = 22, from = [] }", "`from` has 0 values"),
            (
                "{ port = 22, from = [\"office\"] }",
                "`office`: this is neither an address nor a network",
            ),
            ("{ port = 22, protocol = \"sctp\" }", "`protocol` cannot be `sctp`"),
            ("{ port = 22, form = [] }", "unknown key `form`"),
        ] {
            let (line, said) = read(&format!("[firewall]\nallow = [{allow}]")).unwrap_err();
            assert_eq!((line, said.as_str()), (2, message), "{allow}");
        }
    }
}
