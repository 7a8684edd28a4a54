//! PostgreSQL listens where it is needed only.

use super::{line, settings};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-postgresql-address",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "PostgreSQL listens where it is needed only",
    why: "A database that every address reaches is one hole or one password from lost. The \
              application is on this machine or on a known one.",
    remedy: "`listen_addresses = 'localhost'` or the one inner address in postgresql.conf.",
    controls: &["PCI 1.4.4", "ISO 8.22"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/postgresql/15/main/postgresql.conf", "listen_addresses = '*'\t# all\n")],
        pass: &[File(
            "/etc/postgresql/15/main/postgresql.conf",
            "#listen_addresses = '*'\nport = 5432\n",
        )],
        unknown: &[
            File("/etc/postgresql/15/main/postgresql.conf", ""),
            Denied("/etc/postgresql/15/main/postgresql.conf"),
        ],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let all = settings(
        facts,
        rows,
        &["/etc/postgresql/*/*/postgresql.conf", "/etc/postgresql/*/*/conf.d/*.conf"],
        ini::LOOSE,
    );
    let Some(first) = all.first() else { return };
    match ini::last(&all, None, "listen_addresses") {
        Some(setting)
            if setting.value.split(',').any(|one| ["*", "0.0.0.0", "::"].contains(&one.trim())) =>
        {
            rows.fail(
                format!(
                    "PostgreSQL listens on all interfaces: listen_addresses = {}",
                    setting.value
                ),
                line(setting),
            );
        }
        _ => rows.looked(line(first)),
    }
}
