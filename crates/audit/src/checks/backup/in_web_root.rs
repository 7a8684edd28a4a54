//! No backups lie in a web root.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "backup-in-web-root",
    safeguard: Safeguard::Backups,
    severity: Severity::Critical,
    title: "no backups lie in a web root",
    why: "Whoever guesses the folder fetches everything that the site holds, in one file. Bots \
              guess `backup` and `backups` first.",
    remedy: "Move it out of the web root at once, and look in the access log for who fetched it.",
    controls: &["PCI 3.3.1", "ISO 8.13", "ASVS 13.4.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/html/backups/2026.sql.gz", "")],
        pass: &[File("/var/www/html/backup-policy/index.html", "")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let names = [
        "backup",
        "backups",
        "bak",
        "bkp",
        "dump",
        "dumps",
        "db_backup",
        "db-backup",
        "sql",
        "mysql",
        "_backup",
        "_backups",
        "old-backup",
        "backup_old",
        "site-backup",
        "backupwordpress",
        "updraft",
        "ai1wm-backups",
        "backup-db",
        "sqldump",
        "db_dumps",
        ".backup",
    ];
    let mut last: Option<&Path> = None;
    for (node, root) in crate::checks::cleanup::served(facts, rows) {
        if last.is_some_and(|last| node.path.starts_with(last)) {
            continue;
        }
        let lower = node.name().to_ascii_lowercase();
        if node.is_folder() && names.contains(&lower.as_str()) {
            let empty = facts.list(&node.path).is_ok_and(|entries| entries.is_empty());
            rows.fail_as(
                if empty { Severity::Low } else { Severity::Critical },
                format!("a folder of backups lies in a web root: {}", node.path.display()),
                Evidence::path(&node.path, format!("in the web root {}", root.path.display())),
            );
            last = Some(&node.path);
        }
    }
}
