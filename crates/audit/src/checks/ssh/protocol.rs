//! Sshd speaks version 2 of its protocol only.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-protocol",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Critical,
    title: "sshd speaks version 2 of its protocol only",
    why: "Version 1 can be read and changed on the way. It was removed from OpenSSH for that \
              reason.",
    remedy: "Remove the `Protocol` line.",
    controls: &["PCI 4.2.1", "ISO 8.24"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "Protocol 2,1\n")],
        pass: &[File("/etc/ssh/sshd_config", "Protocol 2\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "Protocol",
        "2",
        |value| value.split(',').any(|version| version.trim() == "1"),
        "the broken first version of the protocol is asked for",
    );
}
