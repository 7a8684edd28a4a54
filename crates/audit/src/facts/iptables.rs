//! Rules in the form of `iptables-save`.

use super::filter::{Filter, Opening};
use super::nftables::ports;
use super::text::{Line, Place};

/// A whole file: policies and rules.
pub(super) fn read(lines: &[Line], family: u8, filter: &mut Filter) {
    let mut in_filter = false;
    for line in lines {
        let text = line.text.trim();
        if let Some(table) = text.strip_prefix('*') {
            in_filter = table == "filter";
        }
        if !in_filter {
            continue;
        }
        for (chain, list) in [(":INPUT ", 0), (":FORWARD ", 1)] {
            if let Some(rest) = text.strip_prefix(chain) {
                let row = (family, !rest.starts_with("ACCEPT"), line.place.clone());
                if list == 0 {
                    filter.inputs.push(row);
                } else {
                    filter.forwards.push(row);
                }
                filter.place.get_or_insert_with(|| line.place.clone());
            }
        }
        rule(text, family, &line.place, filter);
    }
}

/// The rules alone.
pub(super) fn read_rules(lines: &[Line], family: u8, filter: &mut Filter) {
    for line in lines {
        rule(line.text.trim(), family, &line.place, filter);
    }
}

fn rule(text: &str, family: u8, place: &Place, filter: &mut Filter) {
    let words: Vec<&str> = text.split_whitespace().collect();
    let Some(("-A" | "-I", chain)) = words.first().zip(words.get(1)).map(|(a, b)| (*a, *b)) else {
        return;
    };
    if matches!(chain, "FORWARD" | "OUTPUT" | "PREROUTING" | "POSTROUTING")
        || chain.contains("forward")
        || chain.contains("output")
    {
        return;
    }
    filter.is_stateful |= text.contains("ESTABLISHED");
    filter.logs |= words.contains(&"LOG") || words.contains(&"NFLOG");
    let after = |names: &[&str]| {
        let at = words.iter().position(|word| names.contains(word))?;
        words.get(at + 1).copied()
    };
    let all_drop =
        words.len() == 4 && matches!(after(&["-j"]), Some("DROP" | "REJECT")) && chain == "INPUT";
    if all_drop && let Some(last) = filter.inputs.iter_mut().rev().find(|(own, ..)| *own == family)
    {
        last.1 = true;
    }
    let state_only = text.contains("ESTABLISHED") && !text.contains("NEW");
    let own = after(&["-i", "--in-interface"]).is_some();
    if after(&["-j"]) != Some("ACCEPT") || state_only || own || text.contains("icmp") {
        return;
    }
    let source = after(&["-s", "--source"]);
    let make = |ports| Opening {
        ports,
        protocol: after(&["-p"]).unwrap_or_default().to_owned(),
        family,
        from_anywhere: source.is_none_or(|source| matches!(source, "0.0.0.0/0" | "::/0")),
        rule: text.to_owned(),
        place: place.clone(),
    };
    match after(&["--dport", "--dports"]) {
        Some(list) => {
            filter
                .openings
                .extend(list.split(',').filter_map(ports).map(|ports| make(Some(ports))));
        }
        None if after(&["-d", "--destination", "--sport"]).is_none() => {
            filter.openings.push(make(None));
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::lines;
    use super::*;
    use std::path::Path;

    #[test]
    fn policies_and_openings_are_read() {
        let text = "*nat\n:INPUT ACCEPT [0:0]\n*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -s 10.0.0.0/8 -p tcp -m multiport --dports 80,8000:8010 -j ACCEPT\n-A INPUT -j DROP\nCOMMIT\n";
        let mut filter = Filter::default();
        read(&lines(Path::new("/x"), text), 4, &mut filter);
        assert!(filter.drops(4) && filter.is_stateful && !filter.sees(6));
        assert!(
            filter.lets_in(4, "tcp", 22)
                && !filter.lets_in(4, "tcp", 80)
                && !filter.lets_in(4, "udp", 22)
        );
        assert_eq!(filter.openings.len(), 3);
        let mut open = Filter::default();
        read(&lines(Path::new("/x"), "*filter\n:INPUT ACCEPT\n"), 6, &mut open);
        assert!(!open.drops(6) && open.lets_in(6, "tcp", 1));
    }
}
