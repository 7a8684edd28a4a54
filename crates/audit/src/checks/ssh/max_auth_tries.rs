//! Sshd ends a connection after a few wrong passwords.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-max-auth-tries",
    safeguard: Safeguard::BruteForce,
    severity: Severity::Medium,
    title: "sshd ends a connection after a few wrong passwords",
    why: "Each connection gives so many guesses before the log and the filter notice. Four are \
              enough for people.",
    remedy: "Set `MaxAuthTries 4`.",
    controls: &["CIS 5.1.16", "PCI 8.3.4"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "MaxAuthTries 100\n")],
        pass: &[File("/etc/ssh/sshd_config", "MaxAuthTries 3\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "MaxAuthTries",
        "6",
        |value| value.parse::<u32>().map_or(true, |tries| tries > 6),
        "one connection may guess too often",
    );
}
