//! Links in shared directories are not followed for others.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-protected-symlinks",
    safeguard: Safeguard::Permissions,
    severity: Severity::Medium,
    title: "links in shared directories are not followed for others",
    why: "A link in /tmp that another placed makes a privileged program write where the other \
              wants. The kernel can refuse that whole class.",
    remedy: "`fs.protected_symlinks = 1`.",
    controls: &["ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "fs.protected_symlinks = 0\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "fs.protected_symlinks = 1\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["fs.protected_symlinks"],
            built_in: 1,
            is_good: |value| value == 1,
            words: "symbolic links of others are followed in /tmp",
        },
    );
}
