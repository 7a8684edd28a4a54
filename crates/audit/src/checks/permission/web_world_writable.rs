//! Nothing of the application is everybody's to write.

use super::{ground, mode};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-web-world-writable",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "nothing of the application is everybody's to write",
    why: "A folder that every account can write lets any of them plant a page or a program. \
              Uploads belong to one account.",
    remedy: "`chmod o-w` the folder and give it to the application's account.",
    controls: &["PCI 7.2.1", "ASVS 5.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Folder("/var/www/shop/uploads"), Mode("/var/www/shop/uploads", 0o777)],
        pass: &[Folder("/var/www/shop/uploads")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some((index, accounts)) = ground(facts, rows) else { return };
    let mut seen = false;
    for top in ["/var/www", "/srv", "/opt"] {
        for node in index.below(Path::new(top)).filter(|node| node.is_folder()) {
            seen = true;
            let sticky = node.metadata.mode & 0o1000 != 0;
            if !sticky && node.is_world_writable() && top == "/var/www" {
                rows.fail(format!("everybody can write to {} of the application (world-writable, mode {:04o})", node.path.display(), node.metadata.mode), Evidence::path(&node.path, mode(node, accounts)));
            }
        }
    }
    if seen {
        rows.looked(Evidence::path(Path::new("/var/www"), "folders were looked at"));
    }
}
