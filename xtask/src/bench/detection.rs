//! `cargo xtask bench detection`: a public corpus of attacks and the benign requests of a trading
//! application, through Burgrave as it ships, Burgrave with the rule set alone, and nginx with
//! libmodsecurity, in one run.

use super::defenders::{self, Defender};
use super::wire::{Backend, send};
use crate::crs;
use crate::process;
use crate::setup;
use anyhow::{Context as _, Result};
use base64::Engine as _;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

/// Sets of benign requests that look like code on purpose and are told apart.
const CODE_LIKE: &[&str] = &["strategy-code", "html-notes", "support-chat"];
/// What we want to show, in percent.
const ATTACKS_MIN: f64 = 85.0;
const BENIGN_MAX: f64 = 1.0;

/// By one defender, of one set.
#[derive(Clone, Copy, Default)]
struct Count {
    sent: usize,
    /// Answered 403.
    blocked: usize,
    /// Answered otherwise, not by the backend.
    refused: usize,
}

/// Whether legitimate, and the set's name; a count for each defender.
type Counts = BTreeMap<(bool, String), Vec<Count>>;

/// Runs it and prints a table.
pub(crate) fn run() -> Result<()> {
    let Some(data) =
        crs::shared().map(|shared| shared.join("data/waf")).filter(|data| data.is_dir())
    else {
        println!("detection: the corpus is not here; nothing ran");
        return Ok(());
    };
    setup::packages(&["libnginx-mod-http-modsecurity", "nginx-light"])?;
    process::show("cargo", &["build", "--release", "--package", "burgrave"])?;
    let crs = crs::find()?;
    let backend = Backend::start()?;
    let scratch = tempfile::tempdir()?;
    let all = defenders::start(&crs, &backend, scratch.path())?;
    println!("detection, paranoia 1, rules: {}", crs.name);
    let addresses: Vec<SocketAddr> = all.iter().map(|defender| defender.address).collect();
    let mut counts = Counts::new();
    for name in ["attacks.ndjson", "benign.ndjson"] {
        file(&data.join(name), &addresses, &mut counts)?;
    }
    table(&all, &counts);
    Ok(())
}

/// Sends every request of a file to each.
fn file(path: &Path, to: &[SocketAddr], counts: &mut Counts) -> Result<()> {
    for line in std::fs::read_to_string(path)?.lines() {
        let case: Value = serde_json::from_str(line)?;
        let text =
            |key: &str| case.get(key).and_then(Value::as_str).context("a case lacks a field");
        let raw = base64::engine::general_purpose::STANDARD.decode(text("request")?)?;
        let legitimate = case.get("legitimate").and_then(Value::as_bool).unwrap_or(false);
        let row = counts.entry((legitimate, text("set")?.to_owned())).or_default();
        row.resize(to.len(), Count::default());
        for (count, address) in row.iter_mut().zip(to) {
            count.sent += 1;
            match send(*address, &raw)? {
                Some(403) => count.blocked += 1,
                Some(200) => {}
                _ => count.refused += 1,
            }
        }
    }
    Ok(())
}

fn table(all: &[Defender], counts: &Counts) {
    let names: String = all.iter().map(|defender| format!(" {:>14}", defender.name)).collect();
    println!("blocked, and refused otherwise (+), of sent\n{:<28} {:>6}{names}", "set", "sent");
    for ((legitimate, set), row) in counts {
        let kind = if *legitimate { "benign" } else { "attack" };
        let sent = row.first().map_or(0, |count| count.sent);
        let cells: String = row.iter().map(|count| format!(" {:>14}", cell(*count))).collect();
        println!("{:<28} {sent:>6}{cells}", format!("{kind} {set}"));
    }
    for (number, defender) in all.iter().enumerate() {
        let of = |kind| total(counts, number, kind);
        let (attacks, texts) = (of(Kind::Attack), of(Kind::Text));
        let (plain, code) = (of(Kind::Benign), of(Kind::CodeLike));
        println!(
            "detection {}: attacks {} of {} blocked ({:.1} %), {} stopped; benign {} of {} blocked \
             ({:.2} %); legitimate texts {} of {}; code-like {} of {}",
            defender.name,
            attacks.blocked,
            attacks.sent,
            percent(attacks.blocked, attacks.sent),
            attacks.blocked + attacks.refused,
            plain.blocked + plain.refused,
            plain.sent,
            percent(plain.blocked + plain.refused, plain.sent),
            texts.blocked + texts.refused,
            texts.sent,
            code.blocked + code.refused,
            code.sent,
        );
    }
    println!("wanted of burgrave: attacks {ATTACKS_MIN} % or more, benign {BENIGN_MAX} % or less");
}

