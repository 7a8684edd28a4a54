//! Only root writes where programs are looked for.

use super::{ground, is_open, mode};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-search-path",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "only root writes where programs are looked for",
    why: "A program in such a directory is run instead of the right one by everybody, root \
              among them. A dot in the path does the same in every directory.",
    remedy: "`chown root:root` and `chmod 755` the directory; take `.` and relative names out of \
              PATH.",
    controls: &["CIS 5.4.2.5", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Folder("/usr/local/bin"), Mode("/usr/local/bin", 0o777)],
        pass: &[Folder("/usr/local/bin")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some((index, accounts)) = ground(facts, rows) else { return };
    for folder in ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"] {
        let Some(node) = index.node(Path::new(folder)) else { continue };
        if node.is_world_writable()
            || node.metadata.uid != 0
            || node.metadata.mode & 0o020 != 0
                && node.metadata.gid != 0
                && accounts.group_name(node.metadata.gid) != "staff"
        {
            rows.fail(
                format!("others than root can put programs into {folder}"),
                Evidence::path(&node.path, mode(node, accounts)),
            );
        } else {
            rows.looked(Evidence::path(&node.path, mode(node, accounts)));
        }
    }
    for path in [
        "/etc/environment",
        "/etc/profile",
        "/etc/bash.bashrc",
        "/root/.bashrc",
        "/root/.profile",
        "/etc/login.defs",
    ] {
        let Some(Some(lines)) = rows.take(facts.lines(path)) else { continue };
        for statement in crate::facts::statements(&lines) {
            let defs = statement
                .text
                .strip_prefix("ENV_SUPATH")
                .or_else(|| statement.text.strip_prefix("ENV_PATH"))
                .and_then(|rest| rest.trim().strip_prefix("PATH="));
            let Some(value) = defs.or_else(|| statement.assigned("PATH")) else { continue };
            let bad = value.trim_matches('"').split(':').find(|part| {
                part.is_empty()
                    || *part == "."
                    || crate::facts::is_scratch(Path::new(part))
                    || *part == "/tmp"
                    || index.node(Path::new(part)).is_some_and(is_open)
            });
            match bad {
                Some(part) => rows.fail(
                    format!(
                        "programs are looked for in `{part}`, where others can put them (PATH)"
                    ),
                    Evidence::at(&statement.place, &statement.text),
                ),
                None => rows.looked(Evidence::at(&statement.place, &statement.text)),
            }
        }
    }
    rows.looked(Evidence::path(Path::new("/usr"), "directories of programs were looked at"));
}
