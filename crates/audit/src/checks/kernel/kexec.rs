//! The running kernel cannot be replaced.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-kexec",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Low,
    title: "the running kernel cannot be replaced",
    why: "`kexec` starts another kernel without passing the boot loader and its password. Only \
              crash dumps need it.",
    remedy: "`kernel.kexec_load_disabled = 1`.",
    controls: &["ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "kernel.kexec_load_disabled = 0\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "kernel.kexec_load_disabled = 1\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["kernel.kexec_load_disabled"],
            built_in: 0,
            is_good: |value| value == 1,
            words: "root can start another kernel past the boot loader",
        },
    );
}
