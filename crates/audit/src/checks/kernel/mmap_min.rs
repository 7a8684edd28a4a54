//! The first pages of memory stay empty.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-mmap-min",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "the first pages of memory stay empty",
    why: "A program that may map address 0 turns every null pointer of the kernel into an \
              exploit. 65536 is the built-in value.",
    remedy: "`vm.mmap_min_addr = 65536`.",
    controls: &["ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "vm.mmap_min_addr = 0\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "vm.mmap_min_addr = 65536\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["vm.mmap_min_addr"],
            built_in: 65_536,
            is_good: |value| value >= 4_096,
            words: "programs may map the lowest memory",
        },
    );
}
