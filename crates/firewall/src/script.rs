//! The rules as text for nft, each script one transaction.
//!
//! The kernel itself ends a trial: the chain that every packet comes through goes to the rules on trial
//! only while an element of the set `trial` lives, and that element has a timeout. Nobody has to be alive
//! for the rules before to be in force again.

use crate::TABLE;
use crate::desired::{Desired, Opening, protocol, text_of};
use burgrave_config::Network;
use std::net::IpAddr;
use std::time::Duration;

/// Sets, each with its definition. Bans of single addresses are in hash sets, those of networks in sets of
/// intervals, because a look-up in the first costs nothing whatever their size.
const SETS: &[(&str, &str)] = &[
    ("bans4", "type ipv4_addr; size 1048576; flags timeout;"),
    ("bans6", "type ipv6_addr; size 1048576; flags timeout;"),
    ("networks4", "type ipv4_addr; size 65536; flags interval,timeout;"),
    ("networks6", "type ipv6_addr; size 65536; flags interval,timeout;"),
    ("allow4", "type ipv4_addr; flags interval; auto-merge;"),
    ("allow6", "type ipv6_addr; flags interval; auto-merge;"),
    ("meter4", "type ipv4_addr; size 65536; flags dynamic,timeout; timeout 1m;"),
    ("meter6", "type ipv6_addr; size 65536; flags dynamic,timeout; timeout 1m;"),
    ("trial", "type nf_proto; flags timeout;"),
];
const CHAINS: &[(&str, &str)] = &[
    ("bans", " { type filter hook prerouting priority -300; policy accept; }"),
    ("rules", ""),
    ("trial", ""),
    ("input", " { type filter hook input priority 0; policy accept; }"),
];

/// Before anything else sees a packet, so that it counts for what is forwarded to containers too.
const BANS: &[(&str, &str)] = &[
    ("iif \"lo\" accept", "loopback is never banned"),
    ("ip saddr @allow4 accept", "allowed IPv4 networks are never banned"),
    ("ip6 saddr @allow6 accept", "allowed IPv6 networks are never banned"),
    ("ip saddr @bans4 counter drop", "banned IPv4 addresses"),
    ("ip6 saddr @bans6 counter drop", "banned IPv6 addresses"),
    ("ip saddr @networks4 counter drop", "banned IPv4 networks"),
    ("ip6 saddr @networks6 counter drop", "banned IPv6 networks"),
];
const INPUT: &[(&str, &str)] = &[
    ("meta nfproto @trial goto trial", "rules on trial, while their time lasts"),
    ("goto rules", "rules that were confirmed"),
];
/// What every closed machine needs, before its own openings. IPv6 cannot work without its neighbours, and
/// they speak with a hop limit that no router lets through (RFC 4861, 4890).
const BEFORE: &[(&str, &str)] = &[
    ("iif \"lo\" accept", "loopback"),
    ("ct state established,related accept", "answers to what was let in or sent"),
    ("ct state invalid counter drop", "packets of no connection"),
    (
        "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect } ip6 hoplimit 255 accept",
        "IPv6 neighbours",
    ),
    (
        "icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } ip6 hoplimit 1 accept",
        "IPv6 multicast of the link",
    ),
    ("ip saddr { 127.0.0.0/8, 224.0.0.0/3 } counter drop", "forged IPv4 sources"),
    ("ip6 saddr { ::1, ff00::/8 } counter drop", "forged IPv6 sources"),
    ("fib saddr type local counter drop", "forged: own addresses from outside"),
    (
        "ip saddr != 0.0.0.0 fib saddr oif missing counter drop",
        "forged: no way back to the IPv4 source",
    ),
    (
        "ip6 saddr != :: fib saddr oif missing counter drop",
        "forged: no way back to the IPv6 source",
    ),
    ("tcp flags & (fin|syn) == fin|syn counter drop", "bogus flags: SYN and FIN"),
    ("tcp flags & (syn|rst) == syn|rst counter drop", "bogus flags: SYN and RST"),
    ("tcp flags & (fin|syn|rst|psh|ack|urg) == 0x0 counter drop", "bogus flags: none"),
    (
        "tcp flags & (fin|syn|rst|ack) != syn ct state new counter drop",
        "bogus flags: a connection that begins without SYN",
    ),
    (
        "icmp type { destination-unreachable, time-exceeded, parameter-problem } accept",
        "ICMP that networks need",
    ),
    (
        "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept",
        "ICMPv6 that networks need",
    ),
    ("icmp type echo-request limit rate 20/second burst 50 packets accept", "ping, a little"),
    (
        "icmpv6 type echo-request limit rate 20/second burst 50 packets accept",
        "ping over IPv6, a little",
    ),
    (
        "ct state new ip saddr != @allow4 update @meter4 { ip saddr limit rate over 200/second burst 1000 packets } counter drop",
        "new connections of one IPv4 address: 200 a second",
    ),
    (
        "ct state new ip6 saddr != @allow6 update @meter6 { ip6 saddr & ffff:ffff:ffff:ffff:: limit rate over 200/second burst 1000 packets } counter drop",
        "new connections of one IPv6 network: 200 a second",
    ),
];
const AFTER: &[(&str, &str)] = &[
    (
        "limit rate 5/second burst 10 packets log prefix \"burgrave drop: \"",
        "a record of what is dropped, a little",
    ),
    ("counter drop", "everything else is closed"),
];

