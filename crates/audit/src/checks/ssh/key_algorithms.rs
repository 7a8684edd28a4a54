//! Sshd takes no broken signatures.

use super::algorithms;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-key-algorithms",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "sshd takes no broken signatures",
    why: "DSA and RSA with SHA-1 can be forged with enough effort. Every client of this decade \
              has Ed25519 or RSA with SHA-2.",
    remedy: "Take `ssh-rsa` and `ssh-dss` out of `HostKeyAlgorithms` and \
              `PubkeyAcceptedAlgorithms`.",
    controls: &["PCI 4.2.1", "ISO 8.24"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "PubkeyAcceptedAlgorithms +ssh-rsa\n")],
        pass: &[File("/etc/ssh/sshd_config", "HostKeyAlgorithms ssh-ed25519\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for key in [
        "HostKeyAlgorithms",
        "PubkeyAcceptedAlgorithms",
        "PubkeyAcceptedKeyTypes",
        "CASignatureAlgorithms",
    ] {
        algorithms(facts, rows, key, &["ssh-rsa", "ssh-dss"], key);
    }
}
