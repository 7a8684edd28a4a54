//! Every file belongs to an account that exists.

use super::{ground, mode};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-unowned",
    safeguard: Safeguard::Permissions,
    severity: Severity::Low,
    title: "every file belongs to an account that exists",
    why: "The next account that is made may get the number, and with it the files. They also \
              tell of software that was removed by hand.",
    remedy: "`chown` them to somebody, or remove them.",
    controls: &["CIS 7.1.12", "ISO 5.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/srv/x", ""), Owner("/srv/x", 4711, 4711)],
        pass: &[Folder("/srv")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some((index, accounts)) = ground(facts, rows) else { return };
    if accounts.users.is_empty() {
        return;
    }
    let mut last: Option<&Path> = None;
    for node in &index.nodes {
        let strange_user = accounts.by_uid(node.metadata.uid).is_none();
        let strange_group = !accounts.groups.iter().any(|group| group.gid == node.metadata.gid);
        let pseudo = ["/proc", "/sys", "/dev", "/run"].iter().any(|top| node.path.starts_with(top));
        if (strange_user || strange_group)
            && !pseudo
            && last.is_none_or(|last| !node.path.starts_with(last))
        {
            rows.fail(
                format!(
                    "{} belongs to nobody: uid {}, gid {} are no account",
                    node.path.display(),
                    node.metadata.uid,
                    node.metadata.gid
                ),
                Evidence::path(&node.path, mode(node, accounts)),
            );
            last = Some(&node.path);
        }
    }
    rows.looked(Evidence::path(Path::new("/"), "owners were looked at"));
}
