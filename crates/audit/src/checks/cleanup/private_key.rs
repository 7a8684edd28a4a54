//! No private key lies in a web root.

use super::served;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "cleanup-private-key",
    safeguard: Safeguard::Cleanup,
    severity: Severity::Critical,
    title: "no private key lies in a web root",
    why: "Who fetches it logs in with it or poses as the server. It has to be taken as stolen.",
    remedy: "Remove it, take it out of every `authorized_keys`, revoke its certificate and make a \
              new one.",
    controls: &["PCI 3.6.1", "ISO 8.24", "ASVS 13.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/html/id_rsa", "-----BEGIN RSA PRIVATE KEY-----")],
        pass: &[File("/var/www/html/id.html", "")],
        unknown: &[Folder("/var/www/html"), Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for (node, root) in served(facts, rows) {
        let name = node.name().to_ascii_lowercase();
        let named = ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"].contains(&name.as_str())
            || [".key", ".p12", ".pfx", ".ppk", ".jks"].iter().any(|end| name.ends_with(end));
        let by_content = [".pem", ".txt", ".bak", ".old"].iter().any(|end| name.ends_with(end))
            && crate::checks::permission::is_private_key(facts, &node.path);
        if node.is_file() && (named || by_content) {
            rows.fail(
                format!("a private key can be fetched from a web root: {}", node.path.display()),
                Evidence::path(&node.path, format!("in the web root {}", root.path.display())),
            );
        }
    }
}
