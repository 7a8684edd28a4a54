//! The ssh client checks whom it talks to.

use super::client;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-client-host-keys",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "the ssh client checks whom it talks to",
    why: "Without the check anybody on the way can pose as the other host and take what is \
              typed and copied. Scripts on servers are just where nobody would notice.",
    remedy: "Remove `StrictHostKeyChecking no` and `UserKnownHostsFile /dev/null`; hand out host \
              keys or a host CA instead.",
    controls: &["PCI 4.2.1", "ISO 8.21"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/ssh/ssh_config", "Include /etc/ssh/ssh_config.d/*.conf\nHost *\n"),
            File("/etc/ssh/ssh_config.d/1.conf", "Host *\n StrictHostKeyChecking no\n"),
        ],
        pass: &[File(
            "/etc/ssh/ssh_config",
            "# StrictHostKeyChecking no\nHost *\n StrictHostKeyChecking yes\n",
        )],
        unknown: &[Denied("/etc/ssh/ssh_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    client(
        facts,
        rows,
        "stricthostkeychecking",
        |value| value == "no" || value == "off",
        "StrictHostKeyChecking",
        "the ssh client does not check host keys",
    );
}
