//! Only root has uid 0.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-second-root",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Critical,
    title: "only root has uid 0",
    why: "Every account with uid 0 is root under another name, with a password of its own. It \
              is the plainest back door there is.",
    remedy: "Remove the account (`userdel`) or give it a uid of its own, and find out who made \
              it.",
    controls: &["CIS 7.2.5", "PCI 8.2.2", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/passwd", "root:x:0:0::/root:/bin/sh\nsvc:x:0:0::/root:/bin/sh\n")],
        pass: &[Folder("/etc")],
        unknown: &[Denied("/etc/passwd")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(accounts) = rows.take(facts.accounts().as_ref().map_err(Clone::clone)) else { return };
    for user in &accounts.users {
        if user.uid == 0 && user.name != "root" {
            rows.fail(
                format!("the account {} has uid 0: a second root", user.name),
                Evidence::at(
                    &user.place,
                    format!(
                        "{}: uid 0, home {}, shell {}",
                        user.name,
                        user.home.display(),
                        user.shell
                    ),
                ),
            );
        } else if user.uid == 0 {
            rows.looked(Evidence::at(&user.place, "root alone has uid 0"));
        }
    }
}
