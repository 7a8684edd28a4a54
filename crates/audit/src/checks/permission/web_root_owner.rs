//! The web server cannot change what it serves.

use super::{ground, is_web_group, is_web_user, mode};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-web-root-owner",
    safeguard: Safeguard::Permissions,
    severity: Severity::Medium,
    title: "the web server cannot change what it serves",
    why: "A hole in the application then changes its own pages and programs, for every \
              visitor. Only a folder for uploads has to be writable, and nothing in it may run.",
    remedy: "`chown -R root:root` (or the account that deploys), with only the upload folder for \
              the web server.",
    controls: &["PCI 6.4.3", "ISO 8.3", "ASVS 5.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Folder("/var/www/html"), Owner("/var/www/html", 33, 33)],
        pass: &[Folder("/var/www/html")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some((index, accounts)) = ground(facts, rows) else { return };
    let Some(roots) = rows.take(facts.web_roots().as_ref().map_err(Clone::clone)) else { return };
    let mut places: Vec<&Path> = Vec::new();
    for root in roots {
        let above = root
            .path
            .parent()
            .filter(|above| above.components().count() > 2 && above.parent().is_some());
        places.extend([Some(root.path.as_path()), above].into_iter().flatten());
    }
    places.sort();
    places.dedup();
    for place in places {
        let Some(node) = index.node(place) else { continue };
        let web = is_web_user(accounts, node.metadata.uid);
        let group = is_web_group(accounts, node.metadata.gid) && node.metadata.mode & 0o020 != 0;
        if web && node.metadata.mode & 0o200 != 0 || group || node.is_world_writable() {
            rows.fail(
                format!(
                    "the web server's user can write the web root {} (owner {})",
                    place.display(),
                    accounts.owner(node.metadata.uid)
                ),
                Evidence::path(place, mode(node, accounts)),
            );
        } else {
            rows.looked(Evidence::path(place, mode(node, accounts)));
        }
    }
}
