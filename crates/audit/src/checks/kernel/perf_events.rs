//! Performance counters are for root.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-perf-events",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Low,
    title: "performance counters are for root",
    why: "Their interface is large and has had many holes, and counters leak what others \
              compute. Debian sets 3.",
    remedy: "`kernel.perf_event_paranoid = 3`.",
    controls: &["ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "kernel.perf_event_paranoid = -1\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "kernel.perf_event_paranoid = 3\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["kernel.perf_event_paranoid"],
            built_in: 3,
            is_good: |value| value >= 2,
            words: "users can read performance counters",
        },
    );
}
