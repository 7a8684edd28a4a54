//! Nobody but its writer changes a log.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-world-writable",
    safeguard: Safeguard::Logs,
    severity: Severity::High,
    title: "nobody but its writer changes a log",
    why: "An intruder's first step is to remove his lines. A log that everybody can write \
              proves nothing.",
    remedy: "`chmod 640` and `chown` it to its writer and the group `adm`.",
    controls: &["CIS 6.2.4.1", "PCI 10.3.2", "ISO 8.15"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/log/shop.log", ""), Mode("/var/log/shop.log", 0o666)],
        pass: &[File("/var/log/shop.log", ""), Mode("/var/log/shop.log", 0o640)],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(index) = facts.index().as_ref().map_err(|blind| rows.unknown(blind.clone())).ok()
    else {
        return;
    };
    for node in index.below(Path::new("/var/log")) {
        let usual = ["lastlog", "wtmp", "btmp", "faillog"].contains(&node.name());
        let text = format!("mode {:04o}", node.metadata.mode);
        if node.metadata.kind != burgrave_sys::Kind::Link
            && (node.is_world_writable() && !(node.is_folder() && node.metadata.mode & 0o1000 != 0)
                || usual && node.metadata.mode & 0o002 != 0)
        {
            rows.fail(
                format!(
                    "the log {} is world-writable (mode {:04o})",
                    node.path.display(),
                    node.metadata.mode
                ),
                Evidence::path(&node.path, text),
            );
        } else if node.is_file() {
            rows.looked(Evidence::path(&node.path, text));
        }
    }
    rows.looked(Evidence::path(Path::new("/var/log"), "modes were looked at"));
}
