//! The proofs' chapter of the manual, written from the proofs themselves.

use crate::proofs::ALL;

const BEGINNING: &str = "# Proofs\n\n\
    `burgrave prove` attacks your own deployment through its front door and shows for each safeguard\n\
    whether it *held*, *fell*, or was *not proven*. It contacts nothing but the addresses in your own\n\
    configuration. Each attack has a control: a harmless request of the same shape, without an answer\n\
    to which nothing is proven. What an attack would do if it went through is harmless too; run it in\n\
    production, and after every change.\n\n\
    This page is made from the proofs' own texts.\n";

/// `docs/proofs.md`, whole.
pub fn manual() -> String {
    let chapters = ALL.iter().map(|attack| {
        format!(
            "\n## {}\n\nSafeguard: `{}`. Claim: {}.\n\n{}\n",
            attack.id(),
            attack.safeguard().id(),
            attack.title(),
            attack.about().trim()
        )
    });
    std::iter::once(BEGINNING.to_owned()).chain(chapters).collect()
}
