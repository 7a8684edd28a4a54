//! The folder of private keys is closed.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-key-folder",
    safeguard: Safeguard::Permissions,
    severity: Severity::Medium,
    title: "the folder of private keys is closed",
    why: "An open folder shows which keys there are, and one careless mode in it is enough. \
              Debian keeps it for root and `ssl-cert`.",
    remedy: "`chmod 710 /etc/ssl/private && chown root:ssl-cert /etc/ssl/private`.",
    controls: &["PCI 3.6.1", "ISO 8.24"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Folder("/etc/ssl/private")],
        pass: &[Folder("/etc/ssl/private"), Mode("/etc/ssl/private", 0o700)],
        unknown: &[Folder("/etc/ssl/private"), Denied("/etc/ssl")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in [
        "/etc/ssl/private",
        "/etc/letsencrypt/archive",
        "/etc/letsencrypt/live",
        "/etc/pki/tls/private",
    ] {
        let Some(Some(metadata)) = rows.take(facts.metadata(path)) else { continue };
        let text = format!("mode {:04o}", metadata.mode);
        if metadata.mode & 0o007 != 0 {
            rows.fail(
                format!(
                    "the folder of private keys {path} is open to everybody (mode {:04o})",
                    metadata.mode
                ),
                Evidence::path(Path::new(path), text),
            );
        } else {
            rows.looked(Evidence::path(Path::new(path), text));
        }
    }
}
