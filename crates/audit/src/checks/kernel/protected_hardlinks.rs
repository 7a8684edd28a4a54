//! Nobody links to files that he cannot write.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-protected-hardlinks",
    safeguard: Safeguard::Permissions,
    severity: Severity::Medium,
    title: "nobody links to files that he cannot write",
    why: "A hard link keeps an old set-id program alive after its update, or makes root change \
              the wrong file. The kernel can refuse that.",
    remedy: "`fs.protected_hardlinks = 1`.",
    controls: &["ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "fs.protected_hardlinks = 0\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "fs.protected_hardlinks = 1\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["fs.protected_hardlinks"],
            built_in: 1,
            is_good: |value| value == 1,
            words: "hard links to others' files can be made",
        },
    );
}
