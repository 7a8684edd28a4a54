//! The host does not forward packets.

use super::{Wanted, setting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-forwarding",
    safeguard: Safeguard::Firewall,
    severity: Severity::Low,
    title: "the host does not forward packets",
    why: "A server that forwards is a bridge between networks that the firewall keeps apart. \
              Only routers and hosts of containers need it.",
    remedy: "`net.ipv4.ip_forward = 0` and `net.ipv6.conf.all.forwarding = 0`, unless containers \
              run here.",
    controls: &["CIS 3.3.1", "PCI 1.4.2", "ISO 8.22"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sysctl.d/1.conf", "net.ipv4.ip_forward = 1\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "net.ipv4.ip_forward = 0\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let containers =
        ["/var/lib/docker", "/var/lib/containers", "/var/lib/kubelet", "/etc/wireguard"]
            .iter()
            .any(|path| facts.exists(path));
    if !containers {
        setting(
            facts,
            rows,
            &Wanted {
                keys: &["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"],
                built_in: 0,
                is_good: |value| value == 0,
                words: "packets are forwarded between networks (ip_forward)",
            },
        );
    }
}
