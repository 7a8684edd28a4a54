//! Recorded requests, attacks and benign ones, through the engine in process.

use crate::engine;
use crate::message::Request;
use anyhow::Result;
use base64::Engine as _;
use burgrave_model::Mode;
use burgrave_seclang::{Record, RuleSet};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

#[derive(Debug, Deserialize)]
struct Case {
    #[serde(default)]
    id: String,
    set: String,
    legitimate: bool,
    request: String,
}

/// Of one set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub sent: usize,
    /// How many of them the rules ended.
    pub stopped: usize,
}

/// Runs every request of a file (NDJSON: `id`, `set`, `legitimate`, `request` in base64), counts by kind
/// and set, and tells of each that is not as wanted.
pub fn run(
    file: &Path,
    rules: &Arc<RuleSet>,
    counts: &mut BTreeMap<(bool, String), Count>,
    mut wrong: impl FnMut(String),
) -> Result<()> {
    for line in std::fs::read_to_string(file)?.lines() {
        let case: Case = serde_json::from_str(line)?;
        let raw = base64::engine::general_purpose::STANDARD.decode(&case.request)?;
        let count = counts.entry((case.legitimate, case.set)).or_default();
        count.sent += 1;
        let Some(request) = Request::parse(&raw) else {
            count.stopped += 1;
            continue;
        };
        let record = engine::run(rules, &request, Mode::Block);
        let stopped = record.interruption.is_some();
        count.stopped += usize::from(stopped);
        if stopped == case.legitimate {
            wrong(told(&case.id, &record));
        }
    }
    Ok(())
}

fn told(id: &str, record: &Record) -> String {
    let mut text = id.to_owned();
    if let Some(interruption) = &record.interruption {
        text += &format!(" {}", interruption.reason);
    }
    for found in &record.matches {
        let (name, value) = (bstr::BStr::new(&found.variable), bstr::BStr::new(&found.matched));
        text += &format!("\n    {} {name}: {value:?}", found.id);
    }
    text
}
