//! `docs/watch/services.md` is what the services say of themselves. `BURGRAVE_BLESS=1` writes it anew.
#![expect(clippy::disallowed_methods, reason = "a test reads the manual itself")]

use std::path::Path;

#[test]
fn the_manual_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/watch/services.md");
    let text = burgrave_watch::manual();
    if std::env::var_os("BURGRAVE_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == kept,
        "docs/watch/services.md is not what they say (BURGRAVE_BLESS=1 writes it)"
    );
}

#[test]
fn every_service_has_its_row() {
    let text = burgrave_watch::manual();
    for service in burgrave_watch::all() {
        assert_eq!(
            text.matches(&format!("\n| `{}` |", service.name)).count(),
            1,
            "{}",
            service.name
        );
    }
}
