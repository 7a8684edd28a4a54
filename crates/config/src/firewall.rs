//! Reads `[firewall]`: whether the machine is closed but for what is said here, what is open, and which accounts may
//! go out where.

use crate::access::network;
use crate::kinds::{Choice, Count, Flag, List};
use crate::names::{Parsed, any_account, label};
use crate::settings::Network;
use crate::sink::{Located, Sink};
use crate::table::{Key, ManyTables, OneTable, Section, Table};
use std::collections::BTreeMap;

/// The machine's firewall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firewall {
    /// Closed but for the listeners and `allow`. Default true.
    pub enabled: bool,
    /// What is open beside the gateway's own listeners.
    pub allow: Vec<Allow>,
    /// Whether who knocks at many closed ports is kept out for a while. Default true.
    pub port_scans: bool,
    /// Where accounts may go out to. An account without an entry is not restricted.
    pub egress: Vec<Egress>,
}

/// One way out of an account, beside loopback and answers. With neither `to` nor `port` it is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Egress {
    /// The account, by its name.
    pub user: String,
    /// Whom it may reach. Empty: anyone.
    pub to: Vec<Network>,
    /// At which port. `None`: any, and over any protocol.
    pub port: Option<(Protocol, u16)>,
}

impl Egress {
    /// Whether it lets anything out.
    pub fn is_way(&self) -> bool {
        !self.to.is_empty() || self.port.is_some()
    }
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
    keys: &[&ENABLED, &ALLOW, &NETWORKS, &PORT_SCANS, &EGRESS],
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
static NETWORKS: Key<ManyTables> = Key {
    name: "networks",
    kind: ManyTables(&NETWORKS_SECTION),
    default: "none",
    about: "Networks by name, for `from` and `to`.",
};
static NETWORKS_SECTION: Section =
    Section {
        title: "networks = [{ … }]", about: "One name.", keys: &[&NAME, &ARE], refused: &[]
    };
static NAME: Key<Parsed<String>> = Key {
    name: "name",
    kind: Parsed {
        parse: label,
        words: "a name of small letters, digits and dashes, such as `\"office\"`",
    },
    default: "",
    about: "What they are called.",
};
static ARE: Key<List<Parsed<Network>>> = Key {
    name: "are",
    kind: List {
        of: Parsed {
            parse: network,
            words: "an address or a network, such as `\"192.0.2.7\"` or `\"10.0.0.0/8\"`",
        },
        min: 1,
        max: ALLOW_MAX,
    },
    default: "",
    about: "What it stands for.",
};
static PORT_SCANS: Key<Flag> = Key {
    name: "port_scans",
    kind: Flag,
    default: "true",
    about: "Who knocks at more than 15 closed TCP ports within a minute gets no new connection for the next one.",
};
static EGRESS: Key<ManyTables> = Key {
    name: "egress",
    kind: ManyTables(&EGRESS_SECTION),
    default: "no account is restricted",
    about: "Where accounts may go out to. An account that is named here goes nowhere else; loopback and answers \
            are always free.",
};
static EGRESS_SECTION: Section = Section {
    title: "egress = [{ … }]",
    about: "One way out of an account; with `user` alone it has none.",
    keys: &[&USER, &TO, &EGRESS_PORT, &PROTOCOL],
    refused: &[],
};
static USER: Key<Parsed<String>> = Key {
    name: "user",
    kind: Parsed { parse: any_account, words: "the name of an account, such as `\"www-data\"`" },
    default: "",
    about: "The account of the processes.",
};
static TO: Key<List<Parsed<Who>>> = Key {
    name: "to",
    kind: List { of: WHO, min: 1, max: ALLOW_MAX },
    default: "anyone, where `port` is given",
    about: "Whom it may reach.",
};
static EGRESS_PORT: Key<Count> = Key {
    name: "port",
    kind: Count { min: 1, max: 65_535 },
    default: "any, where `to` is given",
    about: "At which port.",
};
static PORT: Key<Count> = Key {
    name: "port",
    kind: Count { min: 1, max: 65_535 },
    default: "",
    about: "The port of this machine.",
};
/// An address, a network, or the name of networks.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    Network(Network),
    Name(String),
}

const WHO: Parsed<Who> = Parsed {
    parse: who,
    words: "an address, a network or a name of `networks`, such as `\"192.0.2.7\"`, `\"10.0.0.0/8\"` or `\"office\"`",
};

fn who(text: &str) -> Result<Who, &'static str> {
    if text.bytes().next().is_some_and(|first| first.is_ascii_lowercase()) && !text.contains(':') {
        return label(text).map(Who::Name);
    }
    network(text).map(Who::Network)
}

static FROM: Key<List<Parsed<Who>>> = Key {
    name: "from",
    kind: List { of: WHO, min: 1, max: ALLOW_MAX },
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
    let names = names(&table, sink);
    let entries = bounded(&table, &ALLOW, sink);
    let allow = entries.iter().filter_map(|entry| opening(entry, &names, sink)).collect();
    let port_scans = table.get(&PORT_SCANS, sink).unwrap_or(true);
    let entries = bounded(&table, &EGRESS, sink);
    let egress = entries.iter().filter_map(|entry| way_out(entry, &names, sink)).collect();
    Some(Firewall { enabled, allow, port_scans, egress })
}

