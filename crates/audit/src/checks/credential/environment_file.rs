//! Files of environment variables are closed.

use super::{evidence, index, is_open, is_template, own_files, secrets};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "credential-environment-file",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "files of environment variables are closed",
    why: "`.env` holds the passwords of the database, of mail and of payment in plain text. \
              Every account and every other site on the machine can read an open one.",
    remedy: "`chown root:APP` and `chmod 640` the file, then change the passwords.",
    controls: &["PCI 8.6.2", "ISO 8.3", "ASVS 13.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/shop/.env", "DB_PASSWORD=kV7-quartz-19\n")],
        pass: &[File("/var/www/shop/.env", "DB_PASSWORD=changeme\n")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(index) = index(facts, rows) else { return };
    rows.looked(Evidence::path(Path::new("/"), "files of variables were looked for"));
    for node in own_files(index) {
        let name = node.name();
        let is_env = name == ".env"
            || name.starts_with(".env.")
            || name.ends_with(".env")
            || name == "environment" && node.path != Path::new("/etc/environment");
        if !is_env || !is_open(index, node) || is_template(name) {
            continue;
        }
        let found = secrets(facts, rows, &node.path);
        if !found.is_empty() {
            rows.fail(
                format!(
                    "{} with passwords is world-readable (mode {:04o})",
                    node.path.display(),
                    node.metadata.mode
                ),
                evidence(&found, node),
            );
        }
    }
}
