//! Users cannot set sshd's environment.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-user-environment",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "users cannot set sshd's environment",
    why: "`LD_PRELOAD` in a user's environment file gets around forced commands and restricted \
              shells. Nobody needs it on a server.",
    remedy: "Set `PermitUserEnvironment no`.",
    controls: &["CIS 5.1.21", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "PermitUserEnvironment yes\n")],
        pass: &[File("/etc/ssh/sshd_config", "PermitUserEnvironment no\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "PermitUserEnvironment",
        "no",
        |value| value != "no",
        "a user's file can change the environment of a login",
    );
}
