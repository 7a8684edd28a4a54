//! Pipes and files in shared directories are not opened for others.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-protected-files",
    safeguard: Safeguard::Permissions,
    severity: Severity::Low,
    title: "pipes and files in shared directories are not opened for others",
    why: "A file or pipe that another made under a guessed name in /tmp takes what a \
              privileged program writes. The kernel can refuse that too.",
    remedy: "`fs.protected_fifos = 2` and `fs.protected_regular = 2`.",
    controls: &["ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "fs.protected_regular = 0\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "fs.protected_fifos = 2\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["fs.protected_fifos", "fs.protected_regular"],
            built_in: 1,
            is_good: |value| value >= 1,
            words: "files of others in /tmp are opened for writing",
        },
    );
}
