//! Odd requests on which other engines name the same rules.

use crate::message::Request;
use crate::{Tally, engine};
use anyhow::Result;
use base64::Engine as _;
use burgrave_model::Mode;
use burgrave_seclang::RuleSet;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

#[derive(Debug, Deserialize)]
struct Case {
    n: u64,
    request: String,
    ids: Vec<u32>,
}

/// Ids that the comparison is about: all but the two whose reading of a body the engines dispute.
fn compared(id: u32) -> bool {
    ((911_000..949_000).contains(&id) || (950_000..959_000).contains(&id))
        && !matches!(id, 920_272 | 920_273)
}

/// Runs every request of the file.
pub fn run(file: &Path, rules: &Arc<RuleSet>) -> Result<Tally> {
    let mut tally = Tally::default();
    for line in std::fs::read_to_string(file)?.lines() {
        let case: Case = serde_json::from_str(line)?;
        let raw = base64::engine::general_purpose::STANDARD.decode(&case.request)?;
        let Some(request) = Request::parse(&raw) else {
            tally.case(case.n.to_string(), Err("no request line".to_owned()));
            continue;
        };
        let record = engine::run(rules, &request, Mode::Detect);
        let ours: BTreeSet<u32> =
            record.matches.iter().map(|found| found.id).filter(|id| compared(*id)).collect();
        let theirs: BTreeSet<u32> = case.ids.into_iter().collect();
        let missing: Vec<_> = theirs.difference(&ours).collect();
        let extra: Vec<_> = ours.difference(&theirs).collect();
        let same = missing.is_empty() && extra.is_empty();
        let result =
            if same { Ok(()) } else { Err(format!("missing {missing:?}, more {extra:?}")) };
        tally.case(case.n.to_string(), result);
    }
    Ok(tally)
}
