//! Sshd trusts no other host's word.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-host-based",
    safeguard: Safeguard::Infiltration,
    severity: Severity::High,
    title: "sshd trusts no other host's word",
    why: "With host-based login a taken-over neighbour is a login here, without any password. \
              It was made for another time.",
    remedy: "Set `HostbasedAuthentication no`.",
    controls: &["CIS 5.1.10", "PCI 8.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "HostbasedAuthentication yes\n")],
        pass: &[File("/etc/ssh/sshd_config", "HostbasedAuthentication no\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "HostbasedAuthentication",
        "no",
        |value| value == "yes",
        "other hosts are trusted to name the user",
    );
}
