//! No language or extension reaches out of a database.

use super::{each, in_databases};
use crate::checks::prelude::*;
use crate::facts::Engine;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "database-untrusted-code",
    safeguard: Safeguard::Permissions,
    severity: Severity::Medium,
    title: "no language or extension reaches out of a database",
    why: "Languages without a sandbox, functions from shared libraries, and extensions that read files or connect elsewhere make an injection into a program of the server's account. Most were tried once and left.",
    remedy: "`DROP EXTENSION plpython3u` (dblink, adminpack, file_fdw); `DROP FUNCTION name` and the library in `plugin_dir`.",
    controls: &["PCI 2.2.4", "ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"language\",\"shop\",\"plpython3u\"]\n[\"asked\",\"databases\"]",
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
    in_databases(facts, rows, "language", |server, found, rows| {
        for row in found {
            let (database, name) = (row.text(0), row.text(1));
            rows.fail_as(
                server.reach.weigh(CHECK.severity),
                format!("functions of the database {database} can be written in {name}, which has no sandbox"),
                server.evidence(format!("{database}: language {name}, not trusted")),
            );
        }
        rows.looked(server.evidence("languages and extensions of its databases"));
    });
    in_databases(facts, rows, "extension", |server, found, rows| {
        for row in found {
            let (database, name) = (row.text(0), row.text(1));
            rows.fail_as(
                Severity::Low,
                format!(
                    "the database {database} has the extension {name}, which reaches out of it"
                ),
                server.evidence(format!("{database}: extension {name}")),
            );
        }
    });
    each(facts, rows, Engine::Mysql, ("functions", "function"), |server, found, rows| {
        for row in found {
            rows.fail_as(
                Severity::High,
                format!("MySQL has a function from a shared library: {}", row.text(0)),
                server.evidence(format!("mysql.func: {} from {}", row.text(0), row.text(1))),
            );
        }
        rows.looked(server.evidence("functions from libraries (mysql.func)"));
    });
}
