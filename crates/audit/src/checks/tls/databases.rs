//! Databases on the network speak TLS.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "tls-databases",
    safeguard: Safeguard::Services,
    severity: Severity::Medium,
    title: "databases on the network speak TLS",
    why: "Queries, answers and passwords cross the network in clear otherwise. Whoever is on \
              it reads customers' data.",
    remedy: "`ssl = on` and `hostssl` (PostgreSQL), `require_secure_transport = ON` (MySQL), \
              `tls-port` (Redis).",
    controls: &["PCI 4.2.1", "ISO 8.24", "ASVS 12.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/postgresql/15/main/postgresql.conf", "ssl = off\n")],
        pass: &[File("/etc/postgresql/15/main/postgresql.conf", "#ssl = off\nssl = on\n")],
        unknown: &[
            File("/etc/postgresql/15/main/postgresql.conf", ""),
            Denied("/etc/postgresql/15/main/postgresql.conf"),
        ],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in rows.take(facts.glob("/etc/postgresql/*/*/postgresql.conf")).unwrap_or_default() {
        let all = rows.take(facts.settings(&path, ini::LOOSE)).unwrap_or_default();
        match ini::last(&all, None, "ssl") {
            Some(setting) if crate::facts::is_no(&setting.value) => rows.fail(
                format!("PostgreSQL takes network clients without TLS: ssl = {}", setting.value),
                Evidence::at(&setting.place, format!("ssl = {}", setting.value)),
            ),
            Some(setting) => {
                rows.looked(Evidence::at(&setting.place, format!("ssl = {}", setting.value)));
            }
            None => {}
        }
    }
    for pattern in
        ["/etc/mysql/my.cnf", "/etc/mysql/mariadb.conf.d/*.cnf", "/etc/mysql/mysql.conf.d/*.cnf"]
    {
        for path in rows.take(facts.glob(pattern)).unwrap_or_default() {
            let all = rows.take(facts.settings(&path, ini::INI)).unwrap_or_default();
            let wide = ini::last(&all, None, "bind-address").filter(|setting| {
                !setting.value.starts_with("127.")
                    && setting.value != "localhost"
                    && setting.value != "::1"
            });
            let secure =
                ["require_secure_transport", "require-secure-transport"].iter().any(|key| {
                    ini::last(&all, None, key)
                        .is_some_and(|setting| crate::facts::is_yes(&setting.value))
                });
            match wide {
                Some(setting) if !secure => rows.fail(
                    "MySQL takes network clients without TLS: require_secure_transport is not on",
                    Evidence::at(&setting.place, format!("bind-address = {}", setting.value)),
                ),
                _ => all
                    .first()
                    .into_iter()
                    .for_each(|first| rows.looked(Evidence::at(&first.place, &first.key))),
            }
        }
    }
}
