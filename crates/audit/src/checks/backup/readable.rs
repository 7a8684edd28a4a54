//! Backups are for root only.

use super::data;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "backup-readable",
    safeguard: Safeguard::Backups,
    severity: Severity::High,
    title: "backups are for root only",
    why: "A backup holds everything that is closed on the live system, for everybody who can \
              read it. Its mode has to be the strictest.",
    remedy: "`chmod 600` the files and `chmod 700` the folder.",
    controls: &["PCI 3.3.1", "ISO 8.13"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/backups/shop.sql.gz", ""), Mode("/var/backups/shop.sql.gz", 0o644)],
        pass: &[File("/var/backups/shop.sql.gz", ""), Mode("/var/backups/shop.sql.gz", 0o600)],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(index) = facts.index().as_ref().map_err(|blind| rows.unknown(blind.clone())).ok()
    else {
        return;
    };
    rows.looked(Evidence::path(Path::new("/var/backups"), "backups were looked for"));
    for node in data(index) {
        let text = format!("mode {:04o}", node.metadata.mode);
        let sealed = [".gpg", ".age", ".enc", ".pgp"].iter().any(|end| node.name().ends_with(end));
        let severity = if sealed { Severity::Low } else { Severity::High };
        if node.is_world_readable() && index.is_reachable_by_all(&node.path) {
            rows.fail_as(
                severity,
                format!(
                    "the backup {} is world-readable (mode {:04o})",
                    node.path.display(),
                    node.metadata.mode
                ),
                Evidence::path(&node.path, text),
            );
        } else if node.metadata.mode & 0o022 != 0 {
            rows.fail(
                format!(
                    "the backup {} can be changed by others (mode {:04o})",
                    node.path.display(),
                    node.metadata.mode
                ),
                Evidence::path(&node.path, text),
            );
        } else {
            rows.looked(Evidence::path(&node.path, text));
        }
    }
}
