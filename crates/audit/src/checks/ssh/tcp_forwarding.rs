//! Sshd is no tunnel into the network.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-tcp-forwarding",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Low,
    title: "sshd is no tunnel into the network",
    why: "A login is then also a door to everything that this machine can reach, past the \
              firewall. Most servers are not jump hosts.",
    remedy: "Set `AllowTcpForwarding no`, or `local` for those who need it in a Match block.",
    controls: &["CIS 5.1.9", "PCI 1.4.2", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "AllowTcpForwarding yes\n")],
        pass: &[File("/etc/ssh/sshd_config", "AllowTcpForwarding no\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "AllowTcpForwarding",
        "yes",
        |value| value == "yes" || value == "all",
        "logins can tunnel into the inner network",
    );
}
