//! Sshd refuses accounts without a password.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-empty-passwords",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Critical,
    title: "sshd refuses accounts without a password",
    why: "An account without a password is open to everybody who knows its name. It is the \
              first thing that a scanner tries.",
    remedy: "Set `PermitEmptyPasswords no` and give every account a password or lock it.",
    controls: &["CIS 5.1.19", "PCI 8.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "PermitEmptyPasswords yes\n")],
        pass: &[File("/etc/ssh/sshd_config", "PermitEmptyPasswords no\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "PermitEmptyPasswords",
        "no",
        |value| value == "yes",
        "sshd accepts empty passwords",
    );
}
