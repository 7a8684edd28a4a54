//! Addresses of programs are random.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-aslr",
    safeguard: Safeguard::Infiltration,
    severity: Severity::High,
    title: "addresses of programs are random",
    why: "Without random addresses an old overflow is a working exploit again. The full form \
              is 2.",
    remedy: "`kernel.randomize_va_space = 2`.",
    controls: &["CIS 1.5.1", "ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Running, File("/proc/sys/kernel/randomize_va_space", "0\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "kernel.randomize_va_space = 2\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["kernel.randomize_va_space"],
            built_in: 2,
            is_good: |value| value == 2,
            words: "ASLR, which makes addresses random, is off or partial",
        },
    );
}
