//! The manual of what rule files may say is what the engine says of itself.

use std::path::Path;

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads and writes the manual")]
fn the_manual_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules/compatibility.md");
    let text = burgrave_seclang::compatibility();
    if std::env::var_os("BURGRAVE_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error} (BURGRAVE_BLESS=1 writes it)", path.display()));
    assert_eq!(text, expected, "{} (BURGRAVE_BLESS=1 writes it anew)", path.display());
}