/// The rules of the chain that decides, each with its words.
pub(crate) fn decisions(desired: &Desired) -> Vec<(String, String)> {
    if !desired.enabled {
        return Vec::new();
    }
    let own = |rules: &[(&str, &str)]| -> Vec<(String, String)> {
        rules.iter().map(|(rule, words)| ((*rule).to_owned(), (*words).to_owned())).collect()
    };
    let mut all = own(BEFORE);
    for opening in &desired.openings {
        let words = opening.words();
        all.extend(rules_of(opening).into_iter().map(|rule| (rule, words.clone())));
    }
    all.extend(own(AFTER));
    all
}

/// The rules of one opening: one for each family that is named, or one for both.
fn rules_of(opening: &Opening) -> Vec<String> {
    let port = format!("{} dport {} accept", protocol(opening.protocol), opening.port);
    let to = match opening.to {
        None => String::new(),
        Some(IpAddr::V4(to)) if to.is_unspecified() => "meta nfproto ipv4 ".to_owned(),
        Some(IpAddr::V6(to)) if to.is_unspecified() => "meta nfproto ipv6 ".to_owned(),
        Some(IpAddr::V4(to)) => format!("ip daddr {to} "),
        Some(IpAddr::V6(to)) => format!("ip6 daddr {to} "),
    };
    if opening.from.is_empty() {
        return vec![format!("{to}{port}")];
    }
    let mut rules = Vec::new();
    for (is_ipv4, key) in [(true, "ip"), (false, "ip6")] {
        let from = merged(opening.from.iter().filter(|own| own.address.is_ipv4() == is_ipv4));
        if !from.is_empty() {
            rules.push(format!("{to}{key} saddr {{ {} }} {port}", from.join(", ")));
        }
    }
    rules
}

/// Networks as text, without those that lie in another one: a set of intervals takes none twice.
fn merged<'a>(networks: impl Iterator<Item = &'a Network>) -> Vec<String> {
    let mut networks: Vec<&Network> = networks.collect();
    networks.sort_by_key(|network| (network.prefix, network.address));
    let mut kept: Vec<&Network> = Vec::new();
    for network in networks {
        if !kept.iter().any(|wider| wider.contains(network.address)) {
            kept.push(network);
        }
    }
    kept.into_iter().map(text_of).collect()
}

/// What there always is: the sets, the chains, and the rules that drop who is banned. What is in the sets,
/// and what was confirmed, stays.
pub fn base() -> String {
    let mut script = format!("add table {TABLE}\n");
    for (name, definition) in SETS {
        script.push_str(&format!("add set {TABLE} {name} {{ {definition} }}\n"));
    }
    for (name, definition) in CHAINS {
        script.push_str(&format!("add chain {TABLE} {name}{definition}\n"));
    }
    fill(&mut script, "bans", BANS.iter().copied());
    fill(&mut script, "input", INPUT.iter().copied());
    script
}

/// The rules in force for so long, and then those of before again, unless they are confirmed.
pub fn trial(desired: &Desired, time: Duration) -> String {
    let mut script = base();
    let rules = decisions(desired);
    fill(&mut script, "trial", rules.iter().map(|(rule, words)| (&**rule, &**words)));
    let millis = time.as_millis();
    script.push_str(&format!(
        "flush set {TABLE} trial\nadd element {TABLE} trial {{ ipv4 timeout {millis}ms, ipv6 timeout {millis}ms }}\n"
    ));
    script
}

