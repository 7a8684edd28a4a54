//! Sshd refuses key files that others can write to.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-strict-modes",
    safeguard: Safeguard::Permissions,
    severity: Severity::Medium,
    title: "sshd refuses key files that others can write to",
    why: "With `StrictModes no` a key file that another user can change still opens the \
              account. One careless `chmod` then gives the account away.",
    remedy: "Set `StrictModes yes`, the built-in value.",
    controls: &["ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "StrictModes no\n")],
        pass: &[File("/etc/ssh/sshd_config", "StrictModes yes\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "StrictModes",
        "yes",
        |value| value == "no",
        "key files that others can write to are trusted",
    );
}
