//! Nobody logs in to sshd as root with a password.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-root-login",
    safeguard: Safeguard::Infiltration,
    severity: Severity::High,
    title: "nobody logs in to sshd as root with a password",
    why: "Root is the one name that every attacker knows, and a guessed password gives the \
              whole machine at once. Logins by own accounts also leave a trace of who did what.",
    remedy: "Set `PermitRootLogin no` (or `prohibit-password`) in sshd_config, in front of any \
              Match block, and use sudo.",
    controls: &["CIS 5.1.20", "PCI 8.2.2", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "Match Address 10.0.0.0/8\nPermitRootLogin yes\n")],
        pass: &[File("/etc/ssh/sshd_config", "PermitRootLogin no\n# PermitRootLogin yes\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "PermitRootLogin",
        "prohibit-password",
        |value| value == "yes",
        "root can log in over ssh with a password",
    );
}
