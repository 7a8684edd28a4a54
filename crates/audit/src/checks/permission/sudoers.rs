//! Only root changes sudo's rules.

use super::file;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-sudoers",
    safeguard: Safeguard::Permissions,
    severity: Severity::Critical,
    title: "only root changes sudo's rules",
    why: "One line in sudoers makes an account root. Also reading them tells an attacker which \
              account to go for.",
    remedy: "`chown root:root`, `chmod 440` the files and `chmod 750` /etc/sudoers.d.",
    controls: &["CIS 7.1.10", "PCI 7.2.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sudoers", ""), Mode("/etc/sudoers", 0o666)],
        pass: &[File("/etc/sudoers", ""), Mode("/etc/sudoers", 0o440)],
        unknown: &[Denied("/etc")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    file(
        facts,
        rows,
        "/etc/sudoers",
        0o027,
        Severity::Critical,
        "sudo's rules can be read or changed by others",
    );
    for path in rows.take(facts.files_in("/etc/sudoers.d", "")).unwrap_or_default() {
        let bits = if path.ends_with("README") { 0o022 } else { 0o027 };
        file(
            facts,
            rows,
            path.to_str().unwrap_or_default(),
            bits,
            Severity::Critical,
            "sudo's rules can be read or changed by others",
        );
    }
    file(facts, rows, "/etc/sudoers.d", 0o022, Severity::Critical, "anybody can add rules to sudo");
}
