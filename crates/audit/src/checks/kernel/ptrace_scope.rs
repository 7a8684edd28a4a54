//! Processes cannot read each other's memory.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-ptrace-scope",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "processes cannot read each other's memory",
    why: "With 0 one taken-over program reads passwords and keys out of every other of the \
              same user. Debuggers can still start what they debug.",
    remedy: "`kernel.yama.ptrace_scope = 1` or higher.",
    controls: &["CIS 1.5.2", "ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "kernel.yama.ptrace_scope = 0\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "kernel.yama.ptrace_scope = 1\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["kernel.yama.ptrace_scope"],
            built_in: 0,
            is_good: |value| value >= 1,
            words: "a process can read the memory of others of its user (ptrace)",
        },
    );
}
