//! The key of the backups is root's.

use super::{index, is_open, own_files, secrets};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "credential-backup-key",
    safeguard: Safeguard::Backups,
    severity: Severity::High,
    title: "the key of the backups is root's",
    why: "With it anybody reads every backup, and with it everything that the machine holds. A \
              backup is worth as much as the machine.",
    remedy: "`chmod 600` the key and `chmod 700` its folder, then change the repository's key.",
    controls: &["PCI 3.6.1", "ISO 8.13"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/restic/repo.key", "x")],
        pass: &[File("/etc/restic/repo.key", "x"), Mode("/etc/restic/repo.key", 0o600)],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(index) = index(facts, rows) else { return };
    rows.looked(Evidence::path(Path::new("/etc"), "keys of backups were looked for"));
    let tools = [
        "restic",
        "borg",
        "borgmatic",
        "borgbackup",
        "duplicity",
        "rclone",
        "burgrave",
        "kopia",
        "duply",
        "bacula",
        "backup",
        "backups",
        "rsnapshot",
        "pgbackrest",
        "wal-g",
        "barman",
        "backup-manager",
        "backupninja",
    ];
    for node in own_files(index) {
        let of_tool = node.path.components().any(|part| {
            part.as_os_str()
                .to_str()
                .is_some_and(|part| tools.contains(&part.trim_start_matches('.')))
        });
        let name = node.name().to_ascii_lowercase();
        let secret = name.ends_with(".key")
            || name.contains("password")
            || name.contains("passwd")
            || name.contains("passphrase")
            || name.contains("secret")
            || name == "env"
            || name == "repo.key"
            || name == "key"
            || name == "rclone.conf"
            || name == "credentials"
            || name.ends_with(".pass")
            || name.ends_with(".env");
        if !of_tool || !secret {
            continue;
        }
        let has = !["env", "rclone.conf"].contains(&name.as_str()) && !name.ends_with(".env")
            || !secrets(facts, rows, &node.path).is_empty();
        if has && (is_open(index, node) || node.metadata.mode & 0o022 != 0) {
            rows.fail(
                format!(
                    "the key of the backups {} is readable by others (mode {:04o})",
                    node.path.display(),
                    node.metadata.mode
                ),
                Evidence::path(&node.path, format!("mode {:04o}", node.metadata.mode)),
            );
        } else {
            rows.looked(Evidence::path(&node.path, format!("mode {:04o}", node.metadata.mode)));
        }
    }
}
