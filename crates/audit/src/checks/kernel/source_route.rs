//! Senders do not choose the way.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-source-route",
    safeguard: Safeguard::Firewall,
    severity: Severity::Medium,
    title: "senders do not choose the way",
    why: "A source-routed packet goes round the firewall, and its answer comes back to the \
              attacker. Nobody uses it rightly.",
    remedy: "`net.ipv4.conf.all.accept_source_route = 0`, the same for `default` and for \
              `net.ipv6`.",
    controls: &["CIS 3.3.8", "PCI 1.4.3", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "net.ipv4.conf.all.accept_source_route = 1\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "net.ipv4.conf.all.accept_source_route = 0\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &[
                "net.ipv4.conf.all.accept_source_route",
                "net.ipv4.conf.default.accept_source_route",
                "net.ipv6.conf.all.accept_source_route",
                "net.ipv6.conf.default.accept_source_route",
            ],
            built_in: 0,
            is_good: |value| value <= 0,
            words: "source routed packets are accepted",
        },
    );
}
