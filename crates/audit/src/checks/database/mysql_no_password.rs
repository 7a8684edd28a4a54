//! Accounts of `MySQL` have passwords.

use super::{Account, each};
use crate::checks::prelude::*;
use crate::facts::{Engine, Reach};

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "database-mysql-no-password",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::Critical,
    title: "accounts of MySQL and MariaDB have a password or belong to an account of the system",
    why: "An account without a password is anybody's who knows its name, and the names are known: root, admin, backup. On this machine alone that is every program that runs here.",
    remedy: "`ALTER USER 'name'@'host' IDENTIFIED BY '…'`, or `IDENTIFIED VIA unix_socket` for an account of the same name; drop what nobody uses.",
    controls: &["PCI 2.2.2", "PCI 8.3.1", "ISO 8.5"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Answers(
            "[\"server\",\"mysql\",\"/run/mysqld/mysqld.sock\",\"outside\"]\n[\"account\",\"root\",\"localhost\",\"unix_socket\",1,0,1,1,1,1,0]\n[\"account\",\"shop\",\"localhost\",\"mysql_native_password\",1,0,0,0,0,0,0]\n[\"asked\",\"accounts\"]",
        )],
        pass: &[Answers(
            "[\"server\",\"mysql\",\"/run/mysqld/mysqld.sock\",\"outside\"]\n[\"account\",\"root\",\"localhost\",\"unix_socket\",1,0,1,1,1,1,0]\n[\"account\",\"shop\",\"localhost\",\"mysql_native_password\",0,0,0,0,0,0,0]\n[\"account\",\"mariadb.sys\",\"localhost\",\"mysql_native_password\",1,1,0,0,0,0,0]\n[\"asked\",\"accounts\"]",
        )],
        unknown: &[Answers(
            "[\"server\",\"mysql\",\"/run/mysqld/mysqld.sock\",\"outside\"]\n[\"blind\",\"it does not answer\"]",
        )],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    each(facts, rows, Engine::Mysql, ("accounts", "account"), |server, found, rows| {
        let is_open = |account: &Account<'_>| {
            account.has_no_password() && !account.is_locked() && !account.is_nameless()
        };
        for account in found.iter().map(|row| Account(row)).filter(is_open) {
            let reach = if account.is_remote() { server.reach } else { Reach::Local };
            // On this machine alone it is still everything for every program that runs here.
            let severity = reach.weigh(CHECK.severity).max(Severity::High);
            rows.fail_as(
                severity,
                format!("the account {} of MySQL has no password", account.name()),
                server.evidence(format!("{}: no password ({})", account.name(), account.0.text(2))),
            );
        }
        rows.looked(server.evidence(format!("{} accounts", found.len())));
    });
}
