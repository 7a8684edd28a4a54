//! No droppings of file managers lie in a web root.

use super::leftovers;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "cleanup-system-files",
    safeguard: Safeguard::Cleanup,
    severity: Severity::Low,
    title: "no droppings of file managers lie in a web root",
    why: "`.DS_Store` and `Thumbs.db` list the names of everything in the folder, also of what \
              no page links to. They come with a copy from a desktop.",
    remedy: "Remove it from the web root.",
    controls: &["ISO 8.4", "ASVS 13.4.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/html/.DS_Store", "")],
        pass: &[File("/var/www/html/index.html", "")],
        unknown: &[Folder("/var/www/html"), Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    leftovers(facts, rows, "a file manager's list of names can be fetched", |_, name| {
        [
            ".ds_store",
            "thumbs.db",
            "desktop.ini",
            "__macosx",
            ".directory",
            ".fseventsd",
            ".spotlight-v100",
            ".trashes",
        ]
        .contains(&name)
        .then_some(Severity::Low)
    });
}
