//! Sshd writes down who logs in.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-log-level",
    safeguard: Safeguard::Logs,
    severity: Severity::Medium,
    title: "sshd writes down who logs in",
    why: "Without its log nobody sees guessed passwords or a stranger's login. `INFO` is \
              enough, `VERBOSE` adds which key was used.",
    remedy: "Set `LogLevel VERBOSE` or `INFO`.",
    controls: &["CIS 5.1.14", "PCI 10.2.1", "ISO 8.15"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "LogLevel QUIET\n")],
        pass: &[File("/etc/ssh/sshd_config", "LogLevel VERBOSE\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "LogLevel",
        "info",
        |value| ["quiet", "fatal", "error"].contains(&value) || value.starts_with("debug"),
        "logins over ssh are not logged as they should be",
    );
}
