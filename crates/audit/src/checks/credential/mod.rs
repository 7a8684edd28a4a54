//! Credentials that lie where others can read them.
//!
//! A secret's value is never shown, only its name and place.

// Checks of this family.
pub(super) mod backup_key;
pub(super) mod client_file;
pub(super) mod configuration;
pub(super) mod defaults;
pub(super) mod environment_file;
pub(super) mod git_address;
pub(super) mod history;
pub(super) mod key_without_passphrase;
pub(super) mod mount;
pub(super) mod process;
pub(super) mod script;
pub(super) mod unit;
pub(super) mod web_password_file;
// End of the checks.

use crate::check::Rows;
use crate::evidence::Evidence;
use crate::facts::{Facts, Index, Node, Secret};
use std::path::Path;

/// Largest file that is read for secrets.
const FILE_MAX: u64 = 512 * 1024;

/// The walk, or a row that it cannot be had.
fn index<'f>(facts: &'f Facts<'_>, rows: &mut Rows) -> Option<&'f Index> {
    facts.index().as_ref().map_err(|blind| rows.unknown(blind.clone())).ok()
}

/// Files below the places where applications and operators keep their own.
fn own_files(index: &Index) -> impl Iterator<Item = &Node> {
    let tops = ["/etc", "/opt", "/srv", "/var/www", "/usr/local", "/home", "/root"];
    let all = tops.into_iter().flat_map(|top| index.below(Path::new(top)));
    all.filter(|node| {
        let sized = node.is_file() && node.metadata.len <= FILE_MAX && node.metadata.len > 0;
        sized
            && !node
                .path
                .components()
                .any(|part| FOREIGN.iter().any(|name| part.as_os_str() == *name))
    })
}

/// Folders of libraries, translations and tests: others' text, not settings of this host.
const FOREIGN: &[&str] = &[
    "node_modules",
    "vendor",
    "site-packages",
    "dist-packages",
    "locale",
    "locales",
    "lang",
    "test",
    "tests",
    ".pyenv",
    ".rbenv",
    ".nvm",
    ".cargo",
    ".rustup",
    ".cache",
    ".local",
    "__pycache__",
    "examples",
    "doc",
    "docs",
];

/// The secrets of a file.
fn secrets(facts: &Facts<'_>, rows: &mut Rows, path: &Path) -> Vec<Secret> {
    let lines = rows.take(facts.glance(path)).flatten();
    lines.map_or_else(Vec::new, |lines| crate::facts::secrets_in(&lines))
}

/// Whether everybody can read a file: its own mode and the directories above.
fn is_open(index: &Index, node: &Node) -> bool {
    node.is_world_readable() && index.is_reachable_by_all(&node.path)
}

/// Names of secrets as evidence.
fn evidence(secrets: &[Secret], node: &Node) -> Vec<Evidence> {
    let first = secrets.iter().take(3);
    first
        .map(|secret| {
            Evidence::at(
                &secret.place,
                format!("a secret: {} (mode {:04o})", secret.name, node.metadata.mode),
            )
        })
        .collect()
}

/// Whether a file is a template by its name.
fn is_template(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["example", "sample", "template", "dist", "tmpl", "skel", "j2"]
        .iter()
        .any(|word| lower.ends_with(&format!(".{word}")) || lower.contains(&format!(".{word}.")))
}
