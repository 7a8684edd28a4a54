//! `cargo xtask bench watch`: reading logs, with every detector on, beside fail2ban with one filter each; and
//! what a million addresses cost.

use crate::{process, setup};
use anyhow::{Context as _, Result, bail};
use std::path::Path;
use std::time::Instant;

const LINES: &str = "200000";
const ADDRESSES: &str = "1000000";
/// What is read, as which service, and fail2ban's filters for it.
const LOGS: &[(&str, &str, &[&str])] = &[
    ("sshd", "sshd", &["sshd[mode=aggressive]"]),
    ("nginx-access", "nginx", &["nginx-botsearch", "nginx-bad-request"]),
    ("nginx-error", "nginx", &["nginx-http-auth", "nginx-limit-req"]),
];

/// Runs both on the same logs, and prints a ratio each.
pub(crate) fn run() -> Result<()> {
    setup::packages(&["fail2ban"])?;
    let build = ["build", "--release", "--package", "burgrave-watch", "--example", "watch-bench"];
    process::show("cargo", &build)?;
    let program = process::root().join("target/release/examples/watch-bench").display().to_string();
    let scratch = tempfile::tempdir()?;
    for (log, service, filters) in LOGS {
        let file = scratch.path().join(log).display().to_string();
        process::output(&program, &["make", log, &file, LINES])?;
        let ours = process::output(&program, &["read", service, &file])?;
        let [lines, events, actions, seconds] = numbers(&ours)?;
        let own = lines / seconds;
        println!(
            "watch {log}: {own:.0} lines/s on one core, all detectors on; {events:.0} of {lines:.0} lines are events, {actions:.0} actions"
        );
        for filter in *filters {
            let theirs = rival(Path::new(&file), filter, lines)?;
            println!(
                "watch {log}: fail2ban-regex {filter} {theirs:.0} lines/s: {:.0} x",
                own / theirs
            );
        }
    }
    let memory = process::output(&program, &["addresses", ADDRESSES])?;
    let [addresses, before, idle, resident, peak] = numbers(&memory)?;
    println!(
        "watch memory: idle {:.1} MB, {addresses:.0} addresses {:.1} MB (peak {:.1} MB; before {:.1} MB)",
        idle / 1_000.0,
        resident / 1_000.0,
        peak / 1_000.0,
        before / 1_000.0
    );
    Ok(())
}

fn numbers<const N: usize>(text: &str) -> Result<[f64; N]> {
    let numbers: Vec<f64> = text
        .split_whitespace()
        .map(|word| word.parse().with_context(|| format!("no number: `{word}`")))
        .collect::<Result<_>>()?;
    match numbers.try_into() {
        Ok(numbers) => Ok(numbers),
        Err(numbers) => bail!("{} numbers instead of {N}", numbers.len()),
    }
}

/// Lines a second of fail2ban's own tool, its start included.
fn rival(file: &Path, filter: &str, lines: f64) -> Result<f64> {
    let file = file.display().to_string();
    let start = Instant::now();
    let options = ["--no-check-all", "--print-no-missed", "--print-no-ignored", &file, filter];
    let said = process::output("fail2ban-regex", &options)?;
    let seconds = start.elapsed().as_secs_f64();
    if !said.contains("Lines: ") {
        bail!("fail2ban-regex has not read the log:\n{said}");
    }
    Ok(lines / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_counted() {
        let found: [f64; 3] = numbers("1 2.5 3\n").unwrap();
        assert_eq!(found.map(|number| format!("{number}")), ["1", "2.5", "3"]);
        assert!(numbers::<2>("1").is_err() && numbers::<1>("x").is_err());
    }
}
