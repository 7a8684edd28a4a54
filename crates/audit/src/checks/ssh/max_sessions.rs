//! Sshd bounds sessions of one connection.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-max-sessions",
    safeguard: Safeguard::DenialOfService,
    severity: Severity::Low,
    title: "sshd bounds sessions of one connection",
    why: "One connection with hundreds of sessions is a way round limits on connections. Ten \
              are the built-in bound.",
    remedy: "Set `MaxSessions 10` or less.",
    controls: &["CIS 5.1.17", "ISO 8.6"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "MaxSessions 1000\n")],
        pass: &[File("/etc/ssh/sshd_config", "MaxSessions 2\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "MaxSessions",
        "10",
        |value| value.parse::<u32>().map_or(true, |most| most > 20),
        "one connection may hold too many sessions",
    );
}
