//! People are told before a password ends.

use super::login_defs;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-warn-days",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::Low,
    title: "people are told before a password ends",
    why: "Without a warning the change comes at the worst moment, and the new password is a \
              hasty one. Seven days are usual.",
    remedy: "`PASS_WARN_AGE 7` in /etc/login.defs.",
    controls: &["CIS 5.4.1.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/login.defs", "PASS_WARN_AGE 0\n")],
        pass: &[File("/etc/login.defs", "PASS_WARN_AGE 14\n")],
        unknown: &[Denied("/etc/login.defs")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    login_defs(
        facts,
        rows,
        "PASS_WARN_AGE",
        |days| days >= 7,
        "people are not warned before a password ends",
    );
}
