//! Sshd offers no broken MACs.

use super::algorithms;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-macs",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "sshd offers no broken MACs",
    why: "MD5, 64-bit and short SHA-1 codes no longer prove that a message is whole. The \
              built-in list has better ones.",
    remedy: "Take `hmac-md5*`, `hmac-sha1*`, `*-96` and `umac-64*` out of `MACs`.",
    controls: &["CIS 5.1.15", "PCI 4.2.1", "ISO 8.24"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "MACs hmac-md5\n")],
        pass: &[File("/etc/ssh/sshd_config", "MACs hmac-sha2-256-etm@openssh.com\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    algorithms(
        facts,
        rows,
        "MACs",
        &["md5", "sha1", "-96", "umac-64", "ripemd"],
        "MACs (message authentication codes)",
    );
}
