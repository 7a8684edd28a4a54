//! `cargo xtask bench worst [SECONDS]`: a search for the slowest request of 8 KB, and how the engine's cost
//! grows with the size of what it reads.

use crate::{crs, process};
use anyhow::{Context as _, Result};

const SECONDS: &str = "60";

/// Runs the search for so many seconds.
pub(crate) fn run(seconds: Option<&str>) -> Result<()> {
    let seconds = seconds.unwrap_or(SECONDS);
    seconds.parse::<u32>().with_context(|| format!("`{seconds}` is no number of seconds"))?;
    let build =
        ["build", "--release", "--package", "burgrave-conformance", "--bin", "engine-worst"];
    process::show("cargo", &build)?;
    let program = process::root().join("target/release/engine-worst").display().to_string();
    let crs = crs::find()?;
    println!("worst, paranoia 1, {seconds} s of search: {}", crs.name);
    let [setup, rules] = crs.include.each_ref().map(|path| path.display().to_string());
    print!("{}", process::output(&program, &[seconds, &setup, &rules])?);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_no_number_is_refused() {
        assert!(super::run(Some("soon")).unwrap_err().to_string().contains("soon"));
    }
}
