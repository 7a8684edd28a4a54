//! Sshd takes keys, not passwords.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-password-authentication",
    safeguard: Safeguard::BruteForce,
    severity: Severity::Medium,
    title: "sshd takes keys, not passwords",
    why: "Passwords can be guessed from anywhere, and bots try day and night. A key cannot be \
              guessed, and it is not typed into a false login page.",
    remedy: "Set `PasswordAuthentication no` and `KbdInteractiveAuthentication no` once every \
              account has a key; the first value in the files counts, Include files come first on \
              Debian.",
    controls: &["PCI 8.4.2", "ISO 8.5", "ASVS 6.3.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File(
                "/etc/ssh/sshd_config",
                "Include /etc/ssh/sshd_config.d/*.conf\nPasswordAuthentication no\n",
            ),
            File("/etc/ssh/sshd_config.d/5.conf", "PasswordAuthentication yes\n"),
        ],
        pass: &[File("/etc/ssh/sshd_config", "PasswordAuthentication no\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "PasswordAuthentication",
        "yes",
        |value| value == "yes",
        "passwords can be guessed over ssh",
    );
}
