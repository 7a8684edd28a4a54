//! Only named accounts use cron.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-cron-allow",
    safeguard: Safeguard::Permissions,
    severity: Severity::Low,
    title: "only named accounts use cron",
    why: "An intruder in a service's account uses its crontab to come back after a restart. A \
              list of those who may stops that.",
    remedy: "`echo root > /etc/cron.allow && chmod 600 /etc/cron.allow`.",
    controls: &["CIS 2.4.1.8", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/crontab", "")],
        pass: &[File("/etc/crontab", ""), File("/etc/cron.allow", "root\n")],
        unknown: &[File("/etc/crontab", ""), Denied("/etc")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    if !facts.exists("/etc/crontab") && !facts.exists("/etc/cron.d") {
        return;
    }
    match rows.take(facts.metadata("/etc/cron.allow")) {
        Some(Some(_)) => rows.looked(Evidence::path(Path::new("/etc/cron.allow"), "names who may")),
        Some(None) => rows.lacks(
            "every account may have a crontab: no /etc/cron.allow",
            Evidence::path(Path::new("/etc/cron.allow"), "is not there"),
        ),
        None => {}
    }
}
