//! Sshd forwards no sockets of this machine.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-socket-forwarding",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Low,
    title: "sshd forwards no sockets of this machine",
    why: "A login with it reaches the sockets of databases and of the container service as if \
              it were here. Most servers are not jump hosts.",
    remedy: "`AllowStreamLocalForwarding no`.",
    controls: &["CIS 5.1.9", "PCI 1.4.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "AllowStreamLocalForwarding yes\n")],
        pass: &[File("/etc/ssh/sshd_config", "AllowStreamLocalForwarding no\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "AllowStreamLocalForwarding",
        "yes",
        |value| value == "yes" || value == "all",
        "logins can reach the sockets of this machine",
    );
}
