//! Only root changes accounts.

use super::file;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-passwd",
    safeguard: Safeguard::Permissions,
    severity: Severity::Critical,
    title: "only root changes accounts",
    why: "Who can write passwd or group makes himself root with one line. Everybody may read \
              them.",
    remedy: "`chown root:root` and `chmod 644` /etc/passwd and /etc/group.",
    controls: &["CIS 7.1.1", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Mode("/etc/passwd", 0o666)],
        pass: &[Mode("/etc/passwd", 0o644)],
        unknown: &[Denied("/etc")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in [
        "/etc/passwd",
        "/etc/group",
        "/etc/passwd-",
        "/etc/group-",
        "/etc/shells",
        "/etc/subuid",
        "/etc/subgid",
    ] {
        file(facts, rows, path, 0o022, Severity::Critical, "others can change accounts");
    }
}
