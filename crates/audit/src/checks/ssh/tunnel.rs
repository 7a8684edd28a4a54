//! Sshd makes no network devices.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-tunnel",
    safeguard: Safeguard::Firewall,
    severity: Severity::Medium,
    title: "sshd makes no network devices",
    why: "`PermitTunnel` joins two networks below the firewall. Nobody who only needs a shell \
              needs it.",
    remedy: "Set `PermitTunnel no`.",
    controls: &["PCI 1.4.2", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "PermitTunnel yes\n")],
        pass: &[File("/etc/ssh/sshd_config", "PermitTunnel no\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "PermitTunnel",
        "no",
        |value| value != "no",
        "a login can join two networks",
    );
}
