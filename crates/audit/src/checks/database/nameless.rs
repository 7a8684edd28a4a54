//! No database lets in who gives no name.

use super::{Account, each};
use crate::checks::prelude::*;
use crate::facts::Engine;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "database-nameless",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::High,
    title: "no database has accounts without a name",
    why: "An account without a name lets in everybody who asks, under whatever name. What it may do is what every program on the machine may do.",
    remedy: "`DROP USER ''@'localhost'`, as `mariadb-secure-installation` does; for MongoDB `security.authorization: enabled`.",
    controls: &["PCI 2.2.2", "PCI 8.2.1", "ISO 8.5"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Answers(
            "[\"server\",\"mysql\",\"/run/mysqld/mysqld.sock\",\"outside\"]\n[\"account\",\"root\",\"localhost\",\"unix_socket\",1,0,1,1,1,1,0]\n[\"account\",\"\",\"localhost\",\"mysql_native_password\",1,0,0,0,0,0,0]\n[\"asked\",\"accounts\"]",
        )],
        pass: &[Answers(
            "[\"server\",\"mysql\",\"/run/mysqld/mysqld.sock\",\"outside\"]\n[\"account\",\"root\",\"localhost\",\"unix_socket\",1,0,1,1,1,1,0]\n[\"asked\",\"accounts\"]",
        )],
        unknown: &[Answers(
            "[\"server\",\"mongodb\",\"mongod (pid 7)\",\"local\"]\n[\"blind\",\"there is no client in Debian to ask it with\"]",
        )],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    each(facts, rows, Engine::Mysql, ("accounts", "account"), |server, found, rows| {
        let is_open = |account: &Account<'_>| account.is_nameless() && !account.is_locked();
        for account in found.iter().map(|row| Account(row)).filter(is_open) {
            rows.fail_as(
                server.reach.weigh(CHECK.severity),
                format!("MySQL has an account without a name: {}", account.name()),
                server.evidence(account.name()),
            );
        }
        rows.looked(server.evidence(format!("{} accounts", found.len())));
    });
    // Whoever comes to `MongoDB` without authorization has no name either; it is never asked, and so never in order.
    each(facts, rows, Engine::Mongodb, ("accounts", "account"), |_, _, _| {});
}
