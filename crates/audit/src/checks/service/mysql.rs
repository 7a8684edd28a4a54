//! `MySQL` and `MariaDB` listen where they are needed only.

use super::{any_wide, line, settings};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-mysql",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "MySQL and MariaDB listen where they are needed only",
    why: "A database that every address reaches is one hole or one password from lost. \
              `skip-grant-tables` needs not even the password.",
    remedy: "`bind-address = 127.0.0.1` under `[mysqld]`; never `skip-grant-tables`.",
    controls: &["PCI 1.4.4", "PCI 8.3.1", "ISO 8.22"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/mysql/my.cnf", "[mysqld]\nbind-address = 0.0.0.0\n")],
        pass: &[File(
            "/etc/mysql/my.cnf",
            "[mysqld]\n# bind-address = 0.0.0.0\nbind-address = 127.0.0.1\n",
        )],
        unknown: &[File("/etc/mysql/my.cnf", ""), Denied("/etc/mysql/my.cnf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let all = settings(
        facts,
        rows,
        &[
            "/etc/mysql/my.cnf",
            "/etc/my.cnf",
            "/etc/mysql/conf.d/*.cnf",
            "/etc/mysql/mariadb.conf.d/*.cnf",
            "/etc/mysql/mysql.conf.d/*.cnf",
            "/etc/my.cnf.d/*.cnf",
        ],
        ini::INI,
    );
    let all: Vec<_> = all
        .into_iter()
        .map(|setting| ini::Setting { key: setting.key.replace('_', "-"), ..setting })
        .filter(|setting| {
            ["mysqld", "mariadb", "server", "mariadbd"]
                .contains(&setting.section.split('-').next().unwrap_or_default())
        })
        .collect();
    let Some(first) = all.first() else { return };
    let bind = ini::last(&all, None, "bind-address");
    if let Some(setting) = ["skip-grant-tables", "skip-name-resolve-grants"]
        .iter()
        .find_map(|key| ini::last(&all, None, key))
        .filter(|setting| !crate::facts::is_no(&setting.value) || setting.value.is_empty())
    {
        rows.fail_as(
            Severity::Critical,
            "MySQL lets everybody in as anybody without a password: skip-grant-tables",
            line(setting),
        );
    }
    match bind {
        Some(setting)
            if any_wide(&setting.value)
                && ["0.0.0.0", "*", "::"].contains(&setting.value.trim()) =>
        {
            rows.fail(
                format!("MySQL listens on all interfaces: bind-address = {}", setting.value),
                line(setting),
            );
        }
        _ => rows.looked(line(first)),
    }
    if let Some(setting) =
        ini::last(&all, None, "local-infile").filter(|setting| crate::facts::is_yes(&setting.value))
    {
        rows.fail_as(
            Severity::Medium,
            "MySQL reads files of clients (local-infile)",
            line(setting),
        );
    }
    if let Some(setting) =
        ini::last(&all, None, "secure-file-priv").filter(|setting| setting.value.is_empty())
    {
        rows.fail_as(
            Severity::Medium,
            "MySQL reads and writes files anywhere (secure-file-priv is empty)",
            line(setting),
        );
    }
}
