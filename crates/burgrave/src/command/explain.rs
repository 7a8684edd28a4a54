//! `burgrave explain`.

use super::Exit;
use crate::error::Error;
use crate::{load, output};
use burgrave_model::Safeguard;
use burgrave_sys::Live;
use std::path::Path;

/// Shows the manual text of a check or a proof, or of a safeguard with its proofs; of a rule what is loaded.
pub(super) fn run(id: &str, config: Option<&Path>) -> Result<Exit, Error> {
    let text = match (about(id), id.parse(), config) {
        (Some(text), ..) => Some(text),
        (None, Ok(id), Some(config)) => rule(id, config)?,
        (None, ..) => None,
    };
    output::text(&text.ok_or_else(|| Error::UnknownId(id.to_owned()))?)?;
    Ok(Exit::Clean)
}

fn rule(id: u32, config: &Path) -> Result<Option<String>, Error> {
    let settings = load::settings(&Live, config)?;
    let rules = load::rules(&Live, &settings)?;
    let facts = rules.map(|rules| rules.facts()).unwrap_or_default();
    let facts = facts.iter().find(|facts| facts.id == id);
    Ok(facts.map(burgrave_replay::rule_as_text))
}

fn about(id: &str) -> Option<String> {
    if let Some(proof) = burgrave_prove::ALL.iter().find(|proof| proof.id() == id) {
        let safeguard = proof.safeguard();
        return Some(format!(
            "{id} (proof of `{safeguard}`)\n{}\n\n{}\n",
            proof.title(),
            proof.about()
        ));
    }
    if let Some(text) = burgrave_audit::about(id) {
        return Some(text);
    }
    let safeguard: Safeguard = id.parse().ok()?;
    let mut text = format!("{id} (safeguard)\n{}\n", safeguard.gives());
    for proof in burgrave_prove::ALL.iter().filter(|proof| proof.safeguard() == safeguard) {
        text.push_str(&format!("  proof `{}`: {}\n", proof.id(), proof.title()));
    }
    for check in burgrave_audit::ALL.iter().filter(|check| check.safeguard == safeguard) {
        text.push_str(&format!("  check `{}`: {}\n", check.id, check.title));
    }
    Some(text)
}
