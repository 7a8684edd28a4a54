//! Forwarded ports are for the own machine only.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-gateway-ports",
    safeguard: Safeguard::Firewall,
    severity: Severity::Medium,
    title: "forwarded ports are for the own machine only",
    why: "With `GatewayPorts` a user opens a port of this machine to everybody, and no rule of \
              the firewall foresaw it. Back doors use just that.",
    remedy: "Set `GatewayPorts no`.",
    controls: &["CIS 5.1.9", "PCI 1.4.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "GatewayPorts yes\n")],
        pass: &[File("/etc/ssh/sshd_config", "GatewayPorts no\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "GatewayPorts",
        "no",
        |value| value != "no",
        "users can open ports to everybody",
    );
}
