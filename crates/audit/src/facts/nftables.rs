//! nftables' rule files (nft(8)): tables, chains, policies, rules that accept; `include` and `define`.
//!
//! Jumps are followed one level by reading every chain of a table that has an input hook somewhere:
//! a rule that accepts in a chain of its own counts as one of the input's.

use super::filter::{Filter, Opening};
use super::text::{Line, Place};
use super::{Facts, Seen};
use std::path::Path;

const DEPTH_MAX: usize = 8;

impl Facts<'_> {
    /// Reads a rule file with what it includes.
    pub(super) fn nftables_file(&self, path: &Path, filter: &mut Filter) -> Seen<()> {
        let mut defines = Vec::new();
        self.nft_part(path, filter, &mut defines, 0)
    }

    fn nft_part(
        &self,
        path: &Path,
        filter: &mut Filter,
        defines: &mut Vec<(String, String)>,
        depth: usize,
    ) -> Seen<()> {
        let Some(lines) = self.lines(path)? else { return Ok(()) };
        if depth > DEPTH_MAX {
            return Ok(());
        }
        for line in lines.iter() {
            if let Some(pattern) = line.text.trim().strip_prefix("include ") {
                let pattern = pattern.trim().trim_end_matches(';').trim_matches('"');
                for file in self.glob(Path::new("/etc").join(pattern))? {
                    self.nft_part(&file, filter, defines, depth + 1)?;
                }
            }
        }
        read(&lines, filter, defines);
        Ok(())
    }
}

#[derive(Default)]
struct Chain {
    hook: String,
    policy: Option<bool>,
    place: Option<Place>,
    rules: Vec<(String, Place)>,
}

/// Reads the rules of a text.
pub(super) fn read(lines: &[Line], filter: &mut Filter, defines: &mut Vec<(String, String)>) {
    let mut family = 0;
    let mut open: Vec<&'static str> = Vec::new();
    let mut chain = Chain::default();
    for (statement, end, place) in statements(lines) {
        let text = filled(&statement, defines);
        let mut words = text.split_whitespace();
        match (words.next(), end) {
            (Some("define"), _) => {
                if let Some((name, value)) = text.trim_start_matches("define").split_once('=') {
                    defines.push((format!("${}", name.trim()), value.trim().to_owned()));
                }
            }
            (Some("table"), End::Open) => {
                family = family_of(words.next().unwrap_or_default());
                open.push("table");
            }
            (Some("chain"), End::Open) => {
                chain = Chain { place: Some(place), ..Chain::default() };
                open.push("chain");
            }
            (_, End::Open) => open.push("other"),
            (first, end) => {
                if first.is_some() && open.last() == Some(&"chain") {
                    chain.statement(&text, place);
                }
                if end == End::Close && open.pop() == Some("chain") {
                    std::mem::take(&mut chain).close(family, filter);
                }
            }
        }
    }
}

fn family_of(word: &str) -> u8 {
    match word {
        "ip6" => 6,
        "inet" => 0,
        "bridge" | "arp" | "netdev" => 9,
        _ => 4,
    }
}

impl Chain {
    fn statement(&mut self, text: &str, place: Place) {
        if let Some(rest) = text.strip_prefix("type ") {
            let mut words = rest.split_whitespace().skip_while(|word| *word != "hook").skip(1);
            if rest.starts_with("filter") {
                words.next().unwrap_or_default().clone_into(&mut self.hook);
            }
        } else if let Some(policy) = text.strip_prefix("policy ") {
            self.policy = Some(policy.trim() != "accept");
        } else {
            self.rules.push((text.to_owned(), place));
        }
    }

    fn close(self, family: u8, filter: &mut Filter) {
        let Some(place) = self.place else { return };
        if family == 9 {
            return;
        }
        // A last rule that drops all is a policy.
        let ends = self.rules.last().is_some_and(|(rule, _)| {
            let plain: Vec<&str> = rule.split_whitespace().filter(|w| *w != "counter").collect();
            matches!(plain.first(), Some(&"drop" | &"reject"))
        });
        let drops = self.policy.unwrap_or(false) || ends;
        match self.hook.as_str() {
            "input" => filter.inputs.push((family, drops, place.clone())),
            "forward" => {
                filter.forwards.push((family, drops, place.clone()));
                filter.place.get_or_insert(place);
                return;
            }
            "" => {}
            _ => return,
        }
        filter.place.get_or_insert(place);
        for (rule, place) in self.rules {
            filter.is_stateful |= rule.contains("established");
            filter.logs |= rule.split_whitespace().any(|word| word == "log");
            filter.openings.extend(openings(&rule, family, &place));
        }
    }
}

