//! No password stands in a log.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-secrets",
    safeguard: Safeguard::Logs,
    severity: Severity::Medium,
    title: "no password stands in a log",
    why: "Logs are copied, kept and read by many. A password in one is known to all of them.",
    remedy: "Take the value out of what the application logs, and change the password.",
    controls: &["PCI 8.3.2", "PCI 10.3.1", "ASVS 16.2.5"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/log/shop/app.log", "login user=ada password=gantry77\n")],
        pass: &[File("/var/log/shop/app.log", "login user=ada password=***\n")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(index) = facts.index().as_ref().map_err(|blind| rows.unknown(blind.clone())).ok()
    else {
        return;
    };
    rows.looked(Evidence::path(Path::new("/var/log"), "logs of applications were looked at"));
    let system =
        ["/var/log/apt", "/var/log/installer", "/var/log/journal", "/var/log/unattended-upgrades"];
    for node in index.below(Path::new("/var/log")).filter(|node| {
        node.is_file()
            && node.metadata.len < 2_000_000
            && !system.iter().any(|folder| node.path.starts_with(folder))
    }) {
        if ["dpkg.log", "alternatives.log", "bootstrap.log", "wtmp", "btmp", "lastlog", "faillog"]
            .contains(&node.name())
            || node.name().ends_with(".gz")
        {
            continue;
        }
        let found = rows
            .take(facts.glance(&node.path))
            .flatten()
            .map_or_else(Vec::new, |lines| crate::facts::secrets_in(&lines));
        if let Some(secret) = found.first() {
            rows.fail(
                format!("a password stands in the log {}", node.path.display()),
                Evidence::at(&secret.place, &secret.name),
            );
        }
    }
}
