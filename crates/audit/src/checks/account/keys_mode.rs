//! Nobody else writes an account's keys.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-keys-mode",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Critical,
    title: "nobody else writes an account's keys",
    why: "Who can write `authorized_keys` adds a key and is that account from then on, without \
              any password. So does who can write the directories above.",
    remedy: "`chmod 600` the file, `chmod 700` its directory, and take keys out that nobody \
              knows.",
    controls: &["PCI 8.3.2", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/home/olga/.ssh/authorized_keys", ""),
            Mode("/home/olga/.ssh/authorized_keys", 0o666),
        ],
        pass: &[
            File("/home/olga/.ssh/authorized_keys", ""),
            Mode("/home/olga/.ssh/authorized_keys", 0o600),
        ],
        unknown: &[File("/home/olga/.ssh/authorized_keys", ""), Denied("/home/olga/.ssh")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(homes) = rows.take(facts.homes()) else { return };
    for (user, home) in homes {
        for path in [
            home.join(".ssh/authorized_keys"),
            home.join(".ssh/authorized_keys2"),
            home.join(".ssh"),
        ] {
            let Some(Some(metadata)) = rows.take(facts.metadata(&path)) else { continue };
            let text = format!("mode {:04o}, owner {}", metadata.mode, metadata.uid);
            if metadata.kind != burgrave_sys::Kind::Link
                && (metadata.mode & 0o022 != 0 || (metadata.uid != user.uid && metadata.uid != 0))
            {
                let severity =
                    if metadata.mode & 0o002 != 0 { Severity::Critical } else { Severity::High };
                rows.fail_as(
                    severity,
                    format!(
                        "others can write {}: keys of {} (mode {:04o})",
                        path.display(),
                        user.name,
                        metadata.mode
                    ),
                    Evidence::path(&path, text),
                );
            } else {
                rows.looked(Evidence::path(&path, text));
            }
        }
    }
}
