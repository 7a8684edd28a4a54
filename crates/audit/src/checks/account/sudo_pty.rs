//! Sudo's programs have a terminal of their own.

use super::sudo;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-sudo-pty",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Low,
    title: "sudo's programs have a terminal of their own",
    why: "Without it a program that root ran can push letters into the caller's terminal after \
              it ended. `use_pty` closes that.",
    remedy: "`Defaults use_pty`.",
    controls: &["CIS 5.2.2", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sudoers", "Defaults env_reset\n")],
        pass: &[File("/etc/sudoers", "Defaults use_pty\n")],
        unknown: &[Denied("/etc/sudoers")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    sudo::default(
        facts,
        rows,
        "use_pty",
        "sudo runs programs on the caller's own terminal (no use_pty)",
    );
}
