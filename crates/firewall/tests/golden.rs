//! Whole plans and whole scripts, from a configuration and what the kernel has, as they were checked by eye
//! and by nft.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use burgrave_config::Protocol;
use burgrave_firewall::{Desired, Listing, base, confirmed, listeners, listing, plan, trial};
use std::path::Path;
use std::time::Duration;

const CONFIG: &str = "[firewall]\nallow = [{ port = 22, from = [\"192.0.2.0/24\", \"2001:db8::/32\"] }, { port = 53, \
                      protocol = \"udp\" }]\negress = [{ user = \"www-data\", to = [\"192.0.2.0/24\"], port = 443 }]\n[[listen]]\naddress = \"0.0.0.0:443\"\n[[listen]]\naddress = \"[::]:443\"\n\
                      [[site]]\nhosts = [\"a\"]\nfiles = { root = \"/srv\" }\n";
const SOCKETS: &str = "head\n 0: 00000000:0016 00000000:0000 0A 0\n 1: 00000000:1538 00000000:0000 0A 0\n 2: \
                       0100007F:0019 00000000:0000 0A 0\n";

fn desired(config: &str) -> Desired {
    Desired::of(&burgrave_config::parse(config).unwrap())
}

/// Compares with the file; writes it anew where that is asked for.
fn check(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("BURGRAVE_BLESS").is_some() {
        std::fs::write(&file, text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), text, "{name}");
}

#[test]
fn scripts_are_as_written() {
    let open = desired(CONFIG);
    check("base.nft", &base());
    check("confirmed.nft", &confirmed(&open));
    check("trial.nft", &trial(&open, Duration::from_secs(30)));
    check(
        "off.nft",
        &confirmed(&desired(&CONFIG.replace("[firewall]", "[firewall]\nenabled = false"))),
    );
}

#[test]
fn plans_are_as_written() {
    let found = listeners(SOCKETS, Protocol::Tcp);
    check("first.txt", &plan(&desired(CONFIG), None, &found).to_string());
    let known = listing(
        "table inet burgrave {\nchain bans {\n}\nchain input {\n}\nchain trial {\n}\nchain egress {\n}\nchain egress_trial {\n}\nchain output {\n}\nchain rules {\ntcp dport 8080 accept comment \
         \"open tcp 8080 for anyone\"\ntcp dport 1 accept\nudp dport 53 accept comment \"open udp 53 for anyone\"\n}\n}\n",
    );
    check("second.txt", &plan(&desired(CONFIG), Some(&known), &found).to_string());
    let off = desired(&CONFIG.replace("[firewall]", "[firewall]\nenabled = false"));
    check("off.txt", &plan(&off, Some(&known), &found).to_string());
}

#[test]
fn what_was_loaded_needs_no_more() {
    // As nft lists it: the rules of the script, which it writes in its own way, and the comments.
    let script = confirmed(&desired(CONFIG));
    let mut text = "table inet burgrave {\n".to_owned();
    for chain in ["bans", "rules", "trial", "input", "egress", "egress_trial", "output"] {
        text.push_str(&format!("chain {chain} {{\n"));
        for line in script.lines() {
            if let Some(rule) = line.strip_prefix(&format!("add rule inet burgrave {chain} ")) {
                text.push_str(&format!("{rule}\n"));
            }
        }
        text.push_str("}\n");
    }
    let listed = listing(&text);
    assert!(plan(&desired(CONFIG), Some(&listed), &[]).is_empty());
    for chain in ["rules", "egress"] {
        let mut fewer = Listing { rules: listed.rules.clone(), chains: listed.chains.clone() };
        let at = fewer.rules.iter().position(|rule| rule.chain == chain).unwrap();
        fewer.rules.remove(at);
        assert_eq!(plan(&desired(CONFIG), Some(&fewer), &[]).changes.len(), 1, "{chain}");
    }
}
