//! Environments share no database and no password.

use super::{is_other, variables};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "environment-shared-database",
    safeguard: Safeguard::Environments,
    severity: Severity::High,
    title: "environments share no database and no password",
    why: "A mistake on staging then deletes real orders, and a hole there hands out real \
              customers. A password that both use is no border.",
    remedy: "Give each environment its own database, account and password.",
    controls: &["PCI 6.5.3", "PCI 6.5.5", "ISO 8.31"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/var/www/shop/.env", "DB_HOST=db1\nDB_NAME=shop\n"),
            File("/var/www/shop-staging/.env", "DB_HOST=db1\nDB_NAME=shop\n"),
        ],
        pass: &[
            File("/var/www/shop/.env", "DB_HOST=db1\nDB_NAME=shop\n"),
            File("/var/www/shop-staging/.env", "DB_HOST=db2\nDB_NAME=shop\n"),
        ],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let all: Vec<(PathBuf, Vec<ini::Setting>)> = variables(facts, rows)
        .into_iter()
        .filter(|(path, _)| !path.starts_with("/etc/systemd"))
        .collect();
    let value = |all: &[ini::Setting], keys: &[&str]| {
        keys.iter()
            .find_map(|key| ini::last(all, None, key).cloned())
            .filter(|setting| !setting.value.is_empty())
    };
    for (at, (path, settings)) in all.iter().enumerate() {
        rows.looked(Evidence::path(path, "its database was looked at"));
        for (other_path, other) in all.iter().skip(at + 1) {
            let mixed = path.to_str().is_some_and(is_other)
                != other_path.to_str().is_some_and(is_other)
                || environment(settings)
                    .is_some_and(|own| environment(other).is_some_and(|other| own != other));
            let same = |keys: &[&str]| {
                let pair = value(settings, keys).zip(value(other, keys));
                pair.filter(|(a, b)| a.value == b.value)
            };
            let database = same(ADDRESSES).or_else(|| same(HOSTS).and_then(|_| same(DATABASES)));
            let (hit, what) = match (database, same(PASSWORDS)) {
                (Some(hit), _) => (hit, "database"),
                (None, Some(hit)) => (hit, "password"),
                (None, None) => continue,
            };
            if mixed {
                rows.fail(
                    format!(
                        "two environments share one {what}: {} and {}",
                        path.display(),
                        other_path.display()
                    ),
                    vec![
                        Evidence::at(&hit.0.place, &hit.0.key),
                        Evidence::at(&hit.1.place, &hit.1.key),
                    ],
                );
            }
        }
    }
}

/// Which environment a file says that it is for.
fn environment(all: &[ini::Setting]) -> Option<String> {
    ["APP_ENV", "NODE_ENV", "RAILS_ENV", "ENVIRONMENT", "FLASK_ENV"]
        .iter()
        .find_map(|key| ini::last(all, None, key))
        .map(|setting| setting.value.to_ascii_lowercase())
}

/// Names of variables that name a database with its address.
const ADDRESSES: &[&str] = &["DATABASE_URL", "DB_URL", "MONGO_URL", "REDIS_URL"];
/// Names of variables that name a database's host.
const HOSTS: &[&str] = &["DB_HOST", "DATABASE_HOST", "MYSQL_HOST", "PGHOST"];
/// Names of variables that name a database.
const DATABASES: &[&str] =
    &["DB_NAME", "DB_DATABASE", "DATABASE_NAME", "MYSQL_DATABASE", "PGDATABASE"];
/// Names of variables that hold a secret.
const PASSWORDS: &[&str] =
    &["DB_PASSWORD", "DATABASE_PASSWORD", "SECRET_KEY", "APP_KEY", "JWT_SECRET"];
