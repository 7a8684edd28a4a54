//! No file of the system is everybody's to write.

use super::{ground, mode};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-world-writable-files",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "no file of the system is everybody's to write",
    why: "A file that everybody can write and root reads or runs is a way to root. The web \
              server's user is everybody too.",
    remedy: "`chmod o-w FILE`.",
    controls: &["CIS 7.1.11", "PCI 7.2.1", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/shop.conf", ""), Mode("/etc/shop.conf", 0o666)],
        pass: &[File("/etc/shop.conf", "")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some((index, accounts)) = ground(facts, rows) else { return };
    for node in index.nodes.iter().filter(|node| node.is_file() && node.is_world_writable()) {
        let path = &node.path;
        let elsewhere = [
            "/tmp",
            "/var/tmp",
            "/dev",
            "/var/log",
            "/var/www",
            "/srv/www",
            "/home",
            "/root/.ssh",
            "/run",
            "/etc/cron.d",
            "/etc/cron.daily",
            "/etc/cron.hourly",
            "/etc/cron.weekly",
            "/etc/cron.monthly",
            "/etc/ssh",
            "/etc/ssl",
            "/etc/systemd",
            "/var/backups",
            "/mnt",
        ]
        .iter()
        .any(|folder| path.starts_with(folder));
        let own_row = [
            "/etc/passwd",
            "/etc/shadow",
            "/etc/group",
            "/etc/gshadow",
            "/etc/sudoers",
            "/etc/crontab",
        ]
        .iter()
        .any(|own| path == Path::new(own));
        if own_row
            || elsewhere && !path.starts_with("/var/www") && !path.starts_with("/home")
            || path.starts_with("/home") && path.components().any(|part| part.as_os_str() == ".ssh")
        {
            continue;
        }
        let runs =
            node.metadata.mode & 0o111 != 0 || path.starts_with("/etc") || path.starts_with("/usr");
        let severity = if runs { Severity::High } else { Severity::Medium };
        rows.fail_as(
            severity,
            format!("{} is world-writable", path.display()),
            Evidence::path(path, mode(node, accounts)),
        );
    }
    rows.looked(Evidence::path(Path::new("/"), "files of the system were looked at"));
}
