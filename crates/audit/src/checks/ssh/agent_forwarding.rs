//! Sshd forwards no agents.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-agent-forwarding",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Low,
    title: "sshd forwards no agents",
    why: "Root on this machine can use the keys of everybody who is logged in with a forwarded \
              agent. `ProxyJump` does the same job without that.",
    remedy: "Set `AllowAgentForwarding no`.",
    controls: &["CIS 5.1.9", "ISO 8.5"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "AllowAgentForwarding yes\n")],
        pass: &[File("/etc/ssh/sshd_config", "AllowAgentForwarding no\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "AllowAgentForwarding",
        "yes",
        |value| value == "yes",
        "keys of who logs in can be used from here",
    );
}
