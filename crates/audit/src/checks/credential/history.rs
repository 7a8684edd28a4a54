//! No password stands in a shell history.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "credential-history",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::Medium,
    title: "no password stands in a shell history",
    why: "What was typed once stays in the history for years, also a password on a command \
              line. An intruder reads it first.",
    remedy: "Remove the line, change the password, and hand passwords over in files.",
    controls: &["PCI 8.3.2", "ISO 5.17"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/root/.bash_history", "mysql -u root -pgantry77 shop\n")],
        pass: &[File("/root/.bash_history", "mysql -u root -p\n")],
        unknown: &[File("/root/.bash_history", ""), Denied("/root/.bash_history")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(homes) = rows.take(facts.homes()) else { return };
    for (user, home) in homes {
        for name in [
            ".bash_history",
            ".zsh_history",
            ".sh_history",
            ".mysql_history",
            ".psql_history",
            ".python_history",
            ".rediscli_history",
            ".ash_history",
            ".node_repl_history",
            ".sqlite_history",
        ] {
            let path = home.join(name);
            let found = super::secrets(facts, rows, &path);
            match found.first() {
                Some(secret) => rows.fail(
                    format!(
                        "a password stands in the history of {}: {}",
                        user.name,
                        path.display()
                    ),
                    Evidence::at(&secret.place, &secret.name),
                ),
                None => rows.looked(Evidence::path(&path, "no secret in it")),
            }
        }
    }
}
