//! Pings to everybody are not answered.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-broadcast-echo",
    safeguard: Safeguard::DenialOfService,
    severity: Severity::Low,
    title: "pings to everybody are not answered",
    why: "A host that answers broadcasts takes part in attacks on others. It is off by \
              default.",
    remedy: "`net.ipv4.icmp_echo_ignore_broadcasts = 1`.",
    controls: &["CIS 3.3.4", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "net.ipv4.icmp_echo_ignore_broadcasts = 0\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "net.ipv4.icmp_echo_ignore_broadcasts = 1\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &[
                "net.ipv4.icmp_echo_ignore_broadcasts",
                "net.ipv4.icmp_ignore_bogus_error_responses",
            ],
            built_in: 1,
            is_good: |value| value == 1,
            words: "broadcast pings or bogus ICMP answers are taken",
        },
    );
}
