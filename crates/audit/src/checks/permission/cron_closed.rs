//! Cron's tables are for root to read.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-cron-closed",
    safeguard: Safeguard::Permissions,
    severity: Severity::Low,
    title: "cron's tables are for root to read",
    why: "They tell which programs run when, and at times with which passwords. Nobody else \
              has to read them.",
    remedy: "`chmod 600 /etc/crontab`, `chmod 700 /etc/cron.*`.",
    controls: &["CIS 2.4.1.2", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/crontab", "")],
        pass: &[File("/etc/crontab", ""), Mode("/etc/crontab", 0o600)],
        unknown: &[File("/etc/crontab", ""), Denied("/etc")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in [
        "/etc/crontab",
        "/etc/cron.d",
        "/etc/cron.hourly",
        "/etc/cron.daily",
        "/etc/cron.weekly",
        "/etc/cron.monthly",
    ] {
        let Some(Some(metadata)) = rows.take(facts.metadata(path)) else { continue };
        let text = format!("mode {:04o}", metadata.mode);
        if metadata.mode.trailing_zeros() >= 6 {
            rows.looked(Evidence::path(Path::new(path), text));
        } else {
            rows.fail(
                format!("{path} can be read by everybody"),
                Evidence::path(Path::new(path), text),
            );
        }
    }
}
