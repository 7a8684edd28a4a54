//! `engine-worst SECONDS SETUP RULES`: the request of 8 KB that costs the engine most, found by a search of
//! so many seconds, and how the cost of a few texts grows with their size, as rows of a table.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench talks to a terminal")]

use anyhow::{Context as _, Result};
use burgrave_conformance::worst::{Place, Recipe, numbers};
use burgrave_conformance::{engine, rules};
use burgrave_model::Mode;
use burgrave_seclang::{Layer, Options, RuleSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

const BYTES: usize = 8 * 1024;
/// Recipes that are varied.
const KEPT: usize = 24;
/// Sizes of the table.
const SIZES: [usize; 8] = [8, 16, 32, 64, 128, 256, 512, 1024];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seconds, include @ ..] = arguments.as_slice() else {
        anyhow::bail!("engine-worst SECONDS INCLUDE…");
    };
    let include: Vec<PathBuf> = include.iter().map(PathBuf::from).collect();
    let options = Options {
        budget: Some(Duration::from_mins(5)),
        layer: Layer::default(),
        ..Options::default()
    };
    let rules = Arc::new(rules::compile(&include, options)?);
    let worst = search(&rules, Duration::from_secs(seconds.parse()?));
    for (cost, recipe) in worst.iter().take(5) {
        println!("worst {:.2} ms: {}", cost.as_secs_f64() * 1e3, recipe.words());
    }
    let (_, found) = worst.first().context("nothing was tried")?;
    println!("| KB | plain text ms | quotes ms | escapes ms | the worst that was found ms |");
    println!("|---|---|---|---|---|");
    for size in SIZES {
        let bytes = size * 1024;
        let texts = [
            "The quarterly report is ready for review, please look at it. ".repeat(bytes / 61 + 1),
            "it's \"so\" ".repeat(bytes / 10 + 1),
            "%u0041\\x41&#x41;".repeat(bytes / 16 + 1),
        ];
        let mut row = format!("| {size} |");
        for text in texts {
            let text = text.as_bytes().get(..bytes).unwrap_or_default();
            row += &format!(" {:.2} |", milliseconds(&rules, &Place::Form.request(text)));
        }
        // A place with a bound of its own would stop growing: the text goes into a form.
        let text = found.text(bytes);
        row += &format!(" {:.2} |", milliseconds(&rules, &Place::Form.request(&text)));
        println!("{row}");
    }
    Ok(())
}

fn milliseconds(rules: &Arc<RuleSet>, request: &burgrave_conformance::message::Request) -> f64 {
    let once = || cost(rules, request);
    (0..3).map(|_| once()).min().unwrap_or_default().as_secs_f64() * 1e3
}

fn cost(rules: &Arc<RuleSet>, request: &burgrave_conformance::message::Request) -> Duration {
    let began = Instant::now();
    // Detection goes through all phases, whatever is found.
    let _record = engine::run(rules, request, Mode::Detect);
    began.elapsed()
}

fn search(rules: &Arc<RuleSet>, time: Duration) -> Vec<(Duration, Recipe)> {
    let began = Instant::now();
    let mut random = numbers(7);
    let price = |recipe: &Recipe| {
        let request = recipe.place.request(&recipe.text(BYTES));
        (0..2).map(|_| cost(rules, &request)).min().unwrap_or_default()
    };
    let mut best: Vec<(Duration, Recipe)> =
        Recipe::simple().into_iter().map(|recipe| (price(&recipe), recipe)).collect();
    while began.elapsed() < time {
        best.sort_by_key(|(cost, _)| std::cmp::Reverse(*cost));
        best.truncate(KEPT);
        let parent = random(best.len());
        let Some((_, parent)) = best.get(parent) else { break };
        let child = parent.varied(&mut random);
        best.push((price(&child), child));
    }
    // What cost much once by chance does not the third time.
    for (cost, recipe) in &mut best {
        *cost = (*cost).min(price(recipe));
    }
    best.sort_by_key(|(cost, _)| std::cmp::Reverse(*cost));
    best
}
