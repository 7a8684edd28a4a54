//! A new password stays for a day.

use super::login_defs;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-min-days",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::Low,
    title: "a new password stays for a day",
    why: "Who may change it again at once goes back to the old one. One day is enough against \
              that.",
    remedy: "`PASS_MIN_DAYS 1` in /etc/login.defs.",
    controls: &["CIS 5.4.1.2", "PCI 8.3.7"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/login.defs", "PASS_MIN_DAYS 0\n")],
        pass: &[File("/etc/login.defs", "PASS_MIN_DAYS 1\n")],
        unknown: &[Denied("/etc/login.defs")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    login_defs(
        facts,
        rows,
        "PASS_MIN_DAYS",
        |days| days >= 1,
        "a new password can be changed back at once",
    );
}
