//! Hashes of passwords are root's.

use super::file;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-shadow",
    safeguard: Safeguard::Permissions,
    severity: Severity::Critical,
    title: "hashes of passwords are root's",
    why: "Who can read shadow tries its hashes at home until one opens. Who can write it sets \
              root's password.",
    remedy: "`chown root:shadow /etc/shadow && chmod 640 /etc/shadow`, then let everybody change \
              passwords.",
    controls: &["CIS 7.1.5", "PCI 8.3.2", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Mode("/etc/shadow", 0o644)],
        pass: &[Mode("/etc/shadow", 0o640)],
        unknown: &[Folder("/etc"), Denied("/etc")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in [
        "/etc/shadow",
        "/etc/gshadow",
        "/etc/shadow-",
        "/etc/gshadow-",
        "/var/backups/shadow.bak",
        "/etc/security/opasswd",
    ] {
        file(
            facts,
            rows,
            path,
            0o037,
            Severity::Critical,
            "hashes of passwords can be read or changed by others",
        );
    }
}
