//! Times the engine in process: `engine-bench [--layer] [--new-values] [--only WORKLOAD] PARANOIA INCLUDE…` prints one
//! line a workload with minimum and median microseconds of a whole transaction, after what loading took and before the
//! most memory that the process had. With `--new-values` each request has other numbers in its query and its body than the
//! one before it, so that what the engine remembers of values is of less use. `engine-bench --workloads FOLDER` writes the
//! requests for whoever else is to be timed with them.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench talks to a terminal")]

use anyhow::{Context as _, Result};
use burgrave_conformance::{engine, rules, workload};
use burgrave_model::Mode;
use burgrave_seclang::{Layer, Options};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

const ROUNDS: usize = 400;

fn main() -> Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut is_given = |flag: &str| {
        let is_next = arguments.first().is_some_and(|first| first == flag);
        is_next.then(|| arguments.remove(0)).is_some()
    };
    let layer = if is_given("--layer") { Layer::ON } else { Layer::default() };
    let anew = is_given("--new-values");
    let mut only = None;
    if arguments.len() > 2 && arguments.first().is_some_and(|first| first == "--only") {
        only = arguments.drain(..2).nth(1);
    }
    match arguments.split_first() {
        Some((flag, [folder])) if flag == "--workloads" => {
            for (name, request) in workload::all() {
                let path = PathBuf::from(folder).join(name.replace(' ', "-"));
                std::fs::write(path, workload::raw(&request))?;
            }
            Ok(())
        }
        Some((paranoia, include)) => {
            let include = include.iter().map(PathBuf::from).collect();
            time((layer, anew), only.as_deref(), paranoia, include)
        }
        None => anyhow::bail!(
            "engine-bench [--layer] [--new-values] [--only WORKLOAD] PARANOIA INCLUDE…"
        ),
    }
}

fn time(
    (layer, anew): (Layer, bool),
    only: Option<&str>,
    paranoia: &str,
    mut include: Vec<PathBuf>,
) -> Result<()> {
    if let Some(only) = only {
        let is_known = workload::all().into_iter().any(|(name, _)| name == only);
        anyhow::ensure!(is_known, "there is no workload `{only}`");
    }
    let scratch = tempfile::tempdir()?;
    let level = scratch.path().join("level.conf");
    let text = format!(
        "SecAction \"id:900000,phase:1,pass,t:none,nolog,setvar:tx.blocking_paranoia_level={paranoia}\"\n"
    );
    std::fs::write(&level, text)?;
    include.insert(include.len().min(1), level);
    let began = Instant::now();
    let rules = Arc::new(rules::compile(&include, Options { layer, ..Options::default() })?);
    println!("load {} rules: {} ms", rules.len(), began.elapsed().as_millis());
    for (name, request) in workload::all() {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let record = engine::run(&rules, &request, Mode::Block);
        let blocked = record.interruption.map(|found| found.reason);
        let mut seed = 1;
        let mut times: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let other = anew.then(|| workload::with_new_digits(&request, &mut seed));
                let request = other.as_ref().unwrap_or(&request);
                let began = Instant::now();
                let _record = engine::run(&rules, request, Mode::Block);
                began.elapsed().as_secs_f64() * 1e6
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let minimum = times.first().context("no round")?;
        let median = times.get(ROUNDS / 2).context("no round")?;
        println!(
            "{name}: {minimum:.1} / {median:.1} us{}",
            blocked.map_or(String::new(), |why| format!(" BLOCKED: {why}"))
        );
    }
    println!("memory at most {:.1} MB", memory_at_most()?);
    Ok(())
}

/// Megabytes that were resident at once, of this whole process.
fn memory_at_most() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: f64 =
        line.and_then(|line| line.trim().strip_suffix(" kB")).context("no VmHWM")?.parse()?;
    Ok(kilobytes / 1024.0)
}
