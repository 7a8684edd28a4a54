//! The audit beside Lynis on the same tree: how much of what was planted each finds, and how long
//! each takes.
//!
//! The tree and the list of what is planted in it are given. Lynis knows no foreign root, so it runs
//! in the tree itself (chroot), in mounts of its own that end with it; the tree itself is left
//! as it was. What counts as found is decided by the list's own scorer, for both alike.

use crate::process;
use anyhow::{Context as _, Result, bail};
use serde_json::json;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs of ours; the middle one counts.
const RUNS: usize = 5;

/// Both on `tree`, scored by `faults` with the `score.py` that lies beside it.
pub(crate) fn run(tree: &str, faults: &str) -> Result<()> {
    let tree = std::fs::canonicalize(tree).with_context(|| format!("`{tree}`"))?;
    if tree.parent().is_none() || !tree.join("etc/debian_version").exists() {
        bail!("`{}` is no Debian tree", tree.display());
    }
    process::show("cargo", &["build", "--release", "--package", "burgrave"])?;
    let work = tempfile::tempdir()?;
    let (ours, ours_time) = ours(&tree, work.path())?;
    println!("burgrave: {}, {ours_time:.2?}", score(&ours, faults)?);
    if !process::has("lynis") {
        println!("lynis: not here (apt install lynis): nothing to compare with");
        return Ok(());
    }
    let (rival, rival_time) = lynis(&tree, work.path())?;
    println!("lynis:    {}, {rival_time:.2?}", score(&rival, faults)?);
    println!("ratio:    {:.0} x faster", rival_time.as_secs_f64() / ours_time.as_secs_f64());
    Ok(())
}

fn ours(tree: &Path, work: &Path) -> Result<(String, Duration)> {
    let program = process::root().join("target/release/burgrave");
    let mut times = Vec::new();
    let mut findings = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        let out = Command::new(&program)
            .args(["audit", "--format", "json", "--root"])
            .arg(tree)
            .output()
            .context("running burgrave")?;
        times.push(start.elapsed());
        if out.status.code().is_none_or(|code| code > 1) {
            bail!("burgrave could not run: {}", out.stderr.escape_ascii());
        }
        findings = out.stdout;
    }
    times.sort();
    let path = work.join("burgrave.json");
    std::fs::write(&path, findings)?;
    Ok((path.display().to_string(), times.get(RUNS / 2).copied().unwrap_or_default()))
}

/// Lynis' own files are copied into a file system in memory that only the run sees; its report comes
/// back on standard output.
const SCRIPT: &str = r#"set -e
tree=$1
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$tree/mnt"
mount -t proc proc "$tree/proc"
cp -r /usr/share/lynis "$tree/mnt/lynis"
cp -r /etc/lynis/. "$tree/mnt/lynis/"
cp /usr/sbin/lynis "$tree/mnt/lynis/lynis"
chroot "$tree" /bin/sh -c 'cd /mnt/lynis && ./lynis audit system --quick --quiet --no-colors --no-log --profile /mnt/lynis/default.prf --report-file /mnt/lynis/report.dat' >/dev/null 2>&1 || true
cat "$tree/mnt/lynis/report.dat"
"#;

fn lynis(tree: &Path, work: &Path) -> Result<(String, Duration)> {
    let start = Instant::now();
    let out = Command::new("unshare")
        .args(["--mount", "sh", "-c", SCRIPT, "sh"])
        .arg(tree)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .context("running lynis; it needs root")?;
    let time = start.elapsed();
    let text: String = out.stdout.iter().map(|&byte| char::from(byte)).collect();
    if !text.contains("hardening_index=") {
        bail!("lynis did not run to its end");
    }
    let told = text.lines().filter_map(|line| {
        let (kind, what) = line.split_once("[]=")?;
        let weight = match kind {
            "warning" => "high",
            "suggestion" => "low",
            _ => return None,
        };
        Some(json!({ "id": what.split('|').next(), "severity": weight, "text": what }))
    });
    let path = work.join("lynis.json");
    std::fs::write(&path, json!({ "findings": told.collect::<Vec<_>>() }).to_string())?;
    Ok((path.display().to_string(), time))
}

/// The scorer's last line: found of planted.
fn score(findings: &str, faults: &str) -> Result<String> {
    let scorer = Path::new(faults).with_file_name("score.py");
    let scorer = scorer.to_str().context("the scorer's path")?;
    let text = process::output("python3", &[scorer, findings, faults, "-q"])?;
    let line = text.lines().rev().find(|line| line.starts_with("found ")).context("no score")?;
    Ok(line.split(", ").next().unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_tree_is_audited() {
        let empty = tempfile::tempdir().unwrap();
        for tree in ["/", "/nonexistent", empty.path().to_str().unwrap()] {
            let why = run(tree, "faults.tsv").unwrap_err().to_string();
            assert!(why.contains(tree) || why.contains("no Debian tree"), "{why}");
        }
    }
}
