//! Accounts of `MySQL` with rights over the server are for this machine only.

use super::{Account, each};
use crate::checks::prelude::*;
use crate::facts::Engine;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "database-mysql-remote",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "accounts of MySQL and MariaDB with rights over the server are for this machine only",
    why: "SUPER, FILE, CREATE USER and GRANT OPTION are rights over the whole server and its files. From another machine they need no more than a password that was guessed or found.",
    remedy: "`RENAME USER 'root'@'%' TO 'root'@'localhost'`, or `REVOKE SUPER, FILE, GRANT OPTION ON *.*` from what has to come from elsewhere.",
    controls: &["PCI 2.2.2", "PCI 7.2.5", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Answers(
            "[\"server\",\"mysql\",\"/run/mysqld/mysqld.sock\",\"outside\"]\n[\"account\",\"root\",\"localhost\",\"unix_socket\",1,0,1,1,1,1,0]\n[\"account\",\"root\",\"%\",\"mysql_native_password\",0,0,1,1,1,1,0]\n[\"asked\",\"accounts\"]",
        )],
        pass: &[Answers(
            "[\"server\",\"mysql\",\"/run/mysqld/mysqld.sock\",\"outside\"]\n[\"account\",\"root\",\"localhost\",\"unix_socket\",1,0,1,1,1,1,0]\n[\"account\",\"shop\",\"%\",\"mysql_native_password\",0,0,0,0,0,0,0]\n[\"asked\",\"accounts\"]",
        )],
        unknown: &[Answers(
            "[\"server\",\"mysql\",\"/run/mysqld/mysqld.sock\",\"outside\"]\n[\"blind\",\"it does not answer\"]",
        )],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    each(facts, rows, Engine::Mysql, ("accounts", "account"), |server, found, rows| {
        for account in found.iter().map(|row| Account(row)) {
            let rights = account.rights();
            if rights.is_empty() || account.is_locked() || !account.is_remote() {
                continue;
            }
            let rights = rights.join(", ");
            rows.fail_as(
                server.reach.weigh(CHECK.severity),
                format!("the account {} of MySQL has {rights} from elsewhere", account.name()),
                server.evidence(format!("{}: {rights}", account.name())),
            );
        }
        rows.looked(server.evidence(format!("{} accounts", found.len())));
    });
}
