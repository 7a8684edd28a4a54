//! Compiled BPF is hardened.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-bpf-jit",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Low,
    title: "compiled BPF is hardened",
    why: "Constants in compiled BPF are a known way to place an attacker's code. Blinding \
              costs next to nothing on a server.",
    remedy: "`net.core.bpf_jit_harden = 2`.",
    controls: &["ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "net.core.bpf_jit_harden = 0\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "net.core.bpf_jit_harden = 2\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["net.core.bpf_jit_harden"],
            built_in: 0,
            is_good: |value| value >= 1,
            words: "compiled BPF is not hardened",
        },
    );
}
