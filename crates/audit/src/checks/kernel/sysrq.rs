//! Keys on the console cannot command the kernel.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-sysrq",
    safeguard: Safeguard::Physical,
    severity: Severity::Low,
    title: "keys on the console cannot command the kernel",
    why: "With 1 a hand on the keyboard kills processes, dumps memory and restarts past every \
              login. 0 turns it off, 176 keeps syncing and restarting.",
    remedy: "`kernel.sysrq = 0`.",
    controls: &["ISO 7.8"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "kernel.sysrq = 1\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "kernel.sysrq = 0\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["kernel.sysrq"],
            built_in: 438,
            is_good: |value| value != 1 && value & 0x8 == 0 && value & 0x40 == 0 || value == 438,
            words: "the console's magic keys (sysrq) do everything",
        },
    );
}
