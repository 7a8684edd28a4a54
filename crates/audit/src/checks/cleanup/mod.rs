//! Leftovers in web roots: what a visitor must never be able to fetch.
//!
//! Names are compared whole or by their ending, never by a word in them: `testimonials` is a page.

// Checks of this family.
pub(super) mod admin_tool;
pub(super) mod archive;
pub(super) mod backup_copy;
pub(super) mod default_site;
pub(super) mod development_files;
pub(super) mod dump;
pub(super) mod editor_copy;
pub(super) mod environment_file;
pub(super) mod installer;
pub(super) mod links_out;
pub(super) mod listing;
pub(super) mod log_file;
pub(super) mod php_info;
pub(super) mod private_key;
pub(super) mod shell_history;
pub(super) mod status_page;
pub(super) mod system_files;
pub(super) mod test_page;
pub(super) mod version_control;
// End of the checks.

use crate::check::Rows;
use crate::evidence::Evidence;
use crate::facts::{Facts, Node, WebRoot};
use burgrave_model::Severity;
use std::path::Path;

/// Every path in a web root once, with that root; folders in front of what they hold.
pub(super) fn served<'f>(facts: &'f Facts<'_>, rows: &mut Rows) -> Vec<(&'f Node, &'f WebRoot)> {
    let Some(index) = facts.index().as_ref().map_err(|blind| rows.unknown(blind.clone())).ok()
    else {
        return Vec::new();
    };
    let Some(roots) = facts.web_roots().as_ref().map_err(|blind| rows.unknown(blind.clone())).ok()
    else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for (at, root) in roots.iter().enumerate() {
        let inside = roots.iter().take(at).any(|outer| root.path.starts_with(&outer.path));
        let real = facts.followed(&root.path).ok().flatten().map(|(real, _)| real);
        let Some(node) = real.as_deref().and_then(|path| index.node(path)) else { continue };
        rows.looked(Evidence::path(&root.path, format!("served by {}", root.by)));
        if !inside {
            out.extend(index.below(&node.path).map(|node| (node, root)));
        }
    }
    out
}

/// A row for every path that a rule takes; what lies in a folder that was taken is left out.
fn leftovers(
    facts: &Facts<'_>,
    rows: &mut Rows,
    words: &str,
    is_one: fn(&Node, &str) -> Option<Severity>,
) {
    let mut last: Option<&Path> = None;
    for (node, root) in served(facts, rows) {
        if last.is_some_and(|last| node.path.starts_with(last)) {
            continue;
        }
        let lower = node.name().to_ascii_lowercase();
        if let Some(severity) = is_one(node, &lower) {
            rows.fail_as(
                severity,
                format!("{words}: {}", node.path.display()),
                Evidence::path(
                    &node.path,
                    format!("in the web root {} ({})", root.path.display(), root.by),
                ),
            );
            if node.is_folder() {
                last = Some(&node.path);
            }
        }
    }
}

/// The name without one of these endings, if it has one.
fn stem<'n>(name: &'n str, endings: &[&str]) -> Option<&'n str> {
    endings.iter().find_map(|ending| name.strip_suffix(ending))
}

const ARCHIVES: [&str; 14] = [
    ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst", ".rar", ".7z", ".gz",
    ".bz2", ".xz", ".war", ".jar",
];
