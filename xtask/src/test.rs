//! `cargo xtask test`: the same gates on a laptop and in CI.

use crate::{edges, process, setup};
use anyhow::{Context as _, Result};

/// Format, lints, architecture, and every test of the workspace.
pub(crate) fn run() -> Result<()> {
    setup::packages(setup::BUILD)?;
    // Without them the tests that need one say so and pass.
    if let Err(error) = setup::packages(setup::TEST) {
        println!("skipped: {} ({error:#})", setup::TEST.join(", "));
    }
    if let Err(error) = setup::s3_server() {
        println!("skipped: an S3 server ({error:#})");
    }
    if let Err(error) = setup::unpacked() {
        println!("skipped: CrowdSec, nginx or Apache to try things with ({error:#})");
    }
    if let Err(error) = setup::debian_tree() {
        println!("skipped: a Debian system to lose and restore ({error:#})");
    }
    process::show("cargo", &["fmt", "--all", "--check"])?;
    edges::check()?;
    process::show(
        "cargo",
        &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"],
    )?;
    optional("cargo-deny", &["deny", "--all-features", "check", "bans", "licenses", "sources"])?;
    optional("typos", &["typos"])?;
    let threads = format!("RUST_TEST_THREADS={}", threads());
    let counts = tempfile::NamedTempFile::new()?;
    let counted = format!("BURGRAVE_COUNTS={}", counts.path().display());
    let test = [&threads, &counted, "cargo", "test", "--workspace", "--quiet", "--no-fail-fast"];
    process::show("env", &test)?;
    let counts = std::fs::read_to_string(counts.path())?;
    anyhow::ensure!(!counts.is_empty(), "no suite of others said how many of its cases ran");
    println!("the suites of others, with how many of their cases ran:\n{}", counts.trim_end());
    Ok(())
}

/// Tests at once: one more than processors, as the long ones wait for other programs half of their time.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from) + 1
}

/// Tools that are slow to build run where they are present, and are skipped out loud where not.
fn optional(tool: &str, arguments: &[&str]) -> Result<()> {
    if !process::has(tool) {
        println!("skipped: {tool} is not installed");
        return Ok(());
    }
    match arguments {
        ["typos"] => process::show(tool, &[]),
        _ => process::show("cargo", arguments),
    }
}

/// The suites of others alone: of the given folder, or of another one of the same layout.
pub(crate) fn conformance(folder: Option<&str>) -> Result<()> {
    let run = ["run", "--quiet", "--package", "burgrave-conformance", "--bin", "conformance", "--"];
    // Relative to where the task was called, not to the project's root.
    let folder = folder.map(std::path::absolute).transpose()?;
    let folder = folder.as_ref().map(|folder| folder.to_str().context("a folder that is no text"));
    let folder = folder.transpose()?.map(|folder| ["--dir", folder]);
    let arguments: Vec<&str> = run.into_iter().chain(folder.into_iter().flatten()).collect();
    process::show("cargo", &arguments)
}
