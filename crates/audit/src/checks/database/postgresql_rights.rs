//! Roles of applications may do no more than their work.

use super::{Role, each};
use crate::checks::prelude::*;
use crate::facts::Engine;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "database-postgresql-rights",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "roles of PostgreSQL have no rights over the server that an application does not need",
    why: "A role that makes roles, passes by row security, or reads files and runs programs as the server is nearly a superuser. One injection in its application is enough to use it.",
    remedy: "`ALTER ROLE name NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS`; `REVOKE pg_execute_server_program FROM name`.",
    controls: &["PCI 7.2.5", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"role\",\"postgres\",true,true,true,true,true,true,\"none\",false,true,true,null,null]\n[\"role\",\"shop\",false,true,true,false,false,false,\"scram\",false,false,true,null,null]\n[\"asked\",\"roles\"]",
        )],
        pass: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"role\",\"postgres\",true,true,true,true,true,true,\"none\",false,true,true,null,null]\n[\"role\",\"shop\",false,true,false,false,false,false,\"scram\",false,false,true,null,null]\n[\"role\",\"replica\",false,true,false,false,true,false,\"scram\",false,false,false,null,null]\n[\"asked\",\"roles\"]",
        )],
        unknown: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"blind\",\"it does not answer\"]",
        )],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    each(facts, rows, Engine::Postgresql, ("roles", "role"), |server, found, rows| {
        for role in found.iter().map(|row| Role(row)) {
            if !role.can_log_in() || role.is_super() {
                continue;
            }
            if let Some((severity, rights)) = rights(&role) {
                rows.fail_as(
                    server.reach.weigh(severity),
                    format!("the role {} of PostgreSQL has {}", role.name(), rights.join(", ")),
                    server.evidence(format!("{}: {}", role.name(), rights.join(", "))),
                );
            }
        }
        rows.looked(server.evidence(format!("{} roles", found.len())));
    });
}

/// What a role has over the server, and what that weighs together.
fn rights(role: &Role<'_>) -> Option<(Severity, Vec<String>)> {
    // A role that owns nothing and replicates is what a replica signs in with.
    let owns = role.0.is(10);
    let mut found = Vec::new();
    for (has, severity, name) in [
        (role.0.is(3), Severity::High, "CREATEROLE"),
        (role.0.is(4), Severity::Low, "CREATEDB"),
        (role.0.is(5) && owns, Severity::Medium, "REPLICATION"),
        (role.0.is(6), Severity::Medium, "BYPASSRLS"),
    ] {
        if has {
            found.push((severity, name.to_owned()));
        }
    }
    if !role.0.raw(11).is_empty() {
        found.push((Severity::High, role.0.text(11)));
    }
    let severity = found.iter().map(|(severity, _)| *severity).max()?;
    Some((severity, found.into_iter().map(|(_, name)| name).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Row;

    #[test]
    fn rights_are_weighed_together() {
        let of = |flags: [&str; 4], owns: &str, member: &str| {
            let [roles, databases, replicates, bypasses] = flags;
            let cells = [
                "shop", "false", "true", roles, databases, replicates, bypasses, "scram", "false",
                "false", owns, member,
            ];
            rights(&Role(&Row::new("role", &cells))).map(|(severity, all)| (severity, all.len()))
        };
        let (no, yes) = ("false", "true");
        assert_eq!(of([no, no, no, no], yes, ""), None);
        assert_eq!(of([no, yes, no, no], yes, ""), Some((Severity::Low, 1)));
        assert_eq!(of([no, yes, no, yes], yes, ""), Some((Severity::Medium, 2)));
        assert_eq!(of([no, no, yes, no], no, ""), None, "a replica");
        assert_eq!(of([no, no, yes, no], yes, ""), Some((Severity::Medium, 1)));
        assert_eq!(of([no, no, no, no], no, "pg_read_server_files"), Some((Severity::High, 1)));
    }
}
