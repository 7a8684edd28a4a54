//! Accounts of databases whose time has run out are gone.

use super::{Account, Role, each};
use crate::checks::prelude::*;
use crate::facts::Engine;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "database-expired",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::Low,
    title: "accounts of databases whose time has run out are gone",
    why: "An account with a password that has expired belongs to somebody who does not use it. It still has its rights, and other ways in, such as certificates and peer, do not look at the date.",
    remedy: "`DROP ROLE name` or `ALTER ROLE name NOLOGIN`; `DROP USER` or `ALTER USER … ACCOUNT LOCK`.",
    controls: &["PCI 8.2.6", "ISO 5.18"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"role\",\"postgres\",true,true,true,true,true,true,\"none\",false,true,true,null,null]\n[\"role\",\"lea\",false,true,false,false,false,false,\"scram\",true,false,true,null,null]\n[\"asked\",\"roles\"]",
        )],
        pass: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"role\",\"postgres\",true,true,true,true,true,true,\"none\",false,true,true,null,null]\n[\"role\",\"lea\",false,true,false,false,false,false,\"scram\",false,false,true,null,null]\n[\"asked\",\"roles\"]",
        )],
        unknown: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"blind\",\"it does not answer\"]",
        )],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    each(facts, rows, Engine::Postgresql, ("roles", "role"), |server, found, rows| {
        let is_over = |role: &Role<'_>| role.can_log_in() && role.is_expired();
        for role in found.iter().map(|row| Role(row)).filter(is_over) {
            rows.fail(
                format!(
                    "the password of the role {} has expired, and the role is there",
                    role.name()
                ),
                server.evidence(format!("{}: VALID UNTIL is past", role.name())),
            );
        }
        rows.looked(server.evidence(format!("{} roles", found.len())));
    });
    each(facts, rows, Engine::Mysql, ("accounts", "account"), |server, found, rows| {
        let is_over = |account: &Account<'_>| account.is_expired() && !account.is_locked();
        for account in found.iter().map(|row| Account(row)).filter(is_over) {
            rows.fail(
                format!(
                    "the password of the account {} has expired, and it is there",
                    account.name()
                ),
                server.evidence(format!("{}: expired, not locked", account.name())),
            );
        }
        rows.looked(server.evidence(format!("{} accounts", found.len())));
    });
}
