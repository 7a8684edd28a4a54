//! `docs/checks.md` is what the checks say of themselves. `BURGRAVE_BLESS=1` writes it anew.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::path::Path;

#[test]
fn the_manual_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/checks.md");
    let text = burgrave_audit::manual();
    if std::env::var_os("BURGRAVE_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == kept, "docs/checks.md is not what the checks say (BURGRAVE_BLESS=1 writes it)");
}

#[test]
fn the_manual_of_the_remedies_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/audit/remedies.md");
    let text = burgrave_audit::remedies_manual();
    if std::env::var_os("BURGRAVE_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == kept,
        "docs/audit/remedies.md is not what they say (BURGRAVE_BLESS=1 writes it)"
    );
}

#[test]
fn what_can_be_mended_is_said_where_a_check_is_explained() {
    for check in burgrave_audit::ALL {
        let text = burgrave_audit::about(check.id).unwrap();
        let wanted = match burgrave_audit::remedy(check.id) {
            Some(remedy) => format!("risk: {}", remedy.risk),
            None => "remedy: none".to_owned(),
        };
        assert!(text.contains(&wanted), "{}", check.id);
    }
}

#[test]
fn every_check_can_be_explained() {
    for check in burgrave_audit::ALL {
        let text = burgrave_audit::about(check.id).unwrap();
        assert!(text.starts_with(check.id) && text.contains(check.why), "{}", check.id);
    }
}
