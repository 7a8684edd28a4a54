//! Users do not handle page faults.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-userfaultfd",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Low,
    title: "users do not handle page faults",
    why: "Exploits of the kernel use it to win races at leisure. It is off by default since \
              5.11.",
    remedy: "`vm.unprivileged_userfaultfd = 0`.",
    controls: &["ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "vm.unprivileged_userfaultfd = 1\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "vm.unprivileged_userfaultfd = 0\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["vm.unprivileged_userfaultfd"],
            built_in: 0,
            is_good: |value| value == 0,
            words: "users can stop the kernel at a page fault",
        },
    );
}
