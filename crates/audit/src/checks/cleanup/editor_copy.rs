//! No droppings of editors lie in a web root.

use super::leftovers;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "cleanup-editor-copy",
    safeguard: Safeguard::Cleanup,
    severity: Severity::Medium,
    title: "no droppings of editors lie in a web root",
    why: "`config.php~` and `.config.php.swp` are handed out as text and show what the page \
              hides. Editors leave them without a word.",
    remedy: "Remove them, and do not edit on the server.",
    controls: &["PCI 6.2.4", "ISO 8.4", "ASVS 13.4.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/html/config.php~", "")],
        pass: &[File("/var/www/html/config.php", "")],
        unknown: &[Folder("/var/www/html"), Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    leftovers(facts, rows, "a copy that an editor left can be fetched", |node, name| {
        let swap = name.starts_with('.')
            && [".swp", ".swo", ".swn", ".un~"].iter().any(|end| name.ends_with(end));
        let other = name.ends_with('~')
            || name.starts_with('#') && name.ends_with('#')
            || name.starts_with(".#")
            || name.ends_with(".kate-swp")
            || name.ends_with(".tmp")
            || name.ends_with(".swp");
        (node.is_file() && (swap || other)).then_some(Severity::Medium)
    });
}
