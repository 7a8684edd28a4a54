//! Sshd drops who does not log in.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-login-grace",
    safeguard: Safeguard::DenialOfService,
    severity: Severity::Low,
    title: "sshd drops who does not log in",
    why: "Connections that never log in hold a slot until the time is up; with 0 they stay for \
              ever. A few hundred of them shut everybody out.",
    remedy: "Set `LoginGraceTime 60` or less.",
    controls: &["CIS 5.1.13", "ISO 8.6"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "LoginGraceTime 0\n")],
        pass: &[File("/etc/ssh/sshd_config", "LoginGraceTime 1m\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "LoginGraceTime",
        "120",
        |value| super::seconds(value).is_none_or(|time| time == 0 || time > 120),
        "connections without a login stay too long",
    );
}
