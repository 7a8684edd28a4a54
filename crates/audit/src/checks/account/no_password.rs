//! No account is open without a password.

use super::shadow;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-no-password",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Critical,
    title: "no account is open without a password",
    why: "An empty password field lets everybody in who can reach a login. `su` and the \
              console ask for nothing.",
    remedy: "`passwd -l NAME`, or give it a password.",
    controls: &["CIS 7.2.2", "PCI 8.3.1", "ISO 5.17"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/shadow", "olga::19800:0:365:7:::\n")],
        pass: &[File("/etc/shadow", "olga:$y$j9T$a$b:19800:0:365:7:::\n")],
        unknown: &[Denied("/etc/shadow")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(accounts) = rows.take(facts.accounts().as_ref().map_err(Clone::clone)) else { return };
    for line in shadow(facts, rows) {
        if line.hash.is_empty() {
            rows.fail(
                format!("the account {} has no password: it is open to everybody", line.name),
                Evidence::at(&line.place, format!("{}: empty password field", line.name)),
            );
        } else {
            rows.looked(Evidence::at(&line.place, "has a password or is locked"));
        }
    }
    for user in accounts.users.iter().filter(|user| user.password.is_empty()) {
        rows.fail(
            format!("the account {} has no password: its field in passwd is empty", user.name),
            Evidence::at(&user.place, format!("{}: empty password field", user.name)),
        );
    }
}
