//! `burgrave rules list`.

use crate::cli::{Format, Ids, List};
use crate::command::Exit;
use crate::error::Error;
use crate::{load, output};
use burgrave_replay::{rules_as_json, rules_as_text};
use burgrave_seclang::RuleFacts;
use burgrave_sys::Live;

/// Shows the rules that a configuration loads, in file order.
pub(super) fn run(list: &List) -> Result<Exit, Error> {
    let settings = load::settings(&Live, &list.config)?;
    let rules = load::rules(&Live, &settings)?;
    let mut facts = rules.map(|rules| rules.facts()).unwrap_or_default();
    facts.retain(|facts| is_wanted(list, facts));
    output::text(&match list.format {
        Format::Json => format!("{:#}\n", rules_as_json(&facts)),
        Format::Text => rules_as_text(&facts),
    })?;
    Ok(Exit::Clean)
}

fn is_wanted(list: &List, facts: &RuleFacts) -> bool {
    let has_id = |ids: &Ids| (ids.0..=ids.1).contains(&facts.id);
    let has_tag = |tag: &String| facts.tags.iter().any(|own| own == tag.as_bytes());
    (list.id.is_empty() || list.id.iter().any(has_id))
        && (list.tag.is_empty() || list.tag.iter().any(has_tag))
        && (list.phase.is_empty() || list.phase.contains(&facts.phase))
}
