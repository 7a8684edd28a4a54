//! Sudo writes down what was done.

use super::sudo;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-sudo-log",
    safeguard: Safeguard::Logs,
    severity: Severity::Low,
    title: "sudo writes down what was done",
    why: "A log of its own shows at a glance who became root for what. It also survives a \
              rotated syslog.",
    remedy: "`Defaults logfile=/var/log/sudo.log` in /etc/sudoers.d.",
    controls: &["CIS 5.2.3", "PCI 10.2.1.2", "ISO 8.15"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sudoers", "Defaults env_reset\n")],
        pass: &[File("/etc/sudoers", "Defaults logfile=/var/log/sudo.log\n")],
        unknown: &[Denied("/etc/sudoers")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    sudo::default(facts, rows, "logfile", "sudo keeps no log of its own (logfile)");
}
