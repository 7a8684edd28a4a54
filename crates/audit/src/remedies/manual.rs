//! The manual of the remedies, made from their own tables.

use crate::{ALL, remedies};
use burgrave_model::Safeguard;

/// `docs/audit/remedies.md`.
pub fn remedies_manual() -> String {
    let mut text = format!(
        "# Remedies\n\nWhat `burgrave plan` and `burgrave apply` can mend: {} of the {} [checks](../checks.md). This page is made from the tables of the remedies;\n[Plan, apply, undo](apply.md) says how they are done and taken back.\n",
        remedies().count(),
        ALL.len()
    );
    for safeguard in Safeguard::ALL {
        let mut own: Vec<_> = remedies()
            .filter(|remedy| {
                ALL.iter().any(|check| check.id == remedy.id && check.safeguard == *safeguard)
            })
            .collect();
        own.sort_by_key(|remedy| remedy.id);
        if own.is_empty() {
            continue;
        }
        text.push_str(&format!(
            "\n## {safeguard}\n\n| check | what is done | what you may miss |\n|---|---|---|\n"
        ));
        for remedy in own {
            text.push_str(&format!(
                "| `{}` | {} | {} |\n",
                remedy.id,
                remedy.does().replace('|', "\\|"),
                remedy.risk
            ));
        }
    }
    text
}
