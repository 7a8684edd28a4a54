//! `burgrave advisories` and `burgrave sbom`: what is installed, and what is known of it.

use super::Exit;
use crate::cli::{Advisories, Format, Sbom};
use crate::error::Error;
use crate::{load, output};
use burgrave_advisories::{Comparison, compare, host, import, imported_text, json, keep, text};
use burgrave_audit::Facts;
use burgrave_sys::{Live, System as _, UnixTime};
use std::path::{Path, PathBuf};

/// Runs the command.
pub(super) fn dispatch(command: &Advisories) -> Result<Exit, Error> {
    match command {
        Advisories::Import { files, config } => take(files, config.as_deref()),
        Advisories::List { root, config, format } => {
            list(root.as_deref(), config.as_deref(), *format)
        }
    }
}

fn take(files: &[PathBuf], config: Option<&Path>) -> Result<Exit, Error> {
    let state = load::state(config)?;
    let imported = import(&Live, files)?;
    keep(&state, &imported.data)?;
    output::text(&imported_text(&imported))?;
    Ok(Exit::Clean)
}

fn list(root: Option<&Path>, config: Option<&Path>, format: Format) -> Result<Exit, Error> {
    let data = burgrave_advisories::load(&load::state(config)?)?;
    let (system, ground) = load::host(root)?;
    let host = host(&Facts::new(system.as_ref(), ground))?;
    host.is_comparable()?;
    let found = compare(&host, &data);
    let now = Live.now().seconds();
    output::text(&match format {
        Format::Text => text(&host, &data, &found, now),
        Format::Json => json(&host, &data, &found, now),
    })?;
    Ok(exit(&found))
}

/// What no data covers is unknown, and never clean.
fn exit(found: &Comparison) -> Exit {
    if !found.is_covered() {
        Exit::Unproven
    } else if found.holes.is_empty() {
        Exit::Clean
    } else {
        Exit::Findings
    }
}

/// What is installed, as a list for programs.
pub(super) fn sbom(arguments: &Sbom) -> Result<Exit, Error> {
    let (system, ground) = load::host(arguments.root.as_deref())?;
    let host = host(&Facts::new(system.as_ref(), ground))?;
    let time = arguments.timestamp.map_or_else(|| Live.now(), |secs| UnixTime(secs * 1_000_000));
    output::text(&burgrave_advisories::sbom(&host, time, env!("CARGO_PKG_VERSION")))?;
    Ok(Exit::Clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_covered_is_never_clean() {
        let mut found = Comparison::default();
        assert_eq!(exit(&found).code(), 2);
        found.covered_by.push("osv");
        assert_eq!(exit(&found).code(), 0);
    }
}
