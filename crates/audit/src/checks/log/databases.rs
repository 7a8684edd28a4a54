//! Databases log who connects.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-databases",
    safeguard: Safeguard::Logs,
    severity: Severity::Low,
    title: "databases log who connects",
    why: "A break-in through the application shows in the database's log first, as a \
              connection from a strange place. It is off by default.",
    remedy: "`log_connections = on` and `logging_collector = on` in postgresql.conf.",
    controls: &["PCI 10.2.1", "ISO 8.15"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/postgresql/15/main/postgresql.conf", "log_connections = off\n")],
        pass: &[File("/etc/postgresql/15/main/postgresql.conf", "log_connections = on\n")],
        unknown: &[
            File("/etc/postgresql/15/main/postgresql.conf", ""),
            Denied("/etc/postgresql/15/main/postgresql.conf"),
        ],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in rows.take(facts.glob("/etc/postgresql/*/*/postgresql.conf")).unwrap_or_default() {
        let all = rows.take(facts.settings(&path, ini::LOOSE)).unwrap_or_default();
        match ini::last(&all, None, "log_connections") {
            Some(setting) if crate::facts::is_yes(&setting.value) => {
                rows.looked(Evidence::at(&setting.place, "log_connections = on"));
            }
            Some(setting) => rows.fail(
                "PostgreSQL does not log connections: log_connections = off",
                Evidence::at(&setting.place, format!("log_connections = {}", setting.value)),
            ),
            None => rows.lacks(
                "PostgreSQL does not log connections: log_connections is not set",
                Evidence::path(&path, "log_connections is not set"),
            ),
        }
    }
}
