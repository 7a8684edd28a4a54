//! No log lies in a web root.

use super::leftovers;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "cleanup-log-file",
    safeguard: Safeguard::Cleanup,
    severity: Severity::Medium,
    title: "no log lies in a web root",
    why: "A log tells paths, errors, addresses and at times sessions and passwords. It grows \
              where anybody can read it.",
    remedy: "Write logs to /var/log.",
    controls: &["PCI 10.3.1", "ISO 8.15", "ASVS 16.4.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/html/debug.log", "")],
        pass: &[File("/var/www/html/catalog.html", "")],
        unknown: &[Folder("/var/www/html"), Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    leftovers(facts, rows, "a log can be fetched from a web root", |node, name| {
        (node.is_file()
            && (name.ends_with(".log")
                || name.contains(".log.")
                || [
                    "error_log",
                    "access_log",
                    "php_errors",
                    "nohup.out",
                    "php_error_log",
                    "debug.txt",
                    "errors.txt",
                    "log.txt",
                    "core",
                ]
                .contains(&name)))
        .then_some(Severity::Medium)
    });
}
