//! Benches: each runs beside its rival in one go and prints one line a case with a ratio.

mod audit;
mod backup;
mod ban;
mod contenders;
mod defenders;
mod detection;
mod engine;
mod gateway;
mod inspection;
mod small_files;
mod soak;
mod watch;
mod wire;
mod worst;

use anyhow::{Result, bail};

/// Every bench.
pub(crate) fn all() -> Result<()> {
    gateway::run()?;
    inspection::run()?;
    engine::run()?;
    detection::run()?;
    watch::run()?;
    ban::run()?;
    backup::run(None)
}

/// One bench by its name.
pub(crate) fn one(name: &str, options: &[&str]) -> Result<()> {
    match (name, options) {
        ("gateway", []) => gateway::run(),
        ("gateway", ["--rules"]) => inspection::run(),
        ("engine", []) => engine::run(),
        ("detection", []) => detection::run(),
        ("watch", []) => watch::run(),
        ("audit", [tree, faults]) => audit::run(tree, faults),
        ("backup", []) => backup::run(None),
        ("backup", [gigabytes]) => backup::run(Some(gigabytes)),
        ("small-files", []) => small_files::run(None),
        ("small-files", [count]) => small_files::run(Some(count)),
        ("soak", []) => soak::run(None),
        ("soak", [seconds]) => soak::run(Some(seconds)),
        ("ban", []) => ban::run(),
        ("worst", []) => worst::run(None),
        ("worst", [seconds]) => worst::run(Some(seconds)),
        _ => {
            bail!(
                "no bench is called `{name} {}`: gateway [--rules], engine, detection, watch, ban, backup [GIGABYTES], small-files [COUNT], soak [SECONDS], worst [SECONDS], audit TREE FAULTS",
                options.join(" ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_bench_is_refused_with_those_there_are() {
        for (name, options) in
            [("nope", &[][..]), ("gateway", &["--fast"]), ("detection", &["--rules"])]
        {
            let why = one(name, options).unwrap_err().to_string();
            assert!(
                why.contains(name)
                    && why.contains(
                        "gateway [--rules], engine, detection, watch, ban, backup [GIGABYTES], small-files [COUNT], soak [SECONDS], worst [SECONDS], audit TREE FAULTS"
                    ),
                "{why}"
            );
        }
    }
}