fn cell(count: Count) -> String {
    match count.refused {
        0 => count.blocked.to_string(),
        refused => format!("{}+{refused}", count.blocked),
    }
}

/// Rows that are summed up together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Attack,
    /// Texts that come near attacks, of the corpus of attacks.
    Text,
    /// Requests of the application.
    Benign,
    /// Those that look like code on purpose.
    CodeLike,
}

fn kind(legitimate: bool, set: &str) -> Kind {
    match (legitimate, set) {
        (false, _) => Kind::Attack,
        (true, "false-pos") => Kind::Text,
        (true, set) if CODE_LIKE.contains(&set) => Kind::CodeLike,
        (true, _) => Kind::Benign,
    }
}

fn total(counts: &Counts, defender: usize, wanted: Kind) -> Count {
    let rows = counts.iter().filter(|((legitimate, set), _)| kind(*legitimate, set) == wanted);
    rows.filter_map(|(_, row)| row.get(defender)).fold(Count::default(), |sum, count| Count {
        sent: sum.sent + count.sent,
        blocked: sum.blocked + count.blocked,
        refused: sum.refused + count.refused,
    })
}

fn percent(part: usize, of: usize) -> f64 {
    let number = |n: usize| u32::try_from(n).map_or(f64::MAX, f64::from);
    100.0 * number(part) / number(of.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts() -> Counts {
        let pair = |sent, blocked, refused| {
            vec![Count { sent, blocked, refused }, Count { sent, ..Count::default() }]
        };
        BTreeMap::from([
            ((false, "sqli".to_owned()), pair(10, 7, 1)),
            ((false, "xss".to_owned()), pair(5, 5, 0)),
            ((true, "orders".to_owned()), pair(20, 1, 0)),
            ((true, "false-pos".to_owned()), pair(3, 2, 0)),
            ((true, "support-chat".to_owned()), pair(4, 3, 1)),
        ])
    }

    #[test]
    fn sums_keep_kinds_and_defenders_apart() {
        for (defender, wanted, expected) in [
            (0, Kind::Attack, (15, 12, 1)),
            (0, Kind::Text, (3, 2, 0)),
            (0, Kind::Benign, (20, 1, 0)),
            (0, Kind::CodeLike, (4, 3, 1)),
            (1, Kind::Attack, (15, 0, 0)),
            (2, Kind::Attack, (0, 0, 0)),
        ] {
            let Count { sent, blocked, refused } = total(&counts(), defender, wanted);
            assert_eq!((sent, blocked, refused), expected);
        }
    }

    #[test]
    fn percentages_and_cells() {
        for (part, of, expected) in [(0, 0, 0.0), (1, 4, 25.0), (3, 3, 100.0), (1, 200, 0.5)] {
            assert!((percent(part, of) - expected).abs() < 1e-9, "{part} of {of}");
        }
        for (blocked, refused, text) in [(0, 0, "0"), (7, 0, "7"), (7, 2, "7+2")] {
            assert_eq!(cell(Count { sent: 9, blocked, refused }), text);
        }
    }

    #[test]
    fn a_corpus_is_sent_line_by_line_to_each() {
        let (one, two) = (Backend::start().unwrap(), Backend::start().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("corpus.ndjson");
        let raw = base64::engine::general_purpose::STANDARD.encode("GET / HTTP/1.1\r\n\r\n");
        let line = |legitimate: bool| {
            format!("{{\"set\":\"s\",\"legitimate\":{legitimate},\"request\":\"{raw}\"}}\n")
        };
        std::fs::write(&path, line(true) + &line(false) + &line(false)).unwrap();
        let mut counts = Counts::new();
        file(&path, &[one.address, two.address], &mut counts).unwrap();
        for defender in 0..2 {
            assert_eq!(total(&counts, defender, Kind::Benign).sent, 1);
            let attacks = total(&counts, defender, Kind::Attack);
            assert_eq!((attacks.sent, attacks.blocked, attacks.refused), (2, 0, 0));
        }
        std::fs::write(&path, "{\"set\":\"s\"}\n").unwrap();
        assert!(file(&path, &[], &mut counts).is_err(), "a case without a request");
        assert!(file(&folder.path().join("absent"), &[], &mut counts).is_err());
    }
}
