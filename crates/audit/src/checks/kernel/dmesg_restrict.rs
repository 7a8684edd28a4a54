//! The kernel's messages are for root.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-dmesg-restrict",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Low,
    title: "the kernel's messages are for root",
    why: "They tell of addresses, devices and crashes, which helps an attacker to aim. Debian \
              restricts them by default.",
    remedy: "`kernel.dmesg_restrict = 1`.",
    controls: &["ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "kernel.dmesg_restrict = 0\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "kernel.dmesg_restrict = 1\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["kernel.dmesg_restrict"],
            built_in: 1,
            is_good: |value| value == 1,
            words: "every user can read the kernel's messages (dmesg)",
        },
    );
}
