//! PostgreSQL listens where it is needed only.

use super::line;
use crate::checks::prelude::*;
use crate::facts::Form;

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
    let mains = rows.take(facts.glob("/etc/postgresql/*/*/postgresql.conf")).unwrap_or_default();
    for main in mains {
        let Some(mut cluster) = rows.take(facts.included(&main, Form::Postgres)) else { continue };
        let Some(first) = cluster.settings.first().cloned() else { continue };
        // What `ALTER SYSTEM` has written is read after all else.
        let Some(auto) = data_folder(&main, &cluster.settings) else { continue };
        let auto = facts.settings(auto.join("postgresql.auto.conf"), ini::LOOSE);
        let Some(auto) = rows.take(auto) else { continue };
        cluster.settings.extend(auto);
        match ini::last(&cluster.settings, None, "listen_addresses") {
            Some(setting)
                if setting
                    .value
                    .split(',')
                    .any(|one| ["*", "0.0.0.0", "::"].contains(&one.trim())) =>
            {
                rows.fail(
                    format!(
                        "PostgreSQL listens on all interfaces: listen_addresses = {}",
                        setting.value
                    ),
                    line(setting),
                );
            }
            _ => rows.looked(line(&first)),
        }
    }
}

/// Where a cluster's data is: as it says, else where Debian puts it.
fn data_folder(main: &Path, settings: &[ini::Setting]) -> Option<PathBuf> {
    if let Some(said) = ini::last(settings, None, "data_directory") {
        return Some(PathBuf::from(&said.value));
    }
    let cluster = main.parent()?.strip_prefix("/etc/postgresql").ok()?;
    Some(Path::new("/var/lib/postgresql").join(cluster))
}
