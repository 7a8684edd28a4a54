//! Only root changes what runs at every login and start.

use super::{ground, mode};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-start-up-files",
    safeguard: Safeguard::Permissions,
    severity: Severity::Critical,
    title: "only root changes what runs at every login and start",
    why: "Profile scripts, udev rules, module options and the loader's lists are run or obeyed \
              as root. Who can write one of them waits for the next login.",
    remedy: "`chown root:root` and `chmod go-w` the file.",
    controls: &["PCI 7.2.1", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/profile.d/x.sh", ""), Mode("/etc/profile.d/x.sh", 0o666)],
        pass: &[File("/etc/profile.d/x.sh", "")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some((index, accounts)) = ground(facts, rows) else { return };
    let tops = [
        "/etc/profile",
        "/etc/profile.d",
        "/etc/bash.bashrc",
        "/etc/environment",
        "/etc/rc.local",
        "/etc/init.d",
        "/etc/udev",
        "/etc/modprobe.d",
        "/etc/modules-load.d",
        "/etc/ld.so.preload",
        "/etc/ld.so.conf.d",
        "/etc/pam.d",
        "/etc/apt",
        "/etc/logrotate.d",
        "/etc/update-motd.d",
        "/etc/network",
        "/etc/hosts",
        "/etc/resolv.conf",
        "/etc/nsswitch.conf",
        "/etc/security",
        "/etc/nftables.conf",
        "/etc/nginx",
        "/etc/apache2",
        "/etc/sysctl.d",
        "/etc/xdg",
        "/boot",
    ];
    for top in tops.map(Path::new) {
        for node in index.node(top).into_iter().chain(index.below(top)) {
            if node.metadata.kind != burgrave_sys::Kind::Link
                && (node.is_world_writable()
                    || node.metadata.uid != 0 && !node.path.ends_with("hosts"))
                && !node.path.starts_with("/etc/apt/auth.conf.d")
            {
                rows.fail(
                    format!(
                        "others than root can write {}, which is obeyed as root",
                        node.path.display()
                    ),
                    Evidence::path(&node.path, mode(node, accounts)),
                );
            }
        }
    }
    rows.looked(Evidence::path(Path::new("/etc"), "files of the start were looked at"));
}
