//! Private host keys are root's alone.

use super::host_keys;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-host-key-mode",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "private host keys are root's alone",
    why: "Who has a host's private key can pose as the host and read what is typed. No one but \
              sshd needs to read it.",
    remedy: "`chmod 600` the key, `chown root:root` it, and make new host keys: others may have a \
              copy.",
    controls: &["CIS 5.1.2", "PCI 3.6.1", "ISO 8.24"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/ssh/ssh_host_ed25519_key", "x"),
            Mode("/etc/ssh/ssh_host_ed25519_key", 0o644),
        ],
        pass: &[
            File("/etc/ssh/ssh_host_ed25519_key", "x"),
            Mode("/etc/ssh/ssh_host_ed25519_key", 0o600),
        ],
        unknown: &[File("/etc/ssh/ssh_host_ed25519_key", "x"), Denied("/etc/ssh")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in host_keys(facts, rows) {
        let Some(Some(metadata)) = rows.take(facts.metadata(&path)) else { continue };
        let bad = metadata.mode & 0o037 != 0 || metadata.uid != 0;
        let text = format!("mode {:04o}, owner {}", metadata.mode, metadata.uid);
        if bad {
            let severity =
                if metadata.mode & 0o006 != 0 { Severity::High } else { Severity::Medium };
            rows.fail_as(
                severity,
                format!(
                    "the private host key {} can be read by others (mode {:04o})",
                    path.display(),
                    metadata.mode
                ),
                Evidence::path(&path, text),
            );
        } else {
            rows.looked(Evidence::path(&path, text));
        }
    }
}
