//! `docs/proofs.md` is what the proofs say of themselves. `BURGRAVE_BLESS=1` writes it anew.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::path::Path;

#[test]
fn the_manual_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/proofs.md");
    let text = burgrave_prove::manual();
    if std::env::var_os("BURGRAVE_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == kept, "docs/proofs.md is not what the proofs say (BURGRAVE_BLESS=1 writes it)");
}

#[test]
fn every_proof_has_its_chapter() {
    let text = burgrave_prove::manual();
    for attack in burgrave_prove::ALL {
        assert_eq!(text.matches(&format!("\n## {}\n", attack.id())).count(), 1);
        assert!(text.contains(attack.title()));
    }
}
