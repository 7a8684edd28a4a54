//! `burgrave prove` of what is played on a stage, on a machine of the test's that has it, and on one that has not.

use crate::firewall::WATCH;
use crate::firewall::net::{Net, append};
use std::io::Write as _;

const ALERT: &str = "[[alert]]\nto = \"command:/bin/true\"\n";

fn prove(net: &Net, safeguards: &[&str]) -> (Option<i32>, serde_json::Value) {
    let mut command = net.host.command(crate::support::PROGRAM);
    command.arg("prove").args(safeguards).args(["--format", "json", "--config", &net.config()]);
    let output = command.output().unwrap();
    let shown = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", crate::support::stderr(&output)));
    (output.status.code(), shown)
}

/// How a proof ended, with its evidence as text.
fn outcome(shown: &serde_json::Value, id: &str) -> (String, String) {
    let proofs = shown["proofs"].as_array().unwrap();
    let proof = proofs.iter().find(|proof| proof["id"] == id).unwrap();
    (proof["outcome"].as_str().unwrap().to_owned(), proof["evidence"].to_string())
}

#[test]
fn a_machine_without_its_rules_falls_and_with_them_holds() {
    let Some(mut net) = Net::new(&format!("[firewall]\n{ALERT}{WATCH}")) else { return };
    let (code, shown) = prove(&net, &["firewall", "brute-force"]);
    assert_eq!(code, Some(1));
    let (drops, saw) = outcome(&shown, "firewall-drops");
    assert!(drops == "fell" && saw.contains("rule(s) differ"), "{saw}");
    assert_eq!(saw.matches("\"fell\"").count(), 1, "what is played holds: {saw}");
    let (banned, saw) = outcome(&shown, "brute-force-banned");
    assert!(banned == "fell" && saw.contains("is `burgrave run` at work"), "{saw}");
    net.start();
    assert_eq!(net.firewall("apply --yes --confirm-within 0s").0, 0);
    let rules = net.host.must("nft -s list table inet burgrave");
    let (_, shown) = prove(&net, &["firewall", "brute-force", "logs"]);
    for id in ["firewall-drops", "trial-ends", "brute-force-banned", "lost-log-told"] {
        let (outcome, saw) = outcome(&shown, id);
        assert_eq!(outcome, "held", "{id}: {saw}");
    }
    assert_eq!(
        net.host.must("nft -s list table inet burgrave"),
        rules,
        "nothing of the machine was changed"
    );
    assert_eq!(net.said("banned"), 0, "nobody of the machine was banned");
}

#[test]
fn a_dry_run_and_nobody_to_be_told_fall() {
    let Some(mut net) = Net::new(&format!("[bans]\ndry_run = true\n{WATCH}")) else { return };
    net.start();
    append(net.folder.path().join("auth.log")).write_all(b"\n").unwrap();
    let (code, shown) = prove(&net, &["brute-force", "logs"]);
    assert_eq!(code, Some(1));
    for (id, word) in
        [("brute-force-banned", "dry_run"), ("lost-log-told", "there is no [[alert]]")]
    {
        let (outcome, saw) = outcome(&shown, id);
        assert!(outcome == "fell" && saw.contains(word), "{id}: {saw}");
    }
}
