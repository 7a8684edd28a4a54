//! Not everybody may write into databases of `PostgreSQL`.

use super::in_databases;
use crate::checks::prelude::*;
use crate::facts::Row;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "database-postgresql-public",
    safeguard: Safeguard::Permissions,
    severity: Severity::Medium,
    title: "not every role may write into every database of PostgreSQL",
    why: "In a schema where everybody may create, a role puts functions and tables in the way of others, whose next statement runs them. A table that is granted to PUBLIC is open to each role that gets in, also of another application.",
    remedy: "`REVOKE CREATE ON SCHEMA public FROM PUBLIC`; `REVOKE ALL ON table FROM PUBLIC`, and grant to roles by name.",
    controls: &["PCI 7.2.5", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"schema\",\"shop\",\"public\"]\n[\"table\",\"shop\",\"public\",\"orders\",\"INSERT, SELECT\"]\n[\"asked\",\"databases\"]",
        )],
        pass: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"database\",\"shop\"]\n[\"asked\",\"databases\"]",
        )],
        unknown: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"blind\",\"it does not answer\"]",
        )],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    in_databases(facts, rows, "schema", |server, found, rows| {
        for row in found {
            let (database, schema) = (row.text(0), row.text(1));
            rows.fail(
                format!("every role may create in the schema {schema} of the database {database}"),
                server.evidence(format!("{database}: CREATE on {schema} is granted to PUBLIC")),
            );
        }
        rows.looked(server.evidence("schemas and tables of its databases"));
    });
    in_databases(facts, rows, "table", |server, found, rows| {
        let mut databases: Vec<&str> = found.iter().map(|row| row.raw(0)).collect();
        databases.dedup();
        for database in databases {
            let own: Vec<&&Row> = found.iter().filter(|row| row.raw(0) == database).collect();
            let writes = |row: &&&&Row| {
                ["INSERT", "UPDATE", "DELETE", "TRUNCATE"]
                    .iter()
                    .any(|one| row.raw(3).contains(one))
            };
            let is_written = own.iter().any(|row| writes(&row));
            let severity = if is_written { Severity::Medium } else { Severity::Low };
            let what = if is_written { "writes" } else { "reads" };
            let evidence: Vec<Evidence> = own
                .iter()
                .take(8)
                .map(|row| {
                    let text =
                        format!("{}.{}: {} to PUBLIC", row.text(1), row.text(2), row.text(3));
                    server.evidence(text)
                })
                .collect();
            let name = crate::evidence::shown(database);
            let title = format!("every role {what} tables of the database {name}: {}", own.len());
            rows.fail_as(severity, title, evidence);
        }
    });
}
