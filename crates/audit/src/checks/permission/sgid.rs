//! Only programs that a package brought run with their group.

use super::{ground, mode, packages};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-sgid",
    safeguard: Safeguard::Permissions,
    severity: Severity::Medium,
    title: "only programs that a package brought run with their group",
    why: "A set-gid program gives its group's rights to whoever starts it, such as reading \
              shadow or a spool. One that nobody installed is a back door.",
    remedy: "`chmod g-s` it or remove it.",
    controls: &["CIS 7.1.13", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/usr/local/bin/x", ""),
            Mode("/usr/local/bin/x", 0o2755),
            File("/var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\n"),
        ],
        pass: &[Folder("/usr")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let (Some((index, accounts)), Some(packages)) = (ground(facts, rows), packages(facts, rows))
    else {
        return;
    };
    for node in
        index.nodes.iter().filter(|node| node.is_file() && node.metadata.mode & 0o2010 == 0o2010)
    {
        if packages.owner(&node.path).is_none() && !packages.is_empty() {
            let group = accounts.group_name(node.metadata.gid);
            let severity = if ["root", "shadow", "disk", "docker", "kmem"].contains(&group.as_str())
            {
                Severity::High
            } else {
                Severity::Medium
            };
            rows.fail_as(
                severity,
                format!(
                    "{} runs with the group {group} (setgid), and no package brought it",
                    node.path.display()
                ),
                Evidence::path(&node.path, mode(node, accounts)),
            );
        } else {
            rows.looked(Evidence::path(&node.path, mode(node, accounts)));
        }
    }
    rows.looked(Evidence::path(Path::new("/"), "set-gid programs were looked at"));
}
