//! Root has no password of its own.

use super::shadow;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-root-password",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Low,
    title: "root has no password of its own",
    why: "With a password for root several people share one account, and nobody can say who \
              did what. sudo names them.",
    remedy: "`passwd -l root`, once sudo works for two people at least.",
    controls: &["PCI 8.2.2", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/shadow", "root:$y$j9T$a$b:19800:0:365:7:::\n")],
        pass: &[File("/etc/shadow", "root:*:19800:0:365:7:::\n")],
        unknown: &[Denied("/etc/shadow")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for line in shadow(facts, rows).iter().filter(|line| line.name == "root") {
        if line.is_open() {
            rows.fail(
                "root has a password: several people share it, or nobody knows it",
                Evidence::at(&line.place, "root: a password opens it"),
            );
        } else {
            rows.looked(Evidence::at(&line.place, "root is locked"));
        }
    }
}
