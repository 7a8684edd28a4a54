//! No one is in a group that is as good as root.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-root-groups",
    safeguard: Safeguard::Infiltration,
    severity: Severity::High,
    title: "no one is in a group that is as good as root",
    why: "Members of `docker`, `lxd`, `disk` and `shadow` read and change everything on the \
              machine without sudo and without a trace. The names do not tell.",
    remedy: "`gpasswd -d NAME GROUP`; rootless containers need no such group.",
    controls: &["PCI 7.2.2", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/group", "docker:x:999:olga\n")],
        pass: &[Folder("/etc")],
        unknown: &[Denied("/etc/group")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(accounts) = rows.take(facts.accounts().as_ref().map_err(Clone::clone)) else { return };
    for name in [
        "docker",
        "lxd",
        "incus",
        "incus-admin",
        "disk",
        "shadow",
        "kmem",
        "libvirt",
        "root",
        "podman",
    ] {
        let Some(group) = accounts.group(name) else { continue };
        let own = accounts
            .users
            .iter()
            .filter(|user| user.gid == group.gid && user.uid != 0 && user.can_log_in())
            .map(|user| user.name.clone());
        let members: Vec<String> = group
            .members
            .iter()
            .filter(|member| *member != "root" && !member.starts_with('_'))
            .cloned()
            .chain(own)
            .collect();
        if members.is_empty() {
            rows.looked(Evidence::at(&group.place, format!("{name} has no members")));
        } else {
            rows.fail(
                format!("{} in the group {name} is as good as root", members.join(", ")),
                Evidence::at(&group.place, format!("{name}: {}", members.join(", "))),
            );
        }
    }
}
