//! Logs have a file system of their own.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-same-disk",
    safeguard: Safeguard::Logs,
    severity: Severity::Low,
    title: "logs have a file system of their own",
    why: "A full log stops everything that shares its disk, and a full disk stops the log. \
              Both can be brought about from outside.",
    remedy: "A volume of its own for /var/log.",
    controls: &["CIS 1.1.2.6.1", "ISO 8.15"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/fstab", "UUID=1 / ext4 defaults 0 1\n")],
        pass: &[File(
            "/etc/fstab",
            "UUID=1 / ext4 defaults 0 1\nUUID=2 /var/log ext4 defaults 0 1\n",
        )],
        unknown: &[Denied("/etc/fstab")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    if facts.fstab().as_ref().is_ok_and(Option::is_none) && !facts.is_running() {
        return;
    }
    let (Some(log), Some(var)) =
        (rows.take(facts.mount_at("/var/log")), rows.take(facts.mount_at("/var")))
    else {
        return;
    };
    match log.or(var) {
        Some(mount) => rows.looked(Evidence::at(&mount.place, mount.line())),
        None => rows.lacks(
            "/var/log lies on the root file system, with no partition of its own",
            Evidence::path(
                Path::new(if facts.is_running() { "/proc/mounts" } else { "/etc/fstab" }),
                "no mount for /var/log or /var",
            ),
        ),
    }
}
