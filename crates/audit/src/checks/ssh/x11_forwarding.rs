//! Sshd forwards no X11.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-x11-forwarding",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Low,
    title: "sshd forwards no X11",
    why: "A forwarded display lets the server read keys and screens of who is logged in to it. \
              A server has no use for it.",
    remedy: "Set `X11Forwarding no`.",
    controls: &["CIS 5.1.9", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "X11Forwarding yes\n")],
        pass: &[File("/etc/ssh/sshd_config", "X11Forwarding no\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "X11Forwarding",
        "no",
        |value| value == "yes",
        "a taken-over server can read the operator's display",
    );
}
