//! The architecture as a table: which crate of ours may use which. A new edge is a decision, and is
//! written here before it is built.

use crate::process;
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::collections::BTreeSet;

/// Crate → the crates of ours that it uses, tests excepted.
const EDGES: &[(&str, &[&str])] = &[
    (
        "burgrave",
        &[
            "advisories",
            "agent",
            "alerts",
            "apply",
            "audit",
            "backup",
            "certificates",
            "client",
            "config",
            "decisions",
            "draft",
            "firewall",
            "gateway",
            "ledger",
            "model",
            "prove",
            "rehearsal",
            "replay",
            "seclang",
            "shipping",
            "sys",
            "watch",
        ],
    ),
    ("burgrave-advisories", &["audit", "model", "sys"]),
    ("burgrave-agent", &["config", "firewall", "follow", "sys", "watch"]),
    ("burgrave-alerts", &["client", "config", "model", "sys"]),
    ("burgrave-apply", &["model", "sys"]),
    ("burgrave-audit", &["digest", "model", "parse", "sys"]),
    ("burgrave-backup", &["client", "config", "model", "sys"]),
    ("burgrave-certificates", &["config", "parse", "sys"]),
    ("burgrave-client", &["sys"]),
    ("burgrave-config", &["model", "watch"]),
    ("burgrave-conformance", &["config", "gateway", "model", "seclang"]),
    ("burgrave-decisions", &["agent", "client", "config", "sys", "watch"]),
    ("burgrave-digest", &[]),
    ("burgrave-documents", &[]),
    ("burgrave-draft", &["audit", "sys"]),
    ("burgrave-firewall", &["config"]),
    ("burgrave-follow", &["sys", "watch"]),
    // What it attacks it uses in its tests alone.
    ("burgrave-front-door", &[]),
    ("burgrave-gateway", &["config", "model", "parse", "seclang", "sys"]),
    ("burgrave-ledger", &["sys"]),
    ("burgrave-model", &[]),
    ("burgrave-oracles", &["ledger", "model", "parse", "seclang", "watch"]),
    ("burgrave-parse", &[]),
    // What a certificate says, by the one reader that there is.
    ("burgrave-prove", &["config", "model", "parse", "sys"]),
    // Streams and upstreams are played by the gateway itself: a copy of what it does would prove the copy.
    ("burgrave-rehearsal", &["agent", "config", "firewall", "gateway", "model", "prove", "sys"]),
    ("burgrave-replay", &["model", "seclang"]),
    ("burgrave-seclang", &["model", "parse"]),
    ("burgrave-shipping", &["client", "config", "follow", "sys"]),
    ("burgrave-sys", &[]),
    ("burgrave-watch", &[]),
    ("exchange", &[]),
    ("xtask", &[]),
];

/// Others' crates that some of ours must never use, with the reason.
const ABSENCES: &[(&str, &[&str], &str)] = &[
    (
        "burgrave-seclang",
        &["tokio", "hyper", "http"],
        "the engine knows no HTTP library and does no I/O",
    ),
    ("burgrave-parse", &["tokio", "hyper", "http"], "parsers do no I/O"),
    ("burgrave-replay", &["tokio", "hyper", "http"], "takes bytes, and answers in process"),
    ("burgrave-config", &["tokio", "hyper", "rustix"], "reads nothing but the text it is given"),
    ("burgrave-model", &["tokio", "hyper", "rustix", "thiserror"], "only names things"),
    ("burgrave-advisories", &["tokio", "hyper", "socket2", "rustls"], "fetches nothing"),
    (
        "burgrave-agent",
        &["tokio", "hyper", "socket2"],
        "listens on no network but for messages of syslog, without a runtime",
    ),
    ("burgrave-backup", &["tokio", "hyper"], "threads and plain reads are enough for it"),
    ("burgrave-draft", &["tokio", "hyper", "rustix"], "facts in, text out"),
    (
        "burgrave-client",
        &["tokio", "hyper"],
        "whoever waits for a repository or a collector has a thread for it",
    ),
    ("burgrave-shipping", &["tokio", "hyper"], "a thread for each collector is enough"),
    (
        "burgrave-ledger",
        &["tokio", "hyper", "socket2"],
        "is written and verified without a network",
    ),
    ("burgrave-alerts", &["tokio", "hyper"], "threads and plain reads are enough for it"),
    (
        "burgrave-firewall",
        &["tokio", "hyper", "rustix"],
        "decides what rules there are, and runs nothing",
    ),
    ("burgrave-prove", &["tokio", "hyper"], "attacks byte by byte, by its own client"),
    ("burgrave-watch", &["tokio", "hyper", "rustix"], "bytes and time in, actions out: no I/O"),
];

