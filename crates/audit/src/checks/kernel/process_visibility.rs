//! Users see their own processes only.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-process-visibility",
    safeguard: Safeguard::Permissions,
    severity: Severity::Low,
    title: "users see their own processes only",
    why: "Command lines tell names, paths and at times passwords of others' programs. \
              `hidepid` keeps them to their owner.",
    remedy: "Mount /proc with `hidepid=2` in /etc/fstab.",
    controls: &["ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/fstab", "proc /proc proc defaults 0 0\n")],
        pass: &[File("/etc/fstab", "proc /proc proc hidepid=2 0 0\n")],
        unknown: &[Denied("/etc/fstab")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(mount) = rows.take(facts.mount_at("/proc")) else { return };
    match mount {
        Some(mount)
            if mount.options.iter().any(|option| {
                ["hidepid=1", "hidepid=2", "hidepid=invisible", "hidepid=noaccess", "hidepid=4"]
                    .contains(&option.as_str())
            }) =>
        {
            rows.looked(Evidence::at(&mount.place, mount.line()));
        }
        Some(mount) => rows.lacks(
            "/proc is mounted without hidepid: users see each other's processes",
            Evidence::at(&mount.place, mount.line()),
        ),
        None => rows.lacks(
            "/proc is mounted without hidepid: users see each other's processes",
            Evidence::path(Path::new("/etc/fstab"), "no line for /proc"),
        ),
    }
}
