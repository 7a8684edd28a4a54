//! Every third-party crate has its line in `docs/dependencies.md`, and no line is stale.
#![allow(clippy::unwrap_used, reason = "tests")]

use burgrave_documents::{files, text};
use std::collections::BTreeSet;

/// The names that a manifest's tables of dependencies declare, our own (by path) left out.
fn declared(manifest: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.trim_matches(['[', ']']).ends_with("dependencies");
        } else if let Some((name, value)) =
            line.split_once('=').filter(|_| inside && !line.starts_with('#'))
        {
            let name = name.trim().trim_end_matches(".workspace");
            if !value.contains("path =") && !name.starts_with("burgrave-") {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

fn listed(document: &str) -> BTreeSet<String> {
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next()).map(str::to_owned).collect()
}

#[test]
fn manifests_are_read_as_cargo_reads_them() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\n# a = \"1\"\nb = \"1\"\n\
                    burgrave-sys = { workspace = true }\nown = { path = \"y\" }\n\
                    [dev-dependencies]\nc.workspace = true\n[workspace.dependencies]\nd = { version = \"2\" }\n\
                    [lints]\ne = true\n";
    let wanted = ["b", "c", "d"].map(str::to_owned);
    assert_eq!(declared(manifest), BTreeSet::from(wanted));
}

#[test]
fn each_dependency_has_its_line_and_no_line_is_stale() {
    let list = listed(&text("docs/dependencies.md").unwrap());
    let mut named = BTreeSet::new();
    let mut used = BTreeSet::new();
    for path in files("Cargo.toml").unwrap() {
        let own = declared(&text(&path).unwrap());
        if path != "Cargo.toml" {
            used.extend(own.clone());
        }
        named.extend(own);
    }
    assert!(named.len() > 30, "only {} dependencies were seen", named.len());
    let unlisted: Vec<_> = named.difference(&list).collect();
    assert!(unlisted.is_empty(), "without a line in docs/dependencies.md: {unlisted:?}");
    let stale: Vec<_> = list.difference(&used).collect();
    assert!(stale.is_empty(), "lines in docs/dependencies.md that no crate needs: {stale:?}");
}

#[test]
fn every_line_says_everything() {
    let document = text("docs/dependencies.md").unwrap();
    for row in document.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 6, "{row}");
        assert!(cells.iter().all(|cell| !cell.is_empty()), "{row}");
        assert!(cells.get(4).unwrap().parse::<u16>().is_ok(), "{row}: no number");
    }
}

#[test]
fn licences_are_the_ones_that_the_manifest_names() {
    assert!(text("Cargo.toml").unwrap().contains("license = \"MIT OR Apache-2.0\""));
    assert!(
        text("LICENSE-MIT")
            .unwrap()
            .starts_with("MIT License\n\nCopyright (c) the Burgrave authors")
    );
    let apache = text("LICENSE-APACHE").unwrap();
    assert!(
        apache.contains("Version 2.0, January 2004")
            && apache.contains("Copyright the Burgrave authors")
    );
    let deny = text("deny.toml").unwrap();
    for own in
        ["\"MIT\"", "\"Apache-2.0\"", "unknown-registry = \"deny\"", "unknown-git = \"deny\""]
    {
        assert!(deny.contains(own), "deny.toml lacks {own}");
    }
}
