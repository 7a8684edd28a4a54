//! Half-open connections do not shut others out.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-syncookies",
    safeguard: Safeguard::DenialOfService,
    severity: Severity::Medium,
    title: "half-open connections do not shut others out",
    why: "Without SYN cookies a trickle of false connections fills the queue of a listener. \
              They cost nothing otherwise.",
    remedy: "`net.ipv4.tcp_syncookies = 1`.",
    controls: &["CIS 3.3.10", "ISO 8.6"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "net.ipv4.tcp_syncookies = 0\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "net.ipv4.tcp_syncookies = 1\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["net.ipv4.tcp_syncookies"],
            built_in: 1,
            is_good: |value| value >= 1,
            words: "SYN cookies are off",
        },
    );
}
