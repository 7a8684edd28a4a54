//! No shell history lies in a web root.

use super::leftovers;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "cleanup-shell-history",
    safeguard: Safeguard::Cleanup,
    severity: Severity::High,
    title: "no shell history lies in a web root",
    why: "A history holds what was typed, passwords included. A web root that is somebody's \
              home hands it out.",
    remedy: "Remove it, and give the account another home.",
    controls: &["PCI 8.3.2", "ISO 8.4"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/html/.bash_history", "")],
        pass: &[File("/var/www/html/history.html", "")],
        unknown: &[Folder("/var/www/html"), Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    leftovers(facts, rows, "a shell history or start-up file can be fetched", |node, name| {
        (node.is_file()
            && ([
                ".bash_history",
                ".mysql_history",
                ".psql_history",
                ".python_history",
                ".zsh_history",
                ".sh_history",
                ".rediscli_history",
                ".lesshst",
                ".viminfo",
                ".ash_history",
            ]
            .contains(&name)
                || [".bashrc", ".profile", ".bash_profile", ".zshrc"].contains(&name)))
        .then_some(if name.ends_with("history") { Severity::High } else { Severity::Low })
    });
}
