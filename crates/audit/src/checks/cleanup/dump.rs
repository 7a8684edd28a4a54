//! No dump of a database lies in a web root.

use super::{leftovers, stem};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "cleanup-dump",
    safeguard: Safeguard::Cleanup,
    severity: Severity::Critical,
    title: "no dump of a database lies in a web root",
    why: "A dump is every customer, every order and every hash of a password in one file. \
              Fetching it leaves one line in a log.",
    remedy: "Move it out of the web root at once, look in the access log for who fetched it, and \
              have passwords changed.",
    controls: &["PCI 3.3.1", "ISO 8.4", "ASVS 13.4.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/html/db.sql.gz", "")],
        pass: &[File("/var/www/html/sql.html", "")],
        unknown: &[Folder("/var/www/html"), Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    leftovers(facts, rows, "a database dump can be fetched from a web root", |node, name| {
        let plain = stem(name, &[".gz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".bak", ".old"])
            .unwrap_or(name);
        let ends = [
            ".sql", ".dump", ".sqlite", ".sqlite3", ".db", ".mdb", ".accdb", ".bson", ".rdb",
            ".dmp", ".pgdump", ".ldif",
        ];
        let data = [".csv", ".xls", ".xlsx"].iter().any(|end| plain.ends_with(end))
            && [
                "customers",
                "users",
                "accounts",
                "orders",
                "clients",
                "members",
                "employees",
                "payments",
                "export",
                "passwords",
            ]
            .iter()
            .any(|word| plain.starts_with(word));
        (node.is_file()
            && (ends.iter().any(|end| plain.ends_with(end)) && plain != "thumbs.db" || data))
            .then_some(Severity::Critical)
    });
}
