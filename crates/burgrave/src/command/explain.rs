//! `burgrave explain`.

use super::Exit;
use crate::error::Error;
use crate::output;
use burgrave_model::Safeguard;

/// Shows the manual text of a proof, or of a safeguard with its proofs.
pub(super) fn run(id: &str) -> Result<Exit, Error> {
    output::text(&about(id).ok_or_else(|| Error::UnknownId(id.to_owned()))?)?;
    Ok(Exit::Clean)
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
    let safeguard: Safeguard = id.parse().ok()?;
    let mut text = format!("{id} (safeguard)\n{}\n", safeguard.gives());
    for proof in burgrave_prove::ALL.iter().filter(|proof| proof.safeguard() == safeguard) {
        text.push_str(&format!("  proof `{}`: {}\n", proof.id(), proof.title()));
    }
    Some(text)
}
