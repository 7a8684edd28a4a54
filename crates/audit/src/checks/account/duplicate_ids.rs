//! Every account has an id of its own.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-duplicate-ids",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::Medium,
    title: "every account has an id of its own",
    why: "Two names with one id are one account to the kernel, so that nobody can tell who did \
              what. The files of one belong to the other.",
    remedy: "Give each its own uid, gid or name.",
    controls: &["CIS 7.2.6", "PCI 8.2.1", "ISO 5.16"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/passwd", "a:x:7:7::/:/bin/sh\nb:x:7:7::/:/bin/sh\n")],
        pass: &[Folder("/etc")],
        unknown: &[Denied("/etc/passwd")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(accounts) = rows.take(facts.accounts().as_ref().map_err(Clone::clone)) else { return };
    for (at, user) in accounts.users.iter().enumerate() {
        let before = accounts
            .users
            .iter()
            .take(at)
            .find(|other| (other.uid == user.uid && user.uid != 0) || other.name == user.name);
        match before {
            Some(other) => rows.fail(
                format!(
                    "the accounts {} and {} share an id or a name (uid {})",
                    other.name, user.name, user.uid
                ),
                Evidence::at(&user.place, format!("{}: uid {}", user.name, user.uid)),
            ),
            None => rows.looked(Evidence::at(&user.place, &user.name)),
        }
    }
    for (at, group) in accounts.groups.iter().enumerate() {
        if let Some(other) = accounts
            .groups
            .iter()
            .take(at)
            .find(|other| other.gid == group.gid || other.name == group.name)
        {
            rows.fail(
                format!(
                    "the groups {} and {} share an id or a name (gid {})",
                    other.name, group.name, group.gid
                ),
                Evidence::at(&group.place, format!("{}: gid {}", group.name, group.gid)),
            );
        }
    }
}
