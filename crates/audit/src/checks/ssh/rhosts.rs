//! Sshd ignores .rhosts.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-rhosts",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "sshd ignores .rhosts",
    why: "A file in a home directory must not decide who may log in without a password. It is \
              easily planted.",
    remedy: "Set `IgnoreRhosts yes`.",
    controls: &["CIS 5.1.11", "PCI 8.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "IgnoreRhosts no\n")],
        pass: &[File("/etc/ssh/sshd_config", "IgnoreRhosts yes\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(facts, rows, "IgnoreRhosts", "yes", |value| value == "no", ".rhosts files are obeyed");
}
