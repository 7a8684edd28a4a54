//! `PostgreSQL` logs who connects.

use super::each;
use crate::checks::prelude::*;
use crate::facts::Engine;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "database-postgresql-log",
    safeguard: Safeguard::Logs,
    severity: Severity::Low,
    title: "PostgreSQL logs who connects",
    why: "Without it nobody can say afterwards which role came from where, and guessing of passwords that succeeds leaves no trace. What counts is the running server, not the file.",
    remedy: "`ALTER SYSTEM SET log_connections = on`, the same with `log_disconnections`, then `SELECT pg_reload_conf()`.",
    controls: &["PCI 10.2.1", "ISO 8.15"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"setting\",\"log_connections\",\"off\"]\n[\"asked\",\"settings\"]",
        )],
        pass: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"setting\",\"log_connections\",\"on\"]\n[\"asked\",\"settings\"]",
        )],
        unknown: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"blind\",\"it does not answer\"]",
        )],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    each(facts, rows, Engine::Postgresql, ("settings", "setting"), |server, found, rows| {
        let Some(row) = found.iter().find(|row| row.raw(0) == "log_connections") else {
            rows.unknown(crate::facts::Blind::new(
                crate::evidence::shown(&server.place),
                "PostgreSQL: it does not tell of log_connections",
            ));
            return;
        };
        let evidence = server.evidence(format!("log_connections = {}", row.text(1)));
        if matches!(row.raw(1), "off" | "") {
            rows.fail("PostgreSQL does not log who connects", evidence);
        } else {
            rows.looked(evidence);
        }
    });
}
