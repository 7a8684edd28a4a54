//! The rules as text for nft, each script one transaction.
//!
//! The kernel itself ends a trial: the chain that every packet comes through goes to the rules on trial
//! only while an element of the set `trial` lives, and that element has a timeout. Nobody has to be alive
//! for the rules before to be in force again.

use crate::TABLE;
use crate::desired::{Desired, Opening, protocol, text_of, way_words};
use burgrave_config::{Egress, Network};
use std::net::IpAddr;
use std::time::Duration;

/// Sets, each with its definition. Bans of single addresses are in hash sets, those of networks in sets of
/// intervals, because a look-up in the first costs nothing whatever their size.
const SETS: &[(&str, &str)] = &[
    ("bans4", "type ipv4_addr; size 1048576; flags timeout;"),
    ("bans6", "type ipv6_addr; size 1048576; flags timeout;"),
    ("networks4", "type ipv4_addr; size 65536; flags interval,timeout;"),
    ("networks6", "type ipv6_addr; size 65536; flags interval,timeout;"),
    ("lists4", "type ipv4_addr; flags interval; auto-merge;"),
    ("lists6", "type ipv6_addr; flags interval; auto-merge;"),
    ("allow4", "type ipv4_addr; flags interval; auto-merge;"),
    ("allow6", "type ipv6_addr; flags interval; auto-merge;"),
    ("meter4", "type ipv4_addr; size 65536; flags dynamic,timeout; timeout 1m;"),
    ("meter6", "type ipv6_addr; size 65536; flags dynamic,timeout; timeout 1m;"),
    ("knocks4", "type ipv4_addr . inet_service; size 65536; flags dynamic,timeout; timeout 1m;"),
    ("knocks6", "type ipv6_addr . inet_service; size 65536; flags dynamic,timeout; timeout 1m;"),
    ("doors4", "type ipv4_addr; size 65536; flags dynamic,timeout; timeout 1m;"),
    ("doors6", "type ipv6_addr; size 65536; flags dynamic,timeout; timeout 1m;"),
    ("scanners4", "type ipv4_addr; size 65536; flags dynamic,timeout; timeout 1m;"),
    ("scanners6", "type ipv6_addr; size 65536; flags dynamic,timeout; timeout 1m;"),
    ("trial", "type nf_proto; flags timeout;"),
];
const CHAINS: &[(&str, &str)] = &[
    ("bans", " { type filter hook prerouting priority -300; policy accept; }"),
    ("rules", ""),
    ("trial", ""),
    ("input", " { type filter hook input priority 0; policy accept; }"),
    ("egress", ""),
    ("egress_trial", ""),
    ("output", " { type filter hook output priority 0; policy accept; }"),
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
    ("ip saddr @lists4 counter drop", "IPv4 addresses on block lists"),
    ("ip6 saddr @lists6 counter drop", "IPv6 addresses on block lists"),
];
const INPUT: &[(&str, &str)] = &[
    ("meta nfproto @trial goto trial", "rules on trial, while their time lasts"),
    ("goto rules", "rules that were confirmed"),
];
const OUTPUT: &[(&str, &str)] = &[
    ("meta nfproto @trial goto egress_trial", "ways out on trial, while their time lasts"),
    ("goto egress", "ways out that were confirmed"),
];
/// Before the ways out of accounts.
const OUT: &[(&str, &str)] = &[
    ("oif \"lo\" accept", "loopback is free"),
    ("ct state established,related accept", "answers are free"),
];
/// Who has knocked at many closed ports of late gets no new connection. A stranger can forge the source of
/// a knock: so it ends by itself after a minute, spares the networks that are allowed, and cuts nothing off.
const SCANNERS: &[(&str, &str)] = &[
    (
        "ct state new ip saddr != @allow4 ip saddr @scanners4 counter drop",
        "port scans: IPv4 addresses that knocked at 16 closed ports in a minute",
    ),
    (
        "ct state new ip6 saddr != @allow6 ip6 saddr & ffff:ffff:ffff:ffff:: @scanners6 counter drop",
        "port scans: IPv6 networks that knocked at 16 closed ports in a minute",
    ),
];
/// Each closed port counts once, however often it is tried.
const KNOCKS: &[(&str, &str)] = &[
    (
        "tcp flags & (fin|syn|rst|ack) == syn ip saddr != @allow4 ip saddr . tcp dport != @knocks4 add @knocks4 { ip saddr . tcp dport } update @doors4 { ip saddr limit rate over 15/minute burst 15 packets } update @scanners4 { ip saddr } counter",
        "knocks at closed ports over IPv4 are counted",
    ),
    (
        "tcp flags & (fin|syn|rst|ack) == syn ip6 saddr != @allow6 ip6 saddr . tcp dport != @knocks6 add @knocks6 { ip6 saddr . tcp dport } update @doors6 { ip6 saddr & ffff:ffff:ffff:ffff:: limit rate over 15/minute burst 15 packets } update @scanners6 { ip6 saddr & ffff:ffff:ffff:ffff:: } counter",
        "knocks at closed ports over IPv6 are counted",
    ),
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
    if desired.port_scans {
        all.extend(own(SCANNERS));
    }
    for opening in &desired.openings {
        let words = opening.words();
        all.extend(rules_of(opening).into_iter().map(|rule| (rule, words.clone())));
    }
    if desired.port_scans {
        all.extend(own(KNOCKS));
    }
    all.extend(own(AFTER));
    all
}

