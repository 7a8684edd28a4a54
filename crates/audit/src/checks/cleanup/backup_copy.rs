//! No copies of programs lie in a web root.

use super::leftovers;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "cleanup-backup-copy",
    safeguard: Safeguard::Cleanup,
    severity: Severity::Medium,
    title: "no copies of programs lie in a web root",
    why: "A copy that no longer ends in `.php` is not run but handed out: its source with \
              every password in it. Bots try the endings one by one.",
    remedy: "Remove the copies; keep old versions in a repository outside.",
    controls: &["PCI 6.2.4", "ISO 8.4", "ASVS 13.4.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/html/index.php.bak", "")],
        pass: &[File("/var/www/html/backup-policy.html", "")],
        unknown: &[Folder("/var/www/html"), Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    leftovers(facts, rows, "a copy of a program or page can be fetched as text", |node, name| {
        let ends = [
            ".bak",
            ".old",
            ".orig",
            ".save",
            ".copy",
            ".backup",
            ".bkp",
            ".bk",
            ".back",
            ".prev",
            ".1",
            ".2",
            ".rej",
            ".dist",
            ".sav",
            ".disabled",
            ".off",
            ".phps",
            ".inc",
            ".php_",
            ".php-old",
            ".php_old",
            ".php5_",
            ".txt.php",
        ];
        let copies = name.starts_with("copy of ")
            || name.contains(" - copy")
            || name.contains(" (copy)")
            || name.starts_with("copy_of_");
        let versions = name.split(".php").nth(1).is_some_and(|rest| {
            !rest.is_empty() && rest.starts_with(['.', '-', '_']) && !rest.ends_with(".php")
        });
        (node.is_file()
            && (ends.iter().any(|end| name.ends_with(end) && name.len() > end.len())
                || copies
                || versions))
            .then_some(Severity::Medium)
    });
}
