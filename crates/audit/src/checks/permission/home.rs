//! Homes are their owner's.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-home",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "homes are their owner's",
    why: "Who can write in a home puts a key or a start-up file there and is its owner from \
              then on. Who can read it finds histories and keys.",
    remedy: "`chmod 700` the home and `chown` it to its user.",
    controls: &["CIS 7.2.9", "PCI 7.2.1", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Folder("/home/olga"), Mode("/home/olga", 0o777), Owner("/home/olga", 1000, 1000)],
        pass: &[Folder("/home/olga"), Mode("/home/olga", 0o700), Owner("/home/olga", 1000, 1000)],
        unknown: &[Folder("/home/olga"), Denied("/home")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(homes) = rows.take(facts.homes()) else { return };
    for (user, home) in homes.into_iter().filter(|(user, _)| user.is_person() || user.uid == 0) {
        let Some(Some(metadata)) = rows.take(facts.metadata(home)) else { continue };
        let text = format!("mode {:04o}, uid {}", metadata.mode, metadata.uid);
        if metadata.mode & 0o022 != 0 {
            rows.fail(
                format!(
                    "the home {} of {} is writable by others (mode {:04o})",
                    home.display(),
                    user.name,
                    metadata.mode
                ),
                Evidence::path(home, text),
            );
        } else if metadata.uid != user.uid {
            rows.fail(
                format!(
                    "the home {} belongs to uid {} and not to {}",
                    home.display(),
                    metadata.uid,
                    user.name
                ),
                Evidence::path(home, text),
            );
        } else if metadata.mode & 0o007 != 0 {
            rows.fail_as(
                Severity::Low,
                format!(
                    "the home {} of {} can be entered by everybody (mode {:04o})",
                    home.display(),
                    user.name,
                    metadata.mode
                ),
                Evidence::path(home, text),
            );
        } else {
            rows.looked(Evidence::path(home, text));
        }
    }
}
