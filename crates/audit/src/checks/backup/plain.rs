//! Backups are encrypted.

use super::data;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "backup-plain",
    safeguard: Safeguard::Backups,
    severity: Severity::Medium,
    title: "backups are encrypted",
    why: "A backup leaves the machine, and with it its protection. A disk, a bucket or a copy \
              that is lost is then a breach of all its data.",
    remedy: "restic, borg or `gpg --symmetric` with a key that does not lie beside it.",
    controls: &["PCI 3.5.1", "ISO 8.13", "ISO 8.24"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/backups/shop.sql.gz", "")],
        pass: &[File("/var/backups/shop.sql.gz.gpg", "")],
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
        let bytes = facts.system.head(&node.path, 16).unwrap_or_default();
        let name = node.name();
        let plain = bytes.starts_with(&[0x1f, 0x8b])
            || bytes.starts_with(b"PK")
            || bytes.starts_with(b"BZh")
            || bytes.starts_with(&[0xfd, b'7', b'z'])
            || bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
            || bytes.starts_with(b"PGDMP")
            || bytes.starts_with(b"--")
            || bytes.starts_with(b"SQLite");
        let by_name = [
            ".sql", ".tar", ".gz", ".tgz", ".zip", ".bz2", ".xz", ".zst", ".dump", ".bson", ".rdb",
        ]
        .iter()
        .any(|end| name.ends_with(end));
        if plain || by_name {
            rows.fail(
                format!("the backup {} is not encrypted", node.path.display()),
                Evidence::path(&node.path, "its content is plain or only compressed"),
            );
        } else {
            rows.looked(Evidence::path(&node.path, "encrypted, as far as its form tells"));
        }
    }
}
