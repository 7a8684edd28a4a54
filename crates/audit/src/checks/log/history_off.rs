//! Shells keep their history.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-history-off",
    safeguard: Safeguard::Logs,
    severity: Severity::Medium,
    title: "shells keep their history",
    why: "Who unsets `HISTFILE` for everybody hides what he types. The history is the first \
              thing to read after a break-in.",
    remedy: "Remove the line.",
    controls: &["PCI 10.2.1", "ISO 8.15"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/profile", "unset HISTFILE\n")],
        pass: &[File("/etc/profile", "# unset HISTFILE\n")],
        unknown: &[File("/etc/profile", ""), Denied("/etc/profile")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let mut files: Vec<PathBuf> = ["/etc/profile", "/etc/bash.bashrc", "/etc/environment"]
        .iter()
        .map(PathBuf::from)
        .collect();
    files.extend(rows.take(facts.files_in("/etc/profile.d", ".sh")).unwrap_or_default());
    for (_, home) in rows.take(facts.homes()).unwrap_or_default() {
        files.extend([".bashrc", ".profile", ".bash_profile"].iter().map(|name| home.join(name)));
    }
    for path in files {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        rows.looked(Evidence::path(&path, "was read"));
        for statement in crate::facts::statements(&lines) {
            let off = statement
                .assigned("HISTFILE")
                .is_some_and(|value| value.is_empty() || value.contains("/dev/null"))
                || statement.assigned("HISTSIZE") == Some("0")
                || statement.assigned("HISTFILESIZE") == Some("0")
                || statement
                    .command("unset")
                    .is_some_and(|names| names.split_whitespace().any(|name| name == "HISTFILE"))
                || statement.text == "set +o history";
            if off {
                rows.fail(
                    format!("{} switches the shell's history off", path.display()),
                    Evidence::at(&statement.place, &statement.text),
                );
            }
        }
    }
}
