//! `MySQL` and `MariaDB` listen where they are needed only.

use super::line;
use crate::checks::prelude::*;
use crate::facts::{Form, Included, Seen};

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

/// Files that are read whether another takes them in or not, in this order.
const MAINS: [&str; 2] = ["/etc/my.cnf", "/etc/mysql/my.cnf"];
/// Where the server's own files lie when neither of those is there.
const PARTS: [&str; 4] = [
    "/etc/mysql/conf.d/*.cnf",
    "/etc/mysql/mariadb.conf.d/*.cnf",
    "/etc/mysql/mysql.conf.d/*.cnf",
    "/etc/my.cnf.d/*.cnf",
];

/// All that the server reads.
fn read(facts: &Facts<'_>) -> Seen<Included> {
    let mut mains: Vec<PathBuf> =
        MAINS.iter().map(PathBuf::from).filter(|main| facts.exists(main)).collect();
    if mains.is_empty() {
        for pattern in PARTS {
            mains.extend(facts.glob(pattern)?);
        }
    }
    let mut all = Included::default();
    for main in mains {
        let one = facts.included(&main, Form::Mysql)?;
        all.settings.extend(one.settings);
        all.files.extend(one.files);
    }
    Ok(all)
}

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(Included { settings, files }) = rows.take(read(facts)) else { return };
    let all: Vec<_> = settings
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
    let alone = ini::last(&all, None, "skip-networking")
        .is_some_and(|setting| setting.value.is_empty() || crate::facts::is_yes(&setting.value));
    match (bind, files.last()) {
        _ if alone => rows.looked(line(first)),
        (Some(setting), _) if setting.value.split(',').any(is_everywhere) => {
            rows.fail(
                format!("MySQL listens on all interfaces: bind-address = {}", setting.value),
                line(setting),
            );
        }
        (None, Some(last)) => rows.fail(
            "MySQL listens on all interfaces, as it does without a bind-address",
            Evidence::path(last, "no bind-address"),
        ),
        (Some(_), _) | (None, None) => rows.looked(line(first)),
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

fn is_everywhere(address: &str) -> bool {
    ["0.0.0.0", "*", "::"].contains(&address.trim())
}