/// The rules in force for good. It stands for itself, so it is what is loaded at start too.
pub fn confirmed(desired: &Desired) -> String {
    let mut script = base();
    let rules = decisions(desired);
    fill(&mut script, "rules", rules.iter().map(|(rule, words)| (&**rule, &**words)));
    for (set, is_ipv4) in [("allow4", true), ("allow6", false)] {
        script.push_str(&format!("flush set {TABLE} {set}\n"));
        let networks = merged(desired.never.iter().filter(|own| own.address.is_ipv4() == is_ipv4));
        if !networks.is_empty() {
            let networks = networks.join(", ");
            script.push_str(&format!("add element {TABLE} {set} {{ {networks} }}\n"));
        }
    }
    script.push_str(&ended());
    script
}

/// Ends a trial.
fn ended() -> String {
    format!("flush set {TABLE} trial\nflush chain {TABLE} trial\n")
}

/// Takes the table away, if it is there.
pub fn removed() -> String {
    format!("add table {TABLE}\ndelete table {TABLE}\n")
}

/// How many rules a script puts in force; so many the kernel must show.
pub fn rules_in(script: &str) -> usize {
    script.lines().filter(|line| line.starts_with("add rule ")).count()
}

fn fill<'a>(script: &mut String, chain: &str, rules: impl Iterator<Item = (&'a str, &'a str)>) {
    script.push_str(&format!("flush chain {TABLE} {chain}\n"));
    for (rule, words) in rules {
        script.push_str(&format!("add rule {TABLE} {chain} {rule} comment \"{words}\"\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_config::Protocol;

    fn network(text: &str) -> Network {
        let (address, prefix) = text.split_once('/').unwrap();
        Network { address: address.parse().unwrap(), prefix: prefix.parse().unwrap() }
    }

    fn check(to: Option<&str>, from: &[&str], expected: &[&str]) {
        let opening = Opening {
            protocol: Protocol::Tcp,
            port: 22,
            to: to.map(|to| to.parse().unwrap()),
            from: from.iter().map(|text| network(text)).collect(),
            is_gateways: false,
        };
        assert_eq!(rules_of(&opening), expected, "{to:?} {from:?}");
    }

    #[test]
    fn an_opening_is_a_rule_for_each_family() {
        check(None, &[], &["tcp dport 22 accept"]);
        check(Some("0.0.0.0"), &[], &["meta nfproto ipv4 tcp dport 22 accept"]);
        check(Some("::"), &[], &["meta nfproto ipv6 tcp dport 22 accept"]);
        check(Some("192.0.2.1"), &[], &["ip daddr 192.0.2.1 tcp dport 22 accept"]);
        check(
            None,
            &["192.0.2.0/24", "192.0.2.7/32", "2001:db8::/32"],
            &[
                "ip saddr { 192.0.2.0/24 } tcp dport 22 accept",
                "ip6 saddr { 2001:db8::/32 } tcp dport 22 accept",
            ],
        );
    }

    #[test]
    fn scripts_name_no_other_table_and_keep_the_bans() {
        let desired = Desired {
            enabled: true,
            openings: Vec::new(),
            never: vec![network("192.0.2.0/24"), network("2001:db8::/32")],
        };
        for script in [base(), trial(&desired, Duration::from_secs(5)), confirmed(&desired)] {
            assert!(script.lines().all(|line| line.contains(" inet burgrave")), "{script}");
            for word in ["delete", "flush set inet burgrave bans", "flush set inet burgrave net"] {
                assert!(!script.contains(word), "{word}");
            }
            assert!(rules_in(&script) >= BANS.len() + INPUT.len());
        }
    }

    #[test]
    fn a_firewall_that_is_off_only_bans() {
        let off = Desired { enabled: false, openings: Vec::new(), never: Vec::new() };
        let script = confirmed(&off);
        assert_eq!(rules_in(&script), BANS.len() + INPUT.len());
        assert!(!script.contains("add rule inet burgrave rules"));
    }

    #[test]
    fn words_are_what_a_comment_may_be() {
        for (_, words) in BANS.iter().chain(INPUT).chain(BEFORE).chain(AFTER) {
            assert!(words.len() < 128 && words.is_ascii() && !words.contains('"'), "{words}");
        }
    }
}
