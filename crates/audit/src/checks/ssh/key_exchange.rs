//! Sshd offers no broken key exchange.

use super::algorithms;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-key-exchange",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "sshd offers no broken key exchange",
    why: "Groups of 1024 bits and SHA-1 can be broken by those who can afford it, also later \
              from a recording. Curve25519 is faster and sound.",
    remedy: "Take `diffie-hellman-group1-*`, `group14-sha1` and `group-exchange-sha1` out of \
              `KexAlgorithms`.",
    controls: &["CIS 5.1.12", "PCI 4.2.1", "ISO 8.24"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "KexAlgorithms +diffie-hellman-group1-sha1\n")],
        pass: &[File("/etc/ssh/sshd_config", "KexAlgorithms curve25519-sha256\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    algorithms(facts, rows, "KexAlgorithms", &["sha1", "group1-"], "key exchange (KexAlgorithms)");
}