/// The rules of the chain that keeps accounts in, each with its words. None, where nobody is kept in.
pub(crate) fn ways_out(desired: &Desired) -> Vec<(String, String)> {
    if !desired.enabled || desired.egress.is_empty() {
        return Vec::new();
    }
    let mut all: Vec<(String, String)> =
        OUT.iter().map(|(rule, words)| ((*rule).to_owned(), (*words).to_owned())).collect();
    let mut users: Vec<&str> = Vec::new();
    for way in &desired.egress {
        if !users.contains(&way.user.as_str()) {
            users.push(&way.user);
        }
        if way.is_way() {
            all.extend(rules_of_way(way).into_iter().map(|rule| (rule, way_words(way))));
        }
    }
    for user in users {
        let rule = format!("meta skuid \"{user}\" counter reject with icmpx admin-prohibited");
        all.push((rule, format!("{user} may go nowhere else")));
    }
    all
}

/// The rules of one way out: one for each family that is named, or one for both.
fn rules_of_way(way: &Egress) -> Vec<String> {
    let user = format!("meta skuid \"{}\"", way.user);
    let port = way
        .port
        .map(|(over, port)| format!(" {} dport {port}", protocol(over)))
        .unwrap_or_default();
    if way.to.is_empty() {
        return vec![format!("{user}{port} accept")];
    }
    let mut rules = Vec::new();
    for (is_ipv4, key) in [(true, "ip"), (false, "ip6")] {
        let to = merged(way.to.iter().filter(|own| own.address.is_ipv4() == is_ipv4));
        if !to.is_empty() {
            rules.push(format!("{user} {key} daddr {{ {} }}{port} accept", to.join(", ")));
        }
    }
    rules
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
    fill(&mut script, "output", OUTPUT.iter().copied());
    script
}

/// The rules in force for so long, and then those of before again, unless they are confirmed.
pub fn trial(desired: &Desired, time: Duration) -> String {
    let mut script = base();
    fill(&mut script, "trial", pairs(&decisions(desired)));
    fill(&mut script, "egress_trial", pairs(&ways_out(desired)));
    let millis = time.as_millis();
    script.push_str(&format!(
        "flush set {TABLE} trial\nadd element {TABLE} trial {{ ipv4 timeout {millis}ms, ipv6 timeout {millis}ms }}\n"
    ));
    script
}

/// The rules in force for good. It stands for itself, so it is what is loaded at start too.
pub fn confirmed(desired: &Desired) -> String {
    let mut script = base();
    fill(&mut script, "rules", pairs(&decisions(desired)));
    fill(&mut script, "egress", pairs(&ways_out(desired)));
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
pub fn ended() -> String {
    format!(
        "flush set {TABLE} trial\nflush chain {TABLE} trial\nflush chain {TABLE} egress_trial\n"
    )
}

/// Keeps these addresses and networks out, in place of those that were kept out before by lists.
pub fn blocked(ipv4: &[String], ipv6: &[String]) -> String {
    let mut script = base();
    for (set, elements) in [("lists4", ipv4), ("lists6", ipv6)] {
        script.push_str(&format!("flush set {TABLE} {set}\n"));
        if !elements.is_empty() {
            // At once: nft joins what overlaps within one statement.
            script.push_str(&format!("add element {TABLE} {set} {{ {} }}\n", elements.join(", ")));
        }
    }
    script
}

/// Takes the table away, if it is there.
pub fn removed() -> String {
    format!("add table {TABLE}\ndelete table {TABLE}\n")
}

/// How many rules a script puts in force; so many the kernel must show.
pub fn rules_in(script: &str) -> usize {
    script.lines().filter(|line| line.starts_with("add rule ")).count()
}

fn pairs(rules: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    rules.iter().map(|(rule, words)| (&**rule, &**words))
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
            never: vec![network("192.0.2.0/24"), network("2001:db8::/32")],
            ..Desired::nothing()
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
        let script = confirmed(&Desired::nothing());
        assert_eq!(rules_in(&script), BANS.len() + INPUT.len() + OUTPUT.len());
        assert!(!script.contains("add rule inet burgrave rules"));
    }

    #[test]
    fn words_are_what_a_comment_may_be() {
        let all = [BANS, INPUT, OUTPUT, OUT, BEFORE, SCANNERS, KNOCKS, AFTER];
        for (_, words) in all.into_iter().flatten() {
            assert!(words.len() < 128 && words.is_ascii() && !words.contains('"'), "{words}");
        }
    }

    #[test]
    fn accounts_are_kept_in_but_for_their_ways_out() {
        let way = |user: &str, to: &[&str], port| Egress {
            user: user.to_owned(),
            to: to.iter().map(|text| network(text)).collect(),
            port,
        };
        let desired = Desired {
            enabled: true,
            egress: vec![
                way("web", &["192.0.2.0/24", "2001:db8::/32"], Some((Protocol::Tcp, 443))),
                way("web", &[], Some((Protocol::Udp, 53))),
                way("db", &[], None),
            ],
            ..Desired::nothing()
        };
        let rules: Vec<String> = ways_out(&desired).into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(
            rules[OUT.len()..],
            [
                "meta skuid \"web\" ip daddr { 192.0.2.0/24 } tcp dport 443 accept",
                "meta skuid \"web\" ip6 daddr { 2001:db8::/32 } tcp dport 443 accept",
                "meta skuid \"web\" udp dport 53 accept",
                "meta skuid \"web\" counter reject with icmpx admin-prohibited",
                "meta skuid \"db\" counter reject with icmpx admin-prohibited",
            ]
        );
        assert!(ways_out(&Desired { enabled: false, ..desired }).is_empty());
    }
}
