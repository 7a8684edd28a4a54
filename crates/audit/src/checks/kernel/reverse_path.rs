//! Packets with false senders are dropped.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-reverse-path",
    safeguard: Safeguard::Firewall,
    severity: Severity::Medium,
    title: "packets with false senders are dropped",
    why: "Without the filter a packet may claim to come from the inner network and pass rules \
              that trust it. 1 is strict, 2 loose.",
    remedy: "`net.ipv4.conf.all.rp_filter = 1` and the same for `default`.",
    controls: &["CIS 3.3.7", "PCI 1.4.3", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "net.ipv4.conf.all.rp_filter = 0\n")],
        pass: &[File(
            "/etc/sysctl.d/1.conf",
            "net.ipv4.conf.all.rp_filter = 1\nnet.ipv4.conf.default.rp_filter = 1\n",
        )],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["net.ipv4.conf.all.rp_filter", "net.ipv4.conf.default.rp_filter"],
            built_in: 2,
            is_good: |value| value >= 1,
            words: "packets with a false sender (spoofed) are taken",
        },
    );
}
