//! No database of `MySQL` is open to all accounts.

use super::each;
use crate::checks::prelude::*;
use crate::facts::Engine;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "database-mysql-open",
    safeguard: Safeguard::Permissions,
    severity: Severity::Medium,
    title: "no database of MySQL and MariaDB is open to all accounts",
    why: "The database `test` that comes with the server, and every one whose name begins so, is open to everybody who gets in. It fills the disk, and is a place to pass data on.",
    remedy: "`DROP DATABASE test; DELETE FROM mysql.db WHERE User = ''; FLUSH PRIVILEGES`, as `mariadb-secure-installation` does.",
    controls: &["PCI 2.2.4", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Answers(
            "[\"server\",\"mysql\",\"/run/mysqld/mysqld.sock\",\"outside\"]\n[\"open\",\"test\",\"%\",\"\",1]\n[\"asked\",\"databases\"]",
        )],
        pass: &[Answers(
            "[\"server\",\"mysql\",\"/run/mysqld/mysqld.sock\",\"outside\"]\n[\"asked\",\"databases\"]",
        )],
        unknown: &[Answers(
            "[\"server\",\"mysql\",\"/run/mysqld/mysqld.sock\",\"outside\"]\n[\"blind\",\"it does not answer\"]",
        )],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    each(facts, rows, Engine::Mysql, ("databases", "open"), |server, found, rows| {
        for row in found {
            // In a grant `%`, `_` and `\` stand for a pattern.
            let name = row.text(0);
            let who =
                if row.raw(2).is_empty() { "accounts without a name" } else { "every account" };
            let (severity, what) =
                if row.is(3) { (CHECK.severity, "writes") } else { (Severity::Low, "reads") };
            rows.fail_as(
                severity,
                format!("everybody who gets in {what} databases of MySQL called {name}"),
                server.evidence(format!("mysql.db: {name} for {who}")),
            );
        }
        rows.looked(server.evidence("grants on databases (mysql.db)"));
    });
}