/// What a rule that accepts lets in. Rules about the state of a connection, the own interface, ICMP
/// or an address that is not everyone's let nothing in from anywhere.
fn openings(rule: &str, family: u8, place: &Place) -> Vec<Opening> {
    let words: Vec<&str> = rule.split_whitespace().collect();
    if !words.contains(&"accept") {
        return Vec::new();
    }
    let after = |name: &str| {
        let at = words.iter().position(|word| *word == name)?;
        words.get(at + 1).copied()
    };
    let bound =
        ["ct", "iif", "iifname", "icmp", "icmpv6", "igmp"].iter().any(|word| words.contains(word))
            || rule.contains("icmp")
            || words.contains(&"fib")
            || words.contains(&"pkttype")
            || (words.contains(&"mark"));
    let by_interface = after("iif")
        .or_else(|| after("iifname"))
        .is_some_and(|name| name.trim_matches('"') != "lo");
    let lone_ct = words.contains(&"ct") && !rule.contains("new");
    let source = after("saddr");
    let from_anywhere =
        source.is_none_or(|source| matches!(source, "0.0.0.0/0" | "::/0" | "::0/0"));
    let protocol = ["tcp", "udp"].into_iter().find(|name| words.contains(name)).unwrap_or_default();
    let make = |ports| Opening {
        ports,
        protocol: protocol.to_owned(),
        family: if words.contains(&"ip6") {
            6
        } else if words.contains(&"ip") {
            4
        } else {
            family
        },
        from_anywhere: from_anywhere && source != Some("{"),
        rule: rule.to_owned(),
        place: place.clone(),
    };
    let Some(start) = words.iter().position(|word| *word == "dport") else {
        let all = !bound
            && !words.contains(&"daddr")
            && !words.contains(&"protocol")
            && !words.contains(&"l4proto")
            && !words.contains(&"sport")
            && !by_interface;
        return if all { vec![make(None)] } else { Vec::new() };
    };
    if lone_ct || words.get(start + 1) == Some(&"!=") {
        return Vec::new();
    }
    let rest = words.get(start + 1..).unwrap_or_default().join(" ");
    let set = match rest.strip_prefix('{') {
        Some(inner) => inner.split('}').next().unwrap_or_default().to_owned(),
        None => rest.split(' ').next().unwrap_or_default().to_owned(),
    };
    set.split(',').filter_map(|part| ports(part.trim())).map(|ports| make(Some(ports))).collect()
}

/// A port, a range or a service's name.
pub(super) fn ports(text: &str) -> Option<(u16, u16)> {
    let named = |text: &str| -> Option<u16> {
        Some(match text.trim() {
            "ssh" => 22,
            "http" => 80,
            "https" => 443,
            "mysql" => 3306,
            "postgresql" => 5432,
            "redis" => 6379,
            "telnet" => 23,
            "ftp" => 21,
            "smtp" => 25,
            "domain" => 53,
            other => other.parse().ok()?,
        })
    };
    let (from, to) = text.split_once(['-', ':']).unwrap_or((text, text));
    Some((named(from)?, named(to)?))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Line,
    Open,
    Close,
}

