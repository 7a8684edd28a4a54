//! Runs recorded requests through the engine in process and counts what is stopped, by set: a look in
//! seconds at what a change of the rules does. `detection [--rules-alone] [--show] FILE… -- INCLUDE…`;
//! `--show` prints every attack that passed and every benign request that was stopped.

#![expect(clippy::print_stdout, reason = "a bench talks to a terminal")]

use anyhow::{Context as _, Result};
use burgrave_conformance::detection::{Count, run};
use burgrave_conformance::rules;
use burgrave_seclang::{Layer, Options};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

fn main() -> Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut flag = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name);
        at.map(|at| arguments.remove(at)).is_some()
    };
    let (alone, show) = (flag("--rules-alone"), flag("--show"));
    let parts: Vec<&[String]> = arguments.split(|argument| argument == "--").collect();
    let [files, include] = parts.as_slice() else {
        anyhow::bail!("detection [--rules-alone] [--show] FILE… -- INCLUDE…")
    };
    let layer = if alone { Layer::default() } else { Layer::ON };
    let options = Options { layer, ..Options::default() };
    let include: Vec<PathBuf> = include.iter().map(PathBuf::from).collect();
    let rules = Arc::new(rules::compile(&include, options)?);
    let mut counts: BTreeMap<(bool, String), Count> = BTreeMap::new();
    for file in *files {
        run(&PathBuf::from(file), &rules, &mut counts, |wrong| {
            if show {
                println!("{wrong}");
            }
        })
        .with_context(|| format!("running `{file}`"))?;
    }
    for ((legitimate, set), count) in &counts {
        let kind = if *legitimate { "benign" } else { "attack" };
        println!("{kind} {set:<18} {:>4} of {:>4} stopped", count.stopped, count.sent);
    }
    for legitimate in [false, true] {
        let chosen = counts.iter().filter(|((own, _), _)| *own == legitimate);
        let (stopped, sent) = chosen.fold((0, 0), |(stopped, sent), (_, count)| {
            (stopped + count.stopped, sent + count.sent)
        });
        let kind = if legitimate { "benign" } else { "attacks" };
        println!("{kind}: {stopped} of {sent} stopped");
    }
    Ok(())
}
