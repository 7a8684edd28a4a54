//! `burgrave rules list`.

use super::Exit;
use crate::cli::Format;
use crate::error::Error;
use crate::{load, output};
use bstr::BStr;
use burgrave_sys::Live;
use serde_json::json;
use std::path::Path;

/// Shows the rules that a configuration loads, in file order.
pub(super) fn list(config: &Path, format: Format) -> Result<Exit, Error> {
    let system = Live;
    let settings = load::settings(&system, config)?;
    let rules = load::rules(&system, &settings)?;
    let facts = rules.as_ref().map(|rules| rules.facts()).unwrap_or_default();
    let text = match format {
        Format::Json => {
            let rows: Vec<_> = facts
                .iter()
                .map(|fact| {
                    json!({
                        "id": fact.id,
                        "phase": fact.phase,
                        "file": fact.file.display().to_string(),
                        "line": fact.line,
                        "message": BStr::new(&fact.message).to_string(),
                        "tags": fact.tags.iter().map(|tag| BStr::new(tag).to_string()).collect::<Vec<_>>(),
                    })
                })
                .collect();
            format!("{:#}\n", json!({ "version": 1, "rules": rows }))
        }
        Format::Text => facts
            .iter()
            .map(|fact| {
                let place = format!("{}:{}", fact.file.display(), fact.line);
                format!(
                    "{:>8}  phase {}  {}  {place}\n",
                    fact.id,
                    fact.phase,
                    BStr::new(&fact.message)
                )
            })
            .collect(),
    };
    output::text(&text)?;
    Ok(Exit::Clean)
}