/// Statements with what ends them. A brace behind a word that takes a set does not open a block.
fn statements(lines: &[Line]) -> Vec<(String, End, Place)> {
    let mut out = Vec::new();
    let (mut text, mut sets) = (String::new(), 0_usize);
    for line in lines {
        let (mut quoted, mut first) = (false, true);
        for letter in line.text.chars() {
            if first && letter == '#' {
                break;
            }
            if letter == '"' {
                quoted = !quoted;
            }
            match letter {
                '#' if !quoted => break,
                '{' if !quoted && !opens(&text) => {
                    sets += 1;
                    text.push_str(" { ");
                }
                '{' if !quoted => out.push((
                    std::mem::take(&mut text).trim().to_owned(),
                    End::Open,
                    line.place.clone(),
                )),
                '}' if !quoted && sets > 0 => {
                    sets -= 1;
                    text.push_str(" } ");
                }
                '}' if !quoted => out.push((
                    std::mem::take(&mut text).trim().to_owned(),
                    End::Close,
                    line.place.clone(),
                )),
                ';' if !quoted && sets == 0 => out.push((
                    std::mem::take(&mut text).trim().to_owned(),
                    End::Line,
                    line.place.clone(),
                )),
                _ => text.push(letter),
            }
            first &= letter.is_whitespace();
        }
        if sets == 0 {
            out.push((std::mem::take(&mut text).trim().to_owned(), End::Line, line.place.clone()));
        } else {
            text.push(' ');
        }
        if text.len() > 1_000_000 {
            text.clear();
        }
    }
    out.retain(|(text, end, _)| !text.is_empty() || *end != End::Line);
    out
}

fn opens(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    matches!(
        first,
        "table"
            | "chain"
            | "set"
            | "map"
            | "flowtable"
            | "counter"
            | "quota"
            | "limit"
            | "synproxy"
    ) && !text.contains('=')
        && text.split_whitespace().count() <= 4
}

fn filled(text: &str, defines: &[(String, String)]) -> String {
    let mut out = text.to_owned();
    if text.contains('$') {
        for (name, value) in defines.iter().rev().take(200) {
            out = out.replace(name, value);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::text::lines;
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    fn filter(text: &str) -> Filter {
        let mut filter = Filter::default();
        read(&lines(Path::new("/x"), text), &mut filter, &mut Vec::new());
        filter
    }

    #[test]
    fn policies_and_openings_are_read() {
        let found = filter(
            "#!/usr/sbin/nft -f\nflush ruleset\ndefine DB = 3306\ntable inet filter {\n chain input {\n  type filter hook input priority 0; policy drop;\n  iif lo accept\n  ct state established,related accept\n  ip protocol icmp limit rate 10/second accept\n  meta l4proto ipv6-icmp accept\n  tcp dport { 22,\n 80-90, https } accept # tcp dport 9 accept\n  ip saddr 10.0.0.0/8 tcp dport $DB accept\n  limit rate 5/minute log prefix \"a { ; b\"\n }\n chain forward { type filter hook forward priority 0; policy accept; }\n}\n",
        );
        assert!(found.drops(4) && found.drops(6) && found.is_stateful && found.logs);
        for (port, wanted) in [(22, true), (85, true), (443, true), (3306, false), (9, false)] {
            assert_eq!(found.lets_in(4, "tcp", port), wanted, "{port}");
        }
        assert_eq!(found.forwards.len(), 1);
        assert!(!found.forwards[0].1);
    }

    #[test]
    fn what_filters_one_family_leaves_the_other_open() {
        let found = filter(
            "table ip filter {\n chain input {\n type filter hook input priority filter\n policy drop\n ip saddr 0.0.0.0/0 accept\n}\n}\n",
        );
        assert!(found.drops(4) && !found.sees(6) && found.lets_in(6, "tcp", 1));
        assert_eq!(found.openings[0].ports, None);
        let found = filter(
            "table inet f {\n chain i {\n type filter hook input priority 0; policy accept;\n drop\n}\n}\n",
        );
        assert!(found.drops(4), "a last rule that drops is a policy");
        assert_eq!(filter("").place, None);
    }

    #[test]
    fn included_files_count() {
        let fake = Fake::new();
        fake.file("/etc/nftables.conf", "include \"/etc/nftables.d/*.nft\"\n");
        fake.file(
            "/etc/nftables.d/a.nft",
            "table ip x { chain y { type filter hook input priority 0; policy accept; } }\n",
        );
        let facts = Facts::new(&fake, Ground::Tree);
        let found = facts.filter().as_ref().unwrap().as_ref().unwrap();
        assert_eq!((found.inputs.len(), found.drops(4)), (1, false));
    }
}
