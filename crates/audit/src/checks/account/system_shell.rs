//! Accounts of services have no shell.

use super::shadow;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-system-shell",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "accounts of services have no shell",
    why: "A service's account with a shell is a login for whoever gets its password or plants \
              a key. A service needs none.",
    remedy: "`usermod -s /usr/sbin/nologin NAME`.",
    controls: &["CIS 7.2.9", "PCI 8.6.1", "ISO 5.18"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/passwd", "www-data:x:33:33::/var/www:/bin/bash\n")],
        pass: &[Folder("/etc")],
        unknown: &[Denied("/etc/passwd")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(accounts) = rows.take(facts.accounts().as_ref().map_err(Clone::clone)) else { return };
    let all = shadow(facts, rows);
    for user in accounts.users.iter().filter(|user| user.uid != 0 && !user.is_person()) {
        let open = all
            .iter()
            .any(|line| line.name == user.name && line.is_open() && !line.hash.is_empty());
        let shell = format!(
            "{}: uid {}, shell {}",
            user.name,
            user.uid,
            if user.shell.is_empty() { "/bin/sh" } else { &user.shell }
        );
        if user.can_log_in() && !["postgres", "git", "gitlab", "_apt"].contains(&user.name.as_str())
        {
            rows.fail_as(
                if open { Severity::High } else { Severity::Medium },
                format!("the system account {} can log in: its shell is {}", user.name, user.shell),
                Evidence::at(&user.place, shell),
            );
        } else if open {
            rows.fail(
                format!("the system account {} has a password", user.name),
                Evidence::at(&user.place, shell),
            );
        } else {
            rows.looked(Evidence::at(&user.place, shell));
        }
    }
}
