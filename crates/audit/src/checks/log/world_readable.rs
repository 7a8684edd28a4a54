//! Logs that name people and sessions are closed.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-world-readable",
    safeguard: Safeguard::Logs,
    severity: Severity::Medium,
    title: "logs that name people and sessions are closed",
    why: "Logs of logins and of applications hold names, addresses and at times passwords and \
              sessions. Every account can read an open one.",
    remedy: "`chmod o-r` it, and say so in logrotate (`create 0640`) and rsyslog.",
    controls: &["CIS 6.2.4.1", "PCI 10.3.1", "ISO 8.15"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/log/auth.log", ""), Mode("/var/log/auth.log", 0o644)],
        pass: &[File("/var/log/auth.log", ""), Mode("/var/log/auth.log", 0o640)],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(index) = facts.index().as_ref().map_err(|blind| rows.unknown(blind.clone())).ok()
    else {
        return;
    };
    let names = [
        "auth.log",
        "secure",
        "sudo.log",
        "btmp",
        "audit.log",
        "messages",
        "syslog",
        "daemon.log",
        "user.log",
        "mail.log",
        "kern.log",
        "cron.log",
    ];
    for node in index.below(Path::new("/var/log")).filter(|node| node.is_file()) {
        let base = node.name().split(".gz").next().unwrap_or_default();
        let strict = names.iter().any(|name| {
            base == *name
                || base.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', '-']))
        });
        let packaged = ["apt", "installer", "unattended-upgrades", "journal"]
            .iter()
            .any(|folder| node.path.starts_with(Path::new("/var/log").join(folder)))
            || [
                "dpkg.log",
                "alternatives.log",
                "bootstrap.log",
                "wtmp",
                "lastlog",
                "faillog",
                "fontconfig.log",
                "README",
            ]
            .iter()
            .any(|name| node.name().starts_with(name));
        if node.is_world_readable() && index.is_reachable_by_all(&node.path) && !packaged {
            rows.fail_as(
                if strict { Severity::Medium } else { Severity::Low },
                format!(
                    "the log {} can be read by everybody (mode {:04o})",
                    node.path.display(),
                    node.metadata.mode
                ),
                Evidence::path(&node.path, format!("mode {:04o}", node.metadata.mode)),
            );
        } else {
            rows.looked(Evidence::path(&node.path, format!("mode {:04o}", node.metadata.mode)));
        }
    }
}
