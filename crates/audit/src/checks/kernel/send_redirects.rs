//! This host sends no redirects.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-send-redirects",
    safeguard: Safeguard::Firewall,
    severity: Severity::Low,
    title: "this host sends no redirects",
    why: "Only a router has a reason to tell others their way; a taken-over host uses it to \
              draw traffic. It is on by default.",
    remedy: "`net.ipv4.conf.all.send_redirects = 0` and the same for `default`.",
    controls: &["CIS 3.3.2", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "net.ipv4.conf.all.send_redirects = 1\n")],
        pass: &[File(
            "/etc/sysctl.d/1.conf",
            "net.ipv4.conf.all.send_redirects = 0\nnet.ipv4.conf.default.send_redirects = 0\n",
        )],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["net.ipv4.conf.all.send_redirects", "net.ipv4.conf.default.send_redirects"],
            built_in: 1,
            is_good: |value| value == 0,
            words: "ICMP redirects are sent (send_redirects)",
        },
    );
}
