//! Sshd offers no broken ciphers.

use super::algorithms;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-ciphers",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "sshd offers no broken ciphers",
    why: "CBC modes, 3DES and RC4 leak plain text to somebody who can listen and inject. \
              Modern clients need none of them.",
    remedy: "Take the CBC, 3DES and arcfour ciphers out of `Ciphers`, or the whole line: the \
              built-in list is sound.",
    controls: &["CIS 5.1.6", "PCI 4.2.1", "ISO 8.24"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "Ciphers aes128-cbc,aes256-ctr\n")],
        pass: &[File("/etc/ssh/sshd_config", "Ciphers -aes128-cbc\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    algorithms(
        facts,
        rows,
        "Ciphers",
        &["cbc", "3des", "arcfour", "blowfish", "cast128", "des"],
        "ciphers",
    );
}
