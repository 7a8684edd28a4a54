//! Redirects of known gateways are not taken either.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-secure-redirects",
    safeguard: Safeguard::Firewall,
    severity: Severity::Low,
    title: "redirects of known gateways are not taken either",
    why: "A taken-over gateway can still send the traffic elsewhere. Fixed routes need no \
              advice.",
    remedy: "`net.ipv4.conf.all.secure_redirects = 0` and the same for `default`.",
    controls: &["CIS 3.3.6", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "net.ipv4.conf.all.secure_redirects = 1\n")],
        pass: &[File(
            "/etc/sysctl.d/1.conf",
            "net.ipv4.conf.all.secure_redirects = 0\nnet.ipv4.conf.default.secure_redirects = 0\n",
        )],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        &Wanted {
            keys: &["net.ipv4.conf.all.secure_redirects", "net.ipv4.conf.default.secure_redirects"],
            built_in: 1,
            is_good: |value| value == 0,
            words: "redirects of gateways (secure_redirects) change the routes",
        },
    );
}
