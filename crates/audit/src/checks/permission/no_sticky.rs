//! In shared directories everybody deletes only his own.

use super::{ground, mode};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-no-sticky",
    safeguard: Safeguard::Permissions,
    severity: Severity::Medium,
    title: "in shared directories everybody deletes only his own",
    why: "Without the sticky bit anybody can put his file in the place of another's. `/tmp` \
              has it for that reason.",
    remedy: "`chmod +t DIRECTORY`, or better `chmod o-w`.",
    controls: &["CIS 7.1.11", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Folder("/srv/exchange"), Mode("/srv/exchange", 0o777)],
        pass: &[Folder("/tmp"), Mode("/tmp", 0o1777)],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some((index, accounts)) = ground(facts, rows) else { return };
    for node in index.nodes.iter().filter(|node| node.is_folder() && node.is_world_writable()) {
        let home =
            node.path.parent() == Some(Path::new("/home")) || node.path == Path::new("/root");
        if node.metadata.mode & 0o1000 == 0 && !home && !node.path.starts_with("/mnt/") {
            let severity = if node.path.starts_with("/etc")
                || node.path.starts_with("/usr")
                || node.path == Path::new("/")
            {
                Severity::Critical
            } else {
                Severity::Medium
            };
            rows.fail_as(
                severity,
                format!(
                    "the world-writable directory {} lacks the sticky bit",
                    node.path.display()
                ),
                Evidence::path(&node.path, mode(node, accounts)),
            );
        } else {
            rows.looked(Evidence::path(&node.path, mode(node, accounts)));
        }
    }
    rows.looked(Evidence::path(Path::new("/"), "shared directories were looked at"));
}
