//! `cargo xtask bench detection`: the public corpus of attacks and the benign requests of a trading
//! application through the gateway, beside what nginx with libmodsecurity did with the same half.

use super::wire::{Backend, send};
use crate::crs::{self, Crs};
use crate::process::{self, Running};
use anyhow::{Context as _, Result};
use base64::Engine as _;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Sets of benign requests that look like code on purpose and are told apart.
const CODE_LIKE: &[&str] = &["strategy-code", "html-notes", "support-chat"];

/// What nginx 1.22.1 with libmodsecurity 3.0.9 did at paranoia 1 with the half that this corpus is
/// taken from.
const RIVAL: &str = "nginx + libmodsecurity 3.0.9: attacks 177 of 344 blocked (51.5 %), \
benign 45 of 240 blocked, 30 of 216 without code-like sets (13.9 %)";

#[derive(Default)]
struct Count {
    sent: usize,
    blocked: usize,
    refused: usize,
}

/// Runs it and prints a table.
pub(crate) fn run() -> Result<()> {
    let Some(data) =
        crs::shared().map(|shared| shared.join("data/waf")).filter(|data| data.is_dir())
    else {
        println!("detection: the corpus is not here; nothing ran");
        return Ok(());
    };
    process::show("cargo", &["build", "--release", "--package", "burgrave"])?;
    let crs = crs::find()?;
    let backend = Backend::start()?;
    let scratch = tempfile::tempdir()?;
    let (_gateway, address) = gateway(&crs, &backend, scratch.path())?;
    println!("detection, paranoia 1, rules: {}", crs.name);
    let attacks = file(&data.join("attacks.ndjson"), address)?;
    let benign = file(&data.join("benign.ndjson"), address)?;
    table(&attacks, &benign);
    Ok(())
}

fn gateway(crs: &Crs, backend: &Backend, scratch: &Path) -> Result<(Running, SocketAddr)> {
    let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let config = scratch.join("burgrave.toml");
    let text = format!(
        "state = \"{state}\"\n[[listen]]\naddress = \"{free}\"\n[rules]\ninclude = {}\n\
         [log]\naccess = \"{state}/access.ndjson\"\n\
         [[site]]\nhosts = [\"*\"]\n[[site.route]]\npath = \"/\"\nupstream = [\"http://{}\"]\n",
        crs.toml(),
        backend.address,
        state = scratch.display()
    );
    std::fs::write(&config, text)?;
    let program = process::root().join("target/release/burgrave");
    let mut command = Command::new(program);
    command.arg("run").arg("--config").arg(&config);
    Ok((Running::start(&mut command, "ready", Duration::from_secs(30))?, free))
}

fn file(path: &Path, address: SocketAddr) -> Result<BTreeMap<(bool, String), Count>> {
    let mut counts: BTreeMap<(bool, String), Count> = BTreeMap::new();
    for line in std::fs::read_to_string(path)?.lines() {
        let case: Value = serde_json::from_str(line)?;
        let text =
            |key: &str| case.get(key).and_then(Value::as_str).context("a case lacks a field");
        let raw = base64::engine::general_purpose::STANDARD.decode(text("request")?)?;
        let legitimate = case.get("legitimate").and_then(Value::as_bool).unwrap_or(false);
        let count = counts.entry((legitimate, text("set")?.to_owned())).or_default();
        count.sent += 1;
        match send(address, &raw)? {
            Some(403) => count.blocked += 1,
            Some(200) => {}
            _ => count.refused += 1,
        }
    }
    Ok(counts)
}

fn table(attacks: &BTreeMap<(bool, String), Count>, benign: &BTreeMap<(bool, String), Count>) {
    println!("{:<10} {:<16} {:>6} {:>8} {:>8}", "kind", "set", "sent", "blocked", "refused");
    for ((legitimate, set), count) in attacks.iter().chain(benign) {
        let kind = if *legitimate { "benign" } else { "attack" };
        println!(
            "{kind:<10} {set:<16} {:>6} {:>8} {:>8}",
            count.sent, count.blocked, count.refused
        );
    }
    let (attack, texts) = (hits(attacks, false, true), hits(attacks, true, true));
    let (every, plain) = (hits(benign, true, true), hits(benign, true, false));
    println!(
        "burgrave: attacks {} of {} stopped ({:.1} %), legitimate texts {} of {} stopped, \
         benign {} of {} stopped, {} of {} without code-like sets ({:.1} %)",
        attack.1,
        attack.0,
        percent(attack),
        texts.1,
        texts.0,
        every.1,
        every.0,
        plain.1,
        plain.0,
        percent(plain)
    );
    println!("{RIVAL}");
}

/// How many were sent and how many stopped, of those that are legitimate or not; sets of texts that
/// look like code only where `all` are wanted.
fn hits(rows: &BTreeMap<(bool, String), Count>, legitimate: bool, all: bool) -> (usize, usize) {
    let chosen = rows.iter().filter(|((own, set), _)| {
        *own == legitimate && (all || !CODE_LIKE.contains(&set.as_str()))
    });
    chosen.fold((0, 0), |(sent, hit), (_, count)| {
        (sent + count.sent, hit + count.blocked + count.refused)
    })
}

fn percent((sent, hit): (usize, usize)) -> f64 {
    let number = |n: usize| u32::try_from(n).map_or(f64::MAX, f64::from);
    100.0 * number(hit) / number(sent.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> BTreeMap<(bool, String), Count> {
        let count = |sent, blocked, refused| Count { sent, blocked, refused };
        BTreeMap::from([
            ((false, "sqli".to_owned()), count(10, 7, 1)),
            ((false, "xss".to_owned()), count(5, 5, 0)),
            ((true, "orders".to_owned()), count(20, 1, 0)),
            ((true, "support-chat".to_owned()), count(4, 3, 1)),
        ])
    }

    #[test]
    fn sums_keep_attacks_and_legitimate_requests_apart() {
        for (legitimate, all, expected) in [
            (false, true, (15, 13)),
            (false, false, (15, 13)),
            (true, true, (24, 5)),
            (true, false, (20, 1)),
        ] {
            assert_eq!(hits(&rows(), legitimate, all), expected, "{legitimate} {all}");
        }
        assert_eq!(hits(&BTreeMap::new(), true, true), (0, 0));
    }

    #[test]
    fn percentages() {
        for (counts, expected) in [((0, 0), 0.0), ((4, 1), 25.0), ((3, 3), 100.0), ((200, 1), 0.5)]
        {
            assert!((percent(counts) - expected).abs() < 1e-9, "{counts:?}");
        }
    }

    #[test]
    fn a_corpus_is_sent_line_by_line() {
        let backend = Backend::start().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("corpus.ndjson");
        let raw = base64::engine::general_purpose::STANDARD.encode("GET / HTTP/1.1\r\n\r\n");
        let line = |legitimate: bool| {
            format!("{{\"set\":\"s\",\"legitimate\":{legitimate},\"request\":\"{raw}\"}}\n")
        };
        std::fs::write(&path, line(true) + &line(false) + &line(false)).unwrap();
        let counts = file(&path, backend.address).unwrap();
        assert_eq!(hits(&counts, true, true), (1, 0), "the backend lets all through");
        assert_eq!(hits(&counts, false, true), (2, 0));
        std::fs::write(&path, "{\"set\":\"s\"}\n").unwrap();
        assert!(file(&path, backend.address).is_err(), "a case without a request");
        assert!(file(&folder.path().join("absent"), backend.address).is_err());
    }
}
