//! Only root loads programs into the kernel.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-unprivileged-bpf",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "only root loads programs into the kernel",
    why: "Errors in the verifier of BPF have been turned into root many times. Debian keeps it \
              from users by default.",
    remedy: "`kernel.unprivileged_bpf_disabled = 1`.",
    controls: &["ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "kernel.unprivileged_bpf_disabled = 0\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "kernel.unprivileged_bpf_disabled = 1\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["kernel.unprivileged_bpf_disabled"],
            built_in: 2,
            is_good: |value| value >= 1,
            words: "unprivileged users can load BPF programs into the kernel",
        },
    );
}
