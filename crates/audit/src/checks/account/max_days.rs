//! Passwords get old at some time.

use super::login_defs;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-max-days",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::Low,
    title: "passwords get old at some time",
    why: "A password that was once seen works until it is changed. A year is a bound that \
              people bear.",
    remedy: "`PASS_MAX_DAYS 365` in /etc/login.defs.",
    controls: &["CIS 5.4.1.1", "PCI 8.3.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/login.defs", "PASS_MAX_DAYS 99999\n")],
        pass: &[File("/etc/login.defs", "# PASS_MAX_DAYS 99999\nPASS_MAX_DAYS\t365\n")],
        unknown: &[Denied("/etc/login.defs")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    login_defs(
        facts,
        rows,
        "PASS_MAX_DAYS",
        |days| (1..=366).contains(&days),
        "passwords never expire",
    );
}
