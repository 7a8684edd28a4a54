//! Addresses of the kernel are hidden.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-kptr-restrict",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "addresses of the kernel are hidden",
    why: "An exploit of the kernel needs to know where things lie. With 0 every user can read \
              that.",
    remedy: "`kernel.kptr_restrict = 2` in /etc/sysctl.d.",
    controls: &["ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "kernel.kptr_restrict = 0\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "kernel.kptr_restrict = 2\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["kernel.kptr_restrict"],
            built_in: 0,
            is_good: |value| value >= 1,
            words: "every user can read addresses of the kernel",
        },
    );
}
