//! Packets with impossible senders are logged.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-martians",
    safeguard: Safeguard::Logs,
    severity: Severity::Low,
    title: "packets with impossible senders are logged",
    why: "They are the first sign of somebody trying addresses. The log costs nothing where \
              there are none.",
    remedy: "`net.ipv4.conf.all.log_martians = 1` and the same for `default`.",
    controls: &["CIS 3.3.9", "PCI 10.2.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "net.ipv4.conf.all.log_martians = 0\n")],
        pass: &[File(
            "/etc/sysctl.d/1.conf",
            "net.ipv4.conf.all.log_martians = 1\nnet.ipv4.conf.default.log_martians = 1\n",
        )],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["net.ipv4.conf.all.log_martians", "net.ipv4.conf.default.log_martians"],
            built_in: 0,
            is_good: |value| value == 1,
            words: "martian packets are not logged",
        },
    );
}
