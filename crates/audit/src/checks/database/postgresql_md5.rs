//! Passwords of `PostgreSQL` are kept as SCRAM.

use super::{Role, each};
use crate::checks::prelude::*;
use crate::facts::{Engine, Row};

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "database-postgresql-md5",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::Medium,
    title: "passwords of PostgreSQL are kept as SCRAM",
    why: "An md5 hash of PostgreSQL is as good as the password itself for whoever gets it, and quickly guessed. SCRAM keeps neither the password nor what signs in with it.",
    remedy: "`password_encryption = scram-sha-256`, then set the passwords anew with `\\password name`, and `scram-sha-256` in pg_hba.conf.",
    controls: &["PCI 8.3.2", "ISO 8.5", "ASVS 11.4.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"role\",\"postgres\",true,true,true,true,true,true,\"none\",false,true,true,null,null]\n[\"role\",\"shop\",false,true,false,false,false,false,\"md5\",false,false,true,null,null]\n[\"asked\",\"roles\"]\n[\"setting\",\"password_encryption\",\"scram-sha-256\"]\n[\"asked\",\"settings\"]",
        )],
        pass: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"role\",\"postgres\",true,true,true,true,true,true,\"none\",false,true,true,null,null]\n[\"role\",\"shop\",false,true,false,false,false,false,\"scram\",false,false,true,null,null]\n[\"asked\",\"roles\"]\n[\"setting\",\"password_encryption\",\"scram-sha-256\"]\n[\"asked\",\"settings\"]",
        )],
        unknown: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"blind\",\"it does not answer\"]",
        )],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    each(facts, rows, Engine::Postgresql, ("roles", "role"), |server, found, rows| {
        let is_old = |role: &Role<'_>| role.can_log_in() && role.password() == "md5";
        for role in found.iter().map(|row| Role(row)).filter(is_old) {
            rows.fail_as(
                server.reach.weigh(CHECK.severity),
                format!("the password of the role {} is kept as md5", role.name()),
                server.evidence(format!("{}: md5", role.name())),
            );
        }
        rows.looked(server.evidence(format!("{} roles", found.len())));
    });
    each(facts, rows, Engine::Postgresql, ("settings", "setting"), |server, found, rows| {
        let is_old = |row: &&&Row| {
            row.raw(0) == "password_encryption" && matches!(row.raw(1), "md5" | "on" | "off")
        };
        for row in found.iter().filter(is_old) {
            let text = format!("password_encryption = {}", row.text(1));
            rows.fail(
                "the next passwords of PostgreSQL will be kept as md5",
                server.evidence(text),
            );
        }
    });
}
