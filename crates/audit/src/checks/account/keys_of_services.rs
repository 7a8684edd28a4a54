//! No key opens a service's account.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-keys-of-services",
    safeguard: Safeguard::UnknownSoftware,
    severity: Severity::High,
    title: "no key opens a service's account",
    why: "Nobody logs in as the web server. A key in its home was put there by an intruder who \
              got that far.",
    remedy: "Remove the file, and look for how it came there.",
    controls: &["PCI 8.6.1", "ISO 8.7"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/.ssh/authorized_keys", "ssh-ed25519 AAAA x\n")],
        pass: &[Folder("/var/www")],
        unknown: &[Folder("/var/www/.ssh"), Denied("/var/www")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(accounts) = rows.take(facts.accounts().as_ref().map_err(Clone::clone)) else { return };
    for user in accounts.users.iter().filter(|user| {
        user.uid != 0
            && !user.is_person()
            && user.home.parent().is_some()
            && !["git", "gitlab", "backup", "gitea", "forgejo"].contains(&user.name.as_str())
    }) {
        let path = user.home.join(".ssh/authorized_keys");
        match rows.take(facts.metadata(&path)) {
            Some(Some(metadata)) if metadata.len > 0 => rows.fail(
                format!("a key opens the system account {}: {}", user.name, path.display()),
                Evidence::path(&path, format!("uid {}", user.uid)),
            ),
            Some(_) => rows.looked(Evidence::at(&user.place, format!("no keys for {}", user.name))),
            None => {}
        }
    }
}
