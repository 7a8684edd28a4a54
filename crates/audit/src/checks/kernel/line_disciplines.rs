//! Users do not load line disciplines.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-line-disciplines",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Low,
    title: "users do not load line disciplines",
    why: "Old terminal drivers are loaded on a user's word and have been a way to root. No \
              server needs that.",
    remedy: "`dev.tty.ldisc_autoload = 0`.",
    controls: &["ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "dev.tty.ldisc_autoload = 1\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "dev.tty.ldisc_autoload = 0\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["dev.tty.ldisc_autoload"],
            built_in: 1,
            is_good: |value| value == 0,
            words: "users can make the kernel load old terminal drivers",
        },
    );
}
