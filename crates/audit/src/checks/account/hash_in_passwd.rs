//! Hashes stand in shadow only.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-hash-in-passwd",
    safeguard: Safeguard::Infiltration,
    severity: Severity::High,
    title: "hashes stand in shadow only",
    why: "Everybody can read passwd, so everybody can try to crack a hash that stands there. \
              shadow is root's.",
    remedy: "`pwconv` moves it; then change the password.",
    controls: &["CIS 7.2.1", "PCI 8.3.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/passwd", "olga:rl1dLLrCMTYPY:1000:1000::/home/olga:/bin/sh\n")],
        pass: &[Folder("/etc")],
        unknown: &[Denied("/etc/passwd")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(accounts) = rows.take(facts.accounts().as_ref().map_err(Clone::clone)) else { return };
    for user in &accounts.users {
        if user.password != "x"
            && !user.password.starts_with(['*', '!'])
            && !user.password.is_empty()
        {
            rows.fail(
                format!("the hash of {} stands in the world-readable /etc/passwd", user.name),
                Evidence::at(&user.place, format!("{}: a hash instead of x", user.name)),
            );
        } else {
            rows.looked(Evidence::at(&user.place, &user.name));
        }
    }
}
