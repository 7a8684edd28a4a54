//! Nobody but the first role is a superuser of `PostgreSQL`.

use super::{Role, each};
use crate::checks::prelude::*;
use crate::facts::Engine;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "database-postgresql-superusers",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "only the first role of PostgreSQL is a superuser",
    why: "A superuser reads and changes every database, writes files and runs programs as the server's account. Each one more is one more password, or one more injection, that is enough for all of it.",
    remedy: "`ALTER ROLE name NOSUPERUSER`, and grant what it needs; `REVOKE postgres FROM name` where it is a member of a superuser.",
    controls: &["PCI 7.2.5", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"role\",\"postgres\",true,true,true,true,true,true,\"none\",false,true,true,null,null]\n[\"role\",\"shop\",true,true,false,false,false,false,\"scram\",false,false,false,null,null]\n[\"asked\",\"roles\"]",
        )],
        pass: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"role\",\"postgres\",true,true,true,true,true,true,\"none\",false,true,true,null,null]\n[\"role\",\"shop\",false,true,false,false,false,false,\"scram\",false,false,true,null,null]\n[\"asked\",\"roles\"]",
        )],
        unknown: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"blind\",\"it does not answer\"]",
        )],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    each(facts, rows, Engine::Postgresql, ("roles", "role"), |server, found, rows| {
        for role in found.iter().map(|row| Role(row)) {
            // A role without a login is taken on by its members, who are told themselves.
            if !role.can_log_in() || role.is_first() {
                continue;
            }
            let over = role.0.text(12);
            let (title, text) = if role.is_super() {
                ("is a superuser of PostgreSQL", "superuser, can log in".to_owned())
            } else if over.is_empty() {
                continue;
            } else {
                ("can become a superuser of PostgreSQL", format!("a member of {over}"))
            };
            rows.fail_as(
                server.reach.weigh(CHECK.severity),
                format!("the role {} {title}", role.name()),
                server.evidence(format!("{}: {text}", role.name())),
            );
        }
        rows.looked(server.evidence(format!("{} roles", found.len())));
    });
}
