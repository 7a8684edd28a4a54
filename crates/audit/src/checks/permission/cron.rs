//! Only root changes what cron runs.

use super::{ground, mode};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-cron",
    safeguard: Safeguard::Permissions,
    severity: Severity::Critical,
    title: "only root changes what cron runs",
    why: "cron runs scripts as root by the clock; who can write one, or its folder, is root by \
              tomorrow. Nobody needs to be logged in.",
    remedy: "`chown root:root` and `chmod 755` (scripts) or `600` (tables).",
    controls: &["CIS 2.4.1.2", "PCI 7.2.1", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/cron.daily/x", ""), Mode("/etc/cron.daily/x", 0o777)],
        pass: &[File("/etc/cron.daily/x", "")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some((index, accounts)) = ground(facts, rows) else { return };
    let mut paths: Vec<PathBuf> = [
        "/etc/crontab",
        "/etc/anacrontab",
        "/etc/cron.d",
        "/etc/cron.hourly",
        "/etc/cron.daily",
        "/etc/cron.weekly",
        "/etc/cron.monthly",
        "/var/spool/cron/crontabs",
    ]
    .iter()
    .map(PathBuf::from)
    .collect();
    for folder in paths.clone() {
        paths.extend(index.below(&folder).map(|node| node.path.clone()));
    }
    for path in paths {
        let Some(node) = index.node(&path) else { continue };
        let spool = path.starts_with("/var/spool/cron/crontabs");
        let writable = node.is_world_writable() && node.metadata.mode & 0o1000 == 0
            || node.metadata.mode & 0o020 != 0 && node.metadata.gid != 0 && !spool;
        if writable || node.metadata.uid != 0 && !spool {
            rows.fail(
                format!(
                    "others than root can write {}, which cron runs as root (mode {:04o})",
                    path.display(),
                    node.metadata.mode
                ),
                Evidence::path(&path, mode(node, accounts)),
            );
        } else {
            rows.looked(Evidence::path(&path, mode(node, accounts)));
        }
    }
    rows.looked(Evidence::path(Path::new("/etc"), "cron's files were looked at"));
}