fn bounded<'t, 'v>(
    table: &Table<'t, 'v>,
    key: &'static Key<ManyTables>,
    sink: &mut Sink<'_>,
) -> Vec<Table<'t, 'v>> {
    let entries = table.tables(key, sink);
    if entries.len() > ALLOW_MAX {
        let message = format!("`{}` has {} entries", key.name, entries.len());
        sink.wrong(&table.spot, message, format!("at most {ALLOW_MAX}"));
    }
    entries
}

type Names = BTreeMap<String, Vec<Network>>;

fn names(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Names {
    let mut names = Names::new();
    for entry in bounded(table, &NETWORKS, sink) {
        let name = entry.needed(&NAME, sink);
        let are = entry.needed(&ARE, sink);
        let (Some(name), Some(are)) = (name, are) else { continue };
        let networks = are.value.into_iter().map(|network| network.value).collect();
        if names.insert(name.value.clone(), networks).is_some() {
            sink.wrong(&name.spot, format!("`{}` stands for networks already", name.value), None);
        }
    }
    names
}

/// What a list stands for, each name with its networks.
fn resolved(list: Vec<Located<Who>>, names: &Names, sink: &mut Sink<'_>) -> Option<Vec<Network>> {
    let mut all = Vec::new();
    let mut is_whole = true;
    for who in list {
        match &who.value {
            Who::Network(network) => all.push(*network),
            Who::Name(name) => {
                if let Some(networks) = names.get(name) {
                    all.extend_from_slice(networks);
                } else {
                    sink.wrong(&who.spot, format!("`{name}` is no name of `networks`"), None);
                    is_whole = false;
                }
            }
        }
    }
    is_whole.then_some(all)
}

fn opening(table: &Table<'_, '_>, names: &Names, sink: &mut Sink<'_>) -> Option<Allow> {
    let port = table.needed(&PORT, sink).and_then(|port| u16::try_from(port.value).ok());
    let from = table.get(&FROM, sink).unwrap_or_default();
    let protocol = table.get(&PROTOCOL, sink).unwrap_or(Protocol::Tcp);
    let from = resolved(from, names, sink);
    Some(Allow { port: port?, from: from?, protocol })
}

fn way_out(table: &Table<'_, '_>, names: &Names, sink: &mut Sink<'_>) -> Option<Egress> {
    let user = table.needed(&USER, sink);
    let to = table.get(&TO, sink).unwrap_or_default();
    let port = table.get(&EGRESS_PORT, sink).and_then(|port| u16::try_from(port).ok());
    let protocol = table.located(&PROTOCOL, sink);
    if let Some(protocol) = protocol.as_ref().filter(|_| port.is_none()) {
        sink.wrong(&protocol.spot, "`protocol` says nothing without `port`", None);
    }
    let protocol = protocol.map_or(Protocol::Tcp, |protocol| protocol.value);
    let to = resolved(to, names, sink)?;
    Some(Egress { user: user?.value, to, port: port.map(|port| (protocol, port)) })
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
            ("{ port = 22, from = [\"office\"] }", "`office` is no name of `networks`"),
            (
                "{ port = 22, from = [\"10.0.0.0/33\"] }",
                "`10.0.0.0/33`: a prefix is a number of bits, at most 32 or 128",
            ),
            ("{ port = 22, protocol = \"sctp\" }", "`protocol` cannot be `sctp`"),
            ("{ port = 22, form = [] }", "unknown key `form`"),
        ] {
            let (line, said) = read(&format!("[firewall]\nallow = [{allow}]")).unwrap_err();
            assert_eq!((line, said.as_str()), (2, message), "{allow}");
        }
    }

    #[test]
    fn networks_have_names_and_accounts_ways_out() {
        let text = "[firewall]\nport_scans = false\nnetworks = [{ name = \"office\", are = [\"192.0.2.0/24\", \"2001:db8::/32\"] }]\n\
                    allow = [{ port = 22, from = [\"office\", \"198.51.100.7\"] }]\n\
                    egress = [{ user = \"www-data\", to = [\"office\"], port = 443 }, { user = \"postgres\" }, \
                    { user = \"_apt\", port = 53, protocol = \"udp\" }]";
        let read = read(text).unwrap().unwrap();
        assert!(!read.port_scans);
        assert_eq!(read.allow[0].from.len(), 3);
        let [web, database, apt] = &read.egress[..] else { panic!("three") };
        assert_eq!(
            (web.user.as_str(), web.to.len(), web.port, web.is_way()),
            ("www-data", 2, Some((Protocol::Tcp, 443)), true)
        );
        assert!(!database.is_way());
        assert_eq!((apt.to.len(), apt.port), (0, Some((Protocol::Udp, 53))));
    }

    #[test]
    fn what_is_no_way_out_is_said_with_its_line() {
        for (rest, message) in [
            ("egress = [{ port = 1 }]", "`egress[0]` has no `user`"),
            ("egress = [{ user = \"a b\" }]", "`a b`: this is not the name of an account"),
            (
                "egress = [{ user = \"a\", protocol = \"udp\" }]",
                "`protocol` says nothing without `port`",
            ),
            ("egress = [{ user = \"a\", to = [\"lab\"] }]", "`lab` is no name of `networks`"),
            ("networks = [{ name = \"lab\" }]", "`networks[0]` has no `are`"),
            (
                "networks = [{ name = \"a\", are = [\"::1\"] }, { name = \"a\", are = [\"::1\"] }]",
                "`a` stands for networks already",
            ),
        ] {
            let (line, said) = read(&format!("[firewall]\n{rest}")).unwrap_err();
            assert_eq!((line, said.as_str()), (2, message), "{rest}");
        }
    }
}