/// Compares the table with `cargo metadata`.
pub(crate) fn check() -> Result<()> {
    let text = process::output("cargo", &["metadata", "--format-version", "1", "--no-deps"])?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata")?;
    let packages = metadata.get("packages").and_then(Value::as_array).context("packages")?;
    let mut problems = Vec::new();
    for package in packages {
        let name = package.get("name").and_then(Value::as_str).context("name")?;
        let Some((_, allowed)) = EDGES.iter().find(|(known, _)| *known == name) else {
            problems.push(format!("`{name}` is not in the table of edges"));
            continue;
        };
        let used = dependencies(package);
        let ours = |used: &str| used.strip_prefix("burgrave-").map(str::to_owned);
        let found: BTreeSet<String> = used.iter().filter_map(|used| ours(used)).collect();
        let allowed: BTreeSet<String> = allowed.iter().map(|&name| name.to_owned()).collect();
        problems.extend(
            found.difference(&allowed).map(|new| format!("`{name}` uses `{new}`: a new edge")),
        );
        problems.extend(
            allowed.difference(&found).map(|old| format!("`{name}` no longer uses `{old}`")),
        );
        for (_, absent, why) in ABSENCES.iter().filter(|(own, ..)| *own == name) {
            let broken = absent.iter().filter(|absent| used.contains(**absent));
            problems.extend(broken.map(|absent| format!("`{name}` uses `{absent}`, but {why}")));
        }
    }
    if problems.is_empty() {
        println!("architecture: {} crates use each other as written", packages.len());
        return Ok(());
    }
    bail!("the architecture has changed (see xtask/src/edges.rs):\n{}", problems.join("\n"))
}

fn dependencies(package: &Value) -> BTreeSet<String> {
    let all = package.get("dependencies").and_then(Value::as_array);
    all.into_iter()
        .flatten()
        .filter(|dependency| dependency.get("kind").is_none_or(Value::is_null))
        .filter_map(|dependency| dependency.get("name").and_then(Value::as_str))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_built_in_counts_as_used() {
        let package = serde_json::json!({"dependencies": [
            {"name": "burgrave-model", "kind": null},
            {"name": "tokio"},
            {"name": "proptest", "kind": "dev"},
            {"name": "cc", "kind": "build"},
            {"kind": null},
        ]});
        let found: Vec<String> = dependencies(&package).into_iter().collect();
        assert_eq!(found, ["burgrave-model", "tokio"]);
        assert!(dependencies(&serde_json::json!({})).is_empty());
    }

    #[test]
    fn the_table_is_sorted_and_names_only_its_own() {
        assert!(EDGES.is_sorted(), "sorted by name, each once");
        for (name, used) in EDGES {
            assert!(used.is_sorted(), "{name}");
            for other in *used {
                let known = |(own, _): &(&str, &[&str])| *own == format!("burgrave-{other}");
                assert!(EDGES.iter().any(known), "{name} uses {other}, which is not in the table");
            }
        }
        for (name, _, why) in ABSENCES {
            assert!(EDGES.iter().any(|(own, _)| own == name) && !why.is_empty(), "{name}");
        }
    }

    #[test]
    fn the_architecture_is_as_written() {
        super::check().unwrap();
    }
}
