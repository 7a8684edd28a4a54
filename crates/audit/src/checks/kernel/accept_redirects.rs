//! Routes are not changed by strangers.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-accept-redirects",
    safeguard: Safeguard::Firewall,
    severity: Severity::Medium,
    title: "routes are not changed by strangers",
    why: "An ICMP redirect from the same network sends the traffic through an attacker. A \
              server has one gateway and needs none.",
    remedy: "`net.ipv4.conf.all.accept_redirects = 0`, the same for `default` and for `net.ipv6`.",
    controls: &["CIS 3.3.5", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "net.ipv4.conf.all.accept_redirects = 1\n")],
        pass: &[File(
            "/etc/sysctl.d/1.conf",
            "net.ipv4.conf.all.accept_redirects = 0\nnet.ipv4.conf.default.accept_redirects = 0\nnet.ipv6.conf.all.accept_redirects = 0\nnet.ipv6.conf.default.accept_redirects = 0\n",
        )],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &[
                "net.ipv4.conf.all.accept_redirects",
                "net.ipv4.conf.default.accept_redirects",
                "net.ipv6.conf.all.accept_redirects",
                "net.ipv6.conf.default.accept_redirects",
            ],
            built_in: 1,
            is_good: |value| value == 0,
            words: "ICMP redirects change the routes",
        },
    );
}
