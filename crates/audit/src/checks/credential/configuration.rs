//! Configuration with passwords is closed.

use super::{evidence, index, is_open, is_template, own_files, secrets};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "credential-configuration",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "configuration with passwords is closed",
    why: "A password in a file that everybody can read is everybody's. Service accounts, other \
              sites and backups of others all see it.",
    remedy: "`chown root:APP` and `chmod 640` the file, then change the password.",
    controls: &["PCI 8.6.2", "ISO 8.3", "ASVS 13.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/opt/shop/config.yml", "password: kV7-quartz-19\n")],
        pass: &[
            File("/opt/shop/config.yml", "password: kV7-quartz-19\n"),
            Mode("/opt/shop/config.yml", 0o640),
        ],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(index) = index(facts, rows) else { return };
    let Ok(packages) = facts.packages() else { return };
    rows.looked(Evidence::path(Path::new("/"), "configuration files were looked at"));
    let ends = ENDINGS;
    for node in own_files(index) {
        let name = node.name();
        let kind = ends.iter().any(|end| name.ends_with(end))
            || node.path.starts_with("/etc")
                && !name.contains('.')
                && node.metadata.mode & 0o111 == 0;
        let skip = !kind
            || is_template(name)
            || packages.owner(&node.path).is_some()
            || [".my.cnf", ".netrc", "rclone.conf", "auth.json"].contains(&name)
            || ELSEWHERE.iter().any(|top| node.path.starts_with(top));
        if skip || !is_open(index, node) {
            continue;
        }
        let found = secrets(facts, rows, &node.path);
        if !found.is_empty() {
            rows.fail(
                format!(
                    "{} holds a password and is world-readable (mode {:04o})",
                    node.path.display(),
                    node.metadata.mode
                ),
                evidence(&found, node),
            );
        }
    }
}

/// Endings of files of settings and programs.
const ENDINGS: &[&str] = &[
    ".conf",
    ".cnf",
    ".cfg",
    ".ini",
    ".yml",
    ".yaml",
    ".json",
    ".xml",
    ".properties",
    ".toml",
    ".php",
    ".py",
    ".rb",
    ".inc",
    ".config",
    ".tf",
    ".tfvars",
];

/// Folders that other checks look at, or that hold no passwords.
const ELSEWHERE: &[&str] = &[
    "/etc/ssl",
    "/etc/ssh",
    "/etc/apt/trusted.gpg.d",
    "/etc/pam.d",
    "/etc/security",
    "/etc/alternatives",
    "/etc/systemd",
    "/etc/cron.d",
    "/etc/aide",
    "/etc/login.defs",
    "/etc/debconf.conf",
    "/etc/nsswitch.conf",
];
