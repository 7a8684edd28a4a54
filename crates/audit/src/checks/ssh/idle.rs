//! Sshd notices dead and forgotten connections.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-idle",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Low,
    title: "sshd notices dead and forgotten connections",
    why: "An open session on an unattended screen is a login for whoever comes by. Probes also \
              end connections whose other end is gone.",
    remedy: "Set `ClientAliveInterval 300` and `ClientAliveCountMax 2`.",
    controls: &["CIS 5.1.7", "PCI 8.2.8"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "ClientAliveInterval 0\n")],
        pass: &[File("/etc/ssh/sshd_config", "ClientAliveInterval 300\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "ClientAliveInterval",
        "0",
        |value| super::seconds(value).is_none_or(|time| time == 0 || time > 900),
        "idle ssh sessions are never ended",
    );
}
