//! Programs with more rights leave no memory dumps.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-suid-dumpable",
    safeguard: Safeguard::Permissions,
    severity: Severity::Medium,
    title: "programs with more rights leave no memory dumps",
    why: "A dump of a set-id program holds what its caller must not see, such as hashes of \
              passwords. 0 is the built-in value.",
    remedy: "`fs.suid_dumpable = 0`.",
    controls: &["CIS 1.5.3", "ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "fs.suid_dumpable = 2\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "fs.suid_dumpable = 0\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["fs.suid_dumpable"],
            built_in: 0,
            is_good: |value| value == 0,
            words: "set-id programs write their memory to disk when they crash",
        },
    );
}
