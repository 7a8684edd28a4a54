//! Sshd asks PAM.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-use-pam",
    safeguard: Safeguard::BruteForce,
    severity: Severity::Medium,
    title: "sshd asks PAM",
    why: "Without PAM the lock after wrong passwords, expired accounts and limits do not count \
              for ssh. It is built in on Debian.",
    remedy: "Set `UsePAM yes`.",
    controls: &["CIS 5.1.22", "PCI 8.3.4"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "UsePAM no\n")],
        pass: &[File("/etc/ssh/sshd_config", "UsePAM yes\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "UsePAM",
        "no",
        |value| value == "no",
        "locks and limits of PAM do not count for ssh",
    );
}
